/*
 * The eUICC of Solution 12.X: its certificates as OpenSSL reads them, its attach with a server played by
 * certified_server.h.
 */
#include "device/euicc.h"

#include <check.h>
#include <openssl/hmac.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "pki/certificate.h"
#include "tests/unit/certified_server.h"
#include "tests/unit/suite.h"

#define EID "89049032123451234512345678901235"

static const struct validity validity = { 1700000000, 4102444800 };
static const struct eum_subject eum_subject = { "Example EUM", "Example maker", "89049032" };

static struct authority root, eum;

static void make_authorities(void)
{
	ck_assert_int_eq(authority_make_root(&root, "Root", &validity), FINE);
	ck_assert_int_eq(authority_make_eum(&eum, &root, &eum_subject, &validity), FINE);
}

START_TEST(test_check_digits)
{
	static const char *const good[] = { EID, "89086030202200000022000023022943",
		"89044045116727494800000004479366", "89882119900000000000000000001654" };
	char digits[31], eid[EID_LEN + 1];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		memcpy(digits, good[i], 30);
		digits[30] = '\0';
		ck_assert(eid_complete(digits, eid));
		ck_assert_str_eq(eid, good[i]);
	}
	/* every remainder has its two digits */
	for (int i = 0; i < 97; i++) {
		snprintf(digits, sizeof(digits), "8904903200000000000000000000%02d", i);
		ck_assert(eid_complete(digits, eid));
		ck_assert(eid_is_valid(bytes_of_text(eid)));
	}
	ck_assert(!eid_complete("8904903200000000000000000000", eid));
	ck_assert(!eid_complete("890490320000000000000000000000a", eid));
	ck_assert(!eid_complete("89049032000000000000000000000a", eid));
}
END_TEST

/* RFC 5280 wants the very serialNumber of the constraints, SGP.22 that the EID begins with it. */
static int forgive_leaf_name(int fine, X509_STORE_CTX *ctx)
{
	return fine || (X509_STORE_CTX_get_error(ctx) == X509_V_ERR_PERMITTED_VIOLATION &&
			       X509_STORE_CTX_get_error_depth(ctx) == 0);
}

static X509 *read_x509(const uint8_t *der, size_t len)
{
	X509 *x = d2i_X509(NULL, &der, (long)len);

	ck_assert_ptr_nonnull(x);
	return x;
}

static int verify_by_openssl(const struct euicc *e, X509_STORE_CTX_verify_cb callback)
{
	X509 *anchor = read_x509(root.certificate, root.certificate_len);
	X509 *middle = read_x509(eum.certificate, eum.certificate_len);
	X509 *leaf = read_x509(e->certificate, e->certificate_len);
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	X509_STORE_add_cert(store, anchor);
	sk_X509_push(between, middle);
	X509_STORE_CTX_init(ctx, store, leaf, between);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
	if (callback != NULL)
		X509_STORE_CTX_set_verify_cb(ctx, callback);
	int error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);

	X509_STORE_CTX_free(ctx);
	sk_X509_free(between);
	X509_STORE_free(store);
	X509_free(leaf);
	X509_free(middle);
	X509_free(anchor);
	return error;
}

static void check_name(X509 *x, int nid, const char *expected)
{
	char text[80];

	ck_assert_int_gt(
		X509_NAME_get_text_by_NID(X509_get_subject_name(x), nid, text, sizeof(text)), 0);
	ck_assert_str_eq(text, expected);
}

START_TEST(test_certificates)
{
	struct euicc e;
	X509_NAME *permitted;
	char text[80];

	make_authorities();
	ck_assert_int_eq(euicc_make(&e, &eum, EID, &validity), FINE);
	ck_assert_int_eq(verify_by_openssl(&e, NULL), X509_V_ERR_PERMITTED_VIOLATION);
	ck_assert_int_eq(verify_by_openssl(&e, forgive_leaf_name), X509_V_OK);

	X509 *leaf = read_x509(e.certificate, e.certificate_len);
	check_name(leaf, NID_serialNumber, EID);
	check_name(leaf, NID_organizationName, "Example maker");
	ck_assert_int_eq(X509_check_ca(leaf), 0);
	ck_assert_uint_eq(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);

	X509 *middle = read_x509(eum.certificate, eum.certificate_len);
	int critical = 0;
	NAME_CONSTRAINTS *names = X509_get_ext_d2i(middle, NID_name_constraints, &critical, NULL);
	ck_assert_ptr_nonnull(names);
	ck_assert_int_eq(critical, 1);
	ck_assert_int_eq(sk_GENERAL_SUBTREE_num(names->permittedSubtrees), 1);
	GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(names->permittedSubtrees, 0)->base;
	ck_assert_int_eq(base->type, GEN_DIRNAME);
	permitted = base->d.directoryName;
	X509_NAME_get_text_by_NID(permitted, NID_serialNumber, text, sizeof(text));
	ck_assert_str_eq(text, "89049032");
	X509_NAME_get_text_by_NID(permitted, NID_organizationName, text, sizeof(text));
	ck_assert_str_eq(text, "Example maker");
	ck_assert_int_eq(X509_get_pathlen(middle), 0);
	NAME_CONSTRAINTS_free(names);
	X509_free(middle);
	X509_free(leaf);

	ck_assert_int_eq(euicc_make(&e, &eum, "89049032123451234512345678901234", &validity),
		INVALID_PARAMETER);
	ck_assert_int_eq(euicc_make(&e, &eum, "8904903212345", &validity), INVALID_PARAMETER);
}
END_TEST

START_TEST(test_attach_answer)
{
	struct certified_server s = certified_attach_server();
	struct euicc e;
	struct certificate c;
	struct handshake h;
	struct server_offer o;
	uint8_t signature[64], ks[32];

	make_authorities();
	ck_assert_int_eq(euicc_make(&e, &eum, EID, &validity), FINE);
	ck_assert_int_eq(certificate_read(bytes_of(e.certificate, e.certificate_len), &c), FINE);
	ck_assert_int_eq(handshake_begin(&h, HANDSHAKE_ATTACH, EID), FINE);
	certified_offer(&s, EID, h.device_nonce, &o);
	ck_assert_int_eq(handshake_check_offer(&h, s.checker, &o), FINE);
	ck_assert_int_eq(handshake_answer(&h, e.key, signature), FINE);
	ck_assert_int_eq(certified_verify_answer(&s, &h, EID, c.public_key, signature), FINE);
	certified_derive(&s, &h, EID, ks, 32);
	ck_assert_mem_eq(h.keys, ks, 32);
	/* another handshake has another nonce and another ephemeral key */
	struct handshake other;
	ck_assert_int_eq(handshake_begin(&other, HANDSHAKE_ATTACH, EID), FINE);
	ck_assert_mem_ne(other.device_nonce, h.device_nonce, 16);
	certified_offer(&s, EID, other.device_nonce, &o);
	ck_assert_int_eq(handshake_check_offer(&other, s.checker, &o), FINE);
	ck_assert_int_eq(handshake_answer(&other, e.key, signature), FINE);
	ck_assert_mem_ne(other.device_ephemeral, h.device_ephemeral, 65);
	signature_checker_free(s.checker);
}
END_TEST

/* Everything that the offer's signature covers, and the signature. */
static void check_wrong_offers(
	struct certified_server s, enum handshake_kind kind, const char *subject)
{
	struct handshake h, stranger;
	struct server_offer good, o;

	ck_assert_int_eq(handshake_begin(&h, kind, subject), FINE);
	certified_offer(&s, subject, h.device_nonce, &good);
	ck_assert_int_eq(handshake_check_offer(&h, s.checker, &good), FINE);
	o = good;
	o.signature.signature[0] ^= 1;
	ck_assert_int_eq(handshake_check_offer(&h, s.checker, &o), SIGNATURE_INVALID);
	o = good;
	o.signature.signer_id[0] ^= 1;
	ck_assert_int_eq(handshake_check_offer(&h, s.checker, &o), SIGNATURE_INVALID);
	o = good;
	o.id[0] = 'f';
	ck_assert_int_eq(handshake_check_offer(&h, s.checker, &o), SIGNATURE_INVALID);
	o = good;
	o.nonce[15] ^= 1;
	ck_assert_int_eq(handshake_check_offer(&h, s.checker, &o), SIGNATURE_INVALID);
	o = good;
	memcpy(o.ephemeral, root.point, 65);
	ck_assert_int_eq(handshake_check_offer(&h, s.checker, &o), SIGNATURE_INVALID);
	/* an offer to another device, and one to this device's other nonce */
	ck_assert_int_eq(
		handshake_begin(&stranger, kind, "89086030202200000022000023022943"), FINE);
	memcpy(stranger.device_nonce, h.device_nonce, 16);
	ck_assert_int_eq(handshake_check_offer(&stranger, s.checker, &good), SIGNATURE_INVALID);
	ck_assert_int_eq(handshake_begin(&stranger, kind, subject), FINE);
	ck_assert_int_eq(handshake_check_offer(&stranger, s.checker, &good), SIGNATURE_INVALID);
	/* an attach's offer is none of a download */
	ck_assert_int_eq(
		handshake_begin(&stranger,
			kind == HANDSHAKE_ATTACH ? HANDSHAKE_DOWNLOAD : HANDSHAKE_ATTACH, subject),
		FINE);
	memcpy(stranger.device_nonce, h.device_nonce, 16);
	ck_assert_int_eq(handshake_check_offer(&stranger, s.checker, &good), SIGNATURE_INVALID);
	ck_assert_int_eq(handshake_check_offer(&h, s.checker, &good), FINE);
	signature_checker_free(s.checker);
}

START_TEST(test_wrong_offers)
{
	make_authorities();
	check_wrong_offers(certified_attach_server(), HANDSHAKE_ATTACH, EID);
	check_wrong_offers(certified_download_server(), HANDSHAKE_DOWNLOAD, EID);
	check_wrong_offers(certified_download_server(), HANDSHAKE_DOWNLOAD, "imsi-001010000000001");
}
END_TEST

START_TEST(test_not_an_exchange)
{
	struct handshake h;
	struct server_offer o = { .id = CERTIFIED_ID };
	uint8_t key[32], point[65], signature[64];
	char longest[HANDSHAKE_SUBJECT_MAX + 2];

	memset(longest, '8', sizeof(longest));
	longest[HANDSHAKE_SUBJECT_MAX + 1] = '\0';
	ck_assert_int_eq(handshake_begin(&h, HANDSHAKE_ATTACH, longest), INVALID_PARAMETER);
	ck_assert_int_eq(handshake_begin(&h, HANDSHAKE_ATTACH, ""), INVALID_PARAMETER);
	ck_assert_int_eq(handshake_begin(&h, HANDSHAKE_ATTACH, longest + 1), FINE);
	ck_assert_int_eq(p256_generate(key, point), FINE);
	/* a point that is none */
	ck_assert_int_eq(handshake_take_offer(&h, &o), FINE);
	ck_assert_int_eq(handshake_answer(&h, key, signature), INVALID_PARAMETER);
	memcpy(o.ephemeral, point, 65);
	o.ephemeral[64] ^= 1;
	ck_assert_int_eq(handshake_take_offer(&h, &o), FINE);
	ck_assert_int_eq(handshake_answer(&h, key, signature), INVALID_PARAMETER);
	/* ids that are none */
	o.id[31] = '\0';
	ck_assert_int_eq(handshake_take_offer(&h, &o), INVALID_PARAMETER);
	o.id[31] = 'F';
	ck_assert_int_eq(handshake_take_offer(&h, &o), INVALID_PARAMETER);
}
END_TEST

static struct attach_accept accept_of(const struct handshake *h)
{
	struct attach_accept a = { .session_id = "ffeeddccbbaa99887766554433221100",
		.dnn = bytes_of_text("provisioning"),
		.provisioning_server = bytes_of_text("https://dp.example:8443"),
		.expires_at = 1893456000 };
	struct hand_text t = hand_start("arpf attach accept v1");
	unsigned len;

	hand_add_text(&t, CERTIFIED_ID);
	hand_add_text(&t, a.session_id);
	hand_add_text(&t, "provisioning");
	hand_add_text(&t, "https://dp.example:8443");
	hand_add(&t, "\0\0\0\0\x70\xdb\xd8\x80", 8); /* 1893456000 */
	HMAC(EVP_sha256(), h->keys, 32, t.at, t.len, a.mac, &len);
	return a;
}

START_TEST(test_accept)
{
	struct handshake h = {
		.kind = HANDSHAKE_ATTACH, .subject = EID, .id = CERTIFIED_ID, .keys = { 5 }
	};
	struct attach_accept good = accept_of(&h), a;
	uint8_t endless[2000] = { 0 };

	ck_assert_int_eq(euicc_check_accept(&h, &good), FINE);
	a = good;
	a.mac[31] ^= 1;
	ck_assert_int_eq(euicc_check_accept(&h, &a), MAC_INVALID);
	a = good;
	a.session_id[0] = '0';
	ck_assert_int_eq(euicc_check_accept(&h, &a), MAC_INVALID);
	a = good;
	a.dnn = bytes_of_text("internet");
	ck_assert_int_eq(euicc_check_accept(&h, &a), MAC_INVALID);
	a = good;
	a.provisioning_server = bytes_of_text("https://dp.example:8444");
	ck_assert_int_eq(euicc_check_accept(&h, &a), MAC_INVALID);
	a.provisioning_server = BYTES(endless);
	ck_assert_int_eq(euicc_check_accept(&h, &a), MAC_INVALID);
	a = good;
	a.expires_at++;
	ck_assert_int_eq(euicc_check_accept(&h, &a), MAC_INVALID);
	h.id[0] = '1';
	ck_assert_int_eq(euicc_check_accept(&h, &good), MAC_INVALID);
	h.id[0] = '0';
	h.keys[0] = 6;
	ck_assert_int_eq(euicc_check_accept(&h, &good), MAC_INVALID);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_check_digits,
		test_certificates,
		test_attach_answer,
		test_wrong_offers,
		test_not_an_exchange,
		test_accept,
	};

	return suite_run("device euicc", tests, sizeof(tests) / sizeof(tests[0]));
}

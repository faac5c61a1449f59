/*
 * The download of a profile by an eUICC and by a secure element, with a server played by certified_server.h;
 * and a server known by its certificates.
 */
#include "device/profile_download.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "crypto/aes.h"
#include "device/euicc.h"
#include "device/secure_element.h"
#include "device/server_identity.h"
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

static const char profile[] = "{\"version\":1,\"supi\":\"imsi-001010000000001\"}";

/* Through the whole of a download, of a device with this key. */
static struct handshake download(const struct certified_server *s, const char *subject,
	const uint8_t key[32], struct bytes point)
{
	struct handshake h;
	struct server_offer o;
	uint8_t signature[64], keys[64];

	ck_assert_int_eq(handshake_begin(&h, HANDSHAKE_DOWNLOAD, subject), FINE);
	certified_offer(s, subject, h.device_nonce, &o);
	ck_assert_int_eq(handshake_check_offer(&h, s->checker, &o), FINE);
	ck_assert_int_eq(handshake_answer(&h, key, signature), FINE);
	ck_assert_int_eq(certified_verify_answer(s, &h, subject, point, signature), FINE);
	certified_derive(s, &h, subject, keys, 64);
	ck_assert_mem_eq(h.keys, keys, 64);
	return h;
}

static size_t bind(
	const struct handshake *h, const char *subject, const uint8_t iv[12], uint8_t *out)
{
	struct hand_text aad = hand_start("arpf dp profile v1");

	hand_add_text(&aad, CERTIFIED_ID);
	hand_add_text(&aad, subject);
	ck_assert_int_eq(aes_gcm_seal(bytes_of(h->keys, 32), iv, bytes_of(aad.at, aad.len),
				 bytes_of_text(profile), out),
		FINE);
	return sizeof(profile) - 1 + 16;
}

static void check_download(const char *subject, const uint8_t key[32], struct bytes point)
{
	struct certified_server s = certified_download_server();
	struct handshake h = download(&s, subject, key, point), other;
	uint8_t iv[12] = { 3 }, sealed[256], plain[256], mac[32], expected[32];
	uint8_t endless[BOUND_PROFILE_MAX + 1] = { 0 };
	unsigned mac_len;
	size_t sealed_len = bind(&h, subject, iv, sealed), len;
	struct bytes whole = bytes_of(sealed, sealed_len);

	ck_assert_int_eq(download_open_profile(&h, iv, whole, plain, &len), FINE);
	ck_assert_uint_eq(len, sizeof(profile) - 1);
	ck_assert_mem_eq(plain, profile, len);
	for (size_t i = 0; i < sealed_len; i++) {
		sealed[i] ^= 1;
		ck_assert_int_eq(download_open_profile(&h, iv, whole, plain, &len), MAC_INVALID);
		sealed[i] ^= 1;
		ck_assert_int_eq(download_open_profile(&h, iv, bytes_of(sealed, i), plain, &len),
			MAC_INVALID);
	}
	iv[0] ^= 1;
	ck_assert_int_eq(download_open_profile(&h, iv, whole, plain, &len), MAC_INVALID);
	iv[0] ^= 1;
	other = h;
	other.id[31] = '0';
	ck_assert_int_eq(download_open_profile(&other, iv, whole, plain, &len), MAC_INVALID);
	other = h;
	other.subject[strlen(subject) - 1] ^= 1;
	ck_assert_int_eq(download_open_profile(&other, iv, whole, plain, &len), MAC_INVALID);
	other = download(&s, subject, key, point);
	ck_assert_int_eq(download_open_profile(&other, iv, whole, plain, &len), MAC_INVALID);
	ck_assert_int_eq(
		download_open_profile(&h, iv, BYTES(endless), plain, &len), PAYLOAD_TOO_LARGE);

	struct hand_text t = hand_start("arpf dp notification v1");
	hand_add_text(&t, CERTIFIED_ID);
	hand_add_text(&t, "INSTALLED");
	HMAC(EVP_sha256(), h.keys + 32, 32, t.at, t.len, expected, &mac_len);
	ck_assert_int_eq(download_notification_mac(&h, "INSTALLED", mac), FINE);
	ck_assert_mem_eq(mac, expected, 32);
	ck_assert_int_eq(download_notification_mac(&h, "FAILED", mac), FINE);
	ck_assert_mem_ne(mac, expected, 32);
	signature_checker_free(s.checker);
}

START_TEST(test_download)
{
	struct euicc e;
	struct se_identity se;
	struct authority pn;
	struct certificate c;

	make_authorities();
	ck_assert_int_eq(euicc_make(&e, &eum, EID, &validity), FINE);
	ck_assert_int_eq(certificate_read(bytes_of(e.certificate, e.certificate_len), &c), FINE);
	check_download(EID, e.key, c.public_key);

	ck_assert_int_eq(authority_make_part_number(&pn, &root, "Part", &validity), FINE);
	ck_assert_int_eq(se_make(&se, &pn, "SE-1", &validity), FINE);
	ck_assert_int_eq(certificate_read(bytes_of(se.certificate, se.certificate_len), &c), FINE);
	check_download("imsi-001010000000001", se.signing_key, c.public_key);
}
END_TEST

/* A server's signing certificate is an SE's by form: digitalSignature, no CA. */
static struct bytes make_signer(const struct authority *by, struct se_identity *signer)
{
	ck_assert_int_eq(se_make(signer, by, "server", &validity), FINE);
	return bytes_of(signer->certificate, signer->certificate_len);
}

START_TEST(test_server_identity)
{
	struct authority middle, stranger;
	struct se_identity signer, other;
	int64_t now = validity.not_before + 1;

	make_authorities();
	ck_assert_int_eq(authority_make_part_number(&middle, &root, "Middle", &validity), FINE);
	ck_assert_int_eq(authority_make_root(&stranger, "Root", &validity), FINE);
	struct server_identity s = { .anchor = authority_certificate(&root) };
	struct bytes chain[3] = { make_signer(&middle, &signer), authority_certificate(&middle),
		authority_certificate(&root) };
	uint8_t id[32];
	char hex[65];

	ck_assert_int_eq(server_identity_see(&s, chain, 0, now), CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(server_identity_see(&s, chain, 1, now), CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(server_identity_see(&s, chain, 2, now), CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(
		server_identity_see(&s, chain, 3, validity.not_after + 1), CERTIFICATE_EXPIRED);
	ck_assert_ptr_null(s.checker);
	ck_assert_int_eq(server_identity_see(&s, chain, 3, now), FINE);
	struct signature_checker *first = s.checker;
	ck_assert_int_eq(server_identity_see(&s, chain, 3, now), FINE);
	ck_assert_ptr_eq(s.checker, first);

	/* its signer is the leaf, by the leaf's hash */
	struct batch_signature b;
	struct certified_server keys = { 0 };
	struct hand_text t = hand_start("arpf attach server v1");
	memcpy(keys.sign_key, signer.signing_key, 32);
	certified_sign(&keys, &t, &b);
	SHA256(chain[0].at, chain[0].len, id);
	hex_write(BYTES(id), hex);
	memcpy(b.signer_id, hex, sizeof(hex));
	ck_assert_int_eq(batch_signature_check(s.checker, &b, bytes_of(t.at, t.len)), FINE);

	/* a changed chain is looked at anew */
	chain[2] = authority_certificate(&stranger);
	ck_assert_int_eq(server_identity_see(&s, chain, 3, now), CERTIFICATE_UNTRUSTED);
	chain[2] = authority_certificate(&root);
	chain[0] = make_signer(&stranger, &other);
	ck_assert_int_ne(server_identity_see(&s, chain, 3, now), FINE);
	ck_assert_ptr_eq(s.checker, first);
	chain[0] = make_signer(&middle, &other);
	ck_assert_int_eq(server_identity_see(&s, chain, 3, now), FINE);
	ck_assert_int_eq(
		batch_signature_check(s.checker, &b, bytes_of(t.at, t.len)), SIGNATURE_INVALID);
	server_identity_end(&s);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_download, test_server_identity };

	return suite_run("device profile download", tests, sizeof(tests) / sizeof(tests[0]));
}

/*
 * The simulated secure element against values computed by OpenSSL alone, from docs/protocol.md section 4:
 * nothing of crypto/ is used on this side.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "device/secure_element.h"

#include <check.h>
#include <openssl/cmac.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "tests/unit/pki_maker.h"
#include "tests/unit/suite.h"

#define DIMSI UINT64_C(1990123456789) /* 001990123456789 */
#define IMSI  UINT64_C(1010000000042)

static const uint8_t dimsi_bcd[8] = { 0x00, 0x91, 0x09, 0x21, 0x43, 0x65, 0x87, 0xf9 };
static const uint8_t imsi_bcd[8] = { 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x40, 0xf2 };
static const struct validity validity = { 1700000000, 4102444800 + 86400 }; /* to 2100-01-02 */

static void put(uint8_t **at, const void *from, size_t len)
{
	memcpy(*at, from, len);
	*at += len;
}

static void put_field(uint8_t **at, const void *from, size_t len)
{
	uint8_t head[2] = { (uint8_t)(len >> 8), (uint8_t)len };

	put(at, head, 2);
	put(at, from, len);
}

/* An ARPF with a root, made by OpenSSL. */
struct arpf {
	EVP_PKEY *root_key, *key;
	struct pki_made root, ecka;
	struct se_arpf known;
};

static const char *const ca_extensions[] = { "basicConstraints=critical,CA:TRUE",
	"keyUsage=critical,keyCertSign", NULL };
static const char *const ecka_extensions[] = { "basicConstraints=critical,CA:FALSE",
	"keyUsage=critical,keyAgreement", NULL };
static const char *const sign_extensions[] = { "basicConstraints=critical,CA:FALSE",
	"keyUsage=critical,digitalSignature", NULL };

static void make_arpf(struct arpf *a, const char *const *extensions, const char *not_after)
{
	a->root_key = pki_key("P-256");
	a->key = pki_key("P-256");
	pki_make(&(struct pki_recipe){ .subject = "CN=Root",
			 .issuer = "CN=Root",
			 .key = a->root_key,
			 .signer = a->root_key,
			 .extensions = ca_extensions },
		&a->root);
	pki_make(&(struct pki_recipe){ .subject = "CN=ECKA",
			 .issuer = "CN=Root",
			 .key = a->key,
			 .signer = a->root_key,
			 .not_after = not_after,
			 .extensions = extensions },
		&a->ecka);
}

static void free_arpf(struct arpf *a)
{
	EVP_PKEY_free(a->root_key);
	EVP_PKEY_free(a->key);
}

static enum outcome verify(struct arpf *a, struct bytes anchor)
{
	struct bytes chain = pki_bytes(&a->root);

	return se_verify_arpf(pki_bytes(&a->ecka), &chain, 1, anchor, PKI_NOW, &a->known);
}

START_TEST(test_arpf_certificate)
{
	struct arpf a, other;
	uint8_t spki[256], key_id[32];
	unsigned char *at = spki;
	struct bytes none = bytes_of(NULL, 0);
	struct certificate c;

	make_arpf(&a, ecka_extensions, NULL);
	make_arpf(&other, ecka_extensions, NULL);
	ck_assert_int_eq(verify(&a, none), FINE);
	ck_assert_int_eq(verify(&a, pki_bytes(&a.root)), FINE);
	size_t len = (size_t)i2d_PUBKEY(a.key, &at);
	SHA256(spki, len, key_id);
	ck_assert_mem_eq(a.known.key_id, key_id, 32);
	ck_assert_mem_eq(a.known.public_key, spki + len - 65, 65);

	ck_assert_int_eq(verify(&a, pki_bytes(&other.root)), CERTIFICATE_UNTRUSTED);
	struct bytes stranger = pki_bytes(&other.root);
	ck_assert_int_eq(se_verify_arpf(pki_bytes(&a.ecka), &stranger, 1, none, PKI_NOW, &a.known),
		CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(se_verify_arpf(pki_bytes(&a.ecka), NULL, 0, none, PKI_NOW, &a.known),
		CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(se_verify_signer(pki_bytes(&a.ecka), &stranger, 1, none, PKI_NOW, &c),
		CERTIFICATE_UNTRUSTED);
	free_arpf(&a);
	free_arpf(&other);
}
END_TEST

START_TEST(test_arpf_certificate_refused)
{
	struct arpf a;
	struct bytes none = bytes_of(NULL, 0);

	make_arpf(&a, sign_extensions, NULL);
	ck_assert_int_eq(verify(&a, none), CERTIFICATE_UNTRUSTED);
	free_arpf(&a);
	make_arpf(&a, ca_extensions, NULL);
	ck_assert_int_eq(verify(&a, none), CERTIFICATE_UNTRUSTED);
	free_arpf(&a);
	make_arpf(&a, ecka_extensions, "20210101000000Z");
	ck_assert_int_eq(verify(&a, none), CERTIFICATE_EXPIRED);
	free_arpf(&a);
}
END_TEST

static void make_chain(struct authority *ci, struct authority *pn, struct se_identity *se)
{
	ck_assert_int_eq(authority_make_root(ci, "Issuer", &validity), FINE);
	ck_assert_int_eq(authority_make_part_number(pn, ci, "Part", &validity), FINE);
	ck_assert_int_eq(se_make(se, pn, "SE-1.2:3_4", &validity), FINE);
}

static X509 *read_x509(const uint8_t *der, size_t len)
{
	X509 *x = d2i_X509(NULL, &der, (long)len);

	ck_assert_ptr_nonnull(x);
	return x;
}

START_TEST(test_certificates_by_openssl)
{
	struct authority ci, pn;
	struct se_identity se;

	make_chain(&ci, &pn, &se);
	X509 *root = read_x509(ci.certificate, ci.certificate_len);
	X509 *middle = read_x509(pn.certificate, pn.certificate_len);
	X509 *leaf = read_x509(se.certificate, se.certificate_len);
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	X509_STORE_add_cert(store, root);
	sk_X509_push(between, middle);
	X509_STORE_CTX_init(ctx, store, leaf, between);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
	int verified = X509_verify_cert(ctx);
	ck_assert_msg(
		verified == 1, "%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	ck_assert_int_eq(X509_check_ca(middle), 1);
	ck_assert_int_eq(X509_check_ca(leaf), 0);
	ck_assert_uint_eq(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
	ck_assert_uint_eq(X509_get_key_usage(middle), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	ck_assert_int_eq(X509_get_pathlen(middle), 0);
	char id[80];
	X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_serialNumber, id, sizeof(id));
	ck_assert_str_eq(id, "SE-1.2:3_4");
	X509_STORE_CTX_free(ctx);
	sk_X509_free(between);
	X509_STORE_free(store);
	X509_free(leaf);
	X509_free(middle);
	X509_free(root);
}
END_TEST

START_TEST(test_authority_restored)
{
	struct authority ci, pn, again;
	struct se_identity se;

	make_chain(&ci, &pn, &se);
	ck_assert_int_eq(authority_restore(&again, authority_certificate(&pn), pn.scalar), FINE);
	ck_assert_str_eq(again.name, "Part");
	ck_assert_mem_eq(again.point, pn.point, P256_POINT_LEN);
	ck_assert_int_eq(authority_restore(&again, authority_certificate(&pn), ci.scalar),
		CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(se_make(&se, &pn, "not an id", &validity), INVALID_PARAMETER);
}
END_TEST

/* eK by SHA-256 and ECDH of OpenSSL, from the ARPF's side. */
static void derive_by_openssl(
	EVP_PKEY *arpf, const uint8_t *point, const uint8_t *key_id, uint8_t keys[64])
{
	const EC_KEY *own = EVP_PKEY_get0_EC_KEY(arpf);
	const EC_GROUP *group = EC_KEY_get0_group(own);
	EC_POINT *p = EC_POINT_new(group);
	uint8_t shs[32], info[256], input[320], ek[32], t[64];
	uint8_t *at = info;
	unsigned len;

	ck_assert_int_eq(EC_POINT_oct2point(group, p, point, 65, NULL), 1);
	ck_assert_int_eq(ECDH_compute_key(shs, 32, p, own, NULL), 32);
	EC_POINT_free(p);
	put(&at, "arpf ek v1", 11);
	put_field(&at, dimsi_bcd, 8);
	put_field(&at, point, 65);
	put_field(&at, key_id, 32);
	size_t info_len = (size_t)(at - info);
	at = input;
	put(&at, shs, 32);
	put(&at, "\0\0\0\1", 4);
	put(&at, info, info_len);
	SHA256(input, (size_t)(at - input), ek);

	at = info;
	put(&at, "arpf ek keys v1", 16);
	put_field(&at, dimsi_bcd, 8);
	info_len = (size_t)(at - info);
	info[info_len] = 1;
	HMAC(EVP_sha256(), ek, 32, info, info_len + 1, keys, &len);
	at = t;
	put(&at, keys, 32);
	put(&at, info, info_len);
	*at++ = 2;
	HMAC(EVP_sha256(), ek, 32, t, (size_t)(at - t), keys + 32, &len);
}

/* The token, byte by byte: d2 84 43 a10126 a0 58 8d {payload of 141 bytes} 58 40 {signature} */
static void check_token(
	const struct se_attach *a, const struct se_arpf *arpf, const uint8_t *spki, size_t spki_len)
{
	static const uint8_t head[] = { 0xd2, 0x84, 0x43, 0xa1, 1, 0x26, 0xa0, 0x58 };
	static const uint8_t to_sign[] = { 0x84, 0x6a, 'S', 'i', 'g', 'n', 'a', 't', 'u', 'r', 'e',
		'1', 0x43, 0xa1, 1, 0x26, 0x40, 0x58 };
	uint8_t payload[160], message[320], digest[32];
	uint8_t *at = payload;

	put(&at,
		"\xa4\x01\x6f"
		"001990123456789",
		18);
	put(&at, "\x02\x58\x41", 3);
	put(&at, a->ephemeral_point, 65);
	put(&at, "\x03\x58\x20", 3);
	put(&at, arpf->key_id, 32);
	put(&at, "\x04\x50", 2);
	size_t len = (size_t)(at - payload);
	ck_assert_mem_eq(a->atk, head, sizeof(head));
	ck_assert_uint_eq(a->atk[8], len + 16);
	ck_assert_mem_eq(a->atk + 9, payload, len);
	len += 16; /* the nonce */
	ck_assert_uint_eq(a->atk_len, 9 + len + 2 + 64);
	ck_assert_mem_eq(a->atk + 9 + len, "\x58\x40", 2);

	at = message;
	put(&at, to_sign, sizeof(to_sign));
	put(&at, a->atk + 8, len + 1);
	SHA256(message, (size_t)(at - message), digest);
	const uint8_t *signature = a->atk + a->atk_len - 64;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
	EVP_PKEY *key = d2i_PUBKEY(NULL, &spki, (long)spki_len);
	EC_KEY *ec = EVP_PKEY_get1_EC_KEY(key);
	ck_assert_int_eq(ECDSA_do_verify(digest, 32, pair, ec), 1);
	EC_KEY_free(ec);
	EVP_PKEY_free(key);
	ECDSA_SIG_free(pair);
}

START_TEST(test_attach)
{
	struct arpf a;
	struct authority ci, pn;
	struct se_identity se;
	struct se_attach attach, again;
	struct certificate c;
	uint8_t keys[64];

	make_arpf(&a, ecka_extensions, NULL);
	ck_assert_int_eq(verify(&a, bytes_of(NULL, 0)), FINE);
	make_chain(&ci, &pn, &se);
	ck_assert_int_eq(se_prepare_attach(&se, &a.known, DIMSI, &attach), FINE);
	derive_by_openssl(a.key, attach.ephemeral_point, a.known.key_id, keys);
	ck_assert_mem_eq(attach.keys.ekc, keys, 16);
	ck_assert_mem_eq(attach.keys.eki, keys + 16, 16);
	ck_assert_mem_eq(attach.keys.eka, keys + 32, 16);
	ck_assert_mem_eq(attach.keys.eopc, keys + 48, 16);
	ck_assert_int_eq(certificate_read(bytes_of(se.certificate, se.certificate_len), &c), FINE);
	check_token(&attach, &a.known, c.spki.at, c.spki.len);
	ck_assert_int_eq(se_prepare_attach(&se, &a.known, DIMSI, &again), FINE);
	ck_assert_mem_ne(attach.ephemeral_point, again.ephemeral_point, P256_POINT_LEN);
	free_arpf(&a);
}
END_TEST

static const struct ek_keys some_keys = { .ekc = { 1, 2, 3 }, .eki = { 9, 8, 7 } };

/* output_1 and output_2 of 4.4 over `plain`, by OpenSSL. */
static void make_vectors(const uint8_t plain[16], uint8_t rand[16], uint8_t autn[16])
{
	EVP_CIPHER_CTX *e = EVP_CIPHER_CTX_new();
	CMAC_CTX *m = CMAC_CTX_new();
	size_t mac_len;
	int len;

	EVP_EncryptInit_ex(e, EVP_aes_128_ecb(), NULL, some_keys.ekc, NULL);
	EVP_CIPHER_CTX_set_padding(e, 0);
	EVP_EncryptUpdate(e, rand, &len, plain, 16);
	EVP_CIPHER_CTX_free(e);
	CMAC_Init(m, some_keys.eki, 16, EVP_aes_128_cbc(), NULL);
	CMAC_Update(m, plain, 16);
	CMAC_Final(m, autn, &mac_len);
	CMAC_CTX_free(m);
	autn[6] |= 0x80;
}

START_TEST(test_read_imsi)
{
	uint8_t plain[16], rand[16], autn[16];
	uint64_t imsi = 0;

	memcpy(plain, imsi_bcd, 8);
	memcpy(plain + 8, "ARPF-CTV", 8);
	make_vectors(plain, rand, autn);
	ck_assert_int_eq(se_read_imsi(&some_keys, rand, autn, &imsi), FINE);
	ck_assert_uint_eq(imsi, IMSI);
	for (unsigned bit = 0; bit < 128; bit++) {
		rand[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(se_read_imsi(&some_keys, rand, autn, &imsi), MAC_INVALID);
		rand[bit / 8] ^= (uint8_t)(1u << bit % 8);
		/* among them the separation bit */
		autn[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(se_read_imsi(&some_keys, rand, autn, &imsi), MAC_INVALID);
		autn[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(test_read_imsi_of_another_content)
{
	uint8_t plain[16], rand[16], autn[16];
	uint64_t imsi = 0;

	memcpy(plain, imsi_bcd, 8);
	memcpy(plain + 8, "ARPF-CTW", 8);
	make_vectors(plain, rand, autn);
	ck_assert_int_eq(se_read_imsi(&some_keys, rand, autn, &imsi), MAC_INVALID);
	memcpy(plain + 8, "ARPF-CTV", 8);
	plain[3] = 0xa0; /* no digit */
	make_vectors(plain, rand, autn);
	ck_assert_int_eq(se_read_imsi(&some_keys, rand, autn, &imsi), MAC_INVALID);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_arpf_certificate,
		test_arpf_certificate_refused,
		test_certificates_by_openssl,
		test_authority_restored,
		test_attach,
		test_read_imsi,
		test_read_imsi_of_another_content,
	};

	return suite_run("device secure element", tests, sizeof(tests) / sizeof(tests[0]));
}

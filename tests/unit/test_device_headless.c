/*
 * The headless device of Solution #12.z: its certificates as OpenSSL reads them, its profile as a server
 * played here makes it from docs/protocol.md section 8.
 */
#include "device/headless_device.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "crypto/ecies.h"
#include "tests/unit/suite.h"

static const struct validity validity = { 1700000000, 4102444800 };
static const struct device_subject subject = { "HD-1.2:3", "Example maker", "Model 5" };
static const uint8_t kprime[32] = { 1, 2, 3, 4 };

static struct authority root, ca;

static void make(struct headless_device *d, enum device_key_kind kind)
{
	ck_assert_int_eq(authority_make_root(&root, "Root", &validity), FINE);
	ck_assert_int_eq(authority_make_part_number(&ca, &root, "Maker", &validity), FINE);
	ck_assert_int_eq(headless_device_make(d, &ca, kind, &subject, &validity), FINE);
}

static X509 *read_x509(const uint8_t *der, size_t len)
{
	X509 *x = d2i_X509(NULL, &der, (long)len);

	ck_assert_ptr_nonnull(x);
	return x;
}

static void check_name(X509 *x, int nid, const char *expected)
{
	char text[80];

	ck_assert_int_gt(
		X509_NAME_get_text_by_NID(X509_get_subject_name(x), nid, text, sizeof(text)), 0);
	ck_assert_str_eq(text, expected);
}

static void check_certificate(const struct headless_device *d, uint32_t usage, int key_type)
{
	X509 *anchor = read_x509(root.certificate, root.certificate_len);
	X509 *middle = read_x509(ca.certificate, ca.certificate_len);
	X509 *leaf = read_x509(d->certificate, d->certificate_len);
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	X509_STORE_add_cert(store, anchor);
	sk_X509_push(between, middle);
	X509_STORE_CTX_init(ctx, store, leaf, between);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
	int verified = X509_verify_cert(ctx);
	ck_assert_msg(
		verified == 1, "%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	ck_assert_int_eq(X509_check_ca(leaf), 0);
	ck_assert_uint_eq(X509_get_key_usage(leaf), usage);
	ck_assert_int_eq(EVP_PKEY_get_base_id(X509_get0_pubkey(leaf)), key_type);
	check_name(leaf, NID_serialNumber, "HD-1.2:3");
	check_name(leaf, NID_organizationName, "Example maker");
	check_name(leaf, NID_organizationalUnitName, "Model 5");
	X509_STORE_CTX_free(ctx);
	sk_X509_free(between);
	X509_STORE_free(store);
	X509_free(leaf);
	X509_free(middle);
	X509_free(anchor);
}

START_TEST(test_p256)
{
	struct headless_device d;
	struct certificate c;
	uint8_t ephemeral[33], ciphertext[32], mac[32], out[32];

	make(&d, DEVICE_KEY_P256);
	check_certificate(&d, KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT, EVP_PKEY_EC);
	ck_assert_int_eq(certificate_read(bytes_of(d.certificate, d.certificate_len), &c), FINE);
	ck_assert_int_eq(
		ecies_p256_seal(c.public_key, BYTES(kprime), ephemeral, ciphertext, mac), FINE);
	struct encrypted_kprime e = {
		.ephemeral = BYTES(ephemeral), .ciphertext = BYTES(ciphertext), .mac = BYTES(mac)
	};

	ck_assert_int_eq(headless_device_open_kprime(&d, &e, out), FINE);
	ck_assert_mem_eq(out, kprime, 32);
	e.mac.len = 8; /* the profile's own length is not section 8's */
	ck_assert_int_eq(headless_device_open_kprime(&d, &e, out), MAC_INVALID);
	e.mac.len = 32;
	e.ciphertext.len = 31;
	ck_assert_int_eq(headless_device_open_kprime(&d, &e, out), MAC_INVALID);
	e.ciphertext.len = 32;
	ciphertext[0] ^= 1;
	ck_assert_int_eq(headless_device_open_kprime(&d, &e, out), MAC_INVALID);
	e.is_rsa = true;
	ck_assert_int_eq(headless_device_open_kprime(&d, &e, out), MAC_INVALID);
	headless_device_end(&d);
}
END_TEST

static size_t encrypt_rsa(const struct headless_device *d, const EVP_MD *md, uint8_t out[256])
{
	X509 *x = read_x509(d->certificate, d->certificate_len);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(x), NULL);
	size_t len = 256;

	ck_assert_int_eq(EVP_PKEY_encrypt_init(ctx), 1);
	EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING);
	EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md);
	EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md);
	ck_assert_int_eq(EVP_PKEY_encrypt(ctx, out, &len, kprime, sizeof(kprime)), 1);
	EVP_PKEY_CTX_free(ctx);
	X509_free(x);
	return len;
}

START_TEST(test_rsa)
{
	struct headless_device d;
	uint8_t ciphertext[256], out[32];

	make(&d, DEVICE_KEY_RSA2048);
	check_certificate(&d, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT, EVP_PKEY_RSA);
	struct encrypted_kprime e = { .is_rsa = true,
		.ciphertext = bytes_of(ciphertext, encrypt_rsa(&d, EVP_sha256(), ciphertext)) };

	ck_assert_int_eq(headless_device_open_kprime(&d, &e, out), FINE);
	ck_assert_mem_eq(out, kprime, 32);
	ciphertext[255] ^= 1;
	ck_assert_int_eq(headless_device_open_kprime(&d, &e, out), MAC_INVALID);
	e.ciphertext.len = 255;
	ck_assert_int_eq(headless_device_open_kprime(&d, &e, out), MAC_INVALID);
	e.ciphertext.len = encrypt_rsa(&d, EVP_sha1(), ciphertext);
	ck_assert_int_eq(headless_device_open_kprime(&d, &e, out), MAC_INVALID);
	e.is_rsa = false;
	ck_assert_int_eq(headless_device_open_kprime(&d, &e, out), MAC_INVALID);
	headless_device_end(&d);
}
END_TEST

START_TEST(test_subject_refused)
{
	struct headless_device d;
	char longest[SUBJECT_TEXT_MAX + 2];

	make(&d, DEVICE_KEY_P256);
	headless_device_end(&d);
	memset(longest, 'x', sizeof(longest));
	longest[SUBJECT_TEXT_MAX + 1] = '\0';
	const struct device_subject bad[] = { { "not an id", "A", "B" }, { "", "A", "B" },
		{ "D", "", "B" }, { "D", "A", longest } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(headless_device_make(&d, &ca, DEVICE_KEY_P256, &bad[i], &validity),
			INVALID_PARAMETER);
	/* texts as long as they may be */
	longest[SUBJECT_TEXT_MAX] = '\0';
	ck_assert_int_eq(headless_device_make(&d, &ca, DEVICE_KEY_RSA2048,
				 &(struct device_subject){ longest, longest, longest }, &validity),
		FINE);
	headless_device_end(&d);
}
END_TEST

static size_t put_field(uint8_t *at, const void *from, size_t len)
{
	at[0] = (uint8_t)(len >> 8);
	at[1] = (uint8_t)len;
	memcpy(at + 2, from, len);
	return len + 2;
}

START_TEST(test_keys)
{
	struct headless_device d = { .device_id = "HD-1", .manufacturer = "M", .model = "L" };
	struct usim usim;
	uint8_t n2[16] = { 7 }, text[256], expected[32], out[32];
	unsigned len;

	memcpy(text, "arpf kdoubleprime v1", 21);
	size_t n = 21;
	n += put_field(text + n, n2, 16);
	n += put_field(text + n, "HD-1", 4);
	n += put_field(text + n, "M", 1);
	n += put_field(text + n, "L", 1);
	HMAC(EVP_sha256(), kprime, 32, text, n, expected, &len);
	ck_assert_int_eq(headless_device_kdoubleprime(&d, kprime, n2, out), FINE);
	ck_assert_mem_eq(out, expected, 32);

	memcpy(text, "arpf kprime keys v1", 20);
	n = 20;
	n += put_field(text + n, "imsi-001010000000050", 20);
	text[n++] = 1;
	HMAC(EVP_sha256(), kprime, 32, text, n, expected, &len);
	ck_assert_int_eq(headless_device_usim(kprime, "imsi-001010000000050", &usim), FINE);
	ck_assert_mem_eq(usim.k, expected, 16);
	ck_assert_mem_eq(usim.opc, expected + 16, 16);
}
END_TEST

START_TEST(test_profile_signature)
{
	static const char profile[] = "{\"version\":1}";
	uint8_t scalar[32], point[65], id[32] = { 8 }, leaf_in[128] = { 0 }, leaf[32], text[64];
	uint8_t digest[32];
	struct signature_checker *c;
	struct batch_signature s = { .suite = SUITE_ECDSA, .tree_size = 1 };

	ck_assert_int_eq(p256_generate(scalar, point), FINE);
	ck_assert_int_eq(signature_checker_new(BYTES(point), id, &c), FINE);
	hex_write(BYTES(id), s.signer_id);
	memcpy(leaf_in + 1, "arpf profile v1", 16);
	size_t n = 17 + put_field(leaf_in + 17, profile, sizeof(profile) - 1);
	SHA256(leaf_in, n, leaf);
	memcpy(text, "arpf batch signature v1", 24);
	put_field(text + 24, leaf, 32);
	put_field(text + 58, "\0\0\0\1", 4);
	SHA256(text, sizeof(text), digest);
	ck_assert_int_eq(p256_sign(scalar, digest, s.signature), FINE);
	ck_assert_int_eq(headless_device_check_profile(c, &s, bytes_of_text(profile)), FINE);
	ck_assert_int_eq(headless_device_check_profile(c, &s, bytes_of_text("{\"version\":2}")),
		SIGNATURE_INVALID);
	signature_checker_free(c);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_p256,
		test_rsa,
		test_subject_refused,
		test_keys,
		test_profile_signature,
	};

	return suite_run("device headless", tests, sizeof(tests) / sizeof(tests[0]));
}

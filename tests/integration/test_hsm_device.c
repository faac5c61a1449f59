/*
 * A headless device on a companion's subscription through the client, on a real SoftHSM token: the test plays the
 * companion and the device, and computes everything a second time from the protocol page, with K_C in its memory.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/imsi.h"
#include "crypto/aes.h"
#include "crypto/ecies.h"
#include "tests/integration/key_world.h"
#include "tests/unit/suite.h"

#define IMSI        UINT64_C(1010000000042)
#define SUPI        "imsi-001010000000042"
#define DEVICE_IMSI UINT64_C(1010000000077)
#define DEVICE_SUPI "imsi-001010000000077"
#define AKID        "r01a@akma.5gc.mnc001.mcc001.3gppnetwork.org"

/* The companion: its session, and K_C as its subscription has it. */
struct companion {
	struct session_of_test session;
	uint8_t k_c[32];
	size_t k_c_len;
	struct sealed_key sealed;
};

static void make_companion(struct companion *c, uint64_t imsi, size_t k_c_len)
{
	struct key_seal_subscriber_in in = { .k_len = (uint8_t)k_c_len };

	register_session(&c->session, imsi, AKID);
	c->k_c_len = k_c_len;
	ck_assert_int_eq(RAND_bytes(c->k_c, sizeof(c->k_c)), 1);
	memcpy(in.k, c->k_c, k_c_len);
	ck_assert_int_eq(ask(KEY_SEAL_SUBSCRIBER, &in, &c->sealed), FINE);
}

static struct bytes text_bytes(const struct key_text *text)
{
	return bytes_of(text->at, text->len);
}

static struct key_derive_device_in request_of(const struct companion *c)
{
	struct key_derive_device_in in = {
		.session = c->session.session,
		.k = c->session.kept,
		.companion = c->sealed,
		.imsi = DEVICE_IMSI,
		.device_id = text_of("meter:0001"),
		.manufacturer = text_of("Example Meters"),
		.model = text_of("M-1"),
	};

	ck_assert_int_eq(RAND_bytes(in.spki_hash, sizeof(in.spki_hash)), 1);
	ck_assert_int_eq(RAND_bytes(in.n1, sizeof(in.n1)), 1);
	ck_assert_int_eq(RAND_bytes(in.n2, sizeof(in.n2)), 1);
	return in;
}

static void expected_k_prime(
	const struct companion *c, const struct key_derive_device_in *in, uint8_t k_prime[32])
{
	const struct bytes fields[FIELDS_MAX] = { bytes_of_text(SUPI), text_bytes(&in->device_id),
		BYTES(in->spki_hash), BYTES(in->n1) };
	uint8_t room[513];
	struct bytes message = transcript_of("arpf kprime v1", fields, room + 1, 512);

	message = bytes_of(room, message.len + 1);
	for (unsigned half = 0; half < 2; half++) {
		room[0] = (uint8_t)(half + 1);
		ck_assert_int_eq(
			aes_cmac(bytes_of(c->k_c, c->k_c_len), message, k_prime + 16 * half), FINE);
	}
}

/* What everyone else gets of K': K'' for the companion, Ka and OPc for the server. */
static void check_others(const struct companion *c, const struct key_derive_device_in *in,
	const uint8_t k_prime[32], const struct key_device *out)
{
	const struct bytes of_k2[FIELDS_MAX] = { BYTES(in->n2), text_bytes(&in->device_id),
		text_bytes(&in->manufacturer), text_bytes(&in->model) };
	const struct bytes of_seal[FIELDS_MAX] = { bytes_of_text(AKID) };
	const struct bytes of_aad[FIELDS_MAX] = { text_bytes(&in->device_id),
		bytes_of_text(DEVICE_SUPI) };
	const struct bytes of_keys[FIELDS_MAX] = { bytes_of_text(DEVICE_SUPI) };
	uint8_t k2[32], key[32], room[128], opened[32], keys[32];
	struct bytes aad = transcript_of("arpf add answer v1", of_aad, room, sizeof(room));

	mac_of("arpf kdoubleprime v1", of_k2, bytes_of(k_prime, 32), k2);
	expand_of("arpf seal v1", of_seal, BYTES(c->session.k), key, 32);
	ck_assert_int_eq(
		aes_gcm_open(BYTES(key), out->iv, aad, BYTES(out->sealed_k_double_prime), opened),
		FINE);
	ck_assert_mem_eq(opened, k2, 32);
	expand_of("arpf kprime keys v1", of_keys, bytes_of(k_prime, 32), keys, 32);
	check_sealed_pair(&out->sealed, keys, keys + 16);
}

START_TEST(test_device_with_p256)
{
	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (size_t k_c_len = 16; k_c_len <= 32; k_c_len += 16) {
		struct companion c;
		uint8_t scalar[32], point[65], expected[32], opened[32];
		struct key_device out;

		make_companion(&c, IMSI, k_c_len);
		struct key_derive_device_in in = request_of(&c);

		ck_assert_int_eq(p256_generate(scalar, point), FINE);
		in.scheme = DEVICE_KEY_ECIES_P256;
		in.device_key_len = sizeof(point);
		memcpy(in.device_key, point, sizeof(point));
		ck_assert_int_eq(ask(KEY_DERIVE_DEVICE, &in, &out), FINE);
		ck_assert_uint_eq(out.ciphertext_len, 32);
		ck_assert_int_eq(ecies_p256_open(scalar, BYTES(out.ephemeral),
					 bytes_of(out.ciphertext, 32), BYTES(out.mac), opened),
			FINE);
		expected_k_prime(&c, &in, expected);
		ck_assert_mem_eq(opened, expected, 32);
		check_others(&c, &in, expected, &out);
	}
	key_world_end();
}
END_TEST

static void set_spki(struct key_derive_device_in *in, EVP_PKEY *key)
{
	uint8_t *at = NULL;
	int len = i2d_PUBKEY(key, &at);

	ck_assert_int_gt(len, 0);
	ck_assert_int_le(len, DEVICE_KEY_MAX);
	in->scheme = DEVICE_KEY_RSA_OAEP_SHA256;
	in->device_key_len = (uint16_t)len;
	memset(in->device_key, 0, sizeof(in->device_key));
	memcpy(in->device_key, at, (size_t)len);
	OPENSSL_free(at);
}

static void open_oaep(EVP_PKEY *key, const struct key_device *out, uint8_t k_prime[32])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	uint8_t room[DEVICE_CIPHER_MAX];
	size_t len = sizeof(room);

	ck_assert_int_eq(EVP_PKEY_decrypt_init(c), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()), 1);
	ck_assert_int_eq(EVP_PKEY_decrypt(c, room, &len, out->ciphertext, out->ciphertext_len), 1);
	ck_assert_uint_eq(len, 32);
	memcpy(k_prime, room, 32);
	EVP_PKEY_CTX_free(c);
}

START_TEST(test_device_with_rsa)
{
	static const unsigned bits[] = { 2048, 3072 };
	struct companion c;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	make_companion(&c, IMSI, 16);
	for (unsigned i = 0; i < 2; i++) {
		EVP_PKEY *key = EVP_RSA_gen(bits[i]);
		struct key_derive_device_in in = request_of(&c);
		uint8_t expected[32], opened[32];
		struct key_device out;

		set_spki(&in, key);
		ck_assert_int_eq(ask(KEY_DERIVE_DEVICE, &in, &out), FINE);
		ck_assert_uint_eq(out.ciphertext_len, bits[i] / 8);
		open_oaep(key, &out, opened);
		expected_k_prime(&c, &in, expected);
		ck_assert_mem_eq(opened, expected, 32);
		check_others(&c, &in, expected, &out);
		EVP_PKEY_free(key);
	}
	key_world_end();
}
END_TEST

/* An RSA key that nobody could decrypt with: its modulus is random. */
static void set_false_rsa(struct key_derive_device_in *in, int bits, const char *e_hex, bool is_odd)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	BIGNUM *n = BN_new(), *e = NULL;

	ck_assert_int_eq(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
	if (!is_odd)
		BN_clear_bit(n, 0);
	ck_assert_int_gt(BN_hex2bn(&e, e_hex), 0);
	ck_assert_int_eq(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n), 1);
	ck_assert_int_eq(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e), 1);
	OSSL_PARAM *as = OSSL_PARAM_BLD_to_param(b);

	ck_assert_int_eq(EVP_PKEY_fromdata_init(c), 1);
	ck_assert_int_eq(EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, as), 1);
	set_spki(in, key);
	OSSL_PARAM_free(as);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	BN_free(n);
	BN_free(e);
}

static void expect(const struct key_derive_device_in *in, enum outcome expected, const char *what)
{
	struct key_device out;
	enum outcome o = ask(KEY_DERIVE_DEVICE, in, &out);

	ck_assert_msg(o == expected, "%s: %s", what, outcome_name(o));
}

START_TEST(test_keys_that_are_refused)
{
	struct companion c;
	uint8_t scalar[32], point[65];
	EVP_PKEY *ec = EVP_EC_gen("P-256");

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	make_companion(&c, IMSI, 16);
	struct key_derive_device_in in = request_of(&c);

	set_false_rsa(&in, 4096, "3", true);
	expect(&in, FINE, "4096 bits, e = 3");
	in.device_key_len--;
	expect(&in, INVALID_PARAMETER, "cut short");
	in.device_key_len += 2;
	expect(&in, INVALID_PARAMETER, "a byte behind it");
	in.device_key_len = DEVICE_KEY_MAX + 1;
	expect(&in, INVALID_PARAMETER, "longer than its room");
	in.device_key_len = 0;
	expect(&in, INVALID_PARAMETER, "none");
	set_false_rsa(&in, 2048, "010001", true);
	in.scheme = 2;
	expect(&in, INVALID_PARAMETER, "another scheme");
	set_false_rsa(&in, 2040, "010001", true);
	expect(&in, INVALID_PARAMETER, "2040 bits");
	set_false_rsa(&in, 4104, "010001", true);
	expect(&in, INVALID_PARAMETER, "4104 bits");
	set_false_rsa(&in, 2048, "01", true);
	expect(&in, INVALID_PARAMETER, "e = 1");
	set_false_rsa(&in, 2048, "010000", true);
	expect(&in, INVALID_PARAMETER, "an even e");
	set_false_rsa(&in, 2048, "010000000000000001", true);
	expect(&in, INVALID_PARAMETER, "an e of 65 bits");
	set_false_rsa(&in, 2048, "010001", false);
	expect(&in, INVALID_PARAMETER, "an even modulus");
	set_spki(&in, ec);
	expect(&in, INVALID_PARAMETER, "an EC key as RSA");
	in.scheme = DEVICE_KEY_ECIES_P256;
	expect(&in, INVALID_PARAMETER, "SubjectPublicKeyInfo as a point");
	ck_assert_int_eq(p256_generate(scalar, point), FINE);
	point[64] ^= 1;
	memcpy(in.device_key, point, sizeof(point));
	in.device_key_len = sizeof(point);
	expect(&in, INVALID_PARAMETER, "a point off the curve");
	in.device_key[64] ^= 1;
	expect(&in, FINE, "the point as it was made");
	EVP_PKEY_free(ec);
	key_world_end();
}
END_TEST

START_TEST(test_requests_that_are_refused)
{
	struct companion c, other;
	uint8_t scalar[32];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	make_companion(&c, IMSI, 16);
	make_companion(&other, IMSI + 1, 16);
	struct key_derive_device_in good = request_of(&c), in;

	good.device_key_len = P256_POINT_LEN;
	ck_assert_int_eq(p256_generate(scalar, good.device_key), FINE);
	in = good;
	in.k = other.session.kept;
	expect(&in, MAC_INVALID, "the K of another session");
	in = good;
	in.imsi = IMSI_LIMIT;
	expect(&in, INVALID_PARAMETER, "no IMSI");
	in = good;
	in.model.len = KEY_TEXT_MAX + 1;
	expect(&in, INVALID_PARAMETER, "a text longer than its room");
	in = good;
	in.companion.len = SEALED_MAX + 1;
	expect(&in, INVALID_PARAMETER, "a K_C longer than its room");
	in = good;
	in.companion.at[60] ^= 1;
	struct key_device out;

	ck_assert_int_ne(ask(KEY_DERIVE_DEVICE, &in, &out), FINE); /* a K_C that was changed */
	expect(&good, FINE, "the request as it was made");
	key_world_end();
}
END_TEST

START_TEST(test_addition)
{
	struct session_of_test session, other;
	struct key_check_addition_in good = { 0 }, in;
	struct key_nothing out;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	register_session(&session, IMSI, AKID);
	register_session(&other, IMSI + 1, AKID);
	good.session = session.session;
	good.k = session.kept;
	good.url_len = DEVICE_URL_MAX; /* the longest */
	memset(good.url, 'u', sizeof(good.url));
	const struct bytes fields[FIELDS_MAX] = { bytes_of_text(AKID), BYTES(good.url) };

	mac_of("arpf add v1", fields, BYTES(session.k), good.mac);
	ck_assert_int_eq(ask(KEY_CHECK_ADDITION, &good, &out), FINE);
	in = good;
	in.mac[31] ^= 1;
	ck_assert_int_eq(ask(KEY_CHECK_ADDITION, &in, &out), MAC_INVALID);
	in = good;
	in.url[DEVICE_URL_MAX - 1] ^= 1;
	ck_assert_int_eq(ask(KEY_CHECK_ADDITION, &in, &out), MAC_INVALID);
	in = good;
	in.url_len--;
	ck_assert_int_eq(ask(KEY_CHECK_ADDITION, &in, &out), MAC_INVALID);
	in = good;
	in.k = other.kept;
	ck_assert_int_eq(ask(KEY_CHECK_ADDITION, &in, &out), MAC_INVALID);
	in.session = other.session;
	ck_assert_int_eq(ask(KEY_CHECK_ADDITION, &in, &out), MAC_INVALID);
	in = good;
	in.url_len = DEVICE_URL_MAX + 1;
	ck_assert_int_eq(ask(KEY_CHECK_ADDITION, &in, &out), INVALID_PARAMETER);
	key_world_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_device_with_p256,
		test_device_with_rsa,
		test_keys_that_are_refused,
		test_requests_that_are_refused,
		test_addition,
	};

	softhsm_world_or_skip(&world.token);
	int status = suite_run("hsm device", tests, sizeof(tests) / sizeof(tests[0]));

	softhsm_world_remove(&world.token);
	return status;
}

#include <check.h>
#include <openssl/bn.h>
#include <pthread.h>

#include "crypto/dh_group.h"
#include "crypto/jacobi.h"
#include "crypto/x25519.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

#define ROUNDS       20
#define EULER_ROUNDS 40 /* so that all are inside or all outside never */

static unsigned agreed, refused;

static enum dh_group group_of(const json_t *v)
{
	const char *name = vector_text(v, "group");
	enum dh_group group;

	ck_assert(dh_group_read(name, strlen(name), &group));
	return group;
}

static void expect_agreement(const json_t *v, enum dh_group group, struct bytes secret,
	struct bytes peer, struct bytes z)
{
	uint8_t room[DH_SECRET_MAX] = { 0 }, made[DH_SHARED_MAX];

	memcpy(room, secret.at, secret.len);
	ck_assert_uint_eq(z.len, dh_shared_len(group));
	vector_check(v, dh_check_element(group, peer) == FINE, "element");
	vector_check(v, dh_agree(group, room, peer, made) == FINE, "agreement");
	vector_check(v, bytes_equal(bytes_of(made, z.len), z), "Z");
	agreed++;
}

static void expect_refusal(const json_t *v, enum dh_group group, struct bytes peer)
{
	uint8_t secret[DH_SECRET_MAX] = { 0x80 }, z[DH_SHARED_MAX];

	vector_check(v, dh_agree(group, secret, peer, z) == INVALID_PARAMETER, "agreement");
	if (group != DH_X25519)
		vector_check(v, dh_check_element(group, peer) == INVALID_PARAMETER, "element");
	refused++;
}

/* The exponents of ACVP are as long as p: longer than any of ours. */
static void check_acvp(struct arena *a, const json_t *v)
{
	static const char *const publics[] = { "ephemeralPublicServer", "ephemeralPublicIut" };

	for (size_t i = 0; i < 2; i++)
		vector_check(v,
			dh_check_element(group_of(v), vector_bytes(a, v, publics[i])) == FINE,
			publics[i]);
}

static void check_ffdhe(struct arena *a, const json_t *group, const json_t *v)
{
	(void)group;
	if (vector_has(v, "ephemeralPublicIut")) {
		check_acvp(a, v);
	} else if (vector_has(v, "secret")) {
		expect_agreement(v, group_of(v), vector_bytes(a, v, "secret"),
			vector_bytes(a, v, "peer_public"), vector_bytes(a, v, "z"));
		expect_agreement(v, group_of(v), vector_bytes(a, v, "peer_secret"),
			vector_bytes(a, v, "public"), vector_bytes(a, v, "z"));
	} else {
		expect_refusal(v, group_of(v), vector_bytes(a, v, "public"));
	}
}

START_TEST(ffdhe_published)
{
	agreed = refused = 0;
	ck_assert_uint_eq(vectors_run("dh_ffdhe.json", check_ffdhe), 19);
	ck_assert_uint_eq(agreed, 8);
	ck_assert_uint_eq(refused, 13);
}
END_TEST

static void check_x25519(struct arena *a, const json_t *group, const json_t *v)
{
	const char *op = vector_text(v, "op");

	(void)group;
	if (strcmp(op, "small_order") == 0) {
		expect_refusal(v, DH_X25519, vector_bytes(a, v, "u"));
	} else if (strcmp(op, "dh") == 0) {
		expect_agreement(v, DH_X25519, vector_bytes(a, v, "alice_priv"),
			vector_bytes(a, v, "bob_pub"), vector_bytes(a, v, "shared"));
		expect_agreement(v, DH_X25519, vector_bytes(a, v, "bob_priv"),
			vector_bytes(a, v, "alice_pub"), vector_bytes(a, v, "shared"));
	} else {
		expect_agreement(v, DH_X25519, vector_bytes(a, v, "scalar"),
			vector_bytes(a, v, "u"), vector_bytes(a, v, "out"));
	}
}

START_TEST(x25519_published)
{
	agreed = refused = 0;
	ck_assert_uint_eq(vectors_run("x25519.json", check_x25519), 17);
	ck_assert_uint_eq(agreed, 4);
	ck_assert_uint_eq(refused, 14);
}
END_TEST

static void check_x25519_wycheproof(struct arena *a, const json_t *group, const json_t *v)
{
	struct bytes z = vector_bytes(a, v, "shared"), peer = vector_bytes(a, v, "public");
	static const uint8_t zero[X25519_LEN];

	(void)group;
	if (bytes_equal(z, BYTES(zero)))
		expect_refusal(v, DH_X25519, peer);
	else
		expect_agreement(v, DH_X25519, vector_bytes(a, v, "private"), peer, z);
}

START_TEST(x25519_wycheproof)
{
	agreed = refused = 0;
	if (wycheproof_run("x25519_test.json", check_x25519_wycheproof) > 0)
		ck_assert_uint_eq(refused, 31);
}
END_TEST

/* u + p, where that is below 2^255, is u. */
START_TEST(x25519_not_canonical)
{
	uint8_t secret[DH_SECRET_MAX], public_key[X25519_LEN], z[X25519_LEN];
	uint8_t nine_more_than_p[X25519_LEN];

	memset(nine_more_than_p, 0xff, sizeof(nine_more_than_p));
	nine_more_than_p[0] = 0xed + 9;
	nine_more_than_p[31] = 0x7f;
	ck_assert_int_eq(dh_generate(DH_X25519, secret, public_key), FINE);
	ck_assert_int_eq(dh_agree(DH_X25519, secret, BYTES(nine_more_than_p), z), FINE);
	ck_assert_mem_eq(z, public_key, sizeof(z));
}
END_TEST

START_TEST(names)
{
	static const char *const all[] = { "ffdhe2048", "ffdhe3072", "p256", "x25519" };
	static const char *const none[] = { "", "ffdhe", "ffdhe204", "ffdhe20480", "ffdhe4096",
		"P256", "x25519 ", "modp2048" };
	enum dh_group group;

	for (unsigned i = 0; i < DH_GROUP_COUNT; i++) {
		ck_assert(dh_group_read(all[i], strlen(all[i]), &group));
		ck_assert_uint_eq(group, i);
		ck_assert_str_eq(dh_group_name(group), all[i]);
		ck_assert_uint_le(dh_element_len(group), DH_ELEMENT_MAX);
		ck_assert_uint_le(dh_shared_len(group), DH_SHARED_MAX);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert(!dh_group_read(none[i], strlen(none[i]), &group));
}
END_TEST

/* Fresh pairs agree from both sides, and never twice the same. */
START_TEST(round_trip)
{
	for (unsigned g = 0; g < DH_GROUP_COUNT; g++) {
		enum dh_group group = (enum dh_group)g;
		struct bytes before = { 0 };
		uint8_t z[2][DH_SHARED_MAX], last[DH_SHARED_MAX];

		for (int i = 0; i < ROUNDS; i++) {
			uint8_t secret[2][DH_SECRET_MAX], element[2][DH_ELEMENT_MAX];

			for (int side = 0; side < 2; side++)
				ck_assert_int_eq(
					dh_generate(group, secret[side], element[side]), FINE);
			for (int side = 0; side < 2; side++) {
				struct bytes peer = bytes_of(element[!side], dh_element_len(group));

				ck_assert_int_eq(dh_check_element(group, peer), FINE);
				ck_assert_int_eq(
					dh_agree(group, secret[side], peer, z[side]), FINE);
			}
			ck_assert_mem_eq(z[0], z[1], dh_shared_len(group));
			ck_assert(!bytes_equal(before, bytes_of(z[0], dh_shared_len(group))));
			memcpy(last, z[0], sizeof(last));
			before = bytes_of(last, dh_shared_len(group));
		}
	}
}
END_TEST

START_TEST(lengths)
{
	uint8_t secret[DH_SECRET_MAX], z[DH_SHARED_MAX];
	uint8_t element[DH_ELEMENT_MAX + 1] = { 0 };

	for (unsigned g = 0; g < DH_GROUP_COUNT; g++) {
		enum dh_group group = (enum dh_group)g;

		ck_assert_int_eq(dh_generate(group, secret, element), FINE);
		for (size_t len = 0; len <= sizeof(element); len++) {
			struct bytes peer = bytes_of(element, len);
			enum outcome expected =
				len == dh_element_len(group) ? FINE : INVALID_PARAMETER;

			ck_assert_int_eq(dh_check_element(group, peer), expected);
			if (expected != FINE)
				ck_assert_int_eq(dh_agree(group, secret, peer, z), expected);
		}
	}
}
END_TEST

/* Half of all numbers below p are outside the subgroup, and Euler's criterion tells which. */
static void compare_with_euler(enum dh_group group, const BIGNUM *p, BN_CTX *numbers)
{
	BIGNUM *a = BN_new(), *q = BN_new(), *power = BN_new();
	uint8_t element[DH_ELEMENT_MAX];
	int len = (int)dh_element_len(group), inside = 0;

	ck_assert_int_eq(BN_rshift1(q, p), 1);
	for (int i = 0; i < EULER_ROUNDS; i++) {
		ck_assert_int_eq(BN_rand_range(a, p), 1);
		ck_assert_int_eq(BN_mod_exp(power, a, q, p, numbers), 1);
		ck_assert_int_eq(BN_bn2binpad(a, element, len), len);
		ck_assert_int_eq(dh_check_element(group, bytes_of(element, (size_t)len)),
			BN_is_one(power) ? FINE : INVALID_PARAMETER);
		inside += BN_is_one(power);
	}
	ck_assert_int_gt(inside, 0);
	ck_assert_int_lt(inside, EULER_ROUNDS);
	BN_free(power);
	BN_free(q);
	BN_free(a);
}

/* The same against OpenSSL's general power, with the prime of RFC 7919. */
static void compare_with_power(
	enum dh_group group, const BIGNUM *p, size_t exponent, BN_CTX *numbers)
{
	BIGNUM *x = BN_new(), *g = BN_new(), *power = BN_new();
	uint8_t secret[DH_SECRET_MAX], element[DH_ELEMENT_MAX], expected[DH_ELEMENT_MAX];
	int len = (int)dh_element_len(group);

	ck_assert_int_eq(BN_set_word(g, 2), 1);
	for (int i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(dh_generate(group, secret, element), FINE);
		ck_assert_ptr_nonnull(BN_bin2bn(secret, (int)exponent, x));
		ck_assert_int_eq(BN_mod_exp(power, g, x, p, numbers), 1);
		ck_assert_int_eq(BN_bn2binpad(power, expected, len), len);
		ck_assert_mem_eq(element, expected, (size_t)len);
		for (size_t at = exponent; at < sizeof(secret); at++)
			ck_assert_uint_eq(secret[at], 0);
	}
	BN_free(power);
	BN_free(g);
	BN_free(x);
}

START_TEST(fields)
{
	json_error_t error;
	json_t *file = json_load_file("tests/vectors/dh_ffdhe.json", 0, &error);
	BN_CTX *numbers = BN_CTX_new();

	ck_assert_msg(file != NULL, "%s", error.text);
	for (unsigned group = DH_FFDHE2048; group <= DH_FFDHE3072; group++) {
		const json_t *of_group = json_object_get(
			json_object_get(file, "groups"), dh_group_name((enum dh_group)group));
		BIGNUM *p = NULL;

		ck_assert_int_gt(BN_hex2bn(&p, vector_text(of_group, "p")), 0);
		compare_with_euler((enum dh_group)group, p, numbers);
		compare_with_power(
			(enum dh_group)group, p, group == DH_FFDHE2048 ? 32 : 40, numbers);
		BN_free(p);
	}
	BN_CTX_free(numbers);
	json_decref(file);
}
END_TEST

/* Against BN_kronecker, with moduli of every length: not all are coprime to the number. */
START_TEST(jacobi_symbol)
{
	uint64_t words[2][JACOBI_WORDS_MAX];
	BN_CTX *numbers = BN_CTX_new();
	BIGNUM *a = BN_new(), *n = BN_new();
	int seen[3] = { 0 };

	for (int bits = 2; bits <= 64 * JACOBI_WORDS_MAX; bits += bits < 200 ? 1 : 37) {
		ck_assert_int_eq(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
		do
			ck_assert_int_eq(BN_rand_range(a, n), 1);
		while (BN_is_zero(a));
		ck_assert_int_gt(BN_bn2nativepad(a, (uint8_t *)words[0], sizeof(words[0])), 0);
		ck_assert_int_gt(BN_bn2nativepad(n, (uint8_t *)words[1], sizeof(words[1])), 0);
		int symbol = jacobi(words[0], words[1], JACOBI_WORDS_MAX);

		ck_assert_int_eq(symbol, BN_kronecker(a, n, numbers));
		seen[symbol + 1]++;
	}
	ck_assert(seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
	ck_assert_int_eq(jacobi(words[0], words[1], 0), 0);
	ck_assert_int_eq(jacobi(words[0], words[1], JACOBI_WORDS_MAX + 1), 0);
	BN_free(n);
	BN_free(a);
	BN_CTX_free(numbers);
}
END_TEST

static void *use_all_groups(void *fine)
{
	uint8_t secret[DH_SECRET_MAX], element[DH_ELEMENT_MAX], z[DH_SHARED_MAX];

	*(bool *)fine = true;
	for (unsigned g = 0; g < DH_GROUP_COUNT; g++) {
		enum dh_group group = (enum dh_group)g;

		if (dh_generate(group, secret, element) != FINE ||
			dh_agree(group, secret, bytes_of(element, dh_element_len(group)), z) !=
				FINE)
			*(bool *)fine = false;
	}
	return NULL;
}

/* Four threads make the fields at once. */
START_TEST(many_threads)
{
	pthread_t threads[4];
	bool fine[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use_all_groups, &fine[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		ck_assert(fine[i]);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { names, ffdhe_published, x25519_published, x25519_wycheproof,
		x25519_not_canonical, round_trip, lengths, fields, jacobi_symbol, many_threads };

	return suite_run("crypto/dh_group, crypto/x25519, crypto/jacobi", tests,
		sizeof(tests) / sizeof(tests[0]));
}

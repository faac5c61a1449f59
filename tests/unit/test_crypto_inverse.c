/* Inverses, against BN_mod_inverse. */
#include <openssl/bn.h>

#include "crypto/inverse.h"
#include "tests/unit/suite.h"

#define P256_ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

static BN_CTX *numbers;

static void to_words(const BIGNUM *number, uint64_t words[INVERSE_WORDS])
{
	ck_assert_int_gt(
		BN_bn2nativepad(number, (uint8_t *)words, INVERSE_WORDS * sizeof(words[0])), 0);
}

/* Whether there is one. */
static bool compare(const BIGNUM *a, const BIGNUM *n)
{
	uint64_t own[INVERSE_WORDS], modulus[INVERSE_WORDS], expected[INVERSE_WORDS];
	BIGNUM *inverse = BN_new();

	to_words(a, own);
	to_words(n, modulus);
	bool is_there = BN_mod_inverse(inverse, a, n, numbers) != NULL;

	ck_assert_int_eq(inverse_of(own, modulus, own), is_there);
	if (is_there) {
		to_words(inverse, expected);
		ck_assert_mem_eq(own, expected, sizeof(own));
	}
	BN_free(inverse);
	return is_there;
}

/* Moduli of every length; not all are coprime to the number. */
START_TEST(random_moduli)
{
	BIGNUM *a = BN_new(), *n = BN_new();
	int seen[2] = { 0 };

	numbers = BN_CTX_new();
	for (int bits = 2; bits <= 64 * INVERSE_WORDS; bits++)
		for (int turn = 0; turn < 20; turn++) {
			ck_assert_int_eq(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
			do
				ck_assert_int_eq(BN_rand_range(a, n), 1);
			while (BN_is_zero(a));
			seen[compare(a, n)]++;
		}
	ck_assert(seen[false] > 0 && seen[true] > 0);
	BN_free(n);
	BN_free(a);
	BN_CTX_free(numbers);
}
END_TEST

/* 2^i, 2^i - 1 and their negatives. */
static void compare_near(int i, const BIGNUM *q)
{
	BIGNUM *a = BN_new();

	for (int less = 0; less < 2; less++) {
		ck_assert_int_eq(BN_set_word(a, 1), 1);
		ck_assert_int_eq(BN_lshift(a, a, i), 1);
		ck_assert_int_eq(BN_sub_word(a, (BN_ULONG)less), 1);
		if (BN_is_zero(a) || BN_cmp(a, q) >= 0)
			continue;
		ck_assert(compare(a, q));
		ck_assert_int_eq(BN_sub(a, q, a), 1);
		ck_assert(compare(a, q));
	}
	BN_free(a);
}

START_TEST(order_of_p256)
{
	BIGNUM *a = BN_new(), *q = NULL;

	numbers = BN_CTX_new();
	ck_assert_int_gt(BN_hex2bn(&q, P256_ORDER), 0);
	for (int i = 0; i < 256; i++)
		compare_near(i, q);
	for (int i = 0; i < 20000; i++) {
		do
			ck_assert_int_eq(BN_rand_range(a, q), 1);
		while (BN_is_zero(a));
		ck_assert(compare(a, q));
	}
	BN_free(q);
	BN_free(a);
	BN_CTX_free(numbers);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { random_moduli, order_of_p256 };

	return suite_run("crypto/inverse", tests, sizeof(tests) / sizeof(tests[0]));
}

/*
 * The comb of Lim and Lee. Bit t * columns + column of the exponent is tooth t of that column;
 * the columns lie in COMB_BLOCKS runs side by side, each with entries for what its teeth weigh, so
 * that one squaring serves a column of every run.
 *
 * Entry 0 would be 1, which in Montgomery form is a word shorter than the primes of RFC 7919, and
 * BN_mod_mul_montgomery() takes another, slower way with it: one would see how often it is used. So
 * each entry has the factor base^-(2^run) as well, and the power begins at what makes up for it,
 * base^(COMB_BLOCKS (2^run - 1)).
 */
#include "crypto/dh_comb.h"

#include "base/secret.h"

#define COMB_RUN_MAX 32

static bool put(const struct comb *c, const BIGNUM *value, uint64_t *words)
{
	return BN_bn2binpad(value, (uint8_t *)words, (int)c->len) == (int)c->len;
}

/* BN_bin2bn() passes over leading zero bytes, which would tell of the entry: there are none. */
static bool get(const struct comb *c, const uint64_t *words, BIGNUM *value)
{
	uint8_t with_one[1 + sizeof(c->start)] = { 1 };

	memcpy(with_one + 1, words, c->len);
	bool done = BN_bin2bn(with_one, (int)c->len + 1, value) != NULL &&
		    BN_mask_bits(value, 8 * (int)c->len) == 1;

	wipe(with_one, sizeof(with_one));
	return done;
}

/* The entries with this tooth and lower ones: those without it times what it weighs. */
static bool add_tooth(
	struct comb *c, size_t block, size_t tooth, const BIGNUM *weight, BN_CTX *numbers)
{
	BIGNUM *value = BN_new();
	size_t first = (size_t)1 << tooth;
	bool done = value != NULL;

	for (size_t i = 0; done && i < first; i++)
		done = get(c, c->entries[block][i], value) &&
		       BN_mod_mul_montgomery(value, value, weight, c->mont, numbers) == 1 &&
		       put(c, value, c->entries[block][first + i]);
	BN_free(value);
	return done;
}

/* Squares the base once for every bit of an exponent, and takes what a tooth weighs in passing. */
static bool fill(struct comb *c, BIGNUM *square, BN_CTX *numbers)
{
	size_t run = c->columns / COMB_BLOCKS;

	for (size_t bit = 0; bit < COMB_TEETH * c->columns; bit++) {
		size_t column = bit % c->columns;

		if (column % run == 0 &&
			!add_tooth(c, column / run, bit / c->columns, square, numbers))
			return false;
		if (BN_mod_mul_montgomery(square, square, square, c->mont, numbers) != 1)
			return false;
	}
	return true;
}

/* The start, and every block's entry 0. */
static bool put_factors(struct comb *c, const BIGNUM *base, const BIGNUM *modulus, BN_CTX *numbers)
{
	BN_ULONG weight = (BN_ULONG)1 << c->columns / COMB_BLOCKS;
	BIGNUM *power = BN_new(), *factor = BN_new();
	bool done = power != NULL && factor != NULL && BN_set_word(power, weight) == 1 &&
		    BN_mod_exp(factor, base, power, modulus, numbers) == 1 &&
		    BN_mod_inverse(factor, factor, modulus, numbers) != NULL &&
		    BN_to_montgomery(factor, factor, c->mont, numbers) == 1;

	for (size_t block = 0; done && block < COMB_BLOCKS; block++)
		done = put(c, factor, c->entries[block][0]);
	done = done && BN_set_word(power, COMB_BLOCKS * (weight - 1)) == 1 &&
	       BN_mod_exp(factor, base, power, modulus, numbers) == 1 &&
	       BN_to_montgomery(factor, factor, c->mont, numbers) == 1 && put(c, factor, c->start);
	BN_free(factor);
	BN_free(power);
	return done;
}

bool comb_make(struct comb *c, const BIGNUM *base, const BIGNUM *modulus, BN_MONT_CTX *mont,
	size_t exponent_len)
{
	c->mont = mont;
	c->len = (size_t)BN_num_bytes(modulus);
	c->columns = 8 * exponent_len / COMB_TEETH;
	if (c->len > sizeof(c->start) || c->len % sizeof(uint64_t) != 0 ||
		c->columns % COMB_BLOCKS != 0 || c->columns / COMB_BLOCKS > COMB_RUN_MAX)
		return false;
	BN_CTX *numbers = BN_CTX_new();
	BIGNUM *square = BN_new();
	bool made = numbers != NULL && square != NULL && put_factors(c, base, modulus, numbers) &&
		    BN_to_montgomery(square, base, mont, numbers) == 1 && fill(c, square, numbers);

	BN_free(square);
	BN_CTX_free(numbers);
	return made;
}

/* The teeth of a column: exponent is big-endian. */
static uint64_t teeth_of(const struct comb *c, const uint8_t *exponent, size_t column)
{
	size_t len = COMB_TEETH * c->columns / 8;
	uint64_t teeth = 0;

	for (size_t t = 0; t < COMB_TEETH; t++) {
		size_t bit = t * c->columns + column;

		teeth |= (uint64_t)(exponent[len - 1 - bit / 8] >> bit % 8 & 1) << t;
	}
	return teeth;
}

/* Reads every entry of the block, so that memory does not tell which was meant. */
static void pick(const uint64_t block[COMB_ENTRIES][COMB_WORDS_MAX], uint64_t teeth, size_t words,
	uint64_t *out)
{
	memset(out, 0, words * sizeof(*out));
	for (uint64_t entry = 0; entry < COMB_ENTRIES; entry++) {
		uint64_t differs = entry ^ teeth;
		uint64_t mask = (differs | -differs) >> 63;

		mask -= 1; /* all ones where entry is teeth, else 0 */
		for (size_t i = 0; i < words; i++)
			out[i] |= block[entry][i] & mask;
	}
}

bool comb_power(const struct comb *c, const uint8_t *exponent, BIGNUM *out, BN_CTX *numbers)
{
	size_t run = c->columns / COMB_BLOCKS;
	uint64_t picked[COMB_WORDS_MAX];
	BIGNUM *factor = BN_new();
	bool done = factor != NULL && get(c, c->start, out);

	for (size_t at = run; done && at-- > 0;) {
		done = BN_mod_mul_montgomery(out, out, out, c->mont, numbers) == 1;
		for (size_t block = 0; done && block < COMB_BLOCKS; block++) {
			uint64_t teeth = teeth_of(c, exponent, block * run + at);

			pick(c->entries[block], teeth, c->len / sizeof(uint64_t), picked);
			done = get(c, picked, factor) &&
			       BN_mod_mul_montgomery(out, out, factor, c->mont, numbers) == 1;
		}
	}
	wipe(picked, sizeof(picked));
	BN_clear_free(factor);
	return done && BN_from_montgomery(out, out, c->mont, numbers) == 1;
}

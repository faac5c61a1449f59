/*
 * Beside f and g, which begin as n and a, go d and e with f = d a and g = e a modulo n: what is done to
 * f and g is done to them modulo n, so that d is the inverse where f is 1.
 */
#include "crypto/inverse.h"

#include <string.h>

#include "crypto/halvings.h"

#define LOW_BITS ((UINT64_C(1) << HALVINGS) - 1)

struct modulus {
	const uint64_t *n;
	uint64_t minus_inverse; /* -1/n modulo 2^64 */
};

/* Each turn doubles the bits that are right: of n itself three are. */
static uint64_t minus_inverse_of(uint64_t n)
{
	uint64_t x = n;

	for (int bits = 3; bits < 64; bits *= 2)
		x *= 2 - n * x;
	return -x;
}

/* out := in - n, unless that is below 0. in has one word more, which is 0 or 1. */
static void take_below(
	const uint64_t in[INVERSE_WORDS + 1], const uint64_t *n, uint64_t out[INVERSE_WORDS])
{
	uint64_t less[INVERSE_WORDS];
	unsigned char borrow = 0;

	for (int i = 0; i < INVERSE_WORDS; i++) {
		unsigned __int128 part = (unsigned __int128)in[i] - n[i] - borrow;

		less[i] = (uint64_t)part;
		borrow = part >> 64 != 0;
	}
	memcpy(out, in[INVERSE_WORDS] < borrow ? in : less, sizeof(less));
}

/* (by_d d + by_e e) / 2^62 modulo n: so often n is added that the low 62 bits are 0. */
static void combine(const struct modulus *m, const uint64_t *d, uint64_t by_d, const uint64_t *e,
	uint64_t by_e, uint64_t out[INVERSE_WORDS])
{
	uint64_t sum[INVERSE_WORDS + 1], times = 0;
	unsigned __int128 carry = 0, carry_n = 0;

	for (int i = 0; i < INVERSE_WORDS; i++) {
		carry += (unsigned __int128)by_d * d[i] + (unsigned __int128)by_e * e[i];
		if (i == 0)
			times = (uint64_t)carry * m->minus_inverse & LOW_BITS;
		carry_n += (unsigned __int128)times * m->n[i] + (uint64_t)carry;
		sum[i] = (uint64_t)carry_n;
		carry >>= 64;
		carry_n >>= 64;
	}
	sum[INVERSE_WORDS] = (uint64_t)(carry + carry_n);
	for (int i = 0; i < INVERSE_WORDS; i++)
		sum[i] = sum[i] >> HALVINGS | sum[i + 1] << (64 - HALVINGS);
	sum[INVERSE_WORDS] >>= HALVINGS;
	take_below(sum, m->n, out);
}

bool inverse_of(const uint64_t a[INVERSE_WORDS], const uint64_t n[INVERSE_WORDS],
	uint64_t out[INVERSE_WORDS])
{
	const struct modulus m = { n, minus_inverse_of(n[0]) };
	uint64_t f[INVERSE_WORDS], g[INVERSE_WORDS], d[INVERSE_WORDS] = { 0 },
						     e[INVERSE_WORDS] = { 1 };
	int64_t balance = HALVINGS_BALANCE;
	unsigned flips = 0;

	memcpy(f, n, sizeof(f));
	memcpy(g, a, sizeof(g));
	for (size_t turns = halvings_most(INVERSE_WORDS); turns > 0; turns--) {
		uint64_t next[INVERSE_WORDS];
		struct halvings h;

		balance = halvings_find(balance, f[0], g[0], &h, &flips);
		halvings_do(&h, f, g, INVERSE_WORDS);
		combine(&m, d, h.u, e, h.v, next);
		combine(&m, d, h.q, e, h.r, e);
		memcpy(d, next, sizeof(d));
		if (halvings_at_one(f, INVERSE_WORDS)) {
			memcpy(out, d, sizeof(d));
			return true;
		}
	}
	return false;
}

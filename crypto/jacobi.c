/*
 * By division steps on the low words, as Bernstein and Yang have them for the inverse, in the form
 * that keeps both numbers positive: of an even g the twos are taken out; an odd g has an odd multiple
 * of f added that makes it even, after a swap where g has been halved oftener than f. Sixty-two
 * halvings are found on one word each, and done to the whole numbers at once.
 */
#include "crypto/jacobi.h"

#include <stdbool.h>
#include <string.h>

#define BATCH 62

/* What a batch does: f, g := (u f + v g, q f + r g) / 2^62. */
struct batch {
	uint64_t u, v, q, r;
};

/* Adds the products to *sum and takes its low word; u + v and q + r of a batch are at most 2^62. */
static uint64_t add_products(
	unsigned __int128 *sum, uint64_t f, uint64_t by_f, uint64_t g, uint64_t by_g)
{
	*sum += (unsigned __int128)by_f * f + (unsigned __int128)by_g * g;
	uint64_t low = (uint64_t)*sum;

	*sum >>= 64;
	return low;
}

static void apply(const struct batch *b, uint64_t *f, uint64_t *g, size_t words)
{
	unsigned __int128 sum_f = 0, sum_g = 0;
	uint64_t low_f = add_products(&sum_f, f[0], b->u, g[0], b->v);
	uint64_t low_g = add_products(&sum_g, f[0], b->q, g[0], b->r);

	for (size_t i = 1; i < words; i++) {
		uint64_t high_f = add_products(&sum_f, f[i], b->u, g[i], b->v);
		uint64_t high_g = add_products(&sum_g, f[i], b->q, g[i], b->r);

		f[i - 1] = low_f >> BATCH | high_f << (64 - BATCH);
		g[i - 1] = low_g >> BATCH | high_g << (64 - BATCH);
		low_f = high_f;
		low_g = high_g;
	}
	f[words - 1] = low_f >> BATCH | (uint64_t)sum_f << (64 - BATCH);
	g[words - 1] = low_g >> BATCH | (uint64_t)sum_g << (64 - BATCH);
}

static void swap(uint64_t *a, uint64_t *b)
{
	uint64_t kept = *a;

	*a = *b;
	*b = kept;
}

/*
 * Finds one batch from the low words. balance falls with each halving of g and changes its sign with
 * each swap, which comes when it is below 0. *flips: its lowest bit turns where the symbol's sign
 * does: (2/f) = -1 for f = 3 or 5 mod 8, and (f/g) (g/f) = -1 where both are 3 mod 4. Two bits are
 * left above those that are halved away, which is what this looks at.
 */
static int64_t find_batch(int64_t balance, uint64_t f, uint64_t g, struct batch *b, unsigned *flips)
{
	int left = BATCH;

	*b = (struct batch){ .u = 1, .r = 1 };
	for (;;) {
		int zeros = __builtin_ctzll(g | UINT64_MAX << left);

		g >>= zeros;
		b->u <<= zeros;
		b->v <<= zeros;
		balance -= zeros;
		left -= zeros;
		*flips ^= (unsigned)zeros & (unsigned)(f >> 1 ^ f >> 2);
		if (left == 0)
			return balance;
		if (balance < 0) {
			balance = -balance;
			*flips ^= (unsigned)((f & g) >> 1);
			swap(&f, &g);
			swap(&b->u, &b->q);
			swap(&b->v, &b->r);
		}
		/* -g/f modulo 16, or less where the batch or the time to the next swap is shorter. */
		int most = balance + 1 < left ? (int)balance + 1 : left;
		uint64_t inverse = f + (((f + 1) & 4) << 1);
		uint64_t times = -g * inverse & ((UINT64_C(1) << (most < 4 ? most : 4)) - 1);

		g += f * times;
		b->q += b->u * times;
		b->r += b->v * times;
	}
}

static bool is_one(const uint64_t *number, size_t words)
{
	uint64_t others = number[0] ^ 1;

	for (size_t i = 1; i < words; i++)
		others |= number[i];
	return others == 0;
}

int jacobi(const uint64_t *a, const uint64_t *n, size_t words)
{
	uint64_t f[JACOBI_WORDS_MAX], g[JACOBI_WORDS_MAX];
	int64_t balance = -1;
	unsigned flips = 0;

	if (words == 0 || words > JACOBI_WORDS_MAX)
		return 0;
	memcpy(f, n, words * sizeof(*f));
	memcpy(g, a, words * sizeof(*g));
	/* It takes about three halvings a bit; that it must end has not been shown. */
	for (size_t batches = 6 * words; batches > 0; batches--) {
		struct batch b;

		balance = find_batch(balance, f[0], g[0], &b, &flips);
		apply(&b, f, g, words);
		if (is_one(f, words))
			return flips & 1 ? -1 : 1;
		while (words > 1 && f[words - 1] == 0 && g[words - 1] == 0)
			words--;
	}
	return 0;
}

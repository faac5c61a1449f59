#include "crypto/halvings.h"

/* Adds the products to *sum and takes its low word. */
static uint64_t add_products(
	unsigned __int128 *sum, uint64_t f, uint64_t by_f, uint64_t g, uint64_t by_g)
{
	*sum += (unsigned __int128)by_f * f + (unsigned __int128)by_g * g;
	uint64_t low = (uint64_t)*sum;

	*sum >>= 64;
	return low;
}

void halvings_do(const struct halvings *h, uint64_t *f, uint64_t *g, size_t words)
{
	unsigned __int128 sum_f = 0, sum_g = 0;
	uint64_t low_f = add_products(&sum_f, f[0], h->u, g[0], h->v);
	uint64_t low_g = add_products(&sum_g, f[0], h->q, g[0], h->r);

	for (size_t i = 1; i < words; i++) {
		uint64_t high_f = add_products(&sum_f, f[i], h->u, g[i], h->v);
		uint64_t high_g = add_products(&sum_g, f[i], h->q, g[i], h->r);

		f[i - 1] = low_f >> HALVINGS | high_f << (64 - HALVINGS);
		g[i - 1] = low_g >> HALVINGS | high_g << (64 - HALVINGS);
		low_f = high_f;
		low_g = high_g;
	}
	f[words - 1] = low_f >> HALVINGS | (uint64_t)sum_f << (64 - HALVINGS);
	g[words - 1] = low_g >> HALVINGS | (uint64_t)sum_g << (64 - HALVINGS);
}

static void swap(uint64_t *a, uint64_t *b)
{
	uint64_t kept = *a;

	*a = *b;
	*b = kept;
}

/*
 * A swap comes when the balance is below 0. The signs: (2/f) = -1 for f = 3 or 5 mod 8, and
 * (f/g) (g/f) = -1 where both are 3 mod 4. Two bits are left above those that are halved away, which
 * is what this looks at.
 */
int64_t halvings_find(
	int64_t balance, uint64_t f, uint64_t g, struct halvings *out, unsigned *flips)
{
	struct halvings h = { .u = 1, .r = 1 };
	int left = HALVINGS;

	for (;;) {
		int zeros = __builtin_ctzll(g | UINT64_MAX << left);

		g >>= zeros;
		h.u <<= zeros;
		h.v <<= zeros;
		balance -= zeros;
		left -= zeros;
		*flips ^= (unsigned)zeros & (unsigned)(f >> 1 ^ f >> 2);
		if (left == 0)
			break;
		if (balance < 0) {
			balance = -balance;
			*flips ^= (unsigned)((f & g) >> 1);
			swap(&f, &g);
			swap(&h.u, &h.q);
			swap(&h.v, &h.r);
		}
		/* -g/f modulo 16, or less where the halvings or the time to the next swap are fewer. */
		int most = balance + 1 < left ? (int)balance + 1 : left;
		uint64_t inverse = f + (((f + 1) & 4) << 1);
		uint64_t times = -g * inverse & ((UINT64_C(1) << (most < 4 ? most : 4)) - 1);

		g += f * times;
		h.q += h.u * times;
		h.r += h.v * times;
	}
	*out = h;
	return balance;
}

size_t halvings_most(size_t words)
{
	return 6 * words;
}

bool halvings_at_one(const uint64_t *number, size_t words)
{
	uint64_t others = number[0] ^ 1;

	for (size_t i = 1; i < words; i++)
		others |= number[i];
	return others == 0;
}

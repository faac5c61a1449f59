#include "crypto/jacobi.h"

#include <string.h>

#include "crypto/halvings.h"

int jacobi(const uint64_t *a, const uint64_t *n, size_t words)
{
	uint64_t f[JACOBI_WORDS_MAX], g[JACOBI_WORDS_MAX];
	int64_t balance = HALVINGS_BALANCE;
	unsigned flips = 0;

	if (words == 0 || words > JACOBI_WORDS_MAX)
		return 0;
	memcpy(f, n, words * sizeof(*f));
	memcpy(g, a, words * sizeof(*g));
	for (size_t turns = halvings_most(words); turns > 0; turns--) {
		struct halvings h;

		balance = halvings_find(balance, f[0], g[0], &h, &flips);
		halvings_do(&h, f, g, words);
		if (halvings_at_one(f, words))
			return flips & 1 ? -1 : 1;
		while (words > 1 && f[words - 1] == 0 && g[words - 1] == 0)
			words--;
	}
	return 0;
}

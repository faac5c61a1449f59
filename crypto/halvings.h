/*
 * Division steps on the low words, as Bernstein and Yang have them for the inverse, in the form that
 * keeps both numbers positive: of an even g the twos are taken out; an odd g has an odd multiple of f
 * added that makes it even, after a swap where g has been halved oftener than f. Sixty-two halvings
 * are found on one word each, and done to the whole numbers at once. In the end f is the greatest
 * common divisor of both. Public numbers only: its time tells what they are. Private to crypto/.
 */
#ifndef CRYPTO_HALVINGS_H
#define CRYPTO_HALVINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HALVINGS 62

/* What they do: f, g := (u f + v g, q f + r g) / 2^62. u + v and q + r are at most 2^62. */
struct halvings {
	uint64_t u, v, q, r;
};

/* balance before the first. It falls with each halving of g and changes its sign with each swap. */
#define HALVINGS_BALANCE (-1)

/*
 * Finds them from the low words of an odd f and of g, and answers the new balance. *flips: its lowest
 * bit turns where the sign of the Jacobi symbol (g/f) does.
 */
int64_t halvings_find(
	int64_t balance, uint64_t f, uint64_t g, struct halvings *out, unsigned *flips);
/* Does them to numbers of so many words, the least significant first. */
void halvings_do(const struct halvings *h, uint64_t *f, uint64_t *g, size_t words);
/* How many times 62 to do at most: it takes about three a bit; that it must end has not been shown. */
size_t halvings_most(size_t words);
/* Whether a number is 1. */
bool halvings_at_one(const uint64_t *number, size_t words);

#endif

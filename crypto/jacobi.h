/* The Jacobi symbol, of public numbers only: its time tells what they are. Private to crypto/. */
#ifndef CRYPTO_JACOBI_H
#define CRYPTO_JACOBI_H

#include <stddef.h>
#include <stdint.h>

#define JACOBI_WORDS_MAX 48

/*
 * (a/n) for an odd n and a != 0, both of `words` words of 64 bits, the least significant first: 1 or
 * -1; 0 where it found none, which it always does where a and n share a factor. Several times as fast
 * as BN_kronecker.
 */
int jacobi(const uint64_t *a, const uint64_t *n, size_t words);

#endif

/* Inverses of public numbers: the time tells what they are. Private to crypto/. */
#ifndef CRYPTO_INVERSE_H
#define CRYPTO_INVERSE_H

#include <stdbool.h>
#include <stdint.h>

#define INVERSE_WORDS 4

/*
 * 1/a modulo an odd n, for 0 < a < n, of 256 bits each, the least significant word first; below n.
 * False where it found none, which it always does where a and n share a factor. Several times as fast
 * as BN_mod_inverse.
 */
bool inverse_of(const uint64_t a[INVERSE_WORDS], const uint64_t n[INVERSE_WORDS],
	uint64_t out[INVERSE_WORDS]);

#endif

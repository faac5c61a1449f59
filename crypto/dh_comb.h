/*
 * Powers of one base that never changes, from a table of its powers: a key pair in a third of what
 * the general power takes. Private to crypto/.
 */
#ifndef CRYPTO_DH_COMB_H
#define CRYPTO_DH_COMB_H

#include <openssl/bn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMB_WORDS_MAX 48
#define COMB_TEETH     4
#define COMB_BLOCKS    4
#define COMB_ENTRIES   (1 << COMB_TEETH)

/* Immutable once made: any thread. */
struct comb {
	BN_MONT_CTX *mont;
	size_t len;     /* bytes of an entry: of the modulus, whose length is of whole words */
	size_t columns; /* bits of an exponent over COMB_TEETH */
	/* in Montgomery form; entries by block and by the teeth that are set */
	uint64_t start[COMB_WORDS_MAX];
	uint64_t entries[COMB_BLOCKS][COMB_ENTRIES][COMB_WORDS_MAX];
};

/* exponent_len in bytes; mont stays with the caller and must outlive the comb. false: no memory. */
bool comb_make(struct comb *c, const BIGNUM *base, const BIGNUM *modulus, BN_MONT_CTX *mont,
	size_t exponent_len);
/*
 * out = base ^ exponent, of the length the comb was made for: the same time and the same memory
 * touched whatever the exponent is. The caller wipes out; what it leaves in numbers is secret.
 */
bool comb_power(const struct comb *c, const uint8_t *exponent, BIGNUM *out, BN_CTX *numbers);

#endif

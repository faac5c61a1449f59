/*
 * P-256: points, agreement, ECDSA with SHA-256 (FIPS 186-4, SEC 1).
 *
 * Points on the wire are uncompressed SEC1, 65 bytes; a received one is checked to be on the curve
 * and not infinity before it is used. Signatures are r, s of 32 bytes each, big-endian. The objects
 * here keep OpenSSL groups and keys for reuse, because making one costs more than using it.
 *
 * A scalar is 1 to q - 1, else the answer is BROKEN: it is our own. Agreement, signing and key
 * generation take the same time whatever it is. Any thread may call anything here.
 *
 * struct p256_public is immutable once made and may be used by many threads at once.
 */
#ifndef CRYPTO_P256_H
#define CRYPTO_P256_H

#include "base/bytes.h"

#define P256_POINT_LEN      65
#define P256_COMPRESSED_LEN 33
#define P256_SCALAR_LEN     32
#define P256_SIGNATURE_LEN  64

/* INVALID_PARAMETER where the bytes are no uncompressed point of the curve. */
enum outcome p256_check_point(struct bytes point);
/* Of a point that has been checked: looks at its first byte only. */
enum outcome p256_compress(const uint8_t point[P256_POINT_LEN], uint8_t out[P256_COMPRESSED_LEN]);
/* Takes 33 or 65 bytes; INVALID_PARAMETER where they are no point. */
enum outcome p256_uncompress(struct bytes point, uint8_t out[P256_POINT_LEN]);

/* A fresh key pair. The scalar is secret; the caller wipes it. */
enum outcome p256_generate(uint8_t scalar[P256_SCALAR_LEN], uint8_t point[P256_POINT_LEN]);
/* The public point of a scalar. */
enum outcome p256_public_of(const uint8_t scalar[P256_SCALAR_LEN], uint8_t point[P256_POINT_LEN]);
/* x-coordinate of scalar * peer; checks the peer first. INVALID_PARAMETER where it is no point. */
enum outcome p256_agree(
	const uint8_t scalar[P256_SCALAR_LEN], struct bytes peer, uint8_t z[P256_SCALAR_LEN]);
/* ECDSA over a SHA-256 digest. */
enum outcome p256_sign(const uint8_t scalar[P256_SCALAR_LEN], const uint8_t digest[32],
	uint8_t signature[P256_SIGNATURE_LEN]);

/*
 * Verifies once with a key that does not recur (about 65 us). SIGNATURE_INVALID, INVALID_PARAMETER.
 */
enum outcome p256_verify(
	struct bytes point, const uint8_t digest[32], const uint8_t signature[P256_SIGNATURE_LEN]);

/*
 * A key under which signatures recur: an issuer. Begins as a plain key; after
 * P256_PRECOMPUTE_AFTER verifications the calling thread builds a table of multiples of the key
 * (26 ms once), from then on a verification is two table multiplications (about 25 us).
 */
struct p256_public;
#define P256_PRECOMPUTE_AFTER 512

enum outcome p256_public_new(struct bytes point, struct p256_public **out);
void p256_public_free(struct p256_public *key);
/* Any thread. SIGNATURE_INVALID where it does not verify. */
enum outcome p256_public_verify(struct p256_public *key, const uint8_t digest[32],
	const uint8_t signature[P256_SIGNATURE_LEN]);
/* Builds the table now; for benchmarks and tests. */
enum outcome p256_public_precompute(struct p256_public *key);

/*
 * ECDSA-Sig-Value (DER, RFC 3279 section 2.2.3) to r, s; false where it is not strict DER or r, s >
 * 32 bytes.
 */
bool p256_signature_from_der(struct bytes der, uint8_t signature[P256_SIGNATURE_LEN]);
/* out holds at least 72 bytes; returns the length. */
size_t p256_signature_to_der(const uint8_t signature[P256_SIGNATURE_LEN], uint8_t out[72]);

#endif

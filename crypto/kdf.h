/*
 * Key derivation functions. Pure: nothing is kept. What they write is secret; the caller wipes it.
 * All answer BROKEN only where OpenSSL itself fails or an argument is outside the function's range,
 * and NO_MEMORY where a thread's first call finds none. Any thread.
 */
#ifndef CRYPTO_KDF_H
#define CRYPTO_KDF_H

#include "base/bytes.h"

#define SHA256_LEN 32

/* SHA-256 of the parts, one after the other. */
enum outcome sha256(const struct bytes *parts, size_t count, uint8_t out[SHA256_LEN]);
/* HMAC-SHA-256 (RFC 2104) over the parts, one after the other. */
enum outcome hmac_sha256(
	struct bytes key, const struct bytes *parts, size_t count, uint8_t out[SHA256_LEN]);
/* ANSI X9.63 with SHA-256: SHA-256(z, counter from 1 in 4 bytes, shared_info), concatenated. */
enum outcome x963_sha256(struct bytes z, struct bytes shared_info, uint8_t *out, size_t len);
/* RFC 5869 with SHA-256; len at most 255 * 32. */
enum outcome hkdf_sha256(
	struct bytes salt, struct bytes ikm, struct bytes info, uint8_t *out, size_t len);
enum outcome hkdf_expand_sha256(struct bytes prk, struct bytes info, uint8_t *out, size_t len);
/* TS 33.220 clause B.2: HMAC-SHA-256(key, FC, P0, L0, P1, L1, ...); at most 8 parameters. */
enum outcome kdf_3gpp(struct bytes key, uint8_t fc, const struct bytes *parameters, size_t count,
	uint8_t out[SHA256_LEN]);

#endif

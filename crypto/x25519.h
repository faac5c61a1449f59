/*
 * X25519 (RFC 7748): a secret is any 32 bytes, a public key is any 32 bytes, also one that is not
 * below p. A shared secret that is all zero shows a public key of small order, and is refused. Takes
 * the same time whatever the secret is. Any thread.
 */
#ifndef CRYPTO_X25519_H
#define CRYPTO_X25519_H

#include "base/bytes.h"

#define X25519_LEN 32

/* A fresh key pair. The caller wipes the secret. */
enum outcome x25519_generate(uint8_t secret[X25519_LEN], uint8_t public_key[X25519_LEN]);
/* The public key of a secret. */
enum outcome x25519_public_of(const uint8_t secret[X25519_LEN], uint8_t public_key[X25519_LEN]);
/* INVALID_PARAMETER where the peer's key is of another length or of small order. */
enum outcome x25519_agree(
	const uint8_t secret[X25519_LEN], struct bytes peer, uint8_t z[X25519_LEN]);

#endif

/*
 * The Diffie-Hellman groups of Solution #12.x: ffdhe2048 and ffdhe3072 (RFC 7919), P-256, X25519
 * (RFC 7748). Elements have a fixed length; what another sent is fully validated before a secret
 * touches it: 2 <= A <= p - 2 and A in the subgroup of order q; on the curve; shared secret not all
 * zero. Exponents and shared secrets are handled in constant time; the caller wipes them. Any thread.
 */
#ifndef CRYPTO_DH_GROUP_H
#define CRYPTO_DH_GROUP_H

#include "base/bytes.h"

enum dh_group { DH_FFDHE2048, DH_FFDHE3072, DH_P256, DH_X25519, DH_GROUP_COUNT };

#define DH_ELEMENT_MAX 384
#define DH_SHARED_MAX  384
#define DH_SECRET_MAX  48 /* ffdhe: an exponent of twice the group's strength or more */

/* "ffdhe2048", "ffdhe3072", "p256", "x25519"; false for any other. */
bool dh_group_read(const char *text, size_t len, enum dh_group *group);
const char *dh_group_name(enum dh_group group);
size_t dh_element_len(enum dh_group group); /* 256, 384, 65, 32 */
size_t dh_shared_len(enum dh_group group);  /* 256, 384, 32, 32 */

/* A fresh secret and its element of dh_element_len() bytes. */
enum outcome dh_generate(enum dh_group group, uint8_t secret[DH_SECRET_MAX], uint8_t *element);
/* INVALID_PARAMETER: wrong length, out of range, outside the subgroup, off the curve. */
enum outcome dh_check_element(enum dh_group group, struct bytes element);
/*
 * Z of dh_shared_len() bytes, left-padded. Checks the peer's element first; INVALID_PARAMETER also
 * where Z shows it to be of small order.
 */
enum outcome dh_agree(
	enum dh_group group, const uint8_t secret[DH_SECRET_MAX], struct bytes peer, uint8_t *z);

#endif

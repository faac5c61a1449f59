/* The finite-field groups of RFC 7919, for crypto/dh_group.c. Private to crypto/. */
#ifndef CRYPTO_DH_FFDHE_H
#define CRYPTO_DH_FFDHE_H

#include "crypto/dh_group.h"

/* As dh_generate(), dh_check_element() and dh_agree(); group is DH_FFDHE2048 or DH_FFDHE3072. */
enum outcome ffdhe_generate(enum dh_group group, uint8_t secret[DH_SECRET_MAX], uint8_t *element);
enum outcome ffdhe_check_element(enum dh_group group, struct bytes element);
enum outcome ffdhe_agree(
	enum dh_group group, const uint8_t secret[DH_SECRET_MAX], struct bytes peer, uint8_t *z);

#endif

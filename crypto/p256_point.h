/* What the files of crypto/p256.h share. Private to crypto/. */
#ifndef CRYPTO_P256_POINT_H
#define CRYPTO_P256_POINT_H

#include "crypto/p256.h"
#include "crypto/scratch.h"

/* Reads 33 or 65 bytes into p; INVALID_PARAMETER where they are no point of the curve. */
enum outcome p256_read_point(struct scratch *s, struct bytes in, EC_POINT *p);
/* A secret of 1 to q - 1, for the constant-time paths; false for any other. The thread must have its scratch. */
bool p256_read_secret(const uint8_t from[P256_SCALAR_LEN], BIGNUM *out);

#endif

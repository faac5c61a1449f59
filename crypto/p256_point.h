/* What the files of crypto/p256.h share. Private to crypto/. */
#ifndef CRYPTO_P256_POINT_H
#define CRYPTO_P256_POINT_H

#include "base/bytes.h"
#include "crypto/scratch.h"

/* Reads 33 or 65 bytes into p; INVALID_PARAMETER where they are no point of the curve. */
enum outcome p256_read_point(struct scratch *s, struct bytes in, EC_POINT *p);

#endif

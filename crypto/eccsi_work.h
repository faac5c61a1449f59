/* What the files of crypto/eccsi.h share: one calculation. Private to crypto/. */
#ifndef CRYPTO_ECCSI_WORK_H
#define CRYPTO_ECCSI_WORK_H

#include <openssl/bn.h>
#include <openssl/ec.h>

#include "crypto/eccsi.h"
#include "crypto/scratch.h"

struct eccsi_work {
	struct scratch *scratch;
	const EC_GROUP *group;
	const BIGNUM *order; /* q */
	BN_CTX *numbers;     /* in locked memory where the process has it; BN_CTX_get() as it is */
	EC_POINT *product, *term, *sum;
};

/* false: no memory, and nothing to end. */
bool eccsi_work_start(struct eccsi_work *w);
/* Wipes every number that was taken, and the points. */
void eccsi_work_end(struct eccsi_work *w);

/* A public number, modulo q. */
bool eccsi_read_modulo(
	const struct eccsi_work *w, const uint8_t from[ECCSI_SCALAR_LEN], BIGNUM *out);
/* out = a b mod q, in the same time whatever they are. out may be a or b. */
bool eccsi_multiply(const struct eccsi_work *w, BIGNUM *out, const BIGNUM *a, const BIGNUM *b);
/* [secret]G, in w->product and written. */
bool eccsi_write_product(
	const struct eccsi_work *w, const BIGNUM *secret, uint8_t out[ECCSI_POINT_LEN]);

#endif

#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/eccsi_work.h"

#include <openssl/err.h>

bool eccsi_work_start(struct eccsi_work *w)
{
	*w = (struct eccsi_work){ .scratch = scratch_get() };
	if (w->scratch == NULL)
		return false;
	w->group = scratch_p256();
	w->order = EC_GROUP_get0_order(w->group);
	w->numbers = BN_CTX_secure_new();
	if (w->numbers != NULL)
		BN_CTX_start(w->numbers);
	w->product = EC_POINT_new(w->group);
	w->term = EC_POINT_new(w->group);
	w->sum = EC_POINT_new(w->group);
	if (w->numbers != NULL && w->product != NULL && w->term != NULL && w->sum != NULL)
		return true;
	eccsi_work_end(w);
	ERR_clear_error();
	return false;
}

void eccsi_work_end(struct eccsi_work *w)
{
	/* A product's coordinates, until they are made affine, tell of its factor. */
	EC_POINT_clear_free(w->sum);
	EC_POINT_clear_free(w->term);
	EC_POINT_clear_free(w->product);
	BN_CTX_end(w->numbers);
	BN_CTX_free(w->numbers); /* which wipes */
}

bool eccsi_read_modulo(
	const struct eccsi_work *w, const uint8_t from[ECCSI_SCALAR_LEN], BIGNUM *out)
{
	return BN_bin2bn(from, ECCSI_SCALAR_LEN, out) != NULL &&
	       BN_nnmod(out, out, w->order, w->numbers) == 1;
}

/* By two Montgomery multiplications, because BN_mod_mul() divides. */
bool eccsi_multiply(const struct eccsi_work *w, BIGNUM *out, const BIGNUM *a, const BIGNUM *b)
{
	BN_MONT_CTX *mont = EC_GROUP_get_mont_data(w->group);
	bool done = false;

	BN_CTX_start(w->numbers);
	BIGNUM *shifted = BN_CTX_get(w->numbers);

	if (shifted != NULL)
		done = BN_to_montgomery(shifted, a, mont, w->numbers) == 1 &&
		       BN_mod_mul_montgomery(out, shifted, b, mont, w->numbers) == 1;
	BN_CTX_end(w->numbers);
	return done;
}

bool eccsi_write_product(
	const struct eccsi_work *w, const BIGNUM *secret, uint8_t out[ECCSI_POINT_LEN])
{
	return EC_POINT_mul(w->group, w->product, secret, NULL, NULL, w->numbers) == 1 &&
	       EC_POINT_point2oct(w->group, w->product, POINT_CONVERSION_UNCOMPRESSED, out,
		       ECCSI_POINT_LEN, w->numbers) == ECCSI_POINT_LEN;
}

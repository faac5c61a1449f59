#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/p256.h"

#include <openssl/ecdsa.h>

#include "base/secret.h"
#include "crypto/p256_point.h"

#define UNCOMPRESSED 4

enum outcome p256_read_point(struct scratch *s, struct bytes in, EC_POINT *p)
{
	bool known = in.len == P256_POINT_LEN
			     ? in.at[0] == UNCOMPRESSED
			     : in.len == P256_COMPRESSED_LEN && (in.at[0] == 2 || in.at[0] == 3);

	if (!known)
		return INVALID_PARAMETER;
	if (EC_POINT_oct2point(scratch_p256(), p, in.at, in.len, s->numbers) != 1)
		return scratch_failed(INVALID_PARAMETER);
	return FINE;
}

static enum outcome write_point(struct scratch *s, const EC_POINT *p, uint8_t out[P256_POINT_LEN])
{
	size_t len = EC_POINT_point2oct(
		scratch_p256(), p, POINT_CONVERSION_UNCOMPRESSED, out, P256_POINT_LEN, s->numbers);

	return len == P256_POINT_LEN ? FINE : scratch_failed(BROKEN);
}

enum outcome p256_check_point(struct bytes point)
{
	struct scratch *s = scratch_get();

	if (s == NULL)
		return NO_MEMORY;
	return point.len == P256_POINT_LEN ? p256_read_point(s, point, s->term) : INVALID_PARAMETER;
}

enum outcome p256_compress(const uint8_t point[P256_POINT_LEN], uint8_t out[P256_COMPRESSED_LEN])
{
	if (point[0] != UNCOMPRESSED)
		return INVALID_PARAMETER;
	out[0] = point[P256_POINT_LEN - 1] & 1 ? 3 : 2;
	memcpy(out + 1, point + 1, P256_COMPRESSED_LEN - 1);
	return FINE;
}

enum outcome p256_uncompress(struct bytes point, uint8_t out[P256_POINT_LEN])
{
	struct scratch *s = scratch_get();

	if (s == NULL)
		return NO_MEMORY;
	enum outcome o = p256_read_point(s, point, s->term);

	return o == FINE ? write_point(s, s->term, out) : o;
}

/*
 * BN_bin2bn() passes over leading zero bytes, and how many a nonce has is enough, over many
 * signatures, to find the key: so there are none.
 */
bool p256_read_secret(const uint8_t from[P256_SCALAR_LEN], BIGNUM *out)
{
	uint8_t with_one[1 + P256_SCALAR_LEN] = { 1 };

	memcpy(with_one + 1, from, P256_SCALAR_LEN);
	bool is_read = BN_bin2bn(with_one, sizeof(with_one), out) != NULL &&
		       BN_mask_bits(out, 8 * P256_SCALAR_LEN) == 1;

	wipe(with_one, sizeof(with_one));
	BN_set_flags(out, BN_FLG_CONSTTIME);
	return is_read && !BN_is_zero(out) && BN_cmp(out, EC_GROUP_get0_order(scratch_p256())) < 0;
}

/* A number of its own for such a secret; freed with BN_clear_free. */
static BIGNUM *read_scalar(const uint8_t scalar[P256_SCALAR_LEN])
{
	BIGNUM *d = BN_new();

	if (d != NULL && p256_read_secret(scalar, d))
		return d;
	BN_clear_free(d);
	return NULL;
}

enum outcome p256_public_of(const uint8_t scalar[P256_SCALAR_LEN], uint8_t point[P256_POINT_LEN])
{
	struct scratch *s = scratch_get();

	if (s == NULL)
		return NO_MEMORY;
	BIGNUM *d = read_scalar(scalar);

	if (d == NULL)
		return scratch_failed(BROKEN);
	enum outcome o = EC_POINT_mul(scratch_p256(), s->term, d, NULL, NULL, s->numbers) == 1
				 ? write_point(s, s->term, point)
				 : scratch_failed(BROKEN);

	BN_clear_free(d);
	return o;
}

enum outcome p256_generate(uint8_t scalar[P256_SCALAR_LEN], uint8_t point[P256_POINT_LEN])
{
	if (scratch_get() == NULL)
		return NO_MEMORY;
	BIGNUM *d = BN_new();
	const BIGNUM *order = EC_GROUP_get0_order(scratch_p256());
	bool fine = d != NULL;

	while (fine && BN_is_zero(d))
		fine = BN_priv_rand_range(d, order) == 1;
	fine = fine && BN_bn2binpad(d, scalar, P256_SCALAR_LEN) == P256_SCALAR_LEN;
	BN_clear_free(d);
	return fine ? p256_public_of(scalar, point) : scratch_failed(BROKEN);
}

/*
 * EC_POINT_mul with one scalar is constant-time in it; the x-coordinate is wiped with its objects.
 */
static bool multiply(struct scratch *s, const BIGNUM *d, const EC_POINT *peer, uint8_t *z)
{
	const EC_GROUP *group = scratch_p256();
	EC_POINT *shared = EC_POINT_new(group);
	BIGNUM *x = BN_new();
	bool fine = shared != NULL && x != NULL &&
		    EC_POINT_mul(group, shared, NULL, peer, d, s->numbers) == 1 &&
		    EC_POINT_get_affine_coordinates(group, shared, x, NULL, s->numbers) == 1 &&
		    BN_bn2binpad(x, z, P256_SCALAR_LEN) == P256_SCALAR_LEN;

	BN_clear_free(x);
	EC_POINT_clear_free(shared);
	return fine;
}

enum outcome p256_agree(
	const uint8_t scalar[P256_SCALAR_LEN], struct bytes peer, uint8_t z[P256_SCALAR_LEN])
{
	struct scratch *s = scratch_get();

	if (s == NULL)
		return NO_MEMORY;
	enum outcome o =
		peer.len == P256_POINT_LEN ? p256_read_point(s, peer, s->term) : INVALID_PARAMETER;

	if (o != FINE)
		return o;
	BIGNUM *d = read_scalar(scalar);

	if (d == NULL || !multiply(s, d, s->term, z))
		o = scratch_failed(BROKEN);
	BN_clear_free(d);
	return o;
}

enum outcome p256_sign(const uint8_t scalar[P256_SCALAR_LEN], const uint8_t digest[32],
	uint8_t signature[P256_SIGNATURE_LEN])
{
	if (scratch_get() == NULL)
		return NO_MEMORY;
	BIGNUM *d = read_scalar(scalar);
	EC_KEY *key = EC_KEY_new();
	ECDSA_SIG *made = NULL;
	enum outcome o = BROKEN;

	if (d == NULL || key == NULL || EC_KEY_set_group(key, scratch_p256()) != 1 ||
		EC_KEY_set_private_key(key, d) != 1)
		goto out;
	made = ECDSA_do_sign(digest, 32, key);
	if (made == NULL)
		goto out;
	if (BN_bn2binpad(ECDSA_SIG_get0_r(made), signature, 32) == 32 &&
		BN_bn2binpad(ECDSA_SIG_get0_s(made), signature + 32, 32) == 32)
		o = FINE;
out:
	ECDSA_SIG_free(made);
	EC_KEY_free(key);
	BN_clear_free(d);
	return o == FINE ? FINE : scratch_failed(o);
}

#define OPENSSL_SUPPRESS_DEPRECATED
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/inverse.h"
#include "crypto/p256.h"
#include "crypto/p256_point.h"

struct p256_public {
	EC_POINT *point;
	_Atomic(EC_GROUP *) table; /* P-256 with this key as generator, and its multiples */
	atomic_uint verified;      /* without the table */
	pthread_mutex_t building;
};

/* A key to verify with: its table where there is one. */
struct verifier {
	const EC_POINT *point;
	const EC_GROUP *table;
};

/*
 * r and s of a signature, both in 1..q-1 (FIPS 186-4 section 6.4.2 step 1), or SIGNATURE_INVALID.
 */
static enum outcome read_signature(
	const uint8_t signature[P256_SIGNATURE_LEN], BIGNUM *r, BIGNUM *s)
{
	const BIGNUM *order = EC_GROUP_get0_order(scratch_p256());

	if (BN_bin2bn(signature, 32, r) == NULL || BN_bin2bn(signature + 32, 32, s) == NULL)
		return NO_MEMORY;
	if (BN_is_zero(r) || BN_is_zero(s) || BN_cmp(r, order) >= 0 || BN_cmp(s, order) >= 0)
		return SIGNATURE_INVALID;
	return FINE;
}

/* w = 1/s modulo q. */
static bool invert(const BIGNUM *s, const BIGNUM *q, BIGNUM *w)
{
	uint64_t a[INVERSE_WORDS], n[INVERSE_WORDS];

	return BN_bn2nativepad(s, (uint8_t *)a, sizeof(a)) > 0 &&
	       BN_bn2nativepad(q, (uint8_t *)n, sizeof(n)) > 0 && inverse_of(a, n, a) &&
	       BN_native2bn((const uint8_t *)a, sizeof(a), w) != NULL;
}

/* R = u1 G + u2 Q. Everything here is public, so nothing need be constant-time. */
static bool add_multiples(const struct verifier *v, struct scratch *own, const BIGNUM *u1,
	const BIGNUM *u2, EC_POINT *R)
{
	const EC_GROUP *group = scratch_p256();

	if (v->table == NULL)
		return EC_POINT_mul(group, R, u1, v->point, u2, own->numbers) == 1;
	return EC_POINT_mul(group, R, u1, NULL, NULL, own->numbers) == 1 &&
	       EC_POINT_mul(v->table, own->term, u2, NULL, NULL, own->numbers) == 1 &&
	       EC_POINT_add(group, R, R, own->term, own->numbers) == 1;
}

/*
 * Is x(R) mod q = r, for R = (X, Y, Z) with x = X / Z^2 (FIPS 186-4 section 6.4.2 step 4)? Asked as
 * X = r Z^2 mod p, which saves the inversion. x may also be r + q, where that is still below p.
 */
static bool x_is(const EC_POINT *R, const BIGNUM *r, BN_CTX *ctx)
{
	const EC_GROUP *group = scratch_p256();
	const BIGNUM *p = EC_GROUP_get0_field(group);
	BIGNUM *X = BN_CTX_get(ctx);
	BIGNUM *Z = BN_CTX_get(ctx);
	BIGNUM *x = BN_CTX_get(ctx);
	BIGNUM *t = BN_CTX_get(ctx);

	if (t == NULL || EC_POINT_is_at_infinity(group, R) ||
		EC_POINT_get_Jprojective_coordinates_GFp(group, R, X, NULL, Z, ctx) != 1 ||
		BN_mod_sqr(Z, Z, p, ctx) != 1 || BN_mod_mul(t, r, Z, p, ctx) != 1)
		return false;
	if (BN_cmp(t, X) == 0)
		return true;
	return BN_add(x, r, EC_GROUP_get0_order(group)) == 1 && BN_cmp(x, p) < 0 &&
	       BN_mod_mul(t, x, Z, p, ctx) == 1 && BN_cmp(t, X) == 0;
}

/* FIPS 186-4 section 6.4.2, without the two slow inversions of ECDSA_do_verify. */
static enum outcome verify(const struct verifier *v, struct scratch *own, const uint8_t digest[32],
	const uint8_t signature[P256_SIGNATURE_LEN])
{
	const BIGNUM *q = EC_GROUP_get0_order(scratch_p256());
	BN_CTX *ctx = own->numbers;

	BN_CTX_start(ctx);
	BIGNUM *r = BN_CTX_get(ctx);
	BIGNUM *s = BN_CTX_get(ctx);
	BIGNUM *w = BN_CTX_get(ctx);
	BIGNUM *u1 = BN_CTX_get(ctx);
	BIGNUM *u2 = BN_CTX_get(ctx);
	enum outcome o = u2 != NULL ? read_signature(signature, r, s) : NO_MEMORY;

	if (o != FINE)
		goto out;
	o = NO_MEMORY;
	if (BN_bin2bn(digest, 32, u1) == NULL || !invert(s, q, w) ||
		BN_mod_mul(u1, u1, w, q, ctx) != 1 || BN_mod_mul(u2, r, w, q, ctx) != 1 ||
		!add_multiples(v, own, u1, u2, own->sum))
		goto out;
	o = x_is(own->sum, r, ctx) ? FINE : SIGNATURE_INVALID;
out:
	BN_CTX_end(ctx);
	return o == FINE ? FINE : scratch_failed(o);
}

enum outcome p256_verify(
	struct bytes point, const uint8_t digest[32], const uint8_t signature[P256_SIGNATURE_LEN])
{
	struct scratch *own = scratch_get();

	if (own == NULL)
		return NO_MEMORY;
	enum outcome o = point.len == P256_POINT_LEN ? p256_read_point(own, point, own->term)
						     : INVALID_PARAMETER;

	return o == FINE ? verify(&(struct verifier){ .point = own->term }, own, digest, signature)
			 : o;
}

enum outcome p256_public_new(struct bytes point, struct p256_public **out)
{
	struct scratch *own = scratch_get();
	struct p256_public *key = own != NULL ? calloc(1, sizeof(*key)) : NULL;
	enum outcome o = NO_MEMORY;

	*out = NULL;
	if (key == NULL)
		return NO_MEMORY;
	pthread_mutex_init(&key->building, NULL);
	key->point = EC_POINT_new(scratch_p256());
	if (key->point != NULL)
		o = point.len == P256_POINT_LEN ? p256_read_point(own, point, key->point)
						: INVALID_PARAMETER;
	if (o != FINE) {
		p256_public_free(key);
		return scratch_failed(o);
	}
	*out = key;
	return FINE;
}

void p256_public_free(struct p256_public *key)
{
	if (key == NULL)
		return;
	EC_GROUP_free(atomic_load(&key->table));
	EC_POINT_free(key->point);
	pthread_mutex_destroy(&key->building);
	free(key);
}

/*
 * OpenSSL keeps a table of the generator's multiples only. So the key becomes the generator of a
 * group of its own, on the same curve and with the same arithmetic.
 */
static EC_GROUP *make_table(const EC_POINT *point)
{
	EC_GROUP *group = EC_GROUP_dup(scratch_p256());

	if (group == NULL)
		return NULL;
	if (EC_GROUP_set_generator(
		    group, point, EC_GROUP_get0_order(group), EC_GROUP_get0_cofactor(group)) == 1 &&
		EC_GROUP_precompute_mult(group, NULL) == 1)
		return group;
	EC_GROUP_free(group);
	return NULL;
}

enum outcome p256_public_precompute(struct p256_public *key)
{
	if (scratch_get() == NULL)
		return NO_MEMORY;
	pthread_mutex_lock(&key->building);
	EC_GROUP *table = atomic_load(&key->table);

	if (table == NULL) {
		table = make_table(key->point);
		atomic_store(&key->table, table);
	}
	pthread_mutex_unlock(&key->building);
	return table != NULL ? FINE : scratch_failed(NO_MEMORY);
}

enum outcome p256_public_verify(struct p256_public *key, const uint8_t digest[32],
	const uint8_t signature[P256_SIGNATURE_LEN])
{
	struct scratch *own = scratch_get();
	struct verifier v = { key->point, atomic_load_explicit(&key->table, memory_order_acquire) };

	if (own == NULL)
		return NO_MEMORY;
	/* One thread sees this count; the others go on without the table until it is there. */
	if (v.table == NULL && atomic_fetch_add(&key->verified, 1) == P256_PRECOMPUTE_AFTER &&
		p256_public_precompute(key) == FINE)
		v.table = atomic_load(&key->table);
	return verify(&v, own, digest, signature);
}

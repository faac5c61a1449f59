#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/ecdsa.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/p256.h"
#include "crypto/p256_point.h"

struct p256_public {
	EC_KEY *key;
	_Atomic(EC_GROUP *) table; /* P-256 with this key as generator, and its multiples */
	atomic_uint verified;      /* without the table */
	pthread_mutex_t building;
};

/*
 * r and s of a signature, both in 1..q-1 (FIPS 186-4 section 6.4.2 step 1), or SIGNATURE_INVALID.
 */
static enum outcome read_signature(
	const uint8_t signature[P256_SIGNATURE_LEN], BIGNUM *r, BIGNUM *s)
{
	const BIGNUM *order = EC_GROUP_get0_order(scratch_p256());

	if (BN_bin2bn(signature, 32, r) == NULL || BN_bin2bn(signature + 32, 32, s) == NULL)
		return scratch_failed(NO_MEMORY);
	if (BN_is_zero(r) || BN_is_zero(s) || BN_cmp(r, order) >= 0 || BN_cmp(s, order) >= 0)
		return SIGNATURE_INVALID;
	return FINE;
}

static enum outcome verify_plainly(
	EC_KEY *key, const uint8_t digest[32], const uint8_t signature[P256_SIGNATURE_LEN])
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_new();
	BIGNUM *s = BN_new();
	enum outcome o = NO_MEMORY;

	if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		goto out;
	}
	o = read_signature(signature, r, s);
	if (o == FINE && ECDSA_do_verify(digest, 32, pair, key) != 1)
		o = SIGNATURE_INVALID;
out:
	ECDSA_SIG_free(pair);
	return o == FINE ? FINE : scratch_failed(o);
}

static enum outcome set_point(EC_KEY *key, struct bytes point)
{
	struct scratch *s = scratch_get();

	if (s == NULL)
		return NO_MEMORY;
	enum outcome o = point.len == P256_POINT_LEN ? p256_read_point(s, point, s->term)
						     : INVALID_PARAMETER;

	if (o != FINE)
		return o;
	return EC_KEY_set_public_key(key, s->term) == 1 ? FINE : scratch_failed(NO_MEMORY);
}

enum outcome p256_verify(
	struct bytes point, const uint8_t digest[32], const uint8_t signature[P256_SIGNATURE_LEN])
{
	struct scratch *s = scratch_get();

	if (s == NULL)
		return NO_MEMORY;
	enum outcome o = set_point(s->public_key, point);

	return o == FINE ? verify_plainly(s->public_key, digest, signature) : o;
}

enum outcome p256_public_new(struct bytes point, struct p256_public **out)
{
	if (scratch_get() == NULL)
		return NO_MEMORY;
	struct p256_public *key = calloc(1, sizeof(*key));
	enum outcome o = NO_MEMORY;

	*out = NULL;
	if (key == NULL)
		return NO_MEMORY;
	pthread_mutex_init(&key->building, NULL);
	key->key = EC_KEY_new();
	if (key->key != NULL && EC_KEY_set_group(key->key, scratch_p256()) == 1)
		o = set_point(key->key, point);
	if (o != FINE) {
		p256_public_free(key);
		return o;
	}
	*out = key;
	return FINE;
}

void p256_public_free(struct p256_public *key)
{
	if (key == NULL)
		return;
	EC_GROUP_free(atomic_load(&key->table));
	EC_KEY_free(key->key);
	pthread_mutex_destroy(&key->building);
	free(key);
}

/*
 * OpenSSL keeps a table of the generator's multiples only. So the key becomes the generator of a
 * group of its own, on the same curve and with the same arithmetic.
 */
static EC_GROUP *make_table(const EC_KEY *key)
{
	EC_GROUP *group = EC_GROUP_dup(scratch_p256());

	if (group == NULL)
		return NULL;
	if (EC_GROUP_set_generator(group, EC_KEY_get0_public_key(key), EC_GROUP_get0_order(group),
		    EC_GROUP_get0_cofactor(group)) == 1 &&
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
		table = make_table(key->key);
		atomic_store(&key->table, table);
	}
	pthread_mutex_unlock(&key->building);
	return table != NULL ? FINE : scratch_failed(NO_MEMORY);
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

/* u1 G + u2 Q, each by its table. Everything here is public, so nothing need be constant-time. */
static enum outcome verify_by_table(const EC_GROUP *table, const uint8_t digest[32],
	const uint8_t signature[P256_SIGNATURE_LEN])
{
	struct scratch *own = scratch_get();

	if (own == NULL)
		return NO_MEMORY;
	const EC_GROUP *group = scratch_p256();
	const BIGNUM *q = EC_GROUP_get0_order(group);
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
	if (BN_bin2bn(digest, 32, u1) == NULL || BN_mod_inverse(w, s, q, ctx) == NULL ||
		BN_mod_mul(u1, u1, w, q, ctx) != 1 || BN_mod_mul(u2, r, w, q, ctx) != 1 ||
		EC_POINT_mul(group, own->sum, u1, NULL, NULL, ctx) != 1 ||
		EC_POINT_mul(table, own->term, u2, NULL, NULL, ctx) != 1 ||
		EC_POINT_add(group, own->sum, own->sum, own->term, ctx) != 1)
		goto out;
	o = x_is(own->sum, r, ctx) ? FINE : SIGNATURE_INVALID;
out:
	BN_CTX_end(ctx);
	return o == FINE ? FINE : scratch_failed(o);
}

enum outcome p256_public_verify(struct p256_public *key, const uint8_t digest[32],
	const uint8_t signature[P256_SIGNATURE_LEN])
{
	const EC_GROUP *table = atomic_load_explicit(&key->table, memory_order_acquire);

	if (table != NULL)
		return verify_by_table(table, digest, signature);
	/* One thread sees this count; the others go on without the table until it is there. */
	if (atomic_fetch_add(&key->verified, 1) == P256_PRECOMPUTE_AFTER &&
		p256_public_precompute(key) == FINE)
		return verify_by_table(atomic_load(&key->table), digest, signature);
	if (scratch_get() == NULL)
		return NO_MEMORY;
	return verify_plainly(key->key, digest, signature);
}

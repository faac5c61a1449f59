#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>

#include "base/secret.h"
#include "crypto/eccsi.h"
#include "crypto/eccsi_work.h"
#include "crypto/kdf.h"
#include "crypto/p256_point.h"

#define S_AT   ECCSI_SCALAR_LEN
#define PVT_AT (2 * ECCSI_SCALAR_LEN)
/* A draw is of 1 to q - 1 but once in 2^32. */
#define MOST_DRAWS 8u

/* HE = SHA-256(HS, r, M). */
static enum outcome make_he(const uint8_t hs[32], const uint8_t r[ECCSI_SCALAR_LEN],
	struct bytes message, uint8_t he[32])
{
	struct bytes parts[] = { bytes_of(hs, 32), bytes_of(r, ECCSI_SCALAR_LEN), message };

	return sha256(parts, 3, he);
}

/* 1/number mod q as number^(q - 2): the exponent is known, and each step takes the same time. */
static bool invert(const struct eccsi_work *w, BIGNUM *out, const BIGNUM *number)
{
	BIGNUM *exponent = BN_CTX_get(w->numbers);

	return exponent != NULL && BN_copy(exponent, w->order) != NULL &&
	       BN_sub_word(exponent, 2) == 1 &&
	       BN_mod_exp_mont_consttime(out, number, exponent, w->order, w->numbers,
		       EC_GROUP_get_mont_data(w->group)) == 1;
}

/* s = ((HE + r SSK)^-1 j) mod q. r is J's x as it is; only here, where it is a factor, mod q. */
static bool make_s(const struct eccsi_work *w, const BIGNUM *j, const uint8_t ssk[ECCSI_SCALAR_LEN],
	const uint8_t he[32], uint8_t signature[ECCSI_SIGNATURE_LEN])
{
	BIGNUM *secret = BN_CTX_get(w->numbers);
	BIGNUM *r = BN_CTX_get(w->numbers);
	BIGNUM *hash = BN_CTX_get(w->numbers);
	BIGNUM *sum = BN_CTX_get(w->numbers);
	BIGNUM *s = BN_CTX_get(w->numbers);

	/* A sum of 0 comes once in 2^256 times: the caller is told that it failed. */
	return s != NULL && p256_read_secret(ssk, secret) && eccsi_read_modulo(w, signature, r) &&
	       eccsi_read_modulo(w, he, hash) && eccsi_multiply(w, sum, secret, r) &&
	       BN_mod_add_quick(sum, sum, hash, w->order) == 1 && !BN_is_zero(sum) &&
	       invert(w, s, sum) && eccsi_multiply(w, s, s, j) &&
	       BN_bn2binpad(s, signature + S_AT, ECCSI_SCALAR_LEN) == ECCSI_SCALAR_LEN;
}

enum outcome eccsi_sign_with(const uint8_t j[ECCSI_SCALAR_LEN], const uint8_t ssk[ECCSI_SCALAR_LEN],
	const uint8_t pvt[ECCSI_POINT_LEN], const uint8_t hs[32], struct bytes message,
	uint8_t signature[ECCSI_SIGNATURE_LEN])
{
	uint8_t product[ECCSI_POINT_LEN], he[32];
	struct eccsi_work w;
	enum outcome o = BROKEN;

	if (!eccsi_work_start(&w))
		return NO_MEMORY;
	BIGNUM *factor = BN_CTX_get(w.numbers);

	if (factor != NULL && p256_read_secret(j, factor) &&
		eccsi_write_product(&w, factor, product)) {
		memcpy(signature, product + 1, ECCSI_SCALAR_LEN);
		o = make_he(hs, signature, message, he);
	}
	if (o == FINE && !make_s(&w, factor, ssk, he, signature))
		o = BROKEN;
	memcpy(signature + PVT_AT, pvt, ECCSI_POINT_LEN);
	eccsi_work_end(&w);
	return o == FINE ? FINE : scratch_failed(o);
}

static bool is_scalar(const uint8_t number[ECCSI_SCALAR_LEN])
{
	BIGNUM *out = BN_secure_new();
	bool fits = out != NULL && p256_read_secret(number, out);

	BN_clear_free(out);
	return fits;
}

/*
 * j from the SSK, fresh randomness and the message together, so that neither a weak generator nor a
 * message that comes again makes it come twice (RFC 6979 section 3.6). What does not fit is drawn
 * again and not reduced, so that j is uniform.
 */
static enum outcome draw_j(
	const uint8_t ssk[ECCSI_SCALAR_LEN], struct bytes message, uint8_t j[ECCSI_SCALAR_LEN])
{
	uint8_t fresh[32], draw = 0;
	struct bytes parts[] = { BYTES(fresh), bytes_of(&draw, 1), message };
	enum outcome o = FINE;
	bool fits = false;

	if (RAND_priv_bytes(fresh, sizeof(fresh)) != 1)
		return scratch_failed(BROKEN);
	for (; o == FINE && !fits && draw < MOST_DRAWS; draw++) {
		o = hmac_sha256(bytes_of(ssk, ECCSI_SCALAR_LEN), parts, 3, j);
		fits = o == FINE && is_scalar(j);
	}
	wipe(fresh, sizeof(fresh));
	return o == FINE && !fits ? scratch_failed(BROKEN) : o;
}

enum outcome eccsi_sign(const uint8_t ssk[ECCSI_SCALAR_LEN], const uint8_t pvt[ECCSI_POINT_LEN],
	const uint8_t hs[32], struct bytes message, uint8_t signature[ECCSI_SIGNATURE_LEN])
{
	uint8_t j[ECCSI_SCALAR_LEN];
	enum outcome o = draw_j(ssk, message, j);

	if (o == FINE)
		o = eccsi_sign_with(j, ssk, pvt, hs, message, signature);
	wipe(j, sizeof(j));
	return o;
}

/* r of 1 to p - 1, s of 1 to q - 1. */
static enum outcome read_signature(const struct eccsi_work *w,
	const uint8_t signature[ECCSI_SIGNATURE_LEN], BIGNUM *r, BIGNUM *s)
{
	if (BN_bin2bn(signature, ECCSI_SCALAR_LEN, r) == NULL ||
		BN_bin2bn(signature + S_AT, ECCSI_SCALAR_LEN, s) == NULL)
		return NO_MEMORY;
	if (BN_is_zero(r) || BN_cmp(r, EC_GROUP_get0_field(w->group)) >= 0 || BN_is_zero(s) ||
		BN_cmp(s, w->order) >= 0)
		return SIGNATURE_INVALID;
	return FINE;
}

/*
 * w->product = J = [s]([HE]G + [r]Y), Y = [HS]PVT + KPAK, as one sum of three products. KPAK is in
 * w->sum, PVT in w->term.
 */
static bool make_point(const struct eccsi_work *w, const BIGNUM *r, const BIGNUM *s,
	const uint8_t hs[32], const uint8_t he[32])
{
	BIGNUM *of_g = BN_CTX_get(w->numbers);
	BIGNUM *of_kpak = BN_CTX_get(w->numbers);
	BIGNUM *of_pvt = BN_CTX_get(w->numbers);
	const EC_POINT *points[] = { w->sum, w->term };
	const BIGNUM *factors[] = { of_kpak, of_pvt };

	return of_pvt != NULL && eccsi_read_modulo(w, he, of_g) &&
	       BN_mod_mul(of_g, of_g, s, w->order, w->numbers) == 1 &&
	       BN_mod_mul(of_kpak, r, s, w->order, w->numbers) == 1 &&
	       eccsi_read_modulo(w, hs, of_pvt) &&
	       BN_mod_mul(of_pvt, of_pvt, of_kpak, w->order, w->numbers) == 1 &&
	       EC_POINTs_mul(w->group, w->product, of_g, 2, points, factors, w->numbers) == 1;
}

/* Everything here is public, so nothing need take the same time. */
static enum outcome verify(const struct eccsi_work *w, const uint8_t hs[32], const uint8_t he[32],
	const uint8_t signature[ECCSI_SIGNATURE_LEN])
{
	BIGNUM *r = BN_CTX_get(w->numbers);
	BIGNUM *s = BN_CTX_get(w->numbers);
	BIGNUM *x = BN_CTX_get(w->numbers);
	enum outcome o = x != NULL ? read_signature(w, signature, r, s) : NO_MEMORY;

	if (o != FINE)
		return o;
	if (!make_point(w, r, s, hs, he))
		return BROKEN;
	if (EC_POINT_is_at_infinity(w->group, w->product))
		return SIGNATURE_INVALID;
	if (EC_POINT_get_affine_coordinates(w->group, w->product, x, NULL, w->numbers) != 1)
		return BROKEN;
	return BN_cmp(x, r) == 0 ? FINE : SIGNATURE_INVALID;
}

enum outcome eccsi_verify(const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id,
	struct bytes message, const uint8_t signature[ECCSI_SIGNATURE_LEN])
{
	const uint8_t *pvt = signature + PVT_AT;
	uint8_t hs[32], he[32];
	struct eccsi_work w;

	if (!eccsi_work_start(&w))
		return NO_MEMORY;
	enum outcome o = p256_read_point(w.scratch, bytes_of(kpak, ECCSI_POINT_LEN), w.sum);

	if (o == FINE) {
		o = p256_read_point(w.scratch, bytes_of(pvt, ECCSI_POINT_LEN), w.term);
		o = o == INVALID_PARAMETER ? SIGNATURE_INVALID : o;
	}
	if (o == FINE)
		o = eccsi_hs(kpak, id, pvt, hs);
	if (o == FINE)
		o = make_he(hs, signature, message, he);
	if (o == FINE)
		o = verify(&w, hs, he, signature);
	eccsi_work_end(&w);
	return o == FINE ? FINE : scratch_failed(o);
}

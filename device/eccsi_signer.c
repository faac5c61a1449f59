#define OPENSSL_SUPPRESS_DEPRECATED
#include "device/eccsi_signer.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>

#include "crypto/kdf.h"
#include "crypto/p256.h"

#define PVT_AT (2 * ECCSI_SCALAR_LEN)

struct eccsi_signer {
	uint8_t kpak[ECCSI_POINT_LEN], pvt[ECCSI_POINT_LEN];
	uint8_t hs[32];
	struct p256_public *y; /* NULL: no signature has been verified yet */
	EC_GROUP *group;
	BN_CTX *numbers;
	size_t id_len;
	uint8_t id[ECCSI_ID_MAX];
};

enum outcome eccsi_signer_new(
	const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id, struct eccsi_signer **out)
{
	*out = NULL;
	if (id.len == 0 || id.len > ECCSI_ID_MAX)
		return INVALID_PARAMETER;
	enum outcome o = p256_check_point(bytes_of(kpak, ECCSI_POINT_LEN));

	if (o != FINE)
		return o;
	struct eccsi_signer *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NO_MEMORY;
	memcpy(s->kpak, kpak, sizeof(s->kpak));
	memcpy(s->id, id.at, id.len);
	s->id_len = id.len;
	s->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	s->numbers = BN_CTX_new();
	if (s->group == NULL || s->numbers == NULL) {
		eccsi_signer_free(s);
		return NO_MEMORY;
	}
	*out = s;
	return FINE;
}

void eccsi_signer_free(struct eccsi_signer *s)
{
	if (s == NULL)
		return;
	p256_public_free(s->y);
	EC_GROUP_free(s->group);
	BN_CTX_free(s->numbers);
	free(s);
}

/* [HS]PVT + KPAK, both points known to be on the curve. */
static enum outcome make_y(struct eccsi_signer *s, uint8_t out[ECCSI_POINT_LEN])
{
	EC_POINT *pvt = EC_POINT_new(s->group), *kpak = EC_POINT_new(s->group);
	BIGNUM *hs = BN_bin2bn(s->hs, sizeof(s->hs), NULL);
	bool made = pvt != NULL && kpak != NULL && hs != NULL &&
		    EC_POINT_oct2point(s->group, pvt, s->pvt, sizeof(s->pvt), s->numbers) == 1 &&
		    EC_POINT_oct2point(s->group, kpak, s->kpak, sizeof(s->kpak), s->numbers) == 1 &&
		    EC_POINT_mul(s->group, pvt, NULL, pvt, hs, s->numbers) == 1 &&
		    EC_POINT_add(s->group, pvt, pvt, kpak, s->numbers) == 1 &&
		    EC_POINT_point2oct(s->group, pvt, POINT_CONVERSION_UNCOMPRESSED, out,
			    ECCSI_POINT_LEN, s->numbers) == ECCSI_POINT_LEN;

	EC_POINT_free(pvt);
	EC_POINT_free(kpak);
	BN_free(hs);
	return made ? FINE : BROKEN;
}

/* From a signature that has been verified in full. */
static enum outcome learn(struct eccsi_signer *s, const uint8_t signature[ECCSI_SIGNATURE_LEN])
{
	uint8_t y[ECCSI_POINT_LEN];

	p256_public_free(s->y);
	s->y = NULL;
	memcpy(s->pvt, signature + PVT_AT, sizeof(s->pvt));
	enum outcome o = eccsi_hs(s->kpak, bytes_of(s->id, s->id_len), s->pvt, s->hs);

	if (o == FINE)
		o = make_y(s, y);
	if (o == FINE)
		o = p256_public_new(BYTES(y), &s->y);
	return o == FINE ? p256_public_precompute(s->y) : o;
}

/*
 * r, 1/s. false where r or s is outside 1 to q - 1: r is of the field and may be greater, once in 2^32
 * signatures.
 */
static bool as_ecdsa(
	const struct eccsi_signer *s, const uint8_t *signature, uint8_t out[P256_SIGNATURE_LEN])
{
	const BIGNUM *q = EC_GROUP_get0_order(s->group);
	BIGNUM *number = BN_bin2bn(signature, ECCSI_SCALAR_LEN, NULL);
	bool fine =
		number != NULL && !BN_is_zero(number) && BN_cmp(number, q) < 0 &&
		BN_bin2bn(signature + ECCSI_SCALAR_LEN, ECCSI_SCALAR_LEN, number) != NULL &&
		!BN_is_zero(number) && BN_cmp(number, q) < 0 &&
		BN_mod_inverse(number, number, q, s->numbers) != NULL &&
		BN_bn2binpad(number, out + ECCSI_SCALAR_LEN, ECCSI_SCALAR_LEN) == ECCSI_SCALAR_LEN;

	memcpy(out, signature, ECCSI_SCALAR_LEN);
	BN_free(number);
	return fine;
}

enum outcome eccsi_signer_verify(
	struct eccsi_signer *s, struct bytes message, const uint8_t signature[ECCSI_SIGNATURE_LEN])
{
	uint8_t he[SHA256_LEN], ecdsa[P256_SIGNATURE_LEN];
	bool is_known = s->y != NULL && memcmp(s->pvt, signature + PVT_AT, sizeof(s->pvt)) == 0;

	if (!is_known || !as_ecdsa(s, signature, ecdsa)) {
		enum outcome o =
			eccsi_verify(s->kpak, bytes_of(s->id, s->id_len), message, signature);

		return o == FINE && !is_known ? learn(s, signature) : o;
	}
	struct bytes parts[] = { BYTES(s->hs), bytes_of(signature, ECCSI_SCALAR_LEN), message };
	enum outcome o = sha256(parts, 3, he);

	return o == FINE ? p256_public_verify(s->y, he, ecdsa) : o;
}

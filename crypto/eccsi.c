#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/eccsi.h"

#include "base/secret.h"
#include "crypto/eccsi_work.h"
#include "crypto/kdf.h"
#include "crypto/p256.h"
#include "crypto/p256_point.h"

/* G, as FIPS 186-4 appendix D.1.2.3 has it. */
static const uint8_t base_point[ECCSI_POINT_LEN] = { 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42,
	0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb,
	0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe,
	0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57,
	0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5 };

enum outcome eccsi_kms_new(uint8_t ksak[ECCSI_SCALAR_LEN], uint8_t kpak[ECCSI_POINT_LEN])
{
	return p256_generate(ksak, kpak);
}

enum outcome eccsi_hs(const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id,
	const uint8_t pvt[ECCSI_POINT_LEN], uint8_t hs[32])
{
	struct bytes parts[] = { BYTES(base_point), bytes_of(kpak, ECCSI_POINT_LEN), id,
		bytes_of(pvt, ECCSI_POINT_LEN) };

	return sha256(parts, 4, hs);
}

/* SSK = (KSAK + HS v) mod q. */
static bool make_ssk(const struct eccsi_work *w, const uint8_t *ksak, const uint8_t hs[32],
	const BIGNUM *v, uint8_t ssk[ECCSI_SCALAR_LEN])
{
	BIGNUM *factor = BN_CTX_get(w->numbers);
	BIGNUM *term = BN_CTX_get(w->numbers);
	BIGNUM *sum = BN_CTX_get(w->numbers);

	/* HS or SSK of 0 mod q comes once in 2^255 times: the caller is told that it failed. */
	return sum != NULL && eccsi_read_modulo(w, hs, factor) && !BN_is_zero(factor) &&
	       eccsi_multiply(w, sum, factor, v) && p256_read_secret(ksak, term) &&
	       BN_mod_add_quick(sum, sum, term, w->order) == 1 && !BN_is_zero(sum) &&
	       BN_bn2binpad(sum, ssk, ECCSI_SCALAR_LEN) == ECCSI_SCALAR_LEN;
}

enum outcome eccsi_extract_with(const uint8_t v[ECCSI_SCALAR_LEN],
	const uint8_t ksak[ECCSI_SCALAR_LEN], const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id,
	uint8_t ssk[ECCSI_SCALAR_LEN], uint8_t pvt[ECCSI_POINT_LEN])
{
	struct eccsi_work w;
	uint8_t hs[32];
	enum outcome o = BROKEN;

	if (!eccsi_work_start(&w))
		return NO_MEMORY;
	BIGNUM *factor = BN_CTX_get(w.numbers);

	if (factor != NULL && p256_read_secret(v, factor) && eccsi_write_product(&w, factor, pvt))
		o = eccsi_hs(kpak, id, pvt, hs);
	if (o == FINE && !make_ssk(&w, ksak, hs, factor, ssk))
		o = BROKEN;
	eccsi_work_end(&w);
	return o == FINE ? FINE : scratch_failed(o);
}

enum outcome eccsi_extract(const uint8_t ksak[ECCSI_SCALAR_LEN],
	const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id, uint8_t ssk[ECCSI_SCALAR_LEN],
	uint8_t pvt[ECCSI_POINT_LEN])
{
	uint8_t v[ECCSI_SCALAR_LEN];
	enum outcome o = p256_generate(v, pvt);

	if (o == FINE)
		o = eccsi_extract_with(v, ksak, kpak, id, ssk, pvt);
	wipe(v, sizeof(v));
	return o;
}

/* KPAK = [SSK]G - [HS]PVT, as [SSK]G = KPAK + [HS]PVT: KPAK is in w->sum, PVT in w->term. */
static enum outcome compare_pair(
	struct eccsi_work *w, const uint8_t ssk[ECCSI_SCALAR_LEN], const uint8_t hs[32])
{
	BIGNUM *secret = BN_CTX_get(w->numbers);
	BIGNUM *factor = BN_CTX_get(w->numbers);

	if (factor == NULL)
		return NO_MEMORY;
	if (!p256_read_secret(ssk, secret))
		return SIGNATURE_INVALID;
	if (!eccsi_read_modulo(w, hs, factor) ||
		EC_POINT_mul(w->group, w->term, NULL, w->term, factor, w->numbers) != 1 ||
		EC_POINT_add(w->group, w->sum, w->sum, w->term, w->numbers) != 1 ||
		EC_POINT_mul(w->group, w->product, secret, NULL, NULL, w->numbers) != 1)
		return BROKEN;
	int differ = EC_POINT_cmp(w->group, w->product, w->sum, w->numbers);

	return differ == 0 ? FINE : differ == 1 ? SIGNATURE_INVALID : BROKEN;
}

enum outcome eccsi_check_pair(const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id,
	const uint8_t ssk[ECCSI_SCALAR_LEN], const uint8_t pvt[ECCSI_POINT_LEN])
{
	struct eccsi_work w;
	uint8_t hs[32];

	if (!eccsi_work_start(&w))
		return NO_MEMORY;
	enum outcome o = p256_read_point(w.scratch, bytes_of(kpak, ECCSI_POINT_LEN), w.sum);

	if (o == FINE)
		o = p256_read_point(w.scratch, bytes_of(pvt, ECCSI_POINT_LEN), w.term);
	if (o == FINE)
		o = eccsi_hs(kpak, id, pvt, hs);
	if (o == FINE)
		o = compare_pair(&w, ssk, hs);
	eccsi_work_end(&w);
	return o == FINE ? FINE : scratch_failed(o);
}

#include "crypto/kdf_5g.h"

#include "base/secret.h"
#include "crypto/kdf.h"

#define FC_KAUSF    0x6a
#define FC_RES_STAR 0x6b
#define FC_AKMA     0x80
#define FC_AF       0x82

/* The key of Annex A: CK, IK. */
static enum outcome derive(const uint8_t ck[16], const uint8_t ik[16], uint8_t fc,
	const struct bytes *parameters, size_t count, uint8_t out[SHA256_LEN])
{
	uint8_t key[32];

	memcpy(key, ck, 16);
	memcpy(key + 16, ik, 16);
	enum outcome o = kdf_3gpp(BYTES(key), fc, parameters, count, out);

	wipe(key, sizeof(key));
	return o;
}

enum outcome kdf_kausf(const uint8_t ck[16], const uint8_t ik[16], struct bytes serving_network,
	const uint8_t sqn_xor_ak[6], uint8_t kausf[32])
{
	struct bytes parameters[] = { serving_network, bytes_of(sqn_xor_ak, 6) };

	return derive(ck, ik, FC_KAUSF, parameters, 2, kausf);
}

enum outcome kdf_res_star(const uint8_t ck[16], const uint8_t ik[16], struct bytes serving_network,
	const uint8_t rand[16], struct bytes res, uint8_t res_star[16])
{
	struct bytes parameters[] = { serving_network, bytes_of(rand, 16), res };
	uint8_t out[SHA256_LEN];

	if (res.len < 4 || res.len > 16)
		return BROKEN;
	enum outcome o = derive(ck, ik, FC_RES_STAR, parameters, 3, out);

	if (o == FINE)
		memcpy(res_star, out + 16, 16);
	wipe(out, sizeof(out));
	return o;
}

enum outcome kdf_akma(const uint8_t kausf[32], struct bytes supi, uint8_t k_akma[32])
{
	struct bytes parameters[] = { bytes_of("AKMA", 4), supi };

	return kdf_3gpp(bytes_of(kausf, 32), FC_AKMA, parameters, 2, k_akma);
}

enum outcome kdf_af(const uint8_t k_akma[32], struct bytes af_id, uint8_t k_af[32])
{
	return kdf_3gpp(bytes_of(k_akma, 32), FC_AF, &af_id, 1, k_af);
}

/*
 * The key derivations of TS 33.501 Annex A and TS 33.535 Annex A that a home network makes, each on
 * the KDF of TS 33.220 clause B.2. What they write is secret; the caller wipes it. Any thread.
 */
#ifndef CRYPTO_KDF_5G_H
#define CRYPTO_KDF_5G_H

#include "base/bytes.h"

/* A.2, FC 0x6A: K_AUSF of CK, IK, the serving network's name and SQN xor AK. */
enum outcome kdf_kausf(const uint8_t ck[16], const uint8_t ik[16], struct bytes serving_network,
	const uint8_t sqn_xor_ak[6], uint8_t kausf[32]);
/* A.4, FC 0x6B: RES* or XRES*, the last 16 bytes; res of 4 to 16 bytes. */
enum outcome kdf_res_star(const uint8_t ck[16], const uint8_t ik[16], struct bytes serving_network,
	const uint8_t rand[16], struct bytes res, uint8_t res_star[16]);
/* TS 33.535 A.2, FC 0x80: K_AKMA of K_AUSF and the SUPI's text. */
enum outcome kdf_akma(const uint8_t kausf[32], struct bytes supi, uint8_t k_akma[32]);
/* TS 33.535 A.4, FC 0x82: K_AF of K_AKMA and AF_ID. */
enum outcome kdf_af(const uint8_t k_akma[32], struct bytes af_id, uint8_t k_af[32]);

#endif

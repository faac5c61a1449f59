/*
 * ECCSI (RFC 6507) over P-256 with SHA-256: signatures by an identity, without a certificate. The
 * names are the RFC's: a KMS has KSAK and publishes KPAK; it gives an identity ID its SSK and PVT;
 * a signature is r, s, PVT. On OpenSSL's big numbers and curve; whatever touches KSAK, SSK, v or j
 * takes the same time whatever they are, and is wiped. Any thread.
 */
#ifndef CRYPTO_ECCSI_H
#define CRYPTO_ECCSI_H

#include "base/bytes.h"

#define ECCSI_SCALAR_LEN    32
#define ECCSI_POINT_LEN     65
#define ECCSI_SIGNATURE_LEN 129

/* 4.2: a fresh KSAK and its KPAK. */
enum outcome eccsi_kms_new(uint8_t ksak[ECCSI_SCALAR_LEN], uint8_t kpak[ECCSI_POINT_LEN]);
/* 5.1.1: the pair of an identity, by the KMS. */
enum outcome eccsi_extract(const uint8_t ksak[ECCSI_SCALAR_LEN],
	const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id, uint8_t ssk[ECCSI_SCALAR_LEN],
	uint8_t pvt[ECCSI_POINT_LEN]);
/* The same with a given v: for vectors. */
enum outcome eccsi_extract_with(const uint8_t v[ECCSI_SCALAR_LEN],
	const uint8_t ksak[ECCSI_SCALAR_LEN], const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id,
	uint8_t ssk[ECCSI_SCALAR_LEN], uint8_t pvt[ECCSI_POINT_LEN]);
/* 5.1.2: whether a pair that was received is this identity's. SIGNATURE_INVALID, INVALID_PARAMETER. */
enum outcome eccsi_check_pair(const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id,
	const uint8_t ssk[ECCSI_SCALAR_LEN], const uint8_t pvt[ECCSI_POINT_LEN]);
/* HS = SHA-256(G, KPAK, ID, PVT): constant for an identity. */
enum outcome eccsi_hs(const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id,
	const uint8_t pvt[ECCSI_POINT_LEN], uint8_t hs[32]);

/* 5.2.1, with j drawn from the message, the SSK and fresh randomness together. */
enum outcome eccsi_sign(const uint8_t ssk[ECCSI_SCALAR_LEN], const uint8_t pvt[ECCSI_POINT_LEN],
	const uint8_t hs[32], struct bytes message, uint8_t signature[ECCSI_SIGNATURE_LEN]);
/* The same with a given j: for vectors. */
enum outcome eccsi_sign_with(const uint8_t j[ECCSI_SCALAR_LEN], const uint8_t ssk[ECCSI_SCALAR_LEN],
	const uint8_t pvt[ECCSI_POINT_LEN], const uint8_t hs[32], struct bytes message,
	uint8_t signature[ECCSI_SIGNATURE_LEN]);
/*
 * 5.2.2. SIGNATURE_INVALID; INVALID_PARAMETER where KPAK is no point of the curve. r, s outside
 * 1 to p - 1 and 1 to q - 1 are refused.
 */
enum outcome eccsi_verify(const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id,
	struct bytes message, const uint8_t signature[ECCSI_SIGNATURE_LEN]);

#endif

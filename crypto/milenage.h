/*
 * Milenage (TS 35.206) cut at the block cipher: K may be in a token that encrypts blocks and gives
 * nothing else. First the block of TEMP, then the five blocks of OUT1 to OUT5 in one go, then the
 * outputs of f1 to f5*. What comes out is secret; the caller wipes it. Any thread.
 */
#ifndef CRYPTO_MILENAGE_H
#define CRYPTO_MILENAGE_H

#include "base/bytes.h"

#define MILENAGE_BLOCKS_LEN 80

struct milenage {
	uint8_t mac_a[8], mac_s[8]; /* f1, f1* */
	uint8_t res[8];             /* f2 */
	uint8_t ck[16], ik[16];     /* f3, f4 */
	uint8_t ak[6], ak_star[6];  /* f5, f5* */
};

/* What TEMP = E_K(block) is made of: RAND xor OPc. */
void milenage_temp_block(const uint8_t rand[16], const uint8_t opc[16], uint8_t block[16]);
/* What OUT1 to OUT5 are encrypted from, before their last xor with OPc. */
void milenage_blocks(const uint8_t temp[16], const uint8_t opc[16], const uint8_t sqn[6],
	const uint8_t amf[2], uint8_t blocks[MILENAGE_BLOCKS_LEN]);
/* encrypted: E_K of each of the blocks. */
void milenage_outputs(
	const uint8_t encrypted[MILENAGE_BLOCKS_LEN], const uint8_t opc[16], struct milenage *out);

/* The whole with K in memory: the USIM's side. BROKEN where OpenSSL fails. */
enum outcome milenage_with_k(const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
	const uint8_t sqn[6], const uint8_t amf[2], struct milenage *out);
/* OPc = E_K(OP) xor OP; K of 16 or 32 bytes. */
enum outcome milenage_opc(struct bytes k, const uint8_t op[16], uint8_t opc[16]);

#endif

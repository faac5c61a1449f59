#include "crypto/milenage.h"

#include "base/secret.h"
#include "crypto/aes.h"

#define BLOCK 16u

static void xor_block(uint8_t *out, const uint8_t *a, const uint8_t *b)
{
	for (unsigned i = 0; i < BLOCK; i++)
		out[i] = a[i] ^ b[i];
}

void milenage_temp_block(const uint8_t rand[16], const uint8_t opc[16], uint8_t block[16])
{
	xor_block(block, rand, opc);
}

/* r1 to r5 in bytes and the last byte of c1 to c5 (TS 35.206 clause 4.1). */
static const struct {
	unsigned rotation;
	uint8_t constant;
} functions[5] = { { 8, 0 }, { 0, 1 }, { 4, 2 }, { 8, 4 }, { 12, 8 } };

void milenage_blocks(const uint8_t temp[16], const uint8_t opc[16], const uint8_t sqn[6],
	const uint8_t amf[2], uint8_t blocks[MILENAGE_BLOCKS_LEN])
{
	uint8_t in1[BLOCK], rest[BLOCK];

	memcpy(in1, sqn, 6);
	memcpy(in1 + 6, amf, 2);
	memcpy(in1 + 8, in1, 8);
	xor_block(in1, in1, opc);
	xor_block(rest, temp, opc);
	for (unsigned f = 0; f < 5; f++) {
		const uint8_t *from = f == 0 ? in1 : rest;
		uint8_t *block = blocks + f * BLOCK;

		for (unsigned i = 0; i < BLOCK; i++)
			block[i] = from[(i + functions[f].rotation) % BLOCK];
		block[BLOCK - 1] ^= functions[f].constant;
		if (f == 0)
			xor_block(block, block, temp);
	}
	wipe(in1, sizeof(in1));
	wipe(rest, sizeof(rest));
}

void milenage_outputs(
	const uint8_t encrypted[MILENAGE_BLOCKS_LEN], const uint8_t opc[16], struct milenage *out)
{
	uint8_t outs[5][BLOCK];

	for (unsigned f = 0; f < 5; f++)
		xor_block(outs[f], encrypted + f * BLOCK, opc);
	memcpy(out->mac_a, outs[0], 8);
	memcpy(out->mac_s, outs[0] + 8, 8);
	memcpy(out->ak, outs[1], 6);
	memcpy(out->res, outs[1] + 8, 8);
	memcpy(out->ck, outs[2], 16);
	memcpy(out->ik, outs[3], 16);
	memcpy(out->ak_star, outs[4], 6);
	wipe(outs, sizeof(outs));
}

enum outcome milenage_with_k(const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
	const uint8_t sqn[6], const uint8_t amf[2], struct milenage *out)
{
	uint8_t blocks[MILENAGE_BLOCKS_LEN], temp[BLOCK];

	milenage_temp_block(rand, opc, temp);
	enum outcome o = aes_ecb_encrypt(bytes_of(k, 16), temp, temp);

	milenage_blocks(temp, opc, sqn, amf, blocks);
	for (unsigned f = 0; o == FINE && f < 5; f++)
		o = aes_ecb_encrypt(bytes_of(k, 16), blocks + f * BLOCK, blocks + f * BLOCK);
	if (o == FINE)
		milenage_outputs(blocks, opc, out);
	wipe(blocks, sizeof(blocks));
	wipe(temp, sizeof(temp));
	return o;
}

enum outcome milenage_opc(struct bytes k, const uint8_t op[16], uint8_t opc[16])
{
	uint8_t encrypted[BLOCK];
	enum outcome o = aes_ecb_encrypt(k, op, encrypted);

	if (o == FINE)
		xor_block(opc, encrypted, op);
	wipe(encrypted, sizeof(encrypted));
	return o;
}

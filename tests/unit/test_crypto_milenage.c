#include <check.h>

#include "crypto/aes.h"
#include "crypto/milenage.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

static unsigned sets_seen;

static void expect(struct arena *a, const json_t *v, const char *member, struct bytes made)
{
	if (vector_has(v, member))
		vector_check(v, bytes_equal(made, vector_bytes(a, v, member)), member);
}

/* The other way: with a block cipher that somebody else has. */
static void run_cut(struct bytes k, const uint8_t *opc, const uint8_t *rand, const uint8_t *sqn,
	const uint8_t *amf, struct milenage *out)
{
	uint8_t block[16], temp[16], blocks[MILENAGE_BLOCKS_LEN], encrypted[MILENAGE_BLOCKS_LEN];

	milenage_temp_block(rand, opc, block);
	ck_assert_int_eq(aes_ecb_encrypt(k, block, temp), FINE);
	milenage_blocks(temp, opc, sqn, amf, blocks);
	for (size_t at = 0; at < sizeof(blocks); at += 16)
		ck_assert_int_eq(aes_ecb_encrypt(k, blocks + at, encrypted + at), FINE);
	milenage_outputs(encrypted, opc, out);
}

static void check_functions(struct arena *a, const json_t *v, const struct milenage *m)
{
	expect(a, v, "f1", BYTES(m->mac_a));
	expect(a, v, "f1star", BYTES(m->mac_s));
	expect(a, v, "f2", BYTES(m->res));
	expect(a, v, "f3", BYTES(m->ck));
	expect(a, v, "f4", BYTES(m->ik));
	expect(a, v, "f5", BYTES(m->ak));
	expect(a, v, "f5star", BYTES(m->ak_star));
}

/* SQN xor AK, AMF, MAC-A. */
static void check_autn(struct arena *a, const json_t *v, const struct milenage *m)
{
	uint8_t autn[16];

	memcpy(autn, vector_bytes(a, v, "sqn").at, 6);
	for (size_t i = 0; i < sizeof(m->ak); i++)
		autn[i] ^= m->ak[i];
	memcpy(autn + 6, vector_bytes(a, v, "amf").at, 2);
	memcpy(autn + 8, m->mac_a, 8);
	expect(a, v, "autn", BYTES(autn));
}

static void check_set(struct arena *a, const json_t *v)
{
	struct bytes k = vector_bytes(a, v, "k");
	const uint8_t *rand = vector_bytes(a, v, "rand").at, *sqn = vector_bytes(a, v, "sqn").at;
	const uint8_t *amf = vector_bytes(a, v, "amf").at;
	struct milenage whole, cut;
	uint8_t opc[16];

	sets_seen++;
	ck_assert_int_eq(milenage_opc(k, vector_bytes(a, v, "op").at, opc), FINE);
	expect(a, v, "opc", BYTES(opc));
	ck_assert_int_eq(milenage_with_k(k.at, opc, rand, sqn, amf, &whole), FINE);
	check_functions(a, v, &whole);
	check_autn(a, v, &whole);
	run_cut(k, opc, rand, sqn, amf, &cut);
	check_functions(a, v, &cut);
	ck_assert_mem_eq(&whole, &cut, sizeof(whole));
}

/* AUTS = SQN_MS xor AK*, MAC-S with an AMF of zero (TS 33.102 clause 6.3.3). */
static void check_resync(struct arena *a, const json_t *v)
{
	struct milenage m;
	uint8_t auts[14];
	const uint8_t *sqn = vector_bytes(a, v, "sqn_ms").at;

	ck_assert_int_eq(
		milenage_with_k(vector_bytes(a, v, "k").at, vector_bytes(a, v, "opc").at,
			vector_bytes(a, v, "rand").at, sqn, vector_bytes(a, v, "amf_star").at, &m),
		FINE);
	for (size_t i = 0; i < 6; i++)
		auts[i] = sqn[i] ^ m.ak_star[i];
	memcpy(auts + 6, m.mac_s, 8);
	check_functions(a, v, &m);
	expect(a, v, "auts", BYTES(auts));
}

static void check_vector(struct arena *a, const json_t *group, const json_t *v)
{
	const char *op = vector_text(v, "op");
	uint8_t opc[16];

	(void)group;
	if (strcmp(op, "resync") == 0) {
		check_resync(a, v);
	} else if (strcmp(op, "opc") == 0) {
		ck_assert_int_eq(
			milenage_opc(vector_bytes(a, v, "k"), vector_bytes(a, v, "op_val").at, opc),
			FINE);
		expect(a, v, "opc", BYTES(opc));
	} else {
		check_set(a, v);
	}
}

START_TEST(published)
{
	sets_seen = 0;
	ck_assert_uint_eq(vectors_run("milenage.json", check_vector), 18);
	ck_assert_uint_eq(sets_seen, 15);
}
END_TEST

/* K of 32 bytes: AES-256 of FIPS 197 appendix C.3, xor OP. Other lengths are no keys. */
START_TEST(opc_lengths)
{
	static const uint8_t encrypted[16] = { 0x8e, 0xa2, 0xb7, 0xca, 0x51, 0x67, 0x45, 0xbf, 0xea,
		0xfc, 0x49, 0x90, 0x4b, 0x49, 0x60, 0x89 };
	uint8_t k[33], op[16], opc[16];

	for (unsigned i = 0; i < sizeof(k); i++)
		k[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(op); i++)
		op[i] = (uint8_t)(i << 4 | i);
	ck_assert_int_eq(milenage_opc(bytes_of(k, 32), op, opc), FINE);
	for (unsigned i = 0; i < sizeof(op); i++)
		ck_assert_uint_eq(opc[i] ^ op[i], encrypted[i]);
	for (size_t len = 0; len <= sizeof(k); len++)
		if (len != 16 && len != 32)
			ck_assert_int_eq(milenage_opc(bytes_of(k, len), op, opc), BROKEN);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { published, opc_lengths };

	return suite_run("crypto/milenage", tests, sizeof(tests) / sizeof(tests[0]));
}

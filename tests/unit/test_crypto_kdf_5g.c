#include <check.h>

#include "crypto/kdf_5g.h"
#include "crypto/milenage.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

static unsigned kausf_seen, res_star_seen;

/* CK, IK, RES and SQN xor AK: as the vector has them, or by Milenage from its K. */
struct vector_keys {
	struct milenage m;
	uint8_t sqn_xor_ak[6];
	struct bytes res;
};

static void take_keys(struct arena *a, const json_t *v, struct vector_keys *keys)
{
	if (vector_has(v, "k")) {
		ck_assert_int_eq(
			milenage_with_k(vector_bytes(a, v, "k").at, vector_bytes(a, v, "opc").at,
				vector_bytes(a, v, "rand").at, vector_bytes(a, v, "sqn").at,
				vector_bytes(a, v, "amf").at, &keys->m),
			FINE);
		for (size_t i = 0; i < 6; i++)
			keys->sqn_xor_ak[i] = vector_bytes(a, v, "sqn").at[i] ^ keys->m.ak[i];
		keys->res = BYTES(keys->m.res);
		return;
	}
	memcpy(keys->m.ck, vector_bytes(a, v, "ck").at, 16);
	memcpy(keys->m.ik, vector_bytes(a, v, "ik").at, 16);
	if (vector_has(v, "sqn_xor_ak"))
		memcpy(keys->sqn_xor_ak, vector_bytes(a, v, "sqn_xor_ak").at, 6);
	keys->res = vector_bytes(a, v, "res");
}

static void check_kausf(struct arena *a, const json_t *v)
{
	struct vector_keys keys = { 0 };
	uint8_t kausf[32];

	take_keys(a, v, &keys);
	ck_assert_int_eq(kdf_kausf(keys.m.ck, keys.m.ik, bytes_of_text(vector_text(v, "snn")),
				 keys.sqn_xor_ak, kausf),
		FINE);
	vector_check(v, bytes_equal(BYTES(kausf), vector_bytes(a, v, "expect")), "K_AUSF");
	kausf_seen++;
}

/* Some vectors have all 32 bytes of the KDF; XRES* is the last 16. */
static void check_res_star(struct arena *a, const json_t *v)
{
	struct vector_keys keys = { 0 };
	struct bytes expected = vector_bytes(a, v, "expect");
	uint8_t res_star[16];

	take_keys(a, v, &keys);
	ck_assert_int_eq(kdf_res_star(keys.m.ck, keys.m.ik, bytes_of_text(vector_text(v, "snn")),
				 vector_bytes(a, v, "rand").at, keys.res, res_star),
		FINE);
	vector_check(v, bytes_equal(BYTES(res_star), bytes_of(expected.at + expected.len - 16, 16)),
		"RES*");
	res_star_seen++;
}

static void check_3gpp(struct arena *a, const json_t *group, const json_t *v)
{
	const char *id = vector_text(v, "id");

	(void)group;
	if (strstr(id, "kausf") != NULL)
		check_kausf(a, v);
	else if (strstr(id, "-xres-star") != NULL)
		check_res_star(a, v);
}

START_TEST(annex_a)
{
	kausf_seen = res_star_seen = 0;
	vectors_run("kdf_3gpp.json", check_3gpp);
	ck_assert_uint_eq(kausf_seen, 3);
	ck_assert_uint_eq(res_star_seen, 2);
}
END_TEST

START_TEST(res_lengths)
{
	static const uint8_t key[16], rand[16], res[17];
	uint8_t before[16] = { 0 }, out[16];

	for (size_t len = 0; len <= sizeof(res); len++) {
		bool is_res = len >= 4 && len <= 16;

		ck_assert_int_eq(kdf_res_star(key, key, bytes_of_text("5G:x"), rand,
					 bytes_of(res, len), out),
			is_res ? FINE : BROKEN);
		/* Each length makes another RES*, though all of these are zeros. */
		if (is_res)
			ck_assert_mem_ne(before, out, sizeof(out));
		memcpy(before, out, sizeof(out));
		memset(out, 0, sizeof(out));
	}
}
END_TEST

static unsigned akma_seen, af_seen;

static void check_akma(struct arena *a, const json_t *group, const json_t *v)
{
	const char *fc = vector_text(v, "fc");
	uint8_t out[32];

	(void)group;
	if (strcmp(fc, "80") == 0) {
		ck_assert_int_eq(kdf_akma(vector_bytes(a, v, "kausf").at,
					 bytes_of_text(vector_text(v, "p1")), out),
			FINE);
		akma_seen++;
	} else if (strcmp(fc, "82") == 0) {
		ck_assert_int_eq(
			kdf_af(vector_bytes(a, v, "kakma").at, vector_bytes(a, v, "af_id"), out),
			FINE);
		af_seen++;
	} else {
		return; /* A-TID: the AUSF's */
	}
	vector_check(v, bytes_equal(BYTES(out), vector_bytes(a, v, "value")), "key");
}

START_TEST(akma)
{
	static const uint8_t too_long[UINT16_MAX + 1], key[32];
	uint8_t out[32];

	akma_seen = af_seen = 0;
	vectors_run("akma.json", check_akma);
	ck_assert_uint_eq(akma_seen, 2);
	ck_assert_uint_eq(af_seen, 1);
	ck_assert_int_eq(kdf_af(key, BYTES(too_long), out), BROKEN);
	ck_assert_int_eq(kdf_akma(key, BYTES(too_long), out), BROKEN);
}
END_TEST

/* The K_AUSF that the AKMA vectors begin with is Milenage's own. */
START_TEST(kausf_of_akma)
{
	json_error_t error;
	json_t *file = json_load_file("tests/vectors/akma.json", 0, &error);
	const json_t *inputs = json_object_get(file, "inputs");
	struct arena *a = arena_new(1u << 16);
	struct vector_keys keys = { 0 };
	uint8_t kausf[32];

	ck_assert_msg(file != NULL, "%s", error.text);
	take_keys(a, inputs, &keys);
	ck_assert_int_eq(kdf_kausf(keys.m.ck, keys.m.ik, bytes_of_text(vector_text(inputs, "snn")),
				 keys.sqn_xor_ak, kausf),
		FINE);
	ck_assert(bytes_equal(BYTES(kausf), vector_bytes(a, inputs, "kausf")));
	arena_free(a);
	json_decref(file);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { annex_a, res_lengths, akma, kausf_of_akma };

	return suite_run("crypto/kdf_5g", tests, sizeof(tests) / sizeof(tests[0]));
}

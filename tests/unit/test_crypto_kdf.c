#include <check.h>

#include "crypto/aes.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

static void check_x963(struct arena *a, const json_t *group, const json_t *v)
{
	struct bytes expected = vector_bytes(a, v, "key_data");
	uint8_t *out = arena_alloc(a, expected.len);

	(void)group;
	ck_assert_int_eq(x963_sha256(vector_bytes(a, v, "z"), vector_bytes(a, v, "shared_info"),
				 out, expected.len),
		FINE);
	vector_check(v, bytes_equal(bytes_of(out, expected.len), expected), "key");
}

START_TEST(x963)
{
	ck_assert_uint_eq(vectors_run("x963kdf.json", check_x963), 14);
}
END_TEST

static void check_hkdf(struct arena *a, const json_t *group, const json_t *v)
{
	struct bytes expected = vector_bytes(a, v, "okm");
	size_t len = (size_t)json_integer_value(json_object_get(v, "size"));
	uint8_t *out = arena_alloc(a, len);
	bool valid = strcmp(vector_text(v, "result"), "valid") == 0;

	(void)group;
	vector_check(v,
		hkdf_sha256(vector_bytes(a, v, "salt"), vector_bytes(a, v, "ikm"),
			vector_bytes(a, v, "info"), out, len) == (valid ? FINE : BROKEN),
		"outcome");
	vector_check(v, !valid || bytes_equal(bytes_of(out, len), expected), "key");
}

START_TEST(hkdf_wycheproof)
{
	wycheproof_run("hkdf_sha256_test.json", check_hkdf);
}
END_TEST

/* RFC 5869 appendix A.1 and A.3. */
START_TEST(hkdf_published)
{
	static const struct {
		const char *salt, *ikm, *info, *okm;
	} cases[] = {
		{ "000102030405060708090a0b0c", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
			"f0f1f2f3f4f5f6f7f8f9",
			"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5"
			"b887185865" },
		{ "", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "",
			"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395fa"
			"a4b61a96c8" },
	};
	struct arena *a = arena_new(1u << 16);
	uint8_t out[42];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(
			hkdf_sha256(vector_hex(a, cases[i].salt), vector_hex(a, cases[i].ikm),
				vector_hex(a, cases[i].info), out, sizeof(out)),
			FINE);
		ck_assert(bytes_equal(BYTES(out), vector_hex(a, cases[i].okm)));
	}
	arena_free(a);
}
END_TEST

static struct bytes joined(struct arena *a, struct bytes left, struct bytes right)
{
	struct buffer b = buffer_over(arena_alloc(a, left.len + right.len), left.len + right.len);

	buffer_put(&b, left.at, left.len);
	buffer_put(&b, right.at, right.len);
	return buffer_bytes(&b);
}

static struct bytes exclusive_or(struct arena *a, struct bytes left, struct bytes right)
{
	uint8_t *at = arena_alloc(a, left.len);

	for (size_t i = 0; i < left.len; i++)
		at[i] = left.at[i] ^ right.at[i];
	return bytes_of(at, left.len);
}

/* OUTi of TS 35.206 clause 4.1, i = 2 to 4: what the vectors that begin with K and RAND need. */
static struct bytes milenage_out(struct arena *a, const json_t *v, size_t rotation, uint8_t c)
{
	struct bytes k = vector_bytes(a, v, "k");
	struct bytes opc = vector_bytes(a, v, "opc");
	uint8_t temp[16];
	uint8_t rotated[16];
	uint8_t *out = arena_alloc(a, 16);

	ck_assert_int_eq(
		aes_ecb_encrypt(k, exclusive_or(a, vector_bytes(a, v, "rand"), opc).at, temp),
		FINE);
	for (size_t i = 0; i < 16; i++)
		rotated[i] = temp[(i + rotation) % 16] ^ opc.at[(i + rotation) % 16];
	rotated[15] ^= c;
	ck_assert_int_eq(aes_ecb_encrypt(k, rotated, out), FINE);
	return exclusive_or(a, bytes_of(out, 16), opc);
}

static struct bytes ck_and_ik(struct arena *a, const json_t *v)
{
	if (vector_has(v, "ck"))
		return joined(a, vector_bytes(a, v, "ck"), vector_bytes(a, v, "ik"));
	return joined(a, milenage_out(a, v, 4, 2), milenage_out(a, v, 8, 4));
}

static struct bytes text_bytes(const json_t *v, const char *member)
{
	return bytes_of_text(vector_text(v, member));
}

static void expect_kdf(struct arena *a, const json_t *v, struct bytes key, uint8_t fc,
	const struct bytes *parameters, size_t count)
{
	struct bytes expected = vector_bytes(a, v, "expect");
	uint8_t out[SHA256_LEN];

	ck_assert_int_eq(kdf_3gpp(key, fc, parameters, count, out), FINE);
	vector_check(v,
		bytes_equal(bytes_of(out + sizeof(out) - expected.len, expected.len), expected),
		vector_text(v, "function"));
}

static void check_generic(struct arena *a, const json_t *v)
{
	struct bytes parameters[] = { vector_bytes(a, v, "p0"), vector_bytes(a, v, "p1") };

	expect_kdf(a, v, vector_bytes(a, v, "key"), vector_bytes(a, v, "fc").at[0], parameters, 2);
}

/* PRF' of RFC 5448 section 3.4 is the second half of HKDF. */
static void check_prf(struct arena *a, const json_t *v)
{
	static const char *const names[] = { "K_encr", "K_aut", "K_re", "MSK", "EMSK" };
	struct bytes key =
		joined(a, vector_bytes(a, v, "ik_prime"), vector_bytes(a, v, "ck_prime"));
	struct bytes s = joined(a, bytes_of_text("EAP-AKA'"), text_bytes(v, "identity"));
	uint8_t out[16 + 32 + 32 + 64 + 64];
	struct bytes left = BYTES(out);
	struct bytes part;

	ck_assert_int_eq(hkdf_expand_sha256(key, s, out, sizeof(out)), FINE);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct bytes expected = vector_bytes(a, json_object_get(v, "expect"), names[i]);

		ck_assert(bytes_take(&left, expected.len, &part));
		vector_check(v, bytes_equal(part, expected), names[i]);
	}
}

static void check_kausf(struct arena *a, const json_t *v)
{
	/* The first six bytes of AUTN are SQN ^ AK. */
	struct bytes sqn_xor_ak = vector_has(v, "autn") ? bytes_of(vector_bytes(a, v, "autn").at, 6)
							: vector_bytes(a, v, "sqn_xor_ak");

	expect_kdf(a, v, ck_and_ik(a, v), 0x6a,
		(struct bytes[]){ text_bytes(v, "snn"), sqn_xor_ak }, 2);
}

static void check_res_star(struct arena *a, const json_t *v)
{
	struct bytes res = vector_has(v, "res") ? vector_bytes(a, v, "res")
						: bytes_of(milenage_out(a, v, 0, 1).at + 8, 8);

	expect_kdf(a, v, ck_and_ik(a, v), 0x6b,
		(struct bytes[]){ text_bytes(v, "snn"), vector_bytes(a, v, "rand"), res }, 3);
}

static void check_hres_star(struct arena *a, const json_t *v)
{
	uint8_t out[SHA256_LEN];

	ck_assert_int_eq(sha256((struct bytes[]){ vector_bytes(a, v, "rand"),
					vector_bytes(a, v, "res_star") },
				 2, out),
		FINE);
	vector_check(v, bytes_equal(bytes_of(out + 16, 16), vector_bytes(a, v, "expect")), "HRES*");
}

static void check_kasme(struct arena *a, const json_t *v)
{
	expect_kdf(a, v, ck_and_ik(a, v), 0x10,
		(struct bytes[]){ vector_bytes(a, v, "plmn"),
			exclusive_or(a, vector_bytes(a, v, "sqn"), vector_bytes(a, v, "ak")) },
		2);
}

static void check_3gpp(struct arena *a, const json_t *group, const json_t *v)
{
	const char *id = vector_text(v, "id");

	(void)group;
	if (vector_has(v, "fc"))
		check_generic(a, v);
	else if (vector_has(v, "ik_prime"))
		check_prf(a, v);
	else if (strstr(id, "kausf") != NULL)
		check_kausf(a, v);
	else if (strstr(id, "hxres-star") != NULL)
		check_hres_star(a, v);
	else if (strstr(id, "xres-star") != NULL)
		check_res_star(a, v);
	else if (vector_has(v, "plmn"))
		check_kasme(a, v);
	else if (vector_has(v, "kausf"))
		expect_kdf(a, v, vector_bytes(a, v, "kausf"), 0x6c,
			(struct bytes[]){ text_bytes(v, "snn") }, 1);
	else if (vector_has(v, "kseaf"))
		expect_kdf(a, v, vector_bytes(a, v, "kseaf"), 0x6d,
			(struct bytes[]){ text_bytes(v, "supi_p0"), vector_bytes(a, v, "abba") },
			2);
	else
		expect_kdf(a, v, vector_bytes(a, v, "kamf"), 0x69,
			(struct bytes[]){
				vector_bytes(a, v, "alg_type"), vector_bytes(a, v, "alg_id") },
			2);
}

START_TEST(kdf_of_3gpp)
{
	struct bytes parameters[9] = { 0 };
	uint8_t out[SHA256_LEN];

	ck_assert_uint_eq(vectors_run("kdf_3gpp.json", check_3gpp), 12);
	ck_assert_int_eq(kdf_3gpp(BYTES(out), 1, parameters, 9, out), BROKEN);
}
END_TEST

/* RFC 4231 cases 2 and 6: a key shorter and one longer than the block. */
START_TEST(hmac)
{
	uint8_t long_key[131];
	uint8_t out[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];
	struct bytes parts[] = { bytes_of_text("what do ya want "), bytes_of_text("for nothing?") };
	struct bytes data = bytes_of_text("Test Using Larger Than Block-Size Key - Hash Key First");

	ck_assert_int_eq(hmac_sha256(bytes_of_text("Jefe"), parts, 2, out), FINE);
	hex_write(BYTES(out), hex);
	ck_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(long_key, 0xaa, sizeof(long_key));
	ck_assert_int_eq(hmac_sha256(BYTES(long_key), &data, 1, out), FINE);
	hex_write(BYTES(out), hex);
	ck_assert_str_eq(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
END_TEST

START_TEST(transcripts)
{
	static const uint8_t expected[] = { 'a', ' ', 'v', '1', 0, 0, 2, 1, 2, 0, 0, 0, 3, 'x', 'y',
		'z', 0, 4, 0, 0, 0, 5, 0, 8, 0, 0, 0, 0, 0, 0, 0, 6 };
	uint8_t at[sizeof(expected)];
	static const uint8_t long_field[UINT16_MAX + 1];
	static uint8_t long_at[2 * UINT16_MAX];
	struct bytes out;

	for (size_t cap = 0; cap <= sizeof(at); cap++) {
		struct transcript t = transcript_start(at, cap, "a v1");

		transcript_add(&t, bytes_of("\x01\x02", 2));
		transcript_add(&t, bytes_of(NULL, 0));
		transcript_add_text(&t, "xyz");
		transcript_add_u32(&t, 5);
		transcript_add_u64(&t, 6);
		ck_assert_int_eq(transcript_end(&t, &out), cap == sizeof(at));
	}
	ck_assert(bytes_equal(out, BYTES(expected)));

	struct transcript t = transcript_start(long_at, sizeof(long_at), "a");

	transcript_add(&t, bytes_of(long_field, UINT16_MAX));
	ck_assert(transcript_end(&t, &out));
	ck_assert_uint_eq(out.len, 2 + 2 + UINT16_MAX);
	t = transcript_start(long_at, sizeof(long_at), "a");
	transcript_add(&t, BYTES(long_field));
	ck_assert(!transcript_end(&t, &out));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { x963, hkdf_published, hkdf_wycheproof, kdf_of_3gpp, hmac,
		transcripts };

	return suite_run("crypto/kdf, crypto/transcript", tests, sizeof(tests) / sizeof(tests[0]));
}

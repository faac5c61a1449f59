#include <check.h>
#include <pthread.h>

#include "crypto/aes.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

static bool takes_key(struct bytes key)
{
	return key.len == 16 || key.len == 32;
}

static bool is(const json_t *v, const char *member, const char *text)
{
	return strcmp(vector_text(v, member), text) == 0;
}

static void check_cmac(struct arena *a, const json_t *group, const json_t *v)
{
	struct bytes key = vector_bytes(a, v, "key");
	uint8_t out[16];
	bool valid = group == NULL || is(v, "result", "valid");
	enum outcome o = aes_cmac(key, vector_bytes(a, v, "msg"), out);

	vector_check(v, o == (takes_key(key) ? FINE : BROKEN), "outcome");
	if (o == FINE)
		vector_check(v, bytes_equal(BYTES(out), vector_bytes(a, v, "tag")) == valid, "tag");
}

START_TEST(cmac)
{
	ck_assert_uint_eq(vectors_run("aes_cmac.json", check_cmac), 8);
	wycheproof_run("aes_cmac_test.json", check_cmac);
}
END_TEST

static void check_open(
	struct arena *a, const json_t *v, struct bytes plain, struct bytes sealed, bool valid)
{
	uint8_t *out = arena_alloc(a, plain.len);
	enum outcome o = aes_gcm_open(vector_bytes(a, v, "key"), vector_bytes(a, v, "iv").at,
		vector_bytes(a, v, "aad"), sealed, out);

	vector_check(v, o == (valid ? FINE : MAC_INVALID), "opened");
	for (size_t i = 0; i < plain.len; i++)
		vector_check(v, out[i] == (valid ? plain.at[i] : 0), "plaintext");
}

static void check_gcm(struct arena *a, const json_t *group, const json_t *v)
{
	struct bytes plain = vector_bytes(a, v, group != NULL ? "msg" : "pt");
	struct bytes key = vector_bytes(a, v, "key");
	struct bytes iv = vector_bytes(a, v, "iv");
	bool valid = is(v, group != NULL ? "result" : "expect", group != NULL ? "valid" : "ok");
	size_t sealed_len = vector_bytes(a, v, "ct").len + AES_GCM_TAG_LEN;
	uint8_t *sealed = arena_alloc(a, sealed_len);
	uint8_t *out = arena_alloc(a, plain.len + AES_GCM_TAG_LEN);
	struct buffer b = buffer_over(sealed, sealed_len);

	buffer_put(&b, vector_bytes(a, v, "ct").at, vector_bytes(a, v, "ct").len);
	buffer_put(&b, vector_bytes(a, v, "tag").at, vector_bytes(a, v, "tag").len);
	if (iv.len != AES_GCM_IV_LEN)
		return;
	enum outcome o = aes_gcm_seal(key, iv.at, vector_bytes(a, v, "aad"), plain, out);

	vector_check(v, o == (takes_key(key) ? FINE : BROKEN), "sealed");
	if (o != FINE)
		return;
	if (valid)
		vector_check(v,
			bytes_equal(bytes_of(out, plain.len + AES_GCM_TAG_LEN), buffer_bytes(&b)),
			"ciphertext");
	check_open(a, v, valid ? plain : bytes_of(out, sealed_len - AES_GCM_TAG_LEN),
		buffer_bytes(&b), valid);
}

START_TEST(gcm)
{
	uint8_t out[16];

	ck_assert_uint_eq(vectors_run("aes_gcm.json", check_gcm), 27);
	wycheproof_run("aes_gcm_test.json", check_gcm);
	ck_assert_int_eq(
		aes_gcm_open(BYTES(out), out, BYTES(out), bytes_of(out, 15), out), MAC_INVALID);
}
END_TEST

static void check_wrap(struct arena *a, const json_t *group, const json_t *v)
{
	struct bytes kek = vector_bytes(a, v, group != NULL ? "key" : "kek");
	struct bytes plain = vector_bytes(a, v, group != NULL ? "msg" : "plaintext");
	struct bytes wrapped = vector_bytes(a, v, group != NULL ? "ct" : "ciphertext");
	bool valid = is(v, group != NULL ? "result" : "expect", group != NULL ? "valid" : "ok");
	uint8_t *out = arena_alloc(a, wrapped.len + plain.len + AES_KW_OVERHEAD);
	enum outcome o = aes_kw_unwrap(kek, wrapped, out);

	if (!takes_key(kek)) {
		vector_check(v, o != FINE, "size of the key");
		return;
	}
	vector_check(v, o == (valid ? FINE : MAC_INVALID), "unwrapped");
	if (!valid)
		return;
	vector_check(v, bytes_equal(bytes_of(out, wrapped.len - AES_KW_OVERHEAD), plain), "key");
	ck_assert_int_eq(aes_kw_wrap(kek, plain, out), FINE);
	vector_check(v, bytes_equal(bytes_of(out, wrapped.len), wrapped), "wrapped");
}

START_TEST(key_wrap)
{
	uint8_t key[40] = { 0 };
	uint8_t out[48];

	ck_assert_uint_eq(vectors_run("aes_keywrap.json", check_wrap), 30);
	wycheproof_run("aes_wrap_test.json", check_wrap);
	/* RFC 3394 section 2: two or more blocks of 8 bytes. */
	for (size_t len = 0; len <= sizeof(key); len++) {
		enum outcome expected = len >= 16 && len % 8 == 0 ? FINE : BROKEN;

		ck_assert_int_eq(aes_kw_wrap(bytes_of(key, 32), bytes_of(key, len), out), expected);
	}
}
END_TEST

/* SP 800-38A appendices F.1.1 (ECB) and F.5.1 (CTR): the first two blocks. */
START_TEST(ecb_and_ctr)
{
	struct arena *a = arena_new(1u << 16);
	struct bytes key = vector_hex(a, "2b7e151628aed2a6abf7158809cf4f3c");
	struct bytes plain = vector_hex(a, "6bc1bee22e409f96e93d7e117393172a"
					   "ae2d8a571e03ac9c9eb76fac45af8e51");
	uint8_t out[32];

	ck_assert_int_eq(aes_ecb_encrypt(key, plain.at, out), FINE);
	ck_assert_int_eq(aes_ecb_encrypt(key, plain.at + 16, out + 16), FINE);
	ck_assert(bytes_equal(BYTES(out), vector_hex(a, "3ad77bb40d7a3660a89ecaf32466ef97"
							"f5d3d58503b9699de785895a96fdbaaf")));
	ck_assert_int_eq(aes_ecb_decrypt(key, out, out), FINE);
	ck_assert(bytes_equal(bytes_of(out, 16), bytes_of(plain.at, 16)));
	ck_assert_int_eq(aes128_ctr(key.at, vector_hex(a, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").at,
				 plain, out),
		FINE);
	ck_assert(bytes_equal(BYTES(out), vector_hex(a, "874d6191b620e3261bef6864990db6ce"
							"9806f66b7970fdff8617187bb9fffdff")));
	ck_assert_int_eq(aes_ecb_encrypt(bytes_of(key.at, 15), plain.at, out), BROKEN);
	arena_free(a);
}
END_TEST

/* The counter is the last four bytes: they wrap and the others stay. */
START_TEST(ctr_wraps)
{
	static const uint8_t key[16] = { 1 };
	static const uint8_t plain[75] = { 0 };
	uint8_t block[16];
	uint8_t expected[80];
	uint8_t out[80];

	memset(block, 0xff, sizeof(block));
	block[15] = 0xfe;
	for (size_t i = 0; i < 5; i++) {
		ck_assert_int_eq(aes_ecb_encrypt(BYTES(key), block, expected + 16 * i), FINE);
		if (i == 1)
			memset(block + 12, 0, 4);
		else
			block[15]++;
	}
	memset(block + 12, 0xff, 4);
	block[15] = 0xfe;
	for (size_t len = 0; len <= sizeof(plain); len++) {
		ck_assert_int_eq(aes128_ctr(key, block, bytes_of(plain, len), out), FINE);
		ck_assert_int_eq(memcmp(out, expected, len), 0);
	}
}
END_TEST

struct user {
	pthread_t thread;
	uint8_t last[40];
	bool fine;
};

static void *use_all(void *context)
{
	struct user *user = context;
	uint8_t key[32] = { 7 };
	uint8_t out[64];

	user->fine = true;
	for (int i = 0; i < 200 && user->fine; i++)
		user->fine = aes_cmac(BYTES(key), BYTES(key), out) == FINE &&
			     aes_gcm_seal(BYTES(key), key, BYTES(key), bytes_of(out, 16),
				     out + 16) == FINE &&
			     aes_kw_wrap(BYTES(key), bytes_of(out + 16, 32), user->last) == FINE;
	return NULL;
}

START_TEST(many_threads)
{
	struct user users[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&users[i].thread, NULL, use_all, &users[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(users[i].thread, NULL);
	for (int i = 0; i < 4; i++) {
		ck_assert(users[i].fine);
		ck_assert_mem_eq(users[0].last, users[i].last, sizeof(users[0].last));
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { cmac, gcm, key_wrap, ecb_and_ctr, ctr_wraps, many_threads };

	return suite_run("crypto/aes", tests, sizeof(tests) / sizeof(tests[0]));
}

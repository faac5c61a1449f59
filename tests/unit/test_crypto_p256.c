#define OPENSSL_SUPPRESS_DEPRECATED
#include <check.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <pthread.h>
#include <stdlib.h>

#include "crypto/kdf.h"
#include "crypto/p256.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

static bool is(const json_t *v, const char *member, const char *text)
{
	return strcmp(vector_text(v, member), text) == 0;
}

static struct bytes digest_of(struct arena *a, struct bytes message)
{
	uint8_t *digest = arena_alloc(a, SHA256_LEN);

	ck_assert_int_eq(sha256(&message, 1, digest), FINE);
	return bytes_of(digest, SHA256_LEN);
}

/* A point's bytes from its coordinates, which some vectors make longer than 32 bytes. */
static struct bytes point_of(struct arena *a, const char *x, const char *y)
{
	return vector_hex(a, arena_printf(a, "04%s%s%s%s", strlen(x) % 2 == 1 ? "0" : "", x,
				     strlen(y) % 2 == 1 ? "0" : "", y));
}

/* The same answer with and without the table. */
static enum outcome verify_each_way(
	struct bytes point, const uint8_t *digest, const uint8_t *signature)
{
	struct p256_public *key;
	enum outcome o = p256_verify(point, digest, signature);

	if (o == INVALID_PARAMETER) {
		ck_assert_int_eq(p256_public_new(point, &key), INVALID_PARAMETER);
		return o;
	}
	ck_assert_int_eq(p256_public_new(point, &key), FINE);
	ck_assert_int_eq(p256_public_verify(key, digest, signature), o);
	ck_assert_int_eq(p256_public_precompute(key), FINE);
	ck_assert_int_eq(p256_public_verify(key, digest, signature), o);
	p256_public_free(key);
	return o;
}

static struct bytes signature_of(struct arena *a, const json_t *v)
{
	return vector_hex(a, arena_printf(a, "%s%s", vector_text(v, "r"), vector_text(v, "s")));
}

static void check_ecdsa(struct arena *a, const json_t *group, const json_t *v)
{
	struct bytes point = point_of(a, vector_text(v, "qx"), vector_text(v, "qy"));
	bool valid = !vector_has(v, "expect") || is(v, "expect", "ok");

	(void)group;
	if (is(v, "op", "validate_public")) {
		vector_check(v, (p256_check_point(point) == FINE) == valid, "point");
		return;
	}
	struct bytes digest = digest_of(a, vector_bytes(a, v, "msg"));
	enum outcome o = verify_each_way(point, digest.at, signature_of(a, v).at);

	vector_check(v, o == (valid ? FINE : SIGNATURE_INVALID), "signature");
	if (!vector_has(v, "d"))
		return;
	struct bytes scalar = vector_bytes(a, v, "d");
	uint8_t own[P256_POINT_LEN];
	uint8_t signature[P256_SIGNATURE_LEN];

	ck_assert_int_eq(p256_public_of(scalar.at, own), FINE);
	vector_check(v, bytes_equal(BYTES(own), point), "public key");
	ck_assert_int_eq(p256_sign(scalar.at, digest.at, signature), FINE);
	ck_assert_int_eq(p256_verify(point, digest.at, signature), FINE);
}

START_TEST(ecdsa_published)
{
	ck_assert_uint_eq(vectors_run("ecdsa_p256.json", check_ecdsa), 30);
}
END_TEST

static enum outcome verify_wycheproof(
	struct arena *a, const json_t *group, const json_t *v, struct bytes signature)
{
	const char *point = vector_text(json_object_get(group, "publicKey"), "uncompressed");
	struct bytes digest = digest_of(a, vector_bytes(a, v, "msg"));
	static struct p256_public *key;
	static char key_text[2 * P256_POINT_LEN + 1];

	/*
	 * A table takes longer than all else here, so a key's is kept while the key stays the same.
	 */
	if (strcmp(key_text, point) != 0) {
		p256_public_free(key);
		snprintf(key_text, sizeof(key_text), "%s", point);
		ck_assert_int_eq(p256_public_new(vector_hex(a, point), &key), FINE);
		ck_assert_int_eq(p256_public_precompute(key), FINE);
	}
	enum outcome o = p256_verify(vector_hex(a, point), digest.at, signature.at);

	vector_check(v, p256_public_verify(key, digest.at, signature.at) == o, "by table");
	return o;
}

static void check_p1363(struct arena *a, const json_t *group, const json_t *v)
{
	struct bytes signature = vector_bytes(a, v, "sig");
	bool accepted = signature.len == P256_SIGNATURE_LEN &&
			verify_wycheproof(a, group, v, signature) == FINE;

	vector_check(v, accepted == is(v, "result", "valid"), vector_text(v, "comment"));
}

static void check_der(struct arena *a, const json_t *group, const json_t *v)
{
	uint8_t signature[P256_SIGNATURE_LEN];
	uint8_t der[72];
	struct bytes sig = vector_bytes(a, v, "sig");
	bool accepted = p256_signature_from_der(sig, signature);

	if (accepted) {
		size_t len = p256_signature_to_der(signature, der);

		vector_check(v, bytes_equal(bytes_of(der, len), sig), "DER");
		accepted = verify_wycheproof(a, group, v, BYTES(signature)) == FINE;
	}
	vector_check(v, accepted == is(v, "result", "valid"), vector_text(v, "comment"));
}

START_TEST(ecdsa_wycheproof_p1363)
{
	wycheproof_run("ecdsa_secp256r1_sha256_p1363_test.json", check_p1363);
}
END_TEST

START_TEST(ecdsa_wycheproof_der)
{
	wycheproof_run("ecdsa_secp256r1_sha256_test.json", check_der);
}
END_TEST

static void check_ecdh(struct arena *a, const json_t *group, const json_t *v)
{
	struct bytes scalar = vector_bytes(a, v, "d");
	struct bytes peer = point_of(a, vector_text(v, "peer_x"), vector_text(v, "peer_y"));
	struct bytes own = point_of(a, vector_text(v, "own_x"), vector_text(v, "own_y"));
	uint8_t z[P256_SCALAR_LEN];
	uint8_t point[P256_POINT_LEN];
	bool valid = is(v, "expect", "ok");
	bool holds = p256_check_point(own) == FINE && p256_public_of(scalar.at, point) == FINE &&
		     bytes_equal(BYTES(point), own) && p256_agree(scalar.at, peer, z) == FINE &&
		     bytes_equal(digest_of(a, BYTES(z)), vector_bytes(a, v, "hash_zz"));

	(void)group;
	vector_check(v, holds == valid, vector_text(v, "why"));
	vector_check(v, !valid || bytes_equal(BYTES(z), vector_bytes(a, v, "z")), "z");
}

START_TEST(ecdh_published)
{
	ck_assert_uint_eq(vectors_run("ecdh_p256.json", check_ecdh), 20);
}
END_TEST

/* Java writes scalars signed, with leading zeros cut off or put in front. */
static void read_scalar(struct arena *a, const json_t *v, uint8_t out[P256_SCALAR_LEN])
{
	struct bytes s = vector_bytes(a, v, "private");

	while (s.len > P256_SCALAR_LEN) {
		ck_assert_uint_eq(s.at[0], 0);
		s = bytes_of(s.at + 1, s.len - 1);
	}
	memset(out, 0, P256_SCALAR_LEN);
	memcpy(out + P256_SCALAR_LEN - s.len, s.at, s.len);
}

static void check_ecpoint(struct arena *a, const json_t *group, const json_t *v)
{
	uint8_t scalar[P256_SCALAR_LEN];
	uint8_t z[P256_SCALAR_LEN];
	uint8_t point[P256_POINT_LEN];
	struct bytes peer = vector_bytes(a, v, "public");
	bool valid = is(v, "result", "valid");

	(void)group;
	read_scalar(a, v, scalar);
	vector_check(v, p256_agree(scalar, peer, z) == (valid ? FINE : INVALID_PARAMETER), "point");
	vector_check(v, (p256_uncompress(peer, point) == FINE) == !is(v, "result", "invalid"),
		"compressed");
	if (is(v, "result", "invalid"))
		return;
	ck_assert_int_eq(p256_agree(scalar, BYTES(point), z), FINE);
	vector_check(v, bytes_equal(BYTES(z), vector_bytes(a, v, "shared")), "secret");
}

START_TEST(ecdh_wycheproof)
{
	wycheproof_run("ecdh_secp256r1_ecpoint_test.json", check_ecpoint);
}
END_TEST

START_TEST(points)
{
	uint8_t scalar[P256_SCALAR_LEN];
	uint8_t point[P256_POINT_LEN];
	uint8_t again[P256_POINT_LEN];
	uint8_t small[P256_COMPRESSED_LEN];

	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(p256_generate(scalar, point), FINE);
		ck_assert_int_eq(p256_public_of(scalar, again), FINE);
		ck_assert_mem_eq(point, again, sizeof(point));
		ck_assert_int_eq(p256_compress(point, small), FINE);
		ck_assert_int_eq(p256_uncompress(BYTES(small), again), FINE);
		ck_assert_mem_eq(point, again, sizeof(point));
		ck_assert_int_eq(p256_uncompress(BYTES(point), again), FINE);
		ck_assert_int_eq(p256_check_point(BYTES(point)), FINE);
		ck_assert_int_eq(p256_check_point(BYTES(small)), INVALID_PARAMETER);
	}
	for (size_t len = 0; len < sizeof(point); len++)
		ck_assert_int_eq(p256_check_point(bytes_of(point, len)), INVALID_PARAMETER);
	/* The hybrid forms 6 and 7 of SEC 1 and the point at infinity are not for the wire. */
	for (unsigned first = 0; first < 256; first++) {
		point[0] = (uint8_t)first;
		ck_assert_int_eq(
			p256_check_point(BYTES(point)), first == 4 ? FINE : INVALID_PARAMETER);
		ck_assert_int_eq(p256_uncompress(BYTES(point), again),
			first == 4 ? FINE : INVALID_PARAMETER);
	}
	ck_assert_int_eq(p256_compress(point, small), INVALID_PARAMETER);
}
END_TEST

START_TEST(scalars)
{
	struct arena *a = arena_new(1u << 16);
	uint8_t scalar[P256_SCALAR_LEN] = { 0 };
	uint8_t point[P256_POINT_LEN];
	uint8_t signature[P256_SIGNATURE_LEN];
	uint8_t z[P256_SCALAR_LEN];
	struct bytes order = vector_hex(a, ORDER);

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(p256_public_of(scalar, point), BROKEN);
		ck_assert_int_eq(p256_sign(scalar, z, signature), BROKEN);
		memcpy(scalar, order.at, sizeof(scalar));
	}
	scalar[31]--;
	ck_assert_int_eq(p256_public_of(scalar, point), FINE);
	ck_assert_int_eq(p256_agree(scalar, BYTES(point), z), FINE);
	point[1] ^= 1;
	ck_assert_int_eq(p256_agree(scalar, BYTES(point), z), INVALID_PARAMETER);
	arena_free(a);
}
END_TEST

static int openssl_says(const uint8_t *point, const uint8_t *digest, const uint8_t *signature)
{
	EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	ECDSA_SIG *pair = ECDSA_SIG_new();

	ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
	ck_assert_int_eq(EC_KEY_oct2key(key, point, P256_POINT_LEN, NULL), 1);
	int verdict = ECDSA_do_verify(digest, SHA256_LEN, pair, key);

	ECDSA_SIG_free(pair);
	EC_KEY_free(key);
	return verdict == 1;
}

/* Good signatures and ones with a bit changed, by a key with a table: OpenSSL answers the same. */
START_TEST(table_agrees_with_openssl)
{
	uint8_t scalar[P256_SCALAR_LEN];
	uint8_t point[P256_POINT_LEN];
	uint8_t digest[SHA256_LEN];
	uint8_t signature[P256_SIGNATURE_LEN];
	struct p256_public *key;
	const char *wanted = getenv("P256_SIGNATURES");
	int count = wanted != NULL ? atoi(wanted) : 100;

	ck_assert_int_eq(p256_generate(scalar, point), FINE);
	ck_assert_int_eq(p256_public_new(BYTES(point), &key), FINE);
	ck_assert_int_eq(p256_public_precompute(key), FINE);
	for (int i = 0; i < count; i++) {
		struct bytes message = bytes_of(&i, sizeof(i));

		ck_assert_int_eq(sha256(&message, 1, digest), FINE);
		ck_assert_int_eq(p256_sign(scalar, digest, signature), FINE);
		ck_assert_int_eq(p256_public_verify(key, digest, signature), FINE);
		ck_assert(openssl_says(point, digest, signature));
		signature[i % 64] ^= (uint8_t)(1u << i / 64 % 8);
		bool accepted = p256_public_verify(key, digest, signature) == FINE;

		ck_assert_int_eq(accepted, openssl_says(point, digest, signature));
		ck_assert(!accepted);
	}
	p256_public_free(key);
}
END_TEST

struct user {
	pthread_t thread;
	struct p256_public *key;
	const uint8_t *digest, *good, *bad;
	bool fine;
};

static void *verify_often(void *context)
{
	struct user *user = context;

	user->fine = true;
	for (int i = 0; i < P256_PRECOMPUTE_AFTER / 2 && user->fine; i++)
		user->fine =
			p256_public_verify(user->key, user->digest, user->good) == FINE &&
			p256_public_verify(user->key, user->digest, user->bad) == SIGNATURE_INVALID;
	return NULL;
}

/* The table comes into being while four threads verify. */
START_TEST(many_threads)
{
	uint8_t scalar[P256_SCALAR_LEN];
	uint8_t point[P256_POINT_LEN];
	uint8_t digest[SHA256_LEN] = { 1 };
	uint8_t good[P256_SIGNATURE_LEN];
	uint8_t bad[P256_SIGNATURE_LEN];
	struct p256_public *key;
	struct user users[4];

	ck_assert_int_eq(p256_generate(scalar, point), FINE);
	ck_assert_int_eq(p256_sign(scalar, digest, good), FINE);
	memcpy(bad, good, sizeof(bad));
	bad[63] ^= 1;
	ck_assert_int_eq(p256_public_new(BYTES(point), &key), FINE);
	for (int i = 0; i < 4; i++) {
		users[i] = (struct user){ .key = key, .digest = digest, .good = good, .bad = bad };
		ck_assert_int_eq(
			pthread_create(&users[i].thread, NULL, verify_often, &users[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(users[i].thread, NULL);
		ck_assert(users[i].fine);
	}
	p256_public_free(key);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { ecdsa_published, ecdsa_wycheproof_p1363,
		ecdsa_wycheproof_der, ecdh_published, ecdh_wycheproof, points, scalars,
		table_agrees_with_openssl, many_threads };

	return suite_run("crypto/p256", tests, sizeof(tests) / sizeof(tests[0]));
}

/* Batch signatures made here by RFC 9162 read recursively and OpenSSL, checked by the device. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "device/endorsement_check.h"

#include <check.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

#include "tests/unit/suite.h"

#define LEAVES_MOST 20
#define DIMSI       UINT64_C(1990000000000)
#define ISSUED_AT   UINT64_C(1767225600)

static EC_KEY *key;
static uint8_t signer_id[32] = { 1, 2, 3 };
static uint8_t atks[LEAVES_MOST][8];
static uint8_t leaves[LEAVES_MOST][32];

static void put_field(uint8_t **at, const void *from, size_t len)
{
	*(*at)++ = (uint8_t)(len >> 8);
	*(*at)++ = (uint8_t)len;
	memcpy(*at, from, len);
	*at += len;
}

/* SHA-256(0x00, T("arpf endorsement v1"; SHA-256(atk), dIMSI, seId, u64 issuedAt)) */
static void make_leaf(unsigned i)
{
	uint8_t message[200] = { 0 }, hash[32];
	uint8_t *at = message + 1;
	char dimsi[16];

	memset(atks[i], (int)i, sizeof(atks[i]));
	SHA256(atks[i], sizeof(atks[i]), hash);
	memcpy(at, "arpf endorsement v1", 20);
	at += 20;
	put_field(&at, hash, 32);
	snprintf(dimsi, sizeof(dimsi), "%015llu", (unsigned long long)(DIMSI + i));
	put_field(&at, dimsi, 15);
	put_field(&at, "SE-9", 4);
	put_field(&at, "\0\0\0\0\x69\x55\xb9\0", 8);
	SHA256(message, (size_t)(at - message), leaves[i]);
}

static void hash_pair(const uint8_t *left, const uint8_t *right, uint8_t out[32])
{
	uint8_t both[65] = { 1 };

	memcpy(both + 1, left, 32);
	memcpy(both + 33, right, 32);
	SHA256(both, sizeof(both), out);
}

static size_t split(size_t n)
{
	size_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

/* MTH(D[n]) of RFC 9162 section 2.1.1 */
static void tree_hash(size_t from, size_t n, uint8_t out[32])
{
	uint8_t left[32], right[32];

	if (n == 1) {
		memcpy(out, leaves[from], 32);
		return;
	}
	tree_hash(from, split(n), left);
	tree_hash(from + split(n), n - split(n), right);
	hash_pair(left, right, out);
}

/* PATH(m, D[n]) of section 2.1.3.1 */
static void make_path(size_t m, size_t from, size_t n, struct batch_signature *s)
{
	if (n == 1)
		return;
	size_t k = split(n);
	bool left = m < k;

	make_path(left ? m : m - k, left ? from : from + k, left ? k : n - k, s);
	tree_hash(left ? from + k : from, left ? n - k : k, s->path + 32 * s->path_count);
	s->path_count++;
}

static void sign_tree(size_t n, struct batch_signature *s)
{
	uint8_t message[64], digest[32];
	uint8_t *at = message + 24;

	memcpy(message, "arpf batch signature v1", 24);
	uint8_t root[32];
	tree_hash(0, n, root);
	put_field(&at, root, 32);
	put_field(&at, (uint8_t[]){ 0, 0, 0, (uint8_t)n }, 4);
	SHA256(message, sizeof(message), digest);
	ECDSA_SIG *made = ECDSA_do_sign(digest, 32, key);
	BN_bn2binpad(ECDSA_SIG_get0_r(made), s->signature, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(made), s->signature + 32, 32);
	ECDSA_SIG_free(made);
	hex_write(BYTES(signer_id), s->signer_id);
	s->tree_size = n;
}

static struct signature_checker *begin(void)
{
	struct signature_checker *c;
	uint8_t point[65];

	key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	EC_KEY_generate_key(key);
	EC_POINT_point2oct(EC_KEY_get0_group(key), EC_KEY_get0_public_key(key),
		POINT_CONVERSION_UNCOMPRESSED, point, 65, NULL);
	for (unsigned i = 0; i < LEAVES_MOST; i++)
		make_leaf(i);
	ck_assert_int_eq(signature_checker_new(BYTES(point), signer_id, &c), FINE);
	return c;
}

static void end(struct signature_checker *c)
{
	signature_checker_free(c);
	EC_KEY_free(key);
}

static enum outcome check(struct signature_checker *c, const struct batch_signature *s, size_t i)
{
	return endorsement_check(c, s, BYTES(atks[i]), DIMSI + i, "SE-9", ISSUED_AT);
}

START_TEST(test_every_leaf)
{
	struct signature_checker *c = begin();

	for (size_t n = 1; n <= LEAVES_MOST; n++) {
		struct batch_signature s = { 0 };

		sign_tree(n, &s);
		for (size_t i = 0; i < n; i++) {
			s.path_count = 0;
			s.leaf_index = i;
			make_path(i, 0, n, &s);
			ck_assert_int_eq(check(c, &s, i), FINE);
		}
		/* one ECDSA verification a tree */
		ck_assert_uint_eq(signature_checker_verified(c), n);
	}
	end(c);
}
END_TEST

START_TEST(test_anything_changed)
{
	struct signature_checker *c = begin();
	struct batch_signature good = { .leaf_index = 2 }, bad;

	sign_tree(7, &good);
	make_path(2, 0, 7, &good);
	ck_assert_int_eq(check(c, &good, 2), FINE);
	ck_assert_int_eq(check(c, &good, 3), SIGNATURE_INVALID);
	ck_assert_int_eq(endorsement_check(c, &good, BYTES(atks[2]), DIMSI + 2, "SE-8", ISSUED_AT),
		SIGNATURE_INVALID);
	ck_assert_int_eq(
		endorsement_check(c, &good, BYTES(atks[2]), DIMSI + 2, "SE-9", ISSUED_AT + 1),
		SIGNATURE_INVALID);
	bad = good, bad.leaf_index = 3;
	ck_assert_int_eq(check(c, &bad, 2), SIGNATURE_INVALID);
	bad = good, bad.tree_size = 8;
	ck_assert_int_eq(check(c, &bad, 2), SIGNATURE_INVALID);
	bad = good, bad.tree_size = 7 + (UINT64_C(1) << 32);
	ck_assert_int_eq(check(c, &bad, 2), SIGNATURE_INVALID);
	bad = good, bad.path_count--;
	ck_assert_int_eq(check(c, &bad, 2), SIGNATURE_INVALID);
	bad = good, bad.path[40] ^= 1;
	ck_assert_int_eq(check(c, &bad, 2), SIGNATURE_INVALID);
	bad = good, bad.signer_id[63] ^= 1;
	ck_assert_int_eq(check(c, &bad, 2), SIGNATURE_INVALID);
	/* A root that has been verified does not excuse another signature. */
	bad = good, bad.signature[63] ^= 1;
	ck_assert_int_eq(check(c, &bad, 2), SIGNATURE_INVALID);
	ck_assert_int_eq(check(c, &good, 2), FINE);
	end(c);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_every_leaf, test_anything_changed };

	return suite_run("device endorsement check", tests, sizeof(tests) / sizeof(tests[0]));
}

#include <check.h>
#include <openssl/bn.h>

#include "crypto/eccsi.h"
#include "crypto/kdf.h"
#include "crypto/p256.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

#define S_AT   ECCSI_SCALAR_LEN
#define PVT_AT (2 * ECCSI_SCALAR_LEN)
#define FIELD  "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
#define ORDER  "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ZERO   "0000000000000000000000000000000000000000000000000000000000000000"
#define MOST   "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static bool is_ok(const json_t *v)
{
	return strcmp(vector_text(v, "expect"), "ok") == 0;
}

static struct bytes id_of(struct arena *a, const json_t *v)
{
	return vector_bytes(a, v, "id_hex");
}

static void check_extract(struct arena *a, const json_t *v)
{
	struct bytes ksak = vector_bytes(a, v, "ksak"), kpak = vector_bytes(a, v, "kpak");
	uint8_t point[ECCSI_POINT_LEN], ssk[ECCSI_SCALAR_LEN], pvt[ECCSI_POINT_LEN], hs[32];

	ck_assert_int_eq(p256_public_of(ksak.at, point), FINE);
	vector_check(v, bytes_equal(BYTES(point), kpak), "KPAK");
	ck_assert_int_eq(eccsi_extract_with(vector_bytes(a, v, "v").at, ksak.at, kpak.at,
				 id_of(a, v), ssk, pvt),
		FINE);
	vector_check(v, bytes_equal(BYTES(ssk), vector_bytes(a, v, "ssk")), "SSK");
	vector_check(v, bytes_equal(BYTES(pvt), vector_bytes(a, v, "pvt")), "PVT");
	ck_assert_int_eq(eccsi_hs(kpak.at, id_of(a, v), pvt, hs), FINE);
	vector_check(v, bytes_equal(BYTES(hs), vector_bytes(a, v, "hs")), "HS");
	ck_assert_int_eq(eccsi_check_pair(kpak.at, id_of(a, v), ssk, pvt), FINE);
}

static void check_verified(struct arena *a, const json_t *v)
{
	enum outcome o = eccsi_verify(vector_bytes(a, v, "kpak").at, id_of(a, v),
		vector_bytes(a, v, "message"), vector_bytes(a, v, "signature").at);
	bool is_off_curve = strstr(vector_text(v, "id"), "kpak-offcurve") != NULL;
	enum outcome expected = is_ok(v)       ? FINE
				: is_off_curve ? INVALID_PARAMETER
					       : SIGNATURE_INVALID;

	ck_assert_uint_eq(vector_bytes(a, v, "signature").len, ECCSI_SIGNATURE_LEN);
	vector_check(v, o == expected, "verification");
}

static void check_signed(struct arena *a, const json_t *v)
{
	uint8_t signature[ECCSI_SIGNATURE_LEN];

	ck_assert_int_eq(eccsi_sign_with(vector_bytes(a, v, "j").at, vector_bytes(a, v, "ssk").at,
				 vector_bytes(a, v, "pvt").at, vector_bytes(a, v, "hs").at,
				 vector_bytes(a, v, "message"), signature),
		FINE);
	vector_check(
		v, bytes_equal(BYTES(signature), vector_bytes(a, v, "signature")), "signature");
	check_verified(a, v);
}

static void check_pair(struct arena *a, const json_t *v)
{
	enum outcome o = eccsi_check_pair(vector_bytes(a, v, "kpak").at, id_of(a, v),
		vector_bytes(a, v, "ssk").at, vector_bytes(a, v, "pvt").at);

	/* Those that are refused are off the curve. */
	vector_check(v, o == (is_ok(v) ? FINE : INVALID_PARAMETER), "pair");
}

static void check_vector(struct arena *a, const json_t *group, const json_t *v)
{
	const char *op = vector_text(v, "op");

	(void)group;
	if (strcmp(op, "kms_extract") == 0)
		check_extract(a, v);
	else if (strcmp(op, "sign") == 0)
		check_signed(a, v);
	else if (strcmp(op, "validate_ssk") == 0)
		check_pair(a, v);
	else
		check_verified(a, v);
}

START_TEST(published)
{
	ck_assert_uint_eq(vectors_run("eccsi.json", check_vector), 17);
}
END_TEST

static const uint8_t id_at[] = "2026-11\0arpf.example.com";
static const uint8_t message_at[] = "message";
#define ID      BYTES(id_at)
#define MESSAGE BYTES(message_at)

/* A KMS, the pair of ID, and its signature of MESSAGE. */
struct identity {
	uint8_t ksak[ECCSI_SCALAR_LEN], kpak[ECCSI_POINT_LEN];
	uint8_t ssk[ECCSI_SCALAR_LEN], pvt[ECCSI_POINT_LEN], hs[32];
	uint8_t signature[ECCSI_SIGNATURE_LEN];
};

static void make_identity(struct identity *i)
{
	ck_assert_int_eq(eccsi_kms_new(i->ksak, i->kpak), FINE);
	ck_assert_int_eq(eccsi_extract(i->ksak, i->kpak, ID, i->ssk, i->pvt), FINE);
	ck_assert_int_eq(eccsi_check_pair(i->kpak, ID, i->ssk, i->pvt), FINE);
	ck_assert_int_eq(eccsi_hs(i->kpak, ID, i->pvt, i->hs), FINE);
	ck_assert_int_eq(eccsi_sign(i->ssk, i->pvt, i->hs, MESSAGE, i->signature), FINE);
	ck_assert_int_eq(eccsi_verify(i->kpak, ID, MESSAGE, i->signature), FINE);
	ck_assert_mem_eq(i->signature + PVT_AT, i->pvt, sizeof(i->pvt));
}

/* No j comes twice, also for one message, nor a v for one identity. */
START_TEST(fresh)
{
	struct identity i;
	uint8_t again[ECCSI_SIGNATURE_LEN], ssk[ECCSI_SCALAR_LEN], pvt[ECCSI_POINT_LEN];

	make_identity(&i);
	ck_assert_int_eq(eccsi_sign(i.ssk, i.pvt, i.hs, MESSAGE, again), FINE);
	ck_assert_mem_ne(i.signature, again, ECCSI_SCALAR_LEN);
	ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, again), FINE);
	ck_assert_int_eq(eccsi_extract(i.ksak, i.kpak, ID, ssk, pvt), FINE);
	ck_assert_mem_ne(i.pvt, pvt, sizeof(pvt));
	ck_assert_int_eq(eccsi_check_pair(i.kpak, ID, ssk, pvt), FINE);
	/* One pair's halves are not another's. */
	ck_assert_int_eq(eccsi_check_pair(i.kpak, ID, i.ssk, pvt), SIGNATURE_INVALID);
}
END_TEST

/* Of so many signatures some have an r or an s that begins with a zero byte. */
START_TEST(many_messages)
{
	struct identity i;
	unsigned short_numbers = 0;

	make_identity(&i);
	for (uint32_t n = 0; n < 3000; n++) {
		struct bytes message = bytes_of(&n, sizeof(n));

		ck_assert_int_eq(eccsi_sign(i.ssk, i.pvt, i.hs, message, i.signature), FINE);
		if (i.signature[0] != 0 && i.signature[S_AT] != 0 && n % 50 != 0)
			continue;
		short_numbers += i.signature[0] == 0 || i.signature[S_AT] == 0;
		ck_assert_int_eq(eccsi_verify(i.kpak, ID, message, i.signature), FINE);
	}
	ck_assert_uint_gt(short_numbers, 0);
}
END_TEST

START_TEST(changed_signatures)
{
	struct identity i;

	make_identity(&i);
	for (size_t bit = 0; bit < 8 * sizeof(i.signature); bit++) {
		i.signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, i.signature), SIGNATURE_INVALID);
		i.signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, i.signature), FINE);
}
END_TEST

START_TEST(others)
{
	struct identity i, other;

	make_identity(&i);
	make_identity(&other);
	ck_assert_int_eq(eccsi_verify(other.kpak, ID, MESSAGE, i.signature), SIGNATURE_INVALID);
	ck_assert_int_eq(eccsi_check_pair(other.kpak, ID, i.ssk, i.pvt), SIGNATURE_INVALID);
	for (size_t len = 0; len < sizeof(id_at); len++) {
		struct bytes id = bytes_of(id_at, len), message = bytes_of(message_at, len);

		ck_assert_int_eq(eccsi_verify(i.kpak, id, MESSAGE, i.signature), SIGNATURE_INVALID);
		ck_assert_int_eq(eccsi_check_pair(i.kpak, id, i.ssk, i.pvt), SIGNATURE_INVALID);
		if (len < sizeof(message_at))
			ck_assert_int_eq(
				eccsi_verify(i.kpak, ID, message, i.signature), SIGNATURE_INVALID);
	}
	/* Another identity of the same KMS, by its own PVT and by this one's. */
	ck_assert_int_eq(eccsi_extract(i.ksak, i.kpak, MESSAGE, other.ssk, other.pvt), FINE);
	memcpy(i.signature + PVT_AT, other.pvt, sizeof(other.pvt));
	ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, i.signature), SIGNATURE_INVALID);
	ck_assert_int_eq(eccsi_check_pair(i.kpak, ID, other.ssk, other.pvt), SIGNATURE_INVALID);
}
END_TEST

static void put_number(uint8_t *to, const char *hex)
{
	ck_assert(hex_read(hex, strlen(hex), to, ECCSI_SCALAR_LEN));
}

START_TEST(numbers_out_of_range)
{
	static const char *const bad_r[] = { ZERO, FIELD, MOST };
	static const char *const bad_s[] = { ZERO, ORDER, FIELD, MOST };
	struct identity i;
	uint8_t changed[ECCSI_SIGNATURE_LEN];

	make_identity(&i);
	for (size_t n = 0; n < sizeof(bad_r) / sizeof(bad_r[0]); n++) {
		memcpy(changed, i.signature, sizeof(changed));
		put_number(changed, bad_r[n]);
		ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, changed), SIGNATURE_INVALID);
	}
	for (size_t n = 0; n < sizeof(bad_s) / sizeof(bad_s[0]); n++) {
		memcpy(changed, i.signature, sizeof(changed));
		put_number(changed + S_AT, bad_s[n]);
		ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, changed), SIGNATURE_INVALID);
		ck_assert_int_eq(
			eccsi_check_pair(i.kpak, ID, changed + S_AT, i.pvt), SIGNATURE_INVALID);
	}
}
END_TEST

/* Our own secrets: what is not of 1 to q - 1 is no scalar. */
START_TEST(secrets_out_of_range)
{
	static const char *const bad[] = { ZERO, ORDER, FIELD, MOST };
	struct identity i;
	uint8_t number[ECCSI_SCALAR_LEN], ssk[ECCSI_SCALAR_LEN], pvt[ECCSI_POINT_LEN];

	make_identity(&i);
	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		put_number(number, bad[n]);
		ck_assert_int_eq(eccsi_extract_with(number, i.ksak, i.kpak, ID, ssk, pvt), BROKEN);
		ck_assert_int_eq(eccsi_extract(number, i.kpak, ID, ssk, pvt), BROKEN);
		ck_assert_int_eq(
			eccsi_sign_with(number, i.ssk, i.pvt, i.hs, MESSAGE, i.signature), BROKEN);
		ck_assert_int_eq(eccsi_sign(number, i.pvt, i.hs, MESSAGE, i.signature), BROKEN);
	}
}
END_TEST

/* HE + r SSK = 0 mod q, which 5.2.1 step 3 looks for: with an SSK made for it. */
START_TEST(no_inverse)
{
	struct identity i;
	uint8_t j[ECCSI_SCALAR_LEN] = { 1 }, point[ECCSI_POINT_LEN], he[32];
	BN_CTX *numbers = BN_CTX_new();
	BIGNUM *q = NULL;

	make_identity(&i);
	ck_assert_int_gt(BN_hex2bn(&q, ORDER), 0);
	ck_assert_int_eq(p256_public_of(j, point), FINE);
	struct bytes parts[] = { BYTES(i.hs), bytes_of(point + 1, 32), MESSAGE };

	ck_assert_int_eq(sha256(parts, 3, he), FINE);
	BIGNUM *r = BN_bin2bn(point + 1, 32, NULL), *ssk = BN_bin2bn(he, 32, NULL);

	ck_assert_ptr_nonnull(BN_mod_inverse(r, r, q, numbers));
	ck_assert_int_eq(BN_mod_mul(ssk, ssk, r, q, numbers), 1);
	ck_assert_int_eq(BN_sub(ssk, q, ssk), 1);
	ck_assert_int_eq(BN_bn2binpad(ssk, i.ssk, sizeof(i.ssk)), sizeof(i.ssk));
	ck_assert_int_eq(eccsi_sign_with(j, i.ssk, i.pvt, i.hs, MESSAGE, i.signature), BROKEN);
	BN_free(ssk);
	BN_free(r);
	BN_free(q);
	BN_CTX_free(numbers);
}
END_TEST

/* With s, q - s too makes a signature, since J and -J have one x: signatures are no unique keys. */
START_TEST(negative_s)
{
	struct identity i;
	BIGNUM *q = NULL;

	make_identity(&i);
	ck_assert_int_gt(BN_hex2bn(&q, ORDER), 0);
	BIGNUM *s = BN_bin2bn(i.signature + S_AT, ECCSI_SCALAR_LEN, NULL);

	ck_assert_int_eq(BN_sub(s, q, s), 1);
	ck_assert_int_eq(BN_bn2binpad(s, i.signature + S_AT, ECCSI_SCALAR_LEN), ECCSI_SCALAR_LEN);
	ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, i.signature), FINE);
	BN_free(s);
	BN_free(q);
}
END_TEST

/* Only the uncompressed form of a point of the curve is KPAK or PVT. */
START_TEST(points)
{
	struct identity i;
	uint8_t *pvt = i.signature + PVT_AT;

	make_identity(&i);
	for (unsigned first = 0; first < 256; first++) {
		if (first == 4)
			continue;
		i.kpak[0] = (uint8_t)first;
		ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, i.signature), INVALID_PARAMETER);
		ck_assert_int_eq(eccsi_check_pair(i.kpak, ID, i.ssk, i.pvt), INVALID_PARAMETER);
		i.kpak[0] = 4;
		i.pvt[0] = pvt[0] = (uint8_t)first;
		ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, i.signature), SIGNATURE_INVALID);
		ck_assert_int_eq(eccsi_check_pair(i.kpak, ID, i.ssk, i.pvt), INVALID_PARAMETER);
		i.pvt[0] = pvt[0] = 4;
	}
	ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, i.signature), FINE);
	memset(pvt, 0, ECCSI_POINT_LEN); /* infinity, with what SEC 1 writes for it filled up */
	ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, i.signature), SIGNATURE_INVALID);
	memset(i.kpak + 1, 0xff, 64); /* coordinates above p */
	ck_assert_int_eq(eccsi_verify(i.kpak, ID, MESSAGE, i.signature), INVALID_PARAMETER);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { published, fresh, many_messages, changed_signatures, others,
		numbers_out_of_range, secrets_out_of_range, no_inverse, negative_s, points };

	return suite_run("crypto/eccsi", tests, sizeof(tests) / sizeof(tests[0]));
}

/*
 * The simulated USIM and the SUCI it is known by, against the published sets of Milenage, a published K_AUSF,
 * and challenges made here.
 */
#include "device/usim.h"

#include <check.h>
#include <stdio.h>

#include "crypto/aes.h"
#include "crypto/dh_group.h"
#include "crypto/ecies.h"
#include "crypto/kdf.h"
#include "crypto/kdf_5g.h"
#include "crypto/milenage.h"
#include "device/suci.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

#define SNN bytes_of_text("5G:mnc001.mcc001.3gppnetwork.org")

static const uint8_t k[16] = { 1, 2, 3 }, opc[16] = { 4, 5, 6 }, rand_0[16] = { 7, 8, 9 };
static const uint8_t amf[2] = { 0x80, 0 };
static unsigned sets_seen, kausf_seen;

static void write_sqn(uint64_t sqn, uint8_t out[6])
{
	for (int i = 5; i >= 0; i--, sqn >>= 8)
		out[i] = (uint8_t)sqn;
}

/* AUTN as an AuC makes it. */
static void make_autn(uint64_t sqn_number, uint8_t autn[16], struct milenage *m)
{
	uint8_t sqn[6];

	write_sqn(sqn_number, sqn);
	ck_assert_int_eq(milenage_with_k(k, opc, rand_0, sqn, amf, m), FINE);
	for (int i = 0; i < 6; i++)
		autn[i] = sqn[i] ^ m->ak[i];
	memcpy(autn + 6, amf, 2);
	memcpy(autn + 8, m->mac_a, 8);
}

static enum outcome offer(struct usim *u, uint64_t sqn, struct usim_answer *out)
{
	uint8_t autn[16];
	struct milenage m;

	make_autn(sqn, autn, &m);
	return usim_authenticate(u, rand_0, autn, SNN, out);
}

static void check_set(struct arena *a, const json_t *group, const json_t *v)
{
	struct usim u;
	struct usim_answer answer;
	uint8_t res_star[16], kausf[32];

	(void)group;
	if (!vector_has(v, "f1") || !vector_has(v, "autn"))
		return;
	struct bytes autn = vector_bytes(a, v, "autn"), rand = vector_bytes(a, v, "rand");
	struct bytes sqn = vector_bytes(a, v, "sqn");
	uint64_t number = 0;

	sets_seen++;
	for (size_t i = 0; i < 6; i++)
		number = number << 8 | sqn.at[i];
	usim_make(&u, vector_bytes(a, v, "k").at, vector_bytes(a, v, "opc").at);
	usim_set_sqn(&u, number - 32); /* one SEQ before */
	enum outcome o = usim_authenticate(&u, rand.at, autn.at, SNN, &answer);

	if ((vector_bytes(a, v, "amf").at[0] & 0x80) == 0) {
		vector_check(v, o == MAC_INVALID, "no separation bit");
		return;
	}
	vector_check(v, o == FINE && answer.sqn == number, "accepted");
	struct bytes ck = vector_bytes(a, v, "f3"), ik = vector_bytes(a, v, "f4");

	ck_assert_int_eq(
		kdf_res_star(ck.at, ik.at, SNN, rand.at, vector_bytes(a, v, "f2"), res_star), FINE);
	ck_assert_int_eq(kdf_kausf(ck.at, ik.at, SNN, autn.at, kausf), FINE);
	vector_check(v, memcmp(res_star, answer.res_star, 16) == 0, "RES*");
	vector_check(v, memcmp(kausf, answer.kausf, 32) == 0, "K_AUSF");
	vector_check(
		v, usim_authenticate(&u, rand.at, autn.at, SNN, &answer) == CONFLICT, "replay");
}

START_TEST(test_published_sets)
{
	ck_assert_uint_gt(vectors_run("milenage.json", check_set), 0);
	ck_assert_uint_ge(sets_seen, 14);
}
END_TEST

static void check_kausf(struct arena *a, const json_t *group, const json_t *v)
{
	struct usim u;
	struct usim_answer answer;

	(void)group;
	if (strcmp(vector_text(v, "function"), "TS 33.501 A.2 KAUSF") != 0 ||
		!vector_has(v, "autn"))
		return;
	kausf_seen++;
	usim_make(&u, vector_bytes(a, v, "k").at, vector_bytes(a, v, "opc").at);
	vector_check(v,
		usim_authenticate(&u, vector_bytes(a, v, "rand").at, vector_bytes(a, v, "autn").at,
			bytes_of_text(vector_text(v, "snn")), &answer) == FINE,
		"accepted");
	vector_check(v, bytes_equal(BYTES(answer.kausf), vector_bytes(a, v, "expect")), "K_AUSF");
}

START_TEST(test_published_kausf)
{
	ck_assert_uint_gt(vectors_run("kdf_3gpp.json", check_kausf), 0);
	ck_assert_uint_ge(kausf_seen, 1);
}
END_TEST

/* TS 33.102 clause C.2.2: by IND, not one after the other. */
START_TEST(test_sequence_numbers)
{
	struct usim u;
	struct usim_answer a;

	usim_make(&u, k, opc);
	ck_assert_int_eq(offer(&u, 0, &a), CONFLICT); /* SEQ 0 has been used as it were */
	ck_assert_int_eq(offer(&u, 5 << 5 | 3, &a), FINE);
	ck_assert_uint_eq(a.sqn, 5 << 5 | 3);
	ck_assert_int_eq(offer(&u, 5 << 5 | 3, &a), CONFLICT);
	ck_assert_int_eq(offer(&u, 4 << 5 | 3, &a), CONFLICT);
	ck_assert_int_eq(offer(&u, 4 << 5 | 2, &a), FINE); /* late, but of another IND */
	ck_assert_int_eq(offer(&u, 6 << 5 | 3, &a), FINE);
	ck_assert_uint_eq(usim_sqn(&u), 6 << 5 | 3);
	/* delta ahead of the greatest SEQ and no more */
	ck_assert_int_eq(offer(&u, (6 + USIM_DELTA + 1) << 5, &a), CONFLICT);
	ck_assert_int_eq(offer(&u, (6 + USIM_DELTA) << 5, &a), FINE);
	ck_assert_uint_eq(usim_sqn(&u), (6 + USIM_DELTA) << 5);
}
END_TEST

START_TEST(test_auts)
{
	static const uint8_t none[2] = { 0, 0 };
	struct usim u;
	struct usim_answer a;
	struct milenage m;
	uint8_t sqn[6], expected[AUTS_LEN];

	usim_make(&u, k, opc);
	usim_set_sqn(&u, 900 << 5);
	ck_assert_int_eq(offer(&u, 100 << 5 | 7, &a), CONFLICT);
	ck_assert_uint_eq(a.sqn, 100 << 5 | 7);
	write_sqn(900 << 5 | 31, sqn);
	ck_assert_int_eq(milenage_with_k(k, opc, rand_0, sqn, none, &m), FINE);
	for (int i = 0; i < 6; i++)
		expected[i] = sqn[i] ^ m.ak_star[i];
	memcpy(expected + 6, m.mac_s, 8);
	ck_assert_mem_eq(a.auts, expected, AUTS_LEN);
}
END_TEST

START_TEST(test_changed_challenge)
{
	struct usim u;
	struct usim_answer a;
	struct milenage m;
	uint8_t autn[16], rand[16];

	make_autn(1 << 5, autn, &m);
	memcpy(rand, rand_0, 16);
	usim_make(&u, k, opc);
	for (unsigned bit = 0; bit < 128; bit++) {
		rand[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(usim_authenticate(&u, rand, autn, SNN, &a), MAC_INVALID);
		rand[bit / 8] ^= (uint8_t)(1u << bit % 8);
		/* among them the separation bit */
		autn[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(usim_authenticate(&u, rand, autn, SNN, &a), MAC_INVALID);
		autn[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	u.k[0] ^= 1;
	ck_assert_int_eq(usim_authenticate(&u, rand, autn, SNN, &a), MAC_INVALID);
	u.k[0] ^= 1;
	ck_assert_int_eq(usim_authenticate(&u, rand, autn, SNN, &a), FINE);
}
END_TEST

START_TEST(test_home_vector)
{
	struct usim u;
	struct usim_answer a;
	struct milenage m;
	struct home_av av, bad;

	memcpy(av.rand, rand_0, 16);
	make_autn(7 << 5, av.autn, &m);
	ck_assert_int_eq(kdf_res_star(m.ck, m.ik, SNN, rand_0, BYTES(m.res), av.xres_star), FINE);
	ck_assert_int_eq(kdf_kausf(m.ck, m.ik, SNN, av.autn, av.kausf), FINE);
	usim_make(&u, k, opc);
	bad = av, bad.xres_star[15] ^= 1;
	ck_assert_int_eq(usim_check_av(&u, &bad, SNN, &a), MAC_INVALID);
	usim_make(&u, k, opc);
	bad = av, bad.kausf[0] ^= 1;
	ck_assert_int_eq(usim_check_av(&u, &bad, SNN, &a), MAC_INVALID);
	usim_make(&u, k, opc);
	/* another serving network's RES* and K_AUSF are others */
	ck_assert_int_eq(
		usim_check_av(&u, &av, bytes_of_text("5G:mnc002.mcc001.3gppnetwork.org"), &a),
		MAC_INVALID);
	usim_make(&u, k, opc);
	ck_assert_int_eq(usim_check_av(&u, &av, SNN, &a), FINE);
	ck_assert_int_eq(usim_check_av(&u, &av, SNN, &a), CONFLICT);
}
END_TEST

#define IMSI UINT64_C(274012001002086)

/* Ephemeral key, ciphertext and tag out of the last part of a SUCI. */
static size_t read_output(const char *suci, uint8_t *out)
{
	const char *hex = strrchr(suci, '-') + 1;
	size_t len = strlen(hex) / 2;

	ck_assert(hex_read(hex, strlen(hex), out, len));
	return len;
}

START_TEST(test_suci_null)
{
	char suci[SUCI_MAX + 1];
	struct suci_network n = { .plmn = { 274012, 6 }, .routing_indicator = "0" };

	ck_assert_int_eq(suci_conceal(&n, IMSI, suci), FINE);
	ck_assert_str_eq(suci, "suci-0-274-012-0-0-0-001002086");
	n.plmn = (struct plmn){ 101, 5 };
	n.routing_indicator = "1234";
	ck_assert_int_eq(suci_conceal(&n, UINT64_C(1010000000042), suci), FINE);
	ck_assert_str_eq(suci, "suci-0-001-01-1234-0-0-0000000042");
	ck_assert_int_eq(suci_conceal(&n, IMSI, suci), INVALID_PARAMETER);
}
END_TEST

/* 001002086 in TBCD, TS 33.501 clause C.4.2.1 */
static const uint8_t msin[] = { 0x00, 0x01, 0x20, 0x80, 0xf6 };

START_TEST(test_suci_profile_a)
{
	static const char begin[] = "suci-0-274-012-0-1-27-";
	char suci[SUCI_MAX + 1];
	uint8_t secret[DH_SECRET_MAX], home[32], out[64], z[32], keys[64], plain[5], tag[32];

	ck_assert_int_eq(dh_generate(DH_X25519, secret, home), FINE);
	struct suci_network n = { .plmn = { 274012, 6 },
		.routing_indicator = "0",
		.scheme = SUCI_PROFILE_A,
		.key_id = 27,
		.public_key = BYTES(home) };

	ck_assert_int_eq(suci_conceal(&n, IMSI, suci), FINE);
	ck_assert_mem_eq(suci, begin, sizeof(begin) - 1);
	ck_assert_uint_eq(read_output(suci, out), 32 + 5 + 8);
	ck_assert_int_eq(dh_agree(DH_X25519, secret, bytes_of(out, 32), z), FINE);
	ck_assert_int_eq(x963_sha256(BYTES(z), bytes_of(out, 32), keys, 64), FINE);
	struct bytes sealed = bytes_of(out + 32, 5);
	ck_assert_int_eq(hmac_sha256(bytes_of(keys + 32, 32), &sealed, 1, tag), FINE);
	ck_assert_mem_eq(out + 37, tag, 8);
	ck_assert_int_eq(aes128_ctr(keys, keys + 16, sealed, plain), FINE);
	ck_assert_mem_eq(plain, msin, 5);
	n.public_key = bytes_of(home, 31);
	ck_assert_int_eq(suci_conceal(&n, IMSI, suci), INVALID_PARAMETER);
}
END_TEST

START_TEST(test_suci_profile_b)
{
	static const char begin[] = "suci-0-274-012-0-2-255-";
	char suci[SUCI_MAX + 1];
	uint8_t scalar[32], point[65], compressed[33], out[64], plain[5];

	ck_assert_int_eq(p256_generate(scalar, point), FINE);
	ck_assert_int_eq(p256_compress(point, compressed), FINE);
	struct suci_network n = { .plmn = { 274012, 6 },
		.routing_indicator = "0",
		.scheme = SUCI_PROFILE_B,
		.key_id = 255,
		.public_key = BYTES(compressed) };

	ck_assert_int_eq(suci_conceal(&n, IMSI, suci), FINE);
	ck_assert_mem_eq(suci, begin, sizeof(begin) - 1);
	ck_assert_uint_eq(read_output(suci, out), 33 + 5 + 8);
	ck_assert_int_eq(ecies_p256_open(scalar, bytes_of(out, 33), bytes_of(out + 33, 5),
				 bytes_of(out + 38, 8), plain),
		FINE);
	ck_assert_mem_eq(plain, msin, 5);
	compressed[0] = 5;
	ck_assert_int_eq(suci_conceal(&n, IMSI, suci), INVALID_PARAMETER);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_published_sets,
		test_published_kausf,
		test_sequence_numbers,
		test_auts,
		test_changed_challenge,
		test_home_vector,
		test_suci_null,
		test_suci_profile_a,
		test_suci_profile_b,
	};

	return suite_run("device USIM", tests, sizeof(tests) / sizeof(tests[0]));
}

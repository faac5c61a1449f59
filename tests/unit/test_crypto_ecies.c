#include <check.h>

#include "crypto/ecies.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

static unsigned profile_a_seen, profile_b_seen;

/*
 * The whole SUCI scheme output (TS 33.501 clause C.3.4): ephemeral key, ciphertext, 8 bytes of MAC.
 * secret is the home network's of the profile.
 */
static void open_output(struct arena *a, const json_t *v, struct bytes output, bool is_a,
	struct bytes secret, struct bytes plain)
{
	struct bytes ephemeral, ciphertext, mac;
	uint8_t *out = arena_alloc(a, plain.len);
	size_t key_len = is_a                ? X25519_LEN
			 : output.at[0] == 4 ? P256_POINT_LEN
					     : P256_COMPRESSED_LEN;

	ck_assert(bytes_take(&output, key_len, &ephemeral));
	ck_assert(bytes_take(&output, plain.len, &ciphertext));
	ck_assert(bytes_take(&output, 8, &mac));
	ck_assert_uint_eq(output.len, 0);
	ck_assert_int_eq(is_a ? ecies_x25519_open(secret.at, ephemeral, ciphertext, mac, out)
			      : ecies_p256_open(secret.at, ephemeral, ciphertext, mac, out),
		FINE);
	vector_check(v, bytes_equal(bytes_of(out, plain.len), plain), "plaintext");
}

static void check_deconcealed(struct arena *a, const json_t *v)
{
	const char *suci = vector_text(v, "suci");
	const char *msin = strrchr(vector_text(v, "expect"), '-') + 1;
	char digits[16];
	uint8_t bcd[5];

	/* suci-0-mcc-mnc-routing-profile-key-output */
	bool is_a = strstr(suci, "-1-1-") != NULL;

	ck_assert(is_a || strstr(suci, "-2-2-") != NULL);
	*(is_a ? &profile_a_seen : &profile_b_seen) += 1;
	/* The vectors' IMSIs are a PLMN of 5 digits and an MSIN of 9 or 10, in TBCD. */
	msin += 5;
	snprintf(digits, sizeof(digits), "%s%s", msin, strlen(msin) % 2 == 1 ? "f" : "");
	ck_assert_uint_eq(strlen(digits), 10);
	ck_assert(hex_read(digits, 10, bcd, sizeof(bcd)));
	for (size_t i = 0; i < sizeof(bcd); i++)
		bcd[i] = (uint8_t)(bcd[i] << 4 | bcd[i] >> 4);
	open_output(a, v, vector_hex(a, strrchr(suci, '-') + 1), is_a,
		vector_bytes(a, v, is_a ? "hn_priv_A" : "hn_priv_B"), BYTES(bcd));
}

/* EK, ICB, MK: of either profile, where somebody else has derived them. */
static void check_derived(struct arena *a, const json_t *v)
{
	struct bytes plain = vector_bytes(a, v, "scheme_input");
	uint8_t keys[ECIES_KEYS_LEN], *out = arena_alloc(a, plain.len);

	memcpy(keys, vector_bytes(a, v, "enc_key").at, 16);
	memcpy(keys + 16, vector_bytes(a, v, "icb").at, 16);
	memcpy(keys + 32, vector_bytes(a, v, "mac_key").at, 32);
	ck_assert_int_eq(ecies_p256_open_derived(keys, vector_bytes(a, v, "ciphertext"),
				 vector_bytes(a, v, "mac_tag"), out),
		FINE);
	vector_check(v, bytes_equal(bytes_of(out, plain.len), plain), "derived");
}

static void check_sealed_a(struct arena *a, const json_t *v)
{
	struct bytes plain = vector_bytes(a, v, "scheme_input");
	uint8_t recipient[X25519_LEN], ephemeral[X25519_LEN], mac[ECIES_MAC_LEN];
	uint8_t *out = arena_alloc(a, plain.len);

	profile_a_seen++;
	ck_assert_int_eq(x25519_public_of(vector_bytes(a, v, "hn_priv").at, recipient), FINE);
	vector_check(v, bytes_equal(BYTES(recipient), vector_bytes(a, v, "hn_pub")), "public key");
	ck_assert_int_eq(ecies_x25519_seal_with(vector_bytes(a, v, "eph_priv").at, BYTES(recipient),
				 plain, ephemeral, out, mac),
		FINE);
	vector_check(v, bytes_equal(BYTES(ephemeral), vector_bytes(a, v, "eph_pub")), "ephemeral");
	vector_check(v, bytes_equal(bytes_of(out, plain.len), vector_bytes(a, v, "ciphertext")),
		"ciphertext");
	vector_check(v, bytes_equal(bytes_of(mac, 8), vector_bytes(a, v, "mac_tag")), "MAC");
	ck_assert_int_eq(ecies_x25519_open(vector_bytes(a, v, "hn_priv").at, BYTES(ephemeral),
				 bytes_of(out, plain.len), BYTES(mac), out),
		FINE);
	vector_check(v, bytes_equal(bytes_of(out, plain.len), plain), "plaintext");
	check_derived(a, v);
}

static void check_sealed_b(struct arena *a, const json_t *v)
{
	struct bytes plain = vector_bytes(a, v, "scheme_input");
	uint8_t recipient[P256_POINT_LEN];
	uint8_t ephemeral[P256_COMPRESSED_LEN];
	uint8_t mac[ECIES_MAC_LEN];
	uint8_t *out = arena_alloc(a, plain.len);

	profile_b_seen++;
	ck_assert_int_eq(p256_uncompress(vector_bytes(a, v, "hn_pub"), recipient), FINE);
	ck_assert_int_eq(ecies_p256_seal_with(vector_bytes(a, v, "eph_priv").at, BYTES(recipient),
				 plain, ephemeral, out, mac),
		FINE);
	vector_check(v, bytes_equal(BYTES(ephemeral), vector_bytes(a, v, "eph_pub")), "ephemeral");
	vector_check(v, bytes_equal(bytes_of(out, plain.len), vector_bytes(a, v, "ciphertext")),
		"ciphertext");
	vector_check(v, bytes_equal(bytes_of(mac, 8), vector_bytes(a, v, "mac_tag")), "MAC");
	ck_assert_int_eq(ecies_p256_open_agreed(vector_bytes(a, v, "shared").at, ephemeral,
				 bytes_of(out, plain.len), BYTES(mac), out),
		FINE);
	vector_check(v, bytes_equal(bytes_of(out, plain.len), plain), "plaintext");
	if (vector_has(v, "scheme_output"))
		open_output(a, v, vector_bytes(a, v, "scheme_output"), false,
			vector_bytes(a, v, "hn_priv"), plain);
	check_derived(a, v);
}

static void check_profile(struct arena *a, const json_t *group, const json_t *v)
{
	(void)group;
	if (vector_has(v, "suci"))
		check_deconcealed(a, v);
	else if (strcmp(vector_text(v, "profile"), "Profile B") == 0)
		check_sealed_b(a, v);
	else if (strcmp(vector_text(v, "profile"), "Profile A") == 0)
		check_sealed_a(a, v);
}

START_TEST(suci_vectors)
{
	profile_a_seen = profile_b_seen = 0;
	vectors_run("ecies_suci.json", check_profile);
	ck_assert_uint_eq(profile_a_seen, 3);
	ck_assert_uint_eq(profile_b_seen, 5);
}
END_TEST

START_TEST(round_trip)
{
	uint8_t scalar[P256_SCALAR_LEN];
	uint8_t point[P256_POINT_LEN];
	uint8_t ephemeral[P256_COMPRESSED_LEN];
	uint8_t mac[ECIES_MAC_LEN];
	uint8_t plain[70], sealed[70], opened[70];

	ck_assert_int_eq(p256_generate(scalar, point), FINE);
	memset(plain, 0x5a, sizeof(plain));
	for (size_t len = 0; len <= sizeof(plain); len++) {
		struct bytes ciphertext = bytes_of(sealed, len);

		ck_assert_int_eq(
			ecies_p256_seal(BYTES(point), bytes_of(plain, len), ephemeral, sealed, mac),
			FINE);
		ck_assert_int_eq(
			ecies_p256_open(scalar, BYTES(ephemeral), ciphertext, BYTES(mac), opened),
			FINE);
		ck_assert_int_eq(memcmp(plain, opened, len), 0);
		ck_assert_int_eq(ecies_p256_open(scalar, BYTES(ephemeral), ciphertext,
					 bytes_of(mac, 8), opened),
			FINE);
	}
}
END_TEST

START_TEST(refused)
{
	uint8_t scalar[P256_SCALAR_LEN];
	uint8_t point[P256_POINT_LEN];
	uint8_t ephemeral[P256_COMPRESSED_LEN];
	uint8_t mac[ECIES_MAC_LEN];
	uint8_t sealed[32] = { 0 };
	uint8_t opened[32] = { 0 };
	static const uint8_t untouched[32] = { 0 };

	ck_assert_int_eq(p256_generate(scalar, point), FINE);
	ck_assert_int_eq(
		ecies_p256_seal(BYTES(point), BYTES(sealed), ephemeral, sealed, mac), FINE);
	for (size_t bit = 0; bit < 8 * sizeof(mac); bit++) {
		mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(ecies_p256_open(scalar, BYTES(ephemeral), BYTES(sealed),
					 BYTES(mac), opened),
			MAC_INVALID);
		mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len < sizeof(mac); len++)
		if (len != 8)
			ck_assert_int_eq(ecies_p256_open(scalar, BYTES(ephemeral), BYTES(sealed),
						 bytes_of(mac, len), opened),
				MAC_INVALID);
	sealed[5] ^= 1;
	ck_assert_int_eq(
		ecies_p256_open(scalar, BYTES(ephemeral), BYTES(sealed), BYTES(mac), opened),
		MAC_INVALID);
	ck_assert_mem_eq(opened, untouched, sizeof(opened));
	ephemeral[0] = 4;
	ck_assert_int_eq(
		ecies_p256_open(scalar, BYTES(ephemeral), BYTES(sealed), BYTES(mac), opened),
		INVALID_PARAMETER);
	point[64] ^= 1;
	ck_assert_int_eq(ecies_p256_seal(BYTES(point), BYTES(sealed), ephemeral, sealed, mac),
		INVALID_PARAMETER);
}
END_TEST

START_TEST(round_trip_a)
{
	uint8_t secret[X25519_LEN], public_key[X25519_LEN], ephemeral[X25519_LEN];
	uint8_t mac[ECIES_MAC_LEN], plain[70], sealed[70], opened[70];

	ck_assert_int_eq(x25519_generate(secret, public_key), FINE);
	memset(plain, 0x5a, sizeof(plain));
	for (size_t len = 0; len <= sizeof(plain); len++) {
		struct bytes ciphertext = bytes_of(sealed, len);

		ck_assert_int_eq(ecies_x25519_seal(BYTES(public_key), bytes_of(plain, len),
					 ephemeral, sealed, mac),
			FINE);
		ck_assert_int_eq(
			ecies_x25519_open(secret, BYTES(ephemeral), ciphertext, BYTES(mac), opened),
			FINE);
		ck_assert_int_eq(memcmp(plain, opened, len), 0);
		ck_assert_int_eq(ecies_x25519_open(secret, BYTES(ephemeral), ciphertext,
					 bytes_of(mac, 8), opened),
			FINE);
	}
}
END_TEST

START_TEST(refused_a)
{
	uint8_t secret[X25519_LEN], public_key[X25519_LEN], ephemeral[X25519_LEN + 1] = { 0 };
	uint8_t mac[ECIES_MAC_LEN], sealed[32] = { 0 }, opened[32] = { 0 };
	struct bytes key = bytes_of(ephemeral, X25519_LEN);
	static const uint8_t untouched[32] = { 0 };

	ck_assert_int_eq(x25519_generate(secret, public_key), FINE);
	ck_assert_int_eq(
		ecies_x25519_seal(BYTES(public_key), BYTES(sealed), ephemeral, sealed, mac), FINE);
	for (size_t bit = 0; bit < 8 * sizeof(mac); bit++) {
		mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(ecies_x25519_open(secret, key, BYTES(sealed), BYTES(mac), opened),
			MAC_INVALID);
		mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len <= sizeof(ephemeral); len++)
		if (len != X25519_LEN)
			ck_assert_int_eq(ecies_x25519_open(secret, bytes_of(ephemeral, len),
						 BYTES(sealed), BYTES(mac), opened),
				INVALID_PARAMETER);
	/* The top bit is none of the key's, but SharedInfo1 is the key as it was sent. */
	ephemeral[X25519_LEN - 1] ^= 0x80;
	ck_assert_int_eq(
		ecies_x25519_open(secret, key, BYTES(sealed), BYTES(mac), opened), MAC_INVALID);
	memset(ephemeral, 0, sizeof(ephemeral));
	ck_assert_int_eq(ecies_x25519_open(secret, key, BYTES(sealed), BYTES(mac), opened),
		INVALID_PARAMETER);
	ck_assert_int_eq(
		ecies_x25519_seal(key, BYTES(sealed), public_key, sealed, mac), INVALID_PARAMETER);
	ck_assert_mem_eq(opened, untouched, sizeof(opened));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { suci_vectors, round_trip, refused, round_trip_a, refused_a };

	return suite_run("crypto/ecies", tests, sizeof(tests) / sizeof(tests[0]));
}

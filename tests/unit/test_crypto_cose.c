#include <check.h>

#include "crypto/cbor.h"
#include "crypto/cose.h"
#include "crypto/p256.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct signer {
	uint8_t scalar[P256_SCALAR_LEN];
	uint8_t point[P256_POINT_LEN];
};

static const uint8_t key_id[32] = { 3 };
static const uint8_t nonce[16] = { 4 };

static struct bytes write_payload(uint8_t *at, size_t cap, const uint8_t point[P256_POINT_LEN])
{
	struct buffer b = buffer_over(at, cap);
	const struct attach_token token = { .dimsi = 1990000000042,
		.public_key = bytes_of(point, P256_POINT_LEN),
		.key_id = BYTES(key_id),
		.nonce = BYTES(nonce) };

	attach_token_write(&b, &token);
	ck_assert(!b.full);
	return buffer_bytes(&b);
}

static struct bytes sign_message(
	uint8_t *at, size_t cap, const struct signer *signer, struct bytes payload, bool tagged)
{
	struct buffer b = buffer_over(at, cap);
	uint8_t digest[32];
	uint8_t signature[P256_SIGNATURE_LEN];

	ck_assert_int_eq(cose_sign1_digest_to_sign(payload, digest), FINE);
	ck_assert_int_eq(p256_sign(signer->scalar, digest, signature), FINE);
	cose_sign1_write(&b, payload, signature, tagged);
	ck_assert(!b.full);
	return buffer_bytes(&b);
}

static enum outcome verify_message(struct bytes message, struct bytes point)
{
	struct cose_sign1 token;
	uint8_t digest[32];
	enum outcome o = cose_sign1_read(message, &token);

	if (o != FINE)
		return o;
	ck_assert_int_eq(cose_sign1_digest(&token, digest), FINE);
	return p256_verify(point, digest, token.signature.at);
}

START_TEST(round_trip)
{
	struct signer signer;
	uint8_t payload_at[160];
	uint8_t at[300];

	ck_assert_int_eq(p256_generate(signer.scalar, signer.point), FINE);
	struct bytes payload = write_payload(payload_at, sizeof(payload_at), signer.point);

	for (int tagged = 0; tagged < 2; tagged++) {
		struct bytes message = sign_message(at, sizeof(at), &signer, payload, tagged != 0);
		struct cose_sign1 token;
		struct attach_token content;

		ck_assert_int_eq(verify_message(message, BYTES(signer.point)), FINE);
		ck_assert_int_eq(cose_sign1_read(message, &token), FINE);
		ck_assert(bytes_equal(token.payload, payload));
		ck_assert_int_eq(attach_token_read(token.payload, &content), FINE);
		ck_assert_uint_eq(content.dimsi, 1990000000042);
		ck_assert(bytes_equal(content.public_key, BYTES(signer.point)));
		ck_assert(bytes_equal(content.key_id, BYTES(key_id)));
		ck_assert(bytes_equal(content.nonce, BYTES(nonce)));
	}
}
END_TEST

/* Cut anywhere, longer by anything, or with any bit changed it is refused. */
START_TEST(damaged)
{
	struct signer signer;
	uint8_t payload_at[160];
	uint8_t at[300];

	ck_assert_int_eq(p256_generate(signer.scalar, signer.point), FINE);
	struct bytes message = sign_message(at, sizeof(at), &signer,
		write_payload(payload_at, sizeof(payload_at), signer.point), true);
	struct cose_sign1 token;

	for (size_t len = 0; len < message.len; len++)
		ck_assert_int_eq(cose_sign1_read(bytes_of(at, len), &token), INVALID_PARAMETER);
	for (unsigned last = 0; last < 256; last++) {
		at[message.len] = (uint8_t)last;
		ck_assert_int_eq(
			cose_sign1_read(bytes_of(at, message.len + 1), &token), INVALID_PARAMETER);
	}
	for (size_t bit = 0; bit < 8 * message.len; bit++) {
		at[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_ne(verify_message(message, BYTES(signer.point)), FINE);
		at[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

/* RFC 9052 appendix C.2.1, by the key "11" of appendix C.7.1; its unprotected map holds the kid. */
START_TEST(published)
{
	struct arena *a = arena_new(1u << 16);
	struct bytes message =
		vector_hex(a, "d28443a10126a10442313154546869732069732074686520636f6e74656e742e"
			      "58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e"
			      "2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36");
	struct bytes point =
		vector_hex(a, "04bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff"
			      "20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e");

	ck_assert_int_eq(verify_message(message, point), FINE);
	arena_free(a);
}
END_TEST

#define SIGNATURE                                                                                \
	"5840"                                                                                   \
	"01010101010101010101010101010101010101010101010101010101010101010101010101010101010101" \
	"010101010101010101010101010101010101010101"

static enum outcome read_hex(const char *hex)
{
	struct arena *a = arena_new(1u << 16);
	struct cose_sign1 token;
	enum outcome o = cose_sign1_read(vector_hex(a, hex), &token);

	arena_free(a);
	return o;
}

START_TEST(structures_accepted)
{
	static const char *const messages[] = {
		"8443a10126a04100" SIGNATURE,
		"d28443a10126a04100" SIGNATURE,
		"d8128443a10126a04100" SIGNATURE, /* the tag in two bytes */
		"8443a10126a040" SIGNATURE,       /* an empty payload */
		/* an unprotected map of {4: h'31', "x": [1.5, true, null, 1(0), {}, -1]} */
		"8443a10126a20441316178"
		"86fb3ff8000000000000f5f6c100a020"
		"4100" SIGNATURE,
	};

	for (size_t i = 0; i < COUNT(messages); i++)
		ck_assert_msg(read_hex(messages[i]) == FINE, "%s", messages[i]);
}
END_TEST

START_TEST(structures_refused)
{
	static const char *const messages[] = {
		"", "00", "d18443a10126a04100" SIGNATURE,             /* tag 17 */
		"d2d28443a10126a04100" SIGNATURE,                     /* tagged twice */
		"d2",                                                 /* a tag of nothing */
		"dc8443a10126a04100" SIGNATURE,                       /* a reserved head */
		"8343a10126a04100",                                   /* three */
		"8543a10126a04100" SIGNATURE "00",                    /* five */
		"9f43a10126a04100" SIGNATURE "ff",                    /* indefinite */
		"a243a10126a04100" SIGNATURE,                         /* a map */
		"8440a04100" SIGNATURE,                               /* no algorithm */
		"8441a0a04100" SIGNATURE, "84a10126a04100" SIGNATURE, /* not wrapped */
		"8443a10127a04100" SIGNATURE,                         /* -8: EdDSA */
		"8443a10106a04100" SIGNATURE,                         /* 6 */
		"8443a10226a04100" SIGNATURE,                         /* {2: -7} */
		"8443a12626a04100" SIGNATURE,                         /* {-7: -7} */
		"8446a2012604413180a04100" SIGNATURE,                 /* and a kid */
		"8445a201260126a04100" SIGNATURE,                     /* twice */
		"8444a1012600a04100" SIGNATURE,                       /* something behind */
		"8444bf0126ffa04100" SIGNATURE,
		"8443a10126804100" SIGNATURE,   /* unprotected: an array */
		"8443a10126bfff4100" SIGNATURE, /* indefinite */
		"8443a10126a1049f00ff4100" SIGNATURE, "8443a10126a1045f4100ff4100" SIGNATURE,
		"8443a10126bbffffffffffffffff4100" SIGNATURE,
		"8443a10126a1049bffffffffffffffff4100" SIGNATURE,
		"8443a10126a104bb7fffffffffffffff4100" SIGNATURE,
		/* twice as many items as pairs: 2^64, which is 0 */
		"8443a10126a104bb80000000000000004100" SIGNATURE,
		"8443a10126a1ff004100" SIGNATURE, /* a break */
		"8443a10126a0f6" SIGNATURE,       /* detached payload */
		"8443a10126a06100" SIGNATURE,     /* text payload */
		"8443a10126a05f4100ff" SIGNATURE, "8443a10126a041005bffffffffffffffff00",
		"8443a10126a041004101", /* a short signature */
	};

	for (size_t i = 0; i < COUNT(messages); i++)
		ck_assert_msg(read_hex(messages[i]) == INVALID_PARAMETER, "%s", messages[i]);
}
END_TEST

/* A message of 4096 bytes is read, one of 4097 is not, however deep its arrays nest. */
START_TEST(bombs)
{
	uint8_t at[4200];
	uint8_t signature[P256_SIGNATURE_LEN] = { 1 };
	struct cose_sign1 token;

	for (size_t depth = 3900; depth < 4100; depth++) {
		struct buffer b = buffer_over(at, sizeof(at));

		cbor_put_array(&b, 4);
		cbor_put_bytes(&b, bytes_of("\xa1\x01\x26", 3));
		cbor_put_map(&b, 1);
		cbor_put_unsigned(&b, 4);
		for (size_t i = 0; i < depth; i++)
			cbor_put_array(&b, 1);
		cbor_put_unsigned(&b, 0);
		cbor_put_bytes(&b, bytes_of(NULL, 0));
		cbor_put_bytes(&b, BYTES(signature));
		ck_assert_int_eq(cose_sign1_read(buffer_bytes(&b), &token),
			b.len <= 4096 ? FINE : INVALID_PARAMETER);
	}
}
END_TEST

/* The four entries of a payload, each as a key and a value in hex. */
#define DIMSI "016f303031303130303030303030303432"
#define POINT    \
	"025841" \
	"04" ZEROS_32 ZEROS_32
#define KEY_ID "035820" ZEROS_32
#define NONCE  \
	"0450" \
	"00000000000000000000000000000000"
#define ZEROS_32 "0000000000000000000000000000000000000000000000000000000000000000"

static enum outcome read_token(const char *hex)
{
	struct arena *a = arena_new(1u << 16);
	struct attach_token token;
	enum outcome o = attach_token_read(vector_hex(a, hex), &token);

	arena_free(a);
	return o;
}

START_TEST(token_in_any_order)
{
	static const char *const entries[] = { DIMSI, POINT, KEY_ID, NONCE };
	char hex[600];
	int fine = 0;

	/* Of the 256 ways to write four of them only the 24 that repeat none are a token. */
	for (int i = 0; i < 256; i++) {
		snprintf(hex, sizeof(hex), "a4%s%s%s%s", entries[i % 4], entries[i / 4 % 4],
			entries[i / 16 % 4], entries[i / 64]);
		fine += read_token(hex) == FINE;
	}
	ck_assert_int_eq(fine, 24);
}
END_TEST

START_TEST(token_refused)
{
	static const char *const payloads[] = {
		"",
		"a0",
		"a3" DIMSI POINT KEY_ID,
		"a3" DIMSI POINT KEY_ID NONCE,
		"a4" DIMSI POINT KEY_ID,
		"a4" DIMSI POINT KEY_ID NONCE "00",
		"a5" DIMSI POINT KEY_ID NONCE "0500",
		"bf" DIMSI POINT KEY_ID NONCE "ff",
		"c1a4" DIMSI POINT KEY_ID NONCE,
		"84" DIMSI POINT KEY_ID NONCE,
		"a4" DIMSI POINT KEY_ID "05500000000000000000000000000000000000",
		"a4" DIMSI POINT KEY_ID "00500000000000000000000000000000000000",
		"a4" DIMSI POINT KEY_ID "1b80000000000000045000000000000000000000000000000000",
		"a4" DIMSI POINT KEY_ID "23500000000000000000000000000000000000", /* key -4 */
		"a4" DIMSI POINT KEY_ID "6104500000000000000000000000000000000000",
		"a4"
		"016e3030313031303030303030303034" POINT KEY_ID NONCE, /* 14 digits */
		"a4"
		"01703030313031303030303030303034"
		"3232" POINT KEY_ID NONCE, /* 16 */
		"a4"
		"016f30303130313030303030303034326e" POINT KEY_ID NONCE,
		"a4"
		"014f303031303130303030303030303432" POINT KEY_ID NONCE, /* a bstr */
		"a4"
		"011b000000000000002a" POINT KEY_ID NONCE, /* a number */
		"a4"
		"017f6f303031303130303030303030303432ff" POINT KEY_ID NONCE,
		"a4" DIMSI "025840" ZEROS_32 ZEROS_32 KEY_ID NONCE,
		"a4" DIMSI "025842"
		"0000" ZEROS_32 ZEROS_32 KEY_ID NONCE,
		"a4" DIMSI "027841"
		"04" ZEROS_32 ZEROS_32 KEY_ID NONCE, /* text */
		"a4" DIMSI POINT "035821"
		"00" ZEROS_32 NONCE,
		"a4" DIMSI POINT "0340" NONCE,
		"a4" DIMSI POINT KEY_ID "044f000000000000000000000000000000",
		"a4" DIMSI POINT KEY_ID "04510000000000000000000000000000000000",
		"a4" DIMSI POINT KEY_ID "04f6",
	};

	ck_assert_int_eq(read_token("a4" DIMSI POINT KEY_ID NONCE), FINE);
	for (size_t i = 0; i < COUNT(payloads); i++)
		ck_assert_msg(read_token(payloads[i]) == INVALID_PARAMETER, "%s", payloads[i]);
}
END_TEST

START_TEST(token_cut)
{
	uint8_t at[160];
	const uint8_t point[P256_POINT_LEN] = { 4 };
	struct bytes payload = write_payload(at, sizeof(at), point);
	struct attach_token token;

	for (size_t len = 0; len < payload.len; len++)
		ck_assert_int_eq(attach_token_read(bytes_of(at, len), &token), INVALID_PARAMETER);
	ck_assert_int_eq(attach_token_read(payload, &token), FINE);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { round_trip, damaged, published, structures_accepted,
		structures_refused, bombs, token_in_any_order, token_refused, token_cut };

	return suite_run("crypto/cose", tests, sizeof(tests) / sizeof(tests[0]));
}

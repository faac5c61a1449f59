/*
 * Companion DH through the client, on a real SoftHSM token: the test plays the companion and the device behind it, and
 * computes everything a second time from the protocol page.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/imsi.h"
#include "crypto/kdf.h"
#include "tests/integration/key_world.h"
#include "tests/unit/suite.h"

#define IMSI      UINT64_C(1010000000042)
#define AKID      "r01a@akma.5gc.mnc001.mcc001.3gppnetwork.org"
#define P_TYPE    "IOT_CREDENTIAL_REQUEST"
#define DEVICE_ID "meter:0001"

/* The device: its exponent, and the request it makes by way of the companion. */
struct device {
	enum dh_group group;
	uint8_t secret[DH_SECRET_MAX];
	struct key_agree_companion_in in;
};

static struct bytes text_bytes(const struct key_text *text)
{
	return bytes_of(text->at, text->len);
}

static void sign_request(struct key_agree_companion_in *in, const uint8_t k[32])
{
	const struct bytes fields[FIELDS_MAX] = {
		text_bytes(&in->p_type),
		text_bytes(&in->device_id),
		text_bytes(&in->group),
		bytes_of(in->a, in->a_len),
		bytes_of(in->session.akid, in->session.akid_len),
	};

	mac_of("arpf mac1 v1", fields, bytes_of(k, 32), in->mac1);
}

static void make_device(struct device *d, enum dh_group group, const struct session_of_test *s)
{
	*d = (struct device){ .group = group };
	d->in = (struct key_agree_companion_in){
		.session = s->session,
		.k = s->kept,
		.p_type = text_of(P_TYPE),
		.device_id = text_of(DEVICE_ID),
		.group = text_of(dh_group_name(group)),
		.a_len = (uint16_t)dh_element_len(group),
	};
	ck_assert_int_eq(dh_generate(group, d->secret, d->in.a), FINE);
	sign_request(&d->in, s->k);
}

/* KDm, KDa, KDo as the device has them. */
static void derive(const struct device *d, const struct key_companion *c, uint8_t keys[64])
{
	const struct bytes b = bytes_of(c->b, c->b_len);
	const struct bytes fields[FIELDS_MAX] = {
		BYTES(c->access_id),
		text_bytes(&d->in.device_id),
		text_bytes(&d->in.group),
		bytes_of(d->in.a, d->in.a_len),
		b,
	};
	const struct bytes of_id[FIELDS_MAX] = { BYTES(c->access_id) };
	uint8_t z[DH_SHARED_MAX], room[1200], salt[32], kd[32];
	struct bytes text = transcript_of("arpf kd v1", fields, room, sizeof(room));

	ck_assert_uint_eq(c->b_len, dh_element_len(d->group));
	ck_assert_int_eq(dh_agree(d->group, d->secret, b, z), FINE);
	ck_assert_int_eq(sha256(&text, 1, salt), FINE);
	ck_assert_int_eq(hkdf_sha256(BYTES(salt), bytes_of(z, dh_shared_len(d->group)),
				 bytes_of_text("arpf kd v1"), kd, 32),
		FINE);
	expand_of("arpf kd keys v1", of_id, BYTES(kd), keys, 64);
}

static void check_access_id(
	const struct device *d, const struct key_companion *c, const uint8_t k[32])
{
	const struct bytes fields[FIELDS_MAX] = { BYTES(d->in.mac1) };
	uint8_t mac[32];

	mac_of("arpf access id v1", fields, bytes_of(k, 32), mac);
	ck_assert_mem_eq(c->access_id, mac, ACCESS_ID_LEN);
}

static struct key_confirm_companion_in confirmation_of(
	const struct device *d, const struct key_companion *c, const uint8_t kdm[32])
{
	struct key_confirm_companion_in in = {
		.kdm = c->kdm, .device_id = d->in.device_id, .imsi = IMSI
	};
	const struct bytes fields[FIELDS_MAX] = { BYTES(c->access_id),
		text_bytes(&d->in.device_id) };

	memcpy(in.access_id, c->access_id, ACCESS_ID_LEN);
	mac_of("arpf mac2 v1", fields, bytes_of(kdm, 32), in.mac2);
	return in;
}

static void confirm(const struct device *d, const struct key_companion *c, const uint8_t kdm[32])
{
	struct key_confirm_companion_in in = confirmation_of(d, c, kdm);
	const struct bytes fields[FIELDS_MAX] = {
		BYTES(c->access_id),
		text_bytes(&d->in.device_id),
		bytes_of_text("imsi-001010000000042"),
	};
	struct key_confirmation out;
	uint8_t mac3[32];

	mac_of("arpf mac3 v1", fields, bytes_of(kdm, 32), mac3);
	ck_assert_int_eq(ask(KEY_CONFIRM_COMPANION, &in, &out), FINE);
	ck_assert_mem_eq(out.mac3, mac3, 32);
}

START_TEST(test_companion_in_every_group)
{
	struct session_of_test session;
	uint8_t keys[64];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	register_session(&session, IMSI, AKID);
	for (unsigned group = 0; group < DH_GROUP_COUNT; group++) {
		struct device d;
		struct key_companion first, again;

		make_device(&d, (enum dh_group)group, &session);
		ck_assert_int_eq(ask(KEY_AGREE_COMPANION, &d.in, &first), FINE);
		check_access_id(&d, &first, session.k);
		derive(&d, &first, keys);
		check_sealed_pair(&first.sealed, keys + 32, keys + 48);
		confirm(&d, &first, keys);
		ck_assert_int_eq(ask(KEY_AGREE_COMPANION, &d.in, &again), FINE);
		ck_assert_mem_eq(again.access_id, first.access_id, ACCESS_ID_LEN);
		ck_assert_mem_ne(again.b, first.b, first.b_len);
		derive(&d, &again, keys);
		confirm(&d, &again, keys);
	}
	key_world_end();
}
END_TEST

/* More than a pool holds, twice, with time to fill it between: each key pair is used once. */
START_TEST(test_ephemerals_are_used_once)
{
	enum { COUNT = 100, ROUNDS = 2 };
	static struct device devices[COUNT];
	static struct key_agree_companion_in in[COUNT];
	static struct key_companion out[ROUNDS * COUNT];
	static enum outcome outcomes[COUNT];
	struct session_of_test session;
	uint8_t keys[64];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	register_session(&session, IMSI, AKID);
	for (unsigned i = 0; i < COUNT; i++) {
		make_device(&devices[i], i % 2 == 0 ? DH_P256 : DH_X25519, &session);
		in[i] = devices[i].in;
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		ask_together(KEY_AGREE_COMPANION, COUNT, in, out + round * COUNT, outcomes);
		for (unsigned i = 0; i < COUNT; i++) {
			ck_assert_int_eq(outcomes[i], FINE);
			derive(&devices[i], &out[round * COUNT + i], keys);
			confirm(&devices[i], &out[round * COUNT + i], keys);
		}
		for (unsigned i = 0; i < 20; i++)
			run_for_a_moment();
	}
	for (unsigned i = 0; i < ROUNDS * COUNT; i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert(memcmp(out[i].b, out[j].b, 32) != 0 ||
				  out[i].b_len != out[j].b_len);
	key_world_end();
}
END_TEST

static void expect(
	enum key_operation operation, const void *in, enum outcome expected, const char *what)
{
	uint8_t out[sizeof(struct key_companion)];
	enum outcome o = ask(operation, in, out);

	ck_assert_msg(o == expected, "%s: %s", what, outcome_name(o));
}

/* What a changed byte of a kept secret is refused with: version and generation stand first. */
static enum outcome in_kept(unsigned byte)
{
	return byte == 0 ? BROKEN : byte < 3 ? HSM_UNAVAILABLE : MAC_INVALID;
}

/* An element that is refused; with a wrong MAC1 it is not even looked at. */
static void expect_bad_element(struct key_agree_companion_in in, const uint8_t k[32],
	struct bytes element, const char *what)
{
	in.a_len = (uint16_t)element.len;
	memset(in.a, 0, sizeof(in.a));
	memcpy(in.a, element.at, element.len);
	sign_request(&in, k);
	expect(KEY_AGREE_COMPANION, &in, INVALID_PARAMETER, what);
	in.mac1[31] ^= 1;
	expect(KEY_AGREE_COMPANION, &in, MAC_INVALID, what);
}

/* p - less of a finite field, of its element's length. */
static void p_less(const char *group, BN_ULONG less, uint8_t *out, size_t len)
{
	OSSL_PARAM as[] = {
		OSSL_PARAM_utf8_string(
			OSSL_PKEY_PARAM_GROUP_NAME, (void *)(uintptr_t)group, strlen(group)),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *key = NULL;
	BIGNUM *p = NULL;

	ck_assert_int_eq(EVP_PKEY_keygen_init(c), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_params(c, as), 1);
	ck_assert_int_eq(EVP_PKEY_generate(c, &key), 1);
	ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P, &p), 1);
	ck_assert_int_eq(BN_sub_word(p, less), 1);
	ck_assert_int_eq(BN_bn2binpad(p, out, (int)len), (int)len);
	BN_free(p);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(c);
}

START_TEST(test_bad_elements_of_finite_fields)
{
	static const struct {
		BN_ULONG less; /* than p */
		const char *what;
	} bad[] = { { 2, "p - 2: in range, but no square" }, { 1, "p - 1" }, { 0, "p" } };
	struct session_of_test session;
	uint8_t element[DH_ELEMENT_MAX + 1];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	register_session(&session, IMSI, AKID);
	for (unsigned group = DH_FFDHE2048; group <= DH_FFDHE3072; group++) {
		const char *name = dh_group_name((enum dh_group)group);
		size_t len = dh_element_len((enum dh_group)group);
		struct device d;

		make_device(&d, (enum dh_group)group, &session);
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			p_less(name, bad[i].less, element, len);
			expect_bad_element(d.in, session.k, bytes_of(element, len), bad[i].what);
		}
		memset(element, 0, sizeof(element));
		expect_bad_element(d.in, session.k, bytes_of(element, len), "0");
		element[len - 1] = 1;
		expect_bad_element(d.in, session.k, bytes_of(element, len), "1");
		expect_bad_element(d.in, session.k, bytes_of(d.in.a, len - 1), "short");
		element[0] = 0;
		memcpy(element + 1, d.in.a, len);
		expect_bad_element(d.in, session.k, bytes_of(element, len + 1), "long");
		expect_bad_element(d.in, session.k, (struct bytes){ element, 0 }, "empty");
	}
	key_world_end();
}
END_TEST

START_TEST(test_bad_elements_of_curves)
{
	static const uint8_t zeros[32], one[32] = { 1 };
	struct session_of_test session;
	struct device p256, x25519;
	uint8_t point[65];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	register_session(&session, IMSI, AKID);
	make_device(&p256, DH_P256, &session);
	make_device(&x25519, DH_X25519, &session);
	memcpy(point, p256.in.a, sizeof(point));
	point[64] ^= 1;
	expect_bad_element(p256.in, session.k, BYTES(point), "off the curve");
	point[64] ^= 1;
	point[0] = 2;
	expect_bad_element(p256.in, session.k, bytes_of(point, 33), "compressed");
	expect_bad_element(p256.in, session.k, BYTES(point), "not uncompressed");
	expect_bad_element(p256.in, session.k, bytes_of(zeros, 1), "infinity");
	expect_bad_element(x25519.in, session.k, BYTES(zeros), "zero");
	expect_bad_element(x25519.in, session.k, BYTES(one), "of low order");
	expect_bad_element(x25519.in, session.k, bytes_of(x25519.in.a, 31), "short");
	expect_bad_element(x25519.in, session.k, BYTES(point), "a point of another group");
	key_world_end();
}
END_TEST

/* Whatever is changed after MAC1 was made, and whatever is put in another's place. */
START_TEST(test_requests_that_are_refused)
{
	struct session_of_test session, other;
	struct device d;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	register_session(&session, IMSI, AKID);
	register_session(&other, IMSI + 1, AKID);
	make_device(&d, DH_X25519, &session);
	struct key_agree_companion_in in = d.in;

	for (unsigned i = 0; i < KEPT_LEN; i++) {
		in.k.at[i] ^= 0x20;
		expect(KEY_AGREE_COMPANION, &in, in_kept(i), "a byte of K");
		in.k.at[i] ^= 0x20;
	}
	in.k = other.kept;
	expect(KEY_AGREE_COMPANION, &in, MAC_INVALID, "the K of another session");
	in = d.in;
	in.session.imsi++;
	expect(KEY_AGREE_COMPANION, &in, MAC_INVALID, "the row of another SUPI");
	in = d.in;
	in.session.akid[0] ^= 1;
	expect(KEY_AGREE_COMPANION, &in, MAC_INVALID, "another A-KID");
	in = d.in;
	in.device_id.at[0] ^= 1;
	expect(KEY_AGREE_COMPANION, &in, MAC_INVALID, "another device");
	in = d.in;
	in.group = text_of("ffdhe4096");
	expect(KEY_AGREE_COMPANION, &in, MAC_INVALID, "another group, after MAC1");
	sign_request(&in, session.k);
	expect(KEY_AGREE_COMPANION, &in, INVALID_PARAMETER, "a group that there is not");
	in.group = text_of("x25519 ");
	sign_request(&in, session.k);
	expect(KEY_AGREE_COMPANION, &in, INVALID_PARAMETER, "a group's name and a blank");
	in = d.in;
	in.a_len = COMPANION_A_MAX + 1;
	expect(KEY_AGREE_COMPANION, &in, INVALID_PARAMETER, "an element longer than its room");
	in = d.in;
	in.device_id.len = KEY_TEXT_MAX + 1;
	expect(KEY_AGREE_COMPANION, &in, INVALID_PARAMETER, "a text longer than its room");
	in = d.in;
	in.session.akid_len = AKID_MAX + 1;
	expect(KEY_AGREE_COMPANION, &in, INVALID_PARAMETER, "an A-KID longer than its room");
	expect(KEY_AGREE_COMPANION, &d.in, FINE, "the request as it was made");
	key_world_end();
}
END_TEST

/* Good and bad items in one batch: one spoils no other. */
START_TEST(test_batch_of_good_and_bad)
{
	enum { COUNT = 64 };
	static struct device devices[COUNT];
	static struct key_agree_companion_in in[COUNT];
	static struct key_companion out[COUNT];
	static enum outcome outcomes[COUNT];
	struct session_of_test sessions[2];
	uint8_t keys[64];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	register_session(&sessions[0], IMSI, AKID);
	register_session(&sessions[1], IMSI + 1, AKID "x");
	for (unsigned i = 0; i < COUNT; i++) {
		make_device(&devices[i], (enum dh_group)(i % DH_GROUP_COUNT), &sessions[i / 2 % 2]);
		devices[i].in.mac1[0] ^= i % 5 == 1 ? 1 : 0;
		devices[i].in.k.at[40] ^= i % 5 == 2 ? 1 : 0;
		in[i] = devices[i].in;
	}
	ask_together(KEY_AGREE_COMPANION, COUNT, in, out, outcomes);
	for (unsigned i = 0; i < COUNT; i++) {
		bool is_good = i % 5 != 1 && i % 5 != 2;

		ck_assert_int_eq(outcomes[i], is_good ? FINE : MAC_INVALID);
		if (!is_good)
			continue;
		derive(&devices[i], &out[i], keys);
		confirm(&devices[i], &out[i], keys);
	}
	key_world_end();
}
END_TEST

START_TEST(test_confirmations_that_are_refused)
{
	struct session_of_test session;
	struct device d;
	struct key_companion companion;
	uint8_t keys[64];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	register_session(&session, IMSI, AKID);
	make_device(&d, DH_P256, &session);
	ck_assert_int_eq(ask(KEY_AGREE_COMPANION, &d.in, &companion), FINE);
	derive(&d, &companion, keys);
	const struct key_confirm_companion_in good = confirmation_of(&d, &companion, keys);
	struct key_confirm_companion_in in = good;

	in.mac2[0] ^= 1;
	expect(KEY_CONFIRM_COMPANION, &in, MAC_INVALID, "MAC2");
	in = good;
	in.access_id[0] ^= 1;
	expect(KEY_CONFIRM_COMPANION, &in, MAC_INVALID, "the Access ID of another");
	in = good;
	in.device_id = text_of("meter:0002");
	expect(KEY_CONFIRM_COMPANION, &in, MAC_INVALID, "another device");
	in = good;
	in.kdm = session.kept;
	expect(KEY_CONFIRM_COMPANION, &in, MAC_INVALID, "a session's K in KDm's place");
	in = good;
	for (unsigned i = 0; i < KEPT_LEN; i++) {
		in.kdm.at[i] ^= 1;
		expect(KEY_CONFIRM_COMPANION, &in, in_kept(i), "a byte of KDm");
		in.kdm.at[i] ^= 1;
	}
	in.imsi = IMSI_LIMIT;
	expect(KEY_CONFIRM_COMPANION, &in, INVALID_PARAMETER, "no IMSI");
	in = good;
	in.device_id.len = KEY_TEXT_MAX + 1;
	expect(KEY_CONFIRM_COMPANION, &in, INVALID_PARAMETER, "a text longer than its room");
	expect(KEY_CONFIRM_COMPANION, &good, FINE, "the confirmation as it was made");
	key_world_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_companion_in_every_group,
		test_ephemerals_are_used_once,
		test_bad_elements_of_finite_fields,
		test_bad_elements_of_curves,
		test_requests_that_are_refused,
		test_batch_of_good_and_bad,
		test_confirmations_that_are_refused,
	};

	softhsm_world_or_skip(&world.token);
	int status = suite_run("hsm companion", tests, sizeof(tests) / sizeof(tests[0]));

	softhsm_world_remove(&world.token);
	return status;
}

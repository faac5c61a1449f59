/*
 * Profiles bound to a device and its notifications (docs/protocol.md section 10), through the client, on a real
 * SoftHSM token: the test plays the device.
 */
#include "crypto/aes.h"
#include "tests/integration/exchange_world.h"
#include "tests/unit/suite.h"

#define HEAD "{\"version\":1,\"supi\":\"imsi-001010000000077\","
#define TAIL ",\"issuedAt\":\"2026-01-01T00:00:00Z\"}"

struct profile_keys {
	uint8_t k[16], opc[16];
	uint8_t kb_kn[64];
};

static struct key_profile_part part_of(const char *text)
{
	struct key_profile_part p = { .len = (uint16_t)strlen(text) };

	ck_assert_uint_le(p.len, PROFILE_PART_MAX);
	memcpy(p.at, text, p.len);
	return p;
}

static struct key_bind_profile_in request_of(const struct device_exchange *d)
{
	struct key_bind_profile_in in = {
		.exchange = d->exchange,
		.scalar = d->offer.scalar,
		.head = part_of(HEAD),
		.tail = part_of(TAIL),
	};

	memcpy(in.device_ephemeral, d->ephemeral, sizeof(in.device_ephemeral));
	return in;
}

static void take_text(struct bytes *rest, struct bytes text)
{
	struct bytes found;

	ck_assert(bytes_take(rest, text.len, &found));
	ck_assert(bytes_equal(found, text));
}

static void take_hex(struct bytes *rest, uint8_t key[16])
{
	struct bytes hex;

	ck_assert(bytes_take(rest, 32, &hex));
	ck_assert(hex_read((const char *)hex.at, 32, key, 16));
}

/* The profile as the device opens it: nothing in it but head, keys and tail. */
static void open_profile(const struct device_exchange *d, const struct key_bind_profile_in *in,
	const struct key_bound_profile *bound, struct profile_keys *keys)
{
	char id[2 * EXCHANGE_ID_LEN + 1];
	const struct bytes fields[FIELDS_MAX] = {
		exchange_id_text(d->exchange.id, id),
		bytes_of(d->exchange.subject.at, d->exchange.subject.len),
	};
	uint8_t room[256], json[PROFILE_MAX];
	struct bytes aad = transcript_of("arpf dp profile v1", fields, room, sizeof(room));

	exchange_derive(d, "arpf dp keys v1", keys->kb_kn, sizeof(keys->kb_kn));
	ck_assert_uint_gt(bound->ciphertext_len, AES_GCM_TAG_LEN);
	ck_assert_uint_le(bound->ciphertext_len, sizeof(bound->ciphertext));
	ck_assert_int_eq(aes_gcm_open(bytes_of(keys->kb_kn, 32), bound->iv, aad,
				 bytes_of(bound->ciphertext, bound->ciphertext_len), json),
		FINE);
	struct bytes rest = bytes_of(json, bound->ciphertext_len - AES_GCM_TAG_LEN);

	take_text(&rest, bytes_of(in->head.at, in->head.len));
	take_text(&rest, bytes_of_text("\"k\":\""));
	take_hex(&rest, keys->k);
	take_text(&rest, bytes_of_text("\",\"opc\":\""));
	take_hex(&rest, keys->opc);
	take_text(&rest, bytes_of_text("\""));
	take_text(&rest, bytes_of(in->tail.at, in->tail.len));
	ck_assert_uint_eq(rest.len, 0);
}

static struct key_check_notification_in notification_of(const struct device_exchange *d,
	const struct key_bound_profile *bound, const uint8_t kb_kn[64], const char *result)
{
	struct key_check_notification_in in = { .kn = bound->kn, .result = text_of(result) };
	char id[2 * EXCHANGE_ID_LEN + 1];
	const struct bytes fields[FIELDS_MAX] = {
		exchange_id_text(d->exchange.id, id),
		bytes_of_text(result),
	};

	memcpy(in.download_id, d->exchange.id, sizeof(in.download_id));
	mac_of("arpf dp notification v1", fields, bytes_of(kb_kn + 32, 32), in.mac);
	return in;
}

static void expect(
	enum key_operation operation, const void *in, enum outcome expected, const char *what)
{
	static const struct key_bound_profile nothing;
	struct key_bound_profile out = { 0 };
	enum outcome o = ask(operation, in, &out);

	ck_assert_msg(o == expected, "%s: %s", what, outcome_name(o));
	if (o != FINE)
		ck_assert_mem_eq(&out, &nothing, key_operation_out_size(operation));
}

START_TEST(test_profile)
{
	static const char *const subjects[] = { EXCHANGE_EID, "imsi-001010000000042" };

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (unsigned i = 0; i < 2; i++) {
		struct device_exchange d;
		struct key_bound_profile bound, again;
		struct profile_keys keys, other;

		exchange_offered(&d, EXCHANGE_DOWNLOAD, subjects[i]);
		struct key_bind_profile_in in = request_of(&d);

		ck_assert_int_eq(ask(KEY_BIND_PROFILE, &in, &bound), FINE);
		open_profile(&d, &in, &bound, &keys);
		check_sealed_pair(&bound.sealed, keys.k, keys.opc);
		struct key_check_notification_in installed =
			notification_of(&d, &bound, keys.kb_kn, "INSTALLED");

		expect(KEY_CHECK_NOTIFICATION, &installed, FINE, "a notification");
		in.head = part_of("{");
		in.tail = part_of("}");
		ck_assert_int_eq(ask(KEY_BIND_PROFILE, &in, &again), FINE);
		open_profile(&d, &in, &again, &other);
		check_sealed_pair(&again.sealed, other.k, other.opc);
		ck_assert_mem_ne(keys.k, other.k, 16);
		ck_assert_mem_ne(keys.opc, other.opc, 16);
		ck_assert_mem_ne(bound.iv, again.iv, sizeof(again.iv));
	}
	key_world_end();
}
END_TEST

START_TEST(test_again_for_another_key)
{
	static const struct kept_secret empty;
	struct device_exchange d, other;
	struct key_bound_profile bound, again;
	struct profile_keys keys, same;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	exchange_offered(&d, EXCHANGE_DOWNLOAD, EXCHANGE_EID);
	exchange_offered(&other, EXCHANGE_DOWNLOAD, EXCHANGE_EID);
	struct key_bind_profile_in in = request_of(&d);

	ck_assert_int_eq(ask(KEY_BIND_PROFILE, &in, &bound), FINE);
	open_profile(&d, &in, &bound, &keys);
	ck_assert_int_eq(p256_generate(d.scalar, d.ephemeral), FINE);
	in = request_of(&d);
	in.has_k_opc = 1;
	in.k_opc = bound.k_opc;
	ck_assert_int_eq(ask(KEY_BIND_PROFILE, &in, &again), FINE);
	open_profile(&d, &in, &again, &same);
	ck_assert_mem_eq(keys.k, same.k, 16);
	ck_assert_mem_eq(keys.opc, same.opc, 16);
	ck_assert_mem_ne(keys.kb_kn, same.kb_kn, 64);
	ck_assert_uint_eq(again.sealed.len, 0);
	ck_assert_mem_eq(&again.k_opc, &empty, sizeof(empty));
	struct key_check_notification_in note =
		notification_of(&d, &again, same.kb_kn, "INSTALLED");

	expect(KEY_CHECK_NOTIFICATION, &note, FINE, "the new Kn");
	note = notification_of(&d, &again, keys.kb_kn, "INSTALLED");
	expect(KEY_CHECK_NOTIFICATION, &note, MAC_INVALID, "the Kn before");
	/* It is this download's, this part's, and as it was. */
	const struct key_bind_profile_in good = in;

	in = request_of(&other);
	in.has_k_opc = 1;
	in.k_opc = bound.k_opc;
	expect(KEY_BIND_PROFILE, &in, MAC_INVALID, "another download's keys");
	in = good;
	in.k_opc = bound.kn;
	expect(KEY_BIND_PROFILE, &in, MAC_INVALID, "Kn in the keys' place");
	in.k_opc = d.offer.scalar;
	expect(KEY_BIND_PROFILE, &in, MAC_INVALID, "the scalar in the keys' place");
	in = good;
	for (unsigned i = 0; i < KEPT_LEN; i++) {
		in.k_opc.at[i] ^= 1;
		expect(KEY_BIND_PROFILE, &in, exchange_in_kept(i), "a byte of the keys");
		in.k_opc.at[i] ^= 1;
	}
	in.has_k_opc = 2;
	expect(KEY_BIND_PROFILE, &in, INVALID_PARAMETER, "neither given nor not");
	key_world_end();
}
END_TEST

START_TEST(test_parts_of_a_profile)
{
	static const struct {
		const char *head, *tail;
	} bad[] = { { "", "}" }, { "{", "" }, { "x", "}" }, { "{", "x" }, { "\"", "}" } };
	struct device_exchange d;
	struct key_bound_profile bound;
	struct profile_keys keys;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	exchange_offered(&d, EXCHANGE_DOWNLOAD, EXCHANGE_EID);
	struct key_bind_profile_in in = request_of(&d);

	memset(in.head.at, 'h', sizeof(in.head.at));
	memset(in.tail.at, 't', sizeof(in.tail.at));
	in.head.len = in.tail.len = PROFILE_PART_MAX; /* the longest */
	in.head.at[PROFILE_PART_MAX - 1] = in.tail.at[0] = ',';
	ck_assert_int_eq(ask(KEY_BIND_PROFILE, &in, &bound), FINE);
	open_profile(&d, &in, &bound, &keys);
	in.head.len++;
	expect(KEY_BIND_PROFILE, &in, INVALID_PARAMETER, "a head longer than its room");
	in.head.len--;
	in.tail.len++;
	expect(KEY_BIND_PROFILE, &in, INVALID_PARAMETER, "a tail longer than its room");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		in.head = part_of(bad[i].head);
		in.tail = part_of(bad[i].tail);
		expect(KEY_BIND_PROFILE, &in, INVALID_PARAMETER, "parts that make no JSON");
	}
	key_world_end();
}
END_TEST

START_TEST(test_requests_that_are_refused)
{
	struct device_exchange d, other, attach;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	exchange_offered(&d, EXCHANGE_DOWNLOAD, EXCHANGE_EID);
	exchange_offered(&other, EXCHANGE_DOWNLOAD, EXCHANGE_EID);
	exchange_offered(&attach, EXCHANGE_ATTACH, EXCHANGE_EID);
	const struct key_bind_profile_in good = request_of(&d);
	struct key_bind_profile_in in = good;

	in.scalar = other.offer.scalar;
	expect(KEY_BIND_PROFILE, &in, MAC_INVALID, "the scalar of another download");
	in = good;
	in.exchange.id[0] ^= 1;
	expect(KEY_BIND_PROFILE, &in, MAC_INVALID, "another download");
	in = request_of(&attach);
	expect(KEY_BIND_PROFILE, &in, INVALID_PARAMETER, "an attach");
	in.exchange.kind = EXCHANGE_DOWNLOAD;
	expect(KEY_BIND_PROFILE, &in, MAC_INVALID, "an attach's scalar");
	in = good;
	for (unsigned i = 0; i < KEPT_LEN; i++) {
		in.scalar.at[i] ^= 1;
		expect(KEY_BIND_PROFILE, &in, exchange_in_kept(i), "a byte of the scalar");
		in.scalar.at[i] ^= 1;
	}
	in.device_ephemeral[64] ^= 1;
	expect(KEY_BIND_PROFILE, &in, INVALID_PARAMETER, "a point off the curve");
	in = good;
	in.exchange.subject.len = KEY_TEXT_MAX + 1;
	expect(KEY_BIND_PROFILE, &in, INVALID_PARAMETER, "a subject longer than its room");
	expect(KEY_BIND_PROFILE, &good, FINE, "the request as it was made");
	key_world_end();
}
END_TEST

START_TEST(test_notifications)
{
	struct device_exchange d, attach;
	struct key_bound_profile bound;
	struct profile_keys keys;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	exchange_offered(&d, EXCHANGE_DOWNLOAD, EXCHANGE_EID);
	exchange_offered(&attach, EXCHANGE_ATTACH, EXCHANGE_EID);
	struct key_bind_profile_in request = request_of(&d);

	ck_assert_int_eq(ask(KEY_BIND_PROFILE, &request, &bound), FINE);
	open_profile(&d, &request, &bound, &keys);
	const struct key_check_notification_in good =
		notification_of(&d, &bound, keys.kb_kn, "FAILED");
	struct key_check_notification_in in = good;

	in.result = text_of("INSTALLED");
	expect(KEY_CHECK_NOTIFICATION, &in, MAC_INVALID, "another result");
	in = good;
	in.mac[31] ^= 1;
	expect(KEY_CHECK_NOTIFICATION, &in, MAC_INVALID, "the MAC");
	in = good;
	in.download_id[0] ^= 1;
	expect(KEY_CHECK_NOTIFICATION, &in, MAC_INVALID, "another download");
	in = good;
	in.kn = d.offer.scalar;
	expect(KEY_CHECK_NOTIFICATION, &in, MAC_INVALID, "the scalar in Kn's place");
	in = good;
	for (unsigned i = 0; i < KEPT_LEN; i++) {
		in.kn.at[i] ^= 1;
		expect(KEY_CHECK_NOTIFICATION, &in, exchange_in_kept(i), "a byte of Kn");
		in.kn.at[i] ^= 1;
	}
	in.result.len = KEY_TEXT_MAX + 1;
	expect(KEY_CHECK_NOTIFICATION, &in, INVALID_PARAMETER, "a result longer than its room");
	request.scalar = bound.kn;
	expect(KEY_BIND_PROFILE, &request, MAC_INVALID, "Kn in the scalar's place");
	expect(KEY_CHECK_NOTIFICATION, &good, FINE, "the notification as it was made");
	key_world_end();
}
END_TEST

#define COUNT 64

START_TEST(test_batch_of_good_and_bad)
{
	static struct device_exchange devices[COUNT];
	static struct key_bind_profile_in in[COUNT];
	static struct key_bound_profile bound[COUNT];
	static struct key_check_notification_in notes[COUNT];
	static struct profile_keys keys[COUNT];
	static struct key_nothing nothing[COUNT];
	static const enum outcome expected[4] = { FINE, MAC_INVALID, INVALID_PARAMETER, FINE };
	enum outcome outcomes[COUNT];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (unsigned i = 0; i < COUNT; i++) {
		exchange_offered(&devices[i], EXCHANGE_DOWNLOAD, EXCHANGE_EID);
		in[i] = request_of(&devices[i]);
		in[i].scalar.at[40] ^= i % 4 == 1 ? 1 : 0;
		in[i].device_ephemeral[64] ^= i % 4 == 2 ? 1 : 0;
	}
	ask_together(KEY_BIND_PROFILE, COUNT, in, bound, outcomes);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_int_eq(outcomes[i], expected[i % 4]);
		if (outcomes[i] == FINE)
			open_profile(&devices[i], &in[i], &bound[i], &keys[i]);
		for (unsigned j = 0; j < i && outcomes[i] == FINE; j++)
			ck_assert_mem_ne(keys[i].k, keys[j].k, 16);
		notes[i] = notification_of(&devices[i], &bound[i], keys[i].kb_kn, "INSTALLED");
		notes[i].mac[0] ^= i % 8 == 3 ? 1 : 0;
	}
	for (unsigned i = 0; i < COUNT; i += 8)
		check_sealed_pair(&bound[i].sealed, keys[i].k, keys[i].opc);
	ask_together(KEY_CHECK_NOTIFICATION, COUNT, notes, nothing, outcomes);
	for (unsigned i = 0; i < COUNT; i++) {
		bool is_good = expected[i % 4] == FINE && i % 8 != 3;

		/* A refused profile has no Kn: what is kept of it is of no version. */
		ck_assert_int_eq(outcomes[i], is_good      ? FINE
					      : i % 8 == 3 ? MAC_INVALID
							   : HSM_UNAVAILABLE);
	}
	key_world_end();
}
END_TEST

START_TEST(test_batch_of_new_and_again)
{
	static struct device_exchange devices[COUNT];
	static struct key_bind_profile_in in[COUNT];
	static struct key_bound_profile first[COUNT], bound[COUNT];
	static struct profile_keys before[COUNT], keys[COUNT];
	enum outcome outcomes[COUNT];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (unsigned i = 0; i < COUNT; i++) {
		exchange_offered(&devices[i], EXCHANGE_DOWNLOAD, EXCHANGE_EID);
		in[i] = request_of(&devices[i]);
	}
	ask_together(KEY_BIND_PROFILE, COUNT, in, first, outcomes);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_int_eq(outcomes[i], FINE);
		open_profile(&devices[i], &in[i], &first[i], &before[i]);
		in[i].has_k_opc = i % 3 != 0;
		in[i].k_opc = first[i].k_opc;
		in[i].k_opc.at[62] ^= i % 3 == 2 ? 1 : 0;
	}
	ask_together(KEY_BIND_PROFILE, COUNT, in, bound, outcomes);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_int_eq(outcomes[i], i % 3 == 2 ? MAC_INVALID : FINE);
		if (i % 3 == 2)
			continue;
		open_profile(&devices[i], &in[i], &bound[i], &keys[i]);
		ck_assert((memcmp(keys[i].k, before[i].k, 16) == 0) == (i % 3 == 1));
		ck_assert((memcmp(keys[i].opc, before[i].opc, 16) == 0) == (i % 3 == 1));
		ck_assert((bound[i].sealed.len == 0) == (i % 3 == 1));
	}
	for (unsigned i = 0; i < COUNT; i += 9)
		check_sealed_pair(&bound[i].sealed, keys[i].k, keys[i].opc);
	key_world_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_profile,
		test_again_for_another_key,
		test_batch_of_new_and_again,
		test_parts_of_a_profile,
		test_requests_that_are_refused,
		test_notifications,
		test_batch_of_good_and_bad,
	};

	softhsm_world_or_skip(&world.token);
	int status = suite_run("hsm profile", tests, sizeof(tests) / sizeof(tests[0]));

	softhsm_world_remove(&world.token);
	return status;
}

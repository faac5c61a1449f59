/*
 * Offers of a key exchange and attaches accepted (docs/protocol.md section 9) through the client, on a real SoftHSM token:
 * the test plays the eUICC, and computes everything a second time from the protocol page.
 */
#include "tests/integration/exchange_world.h"
#include "tests/unit/suite.h"

#define SERVER  "https://provisioning.example.org:8443"
#define EXPIRES UINT64_C(1893456000)

static struct key_accept_attach_in answer_of(const struct device_exchange *d)
{
	struct key_accept_attach_in in = {
		.exchange = d->exchange,
		.scalar = d->offer.scalar,
		.dnn = text_of("provisioning"),
		.server_len = sizeof(SERVER) - 1,
		.server = SERVER,
		.expires_at = EXPIRES,
	};

	memcpy(in.device_ephemeral, d->ephemeral, sizeof(in.device_ephemeral));
	memset(in.session_id, 0x5a, sizeof(in.session_id));
	return in;
}

static void expected_mac(
	const struct device_exchange *d, const struct key_accept_attach_in *in, uint8_t mac[32])
{
	char id[2 * EXCHANGE_ID_LEN + 1], session[2 * EXCHANGE_ID_LEN + 1];
	uint8_t ks[32], expires_at[8];
	const struct bytes fields[FIELDS_MAX] = {
		exchange_id_text(in->exchange.id, id),
		exchange_id_text(in->session_id, session),
		bytes_of_text("provisioning"),
		bytes_of(in->server, in->server_len),
		BYTES(expires_at),
	};

	for (unsigned i = 0; i < 8; i++)
		expires_at[i] = (uint8_t)(in->expires_at >> (56 - 8 * i));
	exchange_derive(d, "arpf attach keys v1", ks, sizeof(ks));
	mac_of("arpf attach accept v1", fields, BYTES(ks), mac);
}

static void accept_and_check(const struct device_exchange *d, const struct key_accept_attach_in *in)
{
	struct key_accept out;
	uint8_t mac[32];

	ck_assert_int_eq(ask(KEY_ACCEPT_ATTACH, in, &out), FINE);
	expected_mac(d, in, mac);
	ck_assert_mem_eq(out.mac, mac, sizeof(mac));
}

START_TEST(test_attach)
{
	struct device_exchange first, again;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	exchange_offered(&first, EXCHANGE_ATTACH, EXCHANGE_EID);
	struct key_accept_attach_in in = answer_of(&first);

	accept_and_check(&first, &in);
	in.server_len = PROVISIONING_SERVER_MAX;
	memset(in.server, 'h', sizeof(in.server));
	in.expires_at = UINT64_MAX;
	accept_and_check(&first, &in);
	exchange_offered(&again, EXCHANGE_ATTACH, EXCHANGE_EID);
	ck_assert_mem_ne(first.offer.ephemeral, again.offer.ephemeral, P256_POINT_LEN);
	in = answer_of(&again);
	accept_and_check(&again, &in);
	key_world_end();
}
END_TEST

static struct key_found rotate_sign(void)
{
	struct key_found before = find_key(KEY_USE_SIGN), after = before;
	json_t *made = softhsm_world_keyd(
		&world.token, (const char *const[]){ "keys", "rotate", "arpf.sign", NULL });

	ck_assert_ptr_nonnull(made);
	json_decref(made);
	key_client_refresh(world.client);
	for (unsigned i = 0; i < 1000 && after.generation == before.generation; i++) {
		run_for_a_moment();
		after = find_key(KEY_USE_SIGN);
	}
	ck_assert_uint_gt(after.generation, before.generation);
	return after;
}

#define COUNT 64

/* Attaches and downloads by two keys that take turns, and bad ones of four kinds among them: a tree a key. */
static enum outcome spoil(unsigned i, struct key_offer_exchange_in *in)
{
	switch (i % 11) {
	case 3:
		in->exchange.kind = EXCHANGE_DOWNLOAD + 1;
		return INVALID_PARAMETER;
	case 5:
		in->exchange.subject.len = KEY_TEXT_MAX + 1;
		return INVALID_PARAMETER;
	case 7:
		in->exchange.subject.len = 0;
		return INVALID_PARAMETER;
	case 9:
		in->sign_key_id[0] ^= 1;
		return INVALID_PARAMETER;
	default:
		return FINE;
	}
}

START_TEST(test_batch_of_offers)
{
	static struct device_exchange devices[COUNT];
	static struct key_offer_exchange_in in[COUNT];
	static struct key_offer offers[COUNT];
	static const struct key_offer nothing;
	enum outcome expected[COUNT], outcomes[COUNT];
	unsigned of_key[2] = { 0 };

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	struct key_found keys[2] = { find_key(KEY_USE_SIGN) };

	keys[1] = rotate_sign();
	for (unsigned i = 0; i < COUNT; i++) {
		in[i] = exchange_start(&devices[i],
			i % 3 == 0 ? EXCHANGE_DOWNLOAD : EXCHANGE_ATTACH,
			i % 3 == 0 ? "imsi-001010000000042" : EXCHANGE_EID, &keys[i % 2]);
		expected[i] = spoil(i, &in[i]);
		of_key[i % 2] += expected[i] == FINE ? 1 : 0;
	}
	memset(offers, 0, sizeof(offers));
	ask_together(KEY_OFFER_EXCHANGE, COUNT, in, offers, outcomes);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_int_eq(outcomes[i], expected[i]);
		if (expected[i] != FINE) {
			ck_assert_mem_eq(&offers[i], &nothing, sizeof(nothing));
			continue;
		}
		devices[i].offer = offers[i];
		ck_assert_uint_eq(offers[i].signature.tree_size, of_key[i % 2]);
		exchange_verify_offer(&devices[i], &keys[i % 2]);
		for (unsigned j = 0; j < i; j++)
			ck_assert_mem_ne(offers[i].ephemeral, offers[j].ephemeral, P256_POINT_LEN);
		if (devices[i].exchange.kind == EXCHANGE_ATTACH) {
			struct key_accept_attach_in answer = answer_of(&devices[i]);

			accept_and_check(&devices[i], &answer);
		}
	}
	key_world_end();
}
END_TEST

static void expect(const struct key_accept_attach_in *in, enum outcome expected, const char *what)
{
	static const struct key_accept nothing;
	struct key_accept out = { 0 };
	enum outcome o = ask(KEY_ACCEPT_ATTACH, in, &out);

	ck_assert_msg(o == expected, "%s: %s", what, outcome_name(o));
	if (o != FINE)
		ck_assert_mem_eq(&out, &nothing, sizeof(out));
}

/* A scalar serves the exchange it was made for. */
START_TEST(test_kept_scalars)
{
	struct device_exchange d, other, download;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	exchange_offered(&d, EXCHANGE_ATTACH, EXCHANGE_EID);
	exchange_offered(&other, EXCHANGE_ATTACH, EXCHANGE_EID);
	exchange_offered(&download, EXCHANGE_DOWNLOAD, EXCHANGE_EID);
	const struct key_accept_attach_in good = answer_of(&d);
	struct key_accept_attach_in in = good;

	in.scalar = other.offer.scalar;
	expect(&in, MAC_INVALID, "the scalar of another attach");
	in = good;
	in.exchange.id[15] ^= 1;
	expect(&in, MAC_INVALID, "another attach");
	in = answer_of(&download);
	expect(&in, INVALID_PARAMETER, "a download");
	in.exchange.kind = EXCHANGE_ATTACH;
	expect(&in, MAC_INVALID, "a download's scalar");
	in = good;
	in.exchange.kind = EXCHANGE_DOWNLOAD + 1;
	expect(&in, INVALID_PARAMETER, "no kind that there is");
	in = good;
	for (unsigned i = 0; i < KEPT_LEN; i++) {
		in.scalar.at[i] ^= 0x20;
		expect(&in, exchange_in_kept(i), "a byte of the scalar");
		in.scalar.at[i] ^= 0x20;
	}
	accept_and_check(&d, &good);
	key_world_end();
}
END_TEST

START_TEST(test_answers_that_are_refused)
{
	struct device_exchange d;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	exchange_offered(&d, EXCHANGE_ATTACH, EXCHANGE_EID);
	const struct key_accept_attach_in good = answer_of(&d);
	struct key_accept_attach_in in = good;

	in.device_ephemeral[64] ^= 1;
	expect(&in, INVALID_PARAMETER, "a point off the curve");
	in = good;
	in.device_ephemeral[0] = 2;
	expect(&in, INVALID_PARAMETER, "a compressed point");
	memset(in.device_ephemeral, 0, sizeof(in.device_ephemeral));
	expect(&in, INVALID_PARAMETER, "infinity");
	memset(in.device_ephemeral, 0xff, sizeof(in.device_ephemeral));
	in.device_ephemeral[0] = 4;
	expect(&in, INVALID_PARAMETER, "coordinates beyond the field");
	in = good;
	in.dnn.len = KEY_TEXT_MAX + 1;
	expect(&in, INVALID_PARAMETER, "a dnn longer than its room");
	in.dnn.len = 0;
	expect(&in, INVALID_PARAMETER, "no dnn");
	in = good;
	in.server_len = PROVISIONING_SERVER_MAX + 1;
	expect(&in, INVALID_PARAMETER, "a server longer than its room");
	in.server_len = 0;
	expect(&in, INVALID_PARAMETER, "no server");
	in = good;
	in.exchange.subject.len = KEY_TEXT_MAX + 1;
	expect(&in, INVALID_PARAMETER, "a subject longer than its room");
	accept_and_check(&d, &good);
	key_world_end();
}
END_TEST

/* What is not as it was offered gives another key, and so a MAC that the device does not take. */
START_TEST(test_what_the_keys_depend_on)
{
	struct device_exchange d;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	exchange_offered(&d, EXCHANGE_ATTACH, EXCHANGE_EID);
	const struct key_accept_attach_in good = answer_of(&d);
	struct key_accept_attach_in in[5] = { good, good, good, good, good };
	struct key_accept out;
	uint8_t mac[32];

	in[0].exchange.server_nonce[0] ^= 1;
	in[1].exchange.device_nonce[0] ^= 1;
	in[2].exchange.subject.at[31] ^= 1;
	in[3].session_id[0] ^= 1;
	in[4].expires_at++;
	expected_mac(&d, &good, mac);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(ask(KEY_ACCEPT_ATTACH, &in[i], &out), FINE);
		ck_assert_mem_ne(out.mac, mac, sizeof(mac));
	}
	key_world_end();
}
END_TEST

START_TEST(test_batch_of_answers)
{
	static struct device_exchange devices[COUNT];
	static struct key_accept_attach_in in[COUNT];
	static struct key_accept out[COUNT];
	enum outcome outcomes[COUNT];
	uint8_t mac[32];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (unsigned i = 0; i < COUNT; i++) {
		exchange_offered(&devices[i], EXCHANGE_ATTACH, EXCHANGE_EID);
		in[i] = answer_of(&devices[i]);
		in[i].scalar.at[40] ^= i % 5 == 1 ? 1 : 0;
		in[i].device_ephemeral[64] ^= i % 5 == 2 ? 1 : 0;
	}
	ask_together(KEY_ACCEPT_ATTACH, COUNT, in, out, outcomes);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_int_eq(outcomes[i], i % 5 == 1   ? MAC_INVALID
					      : i % 5 == 2 ? INVALID_PARAMETER
							   : FINE);
		expected_mac(&devices[i], &in[i], mac);
		if (outcomes[i] == FINE)
			ck_assert_mem_eq(out[i].mac, mac, sizeof(mac));
	}
	key_world_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_attach,
		test_batch_of_offers,
		test_kept_scalars,
		test_answers_that_are_refused,
		test_what_the_keys_depend_on,
		test_batch_of_answers,
	};

	softhsm_world_or_skip(&world.token);
	int status = suite_run("hsm exchange", tests, sizeof(tests) / sizeof(tests[0]));

	softhsm_world_remove(&world.token);
	return status;
}

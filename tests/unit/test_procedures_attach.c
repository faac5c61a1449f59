/* Attach with device credentials, and its session: what is asked, what is answered, what is refused. */
#include "base/clock.h"
#include "tests/unit/exchange_world.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char good_attach[] =
	"{\"attachType\":\"REMOTE_PROVISIONING\",\"eid\":\"" EUICC_EID "\","
	"\"ueNonce\":\"AAECAwQFBgcICQoLDA0ODw==\"}";
static const struct exchange_reply good_reply = { .kind = EXCHANGE_ATTACH };

static void run_authentication(const struct exchange_reply *r)
{
	run(&device_attach_authentication, reply_of(r));
}

static const char *member(const json_t *in, const char *name)
{
	const char *v = json_string_value(json_object_get(in, name));

	ck_assert_msg(v != NULL, "%s", name);
	return v;
}

static void expect_hex(const char *written, const void *at, size_t len)
{
	char wanted[128];

	hex_write(bytes_of(at, len), wanted);
	ck_assert_str_eq(written, wanted);
}

static void expect_base64(const char *written, const void *at, size_t len)
{
	char wanted[256];

	base64_write(bytes_of(at, len), wanted);
	ck_assert_str_eq(written, wanted);
}

START_TEST(test_offered)
{
	uint8_t point[65], id[16];

	begin_exchanges();
	run(&device_attach_request, good_attach);
	ck_assert_int_eq(ended.status, 201);
	EXPECT_EXCHANGE_CALLS("offer-exchange", "add-attach");
	const struct key_exchange *e = &exchange.offer.exchange;
	ck_assert_int_eq(e->kind, EXCHANGE_ATTACH);
	ck_assert(bytes_equal(bytes_of(e->subject.at, e->subject.len), bytes_of_text(EUICC_EID)));
	ck_assert(e->device_nonce[0] == 0 && e->device_nonce[15] == 15);
	/* what was signed is what is kept, and what is told */
	ck_assert_mem_eq(exchange.added.id, e->id, sizeof(e->id));
	ck_assert_mem_eq(exchange.added.server_nonce, e->server_nonce, sizeof(e->server_nonce));
	ck_assert_mem_eq(exchange.added.device_nonce, e->device_nonce, sizeof(e->device_nonce));
	ck_assert(exchange.added.lifetime_s == 120 && exchange.added.scalar.len == KEPT_LEN);
	ck_assert_int_eq(exchange.added.scalar.at[KEPT_LEN - 1], 0xa2);
	memset(point, 0xa1, sizeof(point));
	ck_assert_mem_eq(exchange.added.ephemeral, point, sizeof(point));
	expect_hex(text("attachId"), e->id, sizeof(e->id));
	expect_base64(text("serverNonce"), e->server_nonce, sizeof(e->server_nonce));
	expect_base64(text("ephemeralPublicKey"), point, sizeof(point));
	const json_t *chain = json_object_get(ended.json, "certificateChain");
	ck_assert_uint_eq(json_array_size(chain), 2); /* the signer's, and what is behind it */
	const json_t *signature = json_object_get(ended.json, "signature");
	ck_assert_str_eq(member(signature, "suite"), "ecdsa-p256-sha256");
	ck_assert_int_eq(json_integer_value(json_object_get(signature, "treeSize")), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(signature, "path")), 1);
	/* the same request again is another attach */
	memcpy(id, e->id, sizeof(id));
	run(&device_attach_request, good_attach);
	ck_assert_int_eq(ended.status, 201);
	ck_assert_mem_ne(id, exchange.offer.exchange.id, sizeof(id));
	end_exchanges();
}
END_TEST

struct bad_body {
	const char *what, *instead, *param;
	enum outcome outcome;
};

START_TEST(test_bad_requests)
{
	static const struct bad_body bodies[] = {
		{ "attachType", "x", "attachType", MISSING_PARAMETER },
		{ "REMOTE_PROVISIONING", "INITIAL", "attachType", INVALID_PARAMETER },
		{ "\"eid\"", "\"x\"", "eid", MISSING_PARAMETER },
		{ EUICC_EID, "89049032123451234512345678901236", "eid", INVALID_PARAMETER },
		{ EUICC_EID, "89049032123451234512345678901253", "eid", INVALID_PARAMETER },
		{ EUICC_EID, "8904903212345123451234567890123", "eid", INVALID_PARAMETER },
		{ EUICC_EID, "890490321234512345123456789012355", "eid", INVALID_PARAMETER },
		{ EUICC_EID, "8904903212345123451234567890123x", "eid", INVALID_PARAMETER },
		{ EUICC_EID, "", "eid", INVALID_PARAMETER },
		{ "ueNonce", "x", "ueNonce", MISSING_PARAMETER },
		{ "ODw==", "OD", "ueNonce", INVALID_PARAMETER },
		{ "Dw==", "", "ueNonce", INVALID_PARAMETER },
		{ "ODw==", "ODxA=", "ueNonce", INVALID_PARAMETER },
		{ "{", "[", NULL, MALFORMED_REQUEST },
	};

	begin_exchanges();
	for (size_t i = 0; i < COUNT(bodies); i++) {
		run(&device_attach_request, with(good_attach, bodies[i].what, bodies[i].instead));
		expect_exchange_refused(bodies[i].outcome, bodies[i].param);
	}
	ck_assert_uint_eq(exchange.count, 0);
	struct own_keys *keys = companion_services.own_keys;
	companion_services.own_keys = own_keys_new();
	run(&device_attach_request, good_attach);
	expect_exchange_refused(HSM_UNAVAILABLE, NULL);
	own_keys_give_back(companion_services.own_keys);
	companion_services.own_keys = keys;
	end_exchanges();
}
END_TEST

static void expect_accepted(uint64_t expires_at)
{
	const json_t *session = json_object_get(ended.json, "pduSession");
	const json_t *places = json_object_get(session, "allowedDestinations");
	uint8_t mac[32];

	ck_assert_int_eq(ended.status, 200);
	expect_hex(member(session, "id"), exchange.accept.session_id, 16);
	ck_assert_str_eq(member(session, "dnn"), "first.steps");
	ck_assert_int_eq(
		json_integer_value(json_object_get(session, "expiresAt")), (int64_t)expires_at);
	ck_assert_uint_eq(json_array_size(places), 2);
	ck_assert_str_eq(json_string_value(json_array_get(places, 0)), "192.0.2.1:443");
	ck_assert_str_eq(json_string_value(json_array_get(places, 1)), "dp.example:8443");
	ck_assert_str_eq(text("provisioningServer"), "https://dp.example:8443");
	memset(mac, 0xac, sizeof(mac));
	expect_base64(text("mac"), mac, sizeof(mac));
}

START_TEST(test_accepted)
{
	uint8_t hash[32], id[16];

	begin_exchanges();
	const char *body = reply_of(&good_reply);
	int64_t began = clock_unix();
	run(&device_attach_authentication, body);
	EXPECT_EXCHANGE_CALLS("find-attach", "accept-attach", "end-attach");
	expect_accepted(exchange.accept.expires_at);
	const struct key_accept_attach_in *in = &exchange.accept;
	memset(id, 0xa1, sizeof(id));
	ck_assert_mem_eq(in->exchange.id, id, sizeof(id));
	ck_assert_mem_eq(in->exchange.server_nonce, exchange.attach.server_nonce, 16);
	ck_assert_mem_eq(in->exchange.device_nonce, exchange.attach.device_nonce, 16);
	ck_assert_mem_eq(in->scalar.at, exchange.attach.scalar.at, KEPT_LEN);
	ck_assert(bytes_equal(bytes_of(in->dnn.at, in->dnn.len), bytes_of_text("first.steps")));
	ck_assert(bytes_equal(
		bytes_of(in->server, in->server_len), bytes_of_text("https://dp.example:8443")));
	ck_assert_uint_ge(in->expires_at, (uint64_t)began + 600);
	ck_assert_uint_le(in->expires_at, (uint64_t)clock_unix() + 600);
	reply_hash(EXCHANGE_ATTACH, body, hash);
	const struct db_attach_end_in *end = &exchange.ended;
	ck_assert(end->is_accepted && end->expires_at == (int64_t)in->expires_at);
	ck_assert_mem_eq(end->request_hash, hash, sizeof(hash));
	ck_assert_mem_eq(end->session_id, in->session_id, sizeof(end->session_id));
	ck_assert(bytes_equal(bytes_of(end->eid.at, end->eid.len), bytes_of_text(EUICC_EID)));
	/* the root may come along */
	run_authentication(&(struct exchange_reply){ .kind = EXCHANGE_ATTACH,
		.certificates = {
			&euicc_made[EUICC_LEAF], &euicc_made[EUICC_EUM], &euicc_made[EUICC_CI] } });
	ck_assert_int_eq(ended.status, 200);
	end_exchanges();
}
END_TEST

struct refused_reply {
	struct exchange_reply reply;
	enum outcome outcome;
	const char *param;
};

/* Refused, and the attach has ended by it; the refusal is the answer. */
static void expect_try_used(const struct refused_reply *r)
{
	for (int is_late = 0; is_late < 2; is_late++) {
		memcpy(exchange.attach.eid, EUICC_EID, sizeof(EUICC_EID));
		exchange.count = exchange.end = 0;
		exchange.ends[0] = is_late == 1 ? NO_ROW : FINE; /* another try was faster */
		run_authentication(&r->reply);
		expect_exchange_refused(r->outcome, r->param);
		EXPECT_EXCHANGE_CALLS("find-attach", "end-attach");
		ck_assert(!exchange.ended.is_accepted);
	}
}

START_TEST(test_refused)
{
	static const struct pki_made nothing = { { 0x30, 0x01, 0x00 }, 3 };

	begin_exchanges();
	const struct refused_reply refused[] = {
		{ { .key = euicc_other_key }, SIGNATURE_INVALID, NULL },
		{ { .is_of_another = true }, SIGNATURE_INVALID, NULL },
		{ { .is_point_bad = true }, INVALID_PARAMETER, "ephemeralPublicKey" },
		{ { .certificates = { &nothing, &euicc_made[EUICC_EUM] } }, INVALID_PARAMETER,
			"certificateChain" },
		{ { .key = world_keys[SE], .certificates = { &se_made[SE], &se_made[PN] } },
			CERTIFICATE_UNTRUSTED, NULL },
		{ { .certificates = { &euicc_made[EUICC_EUM], &euicc_made[EUICC_LEAF] } },
			CERTIFICATE_UNTRUSTED, NULL },
		{ { .certificates = { &euicc_made[EUICC_LEAF], &euicc_made[EUICC_EUM],
			    &se_made[CI] } },
			CERTIFICATE_UNTRUSTED, NULL },
	};
	for (size_t i = 0; i < COUNT(refused); i++)
		expect_try_used(&refused[i]);
	/* an EID that is not the certificate's */
	reset_exchanges();
	exchange.attach.eid[31] = '0';
	run_authentication(&good_reply);
	expect_exchange_refused(CERTIFICATE_UNTRUSTED, NULL);
	ck_assert(exchange.end == 1 && !exchange.ended.is_accepted);
	/* no refusal may go by unwritten */
	reset_exchanges();
	exchange.ends[0] = DATABASE_UNAVAILABLE;
	run_authentication(&refused[0].reply);
	expect_exchange_refused(DATABASE_UNAVAILABLE, NULL);
	end_exchanges();
}
END_TEST

/* What is no authentication leaves the try. */
START_TEST(test_try_is_left)
{
	begin_exchanges();
	const struct exchange_reply short_chain = { .certificates = { &euicc_made[EUICC_LEAF] } };
	const struct exchange_reply long_chain = {
		.certificates = { &euicc_made[EUICC_LEAF], &euicc_made[EUICC_EUM],
			&euicc_made[EUICC_CI], &euicc_made[EUICC_CI] }
	};
	run_authentication(&short_chain);
	expect_exchange_refused(INVALID_PARAMETER, "certificateChain");
	run_authentication(&long_chain);
	expect_exchange_refused(INVALID_PARAMETER, "certificateChain");
	run(&device_attach_authentication, "{\"certificateChain\":[\"AAAA\",5]}");
	expect_exchange_refused(INVALID_PARAMETER, "certificateChain");
	run(&device_attach_authentication, "{\"certificateChain\":[\"AAAA\",\"AAAA\"]}");
	expect_exchange_refused(MISSING_PARAMETER, "ephemeralPublicKey");
	run(&device_attach_authentication,
		"{\"certificateChain\":[\"AAAA\",\"AAAA\"],\"ephemeralPublicKey\":\"AAAA\"}");
	expect_exchange_refused(INVALID_PARAMETER, "ephemeralPublicKey");
	ck_assert_uint_eq(exchange.count, 0);
	struct trust *trust = companion_services.trust;
	companion_services.trust = NULL;
	run_authentication(&good_reply);
	expect_exchange_refused(DATABASE_UNAVAILABLE, NULL);
	EXPECT_EXCHANGE_CALLS("find-attach");
	companion_services.trust = trust;
	end_exchanges();
}
END_TEST

static void accept_before(const char *body)
{
	exchange.attach.state = ATTACH_ACCEPTED;
	reply_hash(EXCHANGE_ATTACH, body, exchange.attach.request_hash);
	memset(exchange.attach.session_id, 0x5e, sizeof(exchange.attach.session_id));
	exchange.attach.session_expires_at = 1234567890;
}

START_TEST(test_again)
{
	begin_exchanges();
	const char *body = reply_of(&good_reply);
	accept_before(body);
	run(&device_attach_authentication, body);
	EXPECT_EXCHANGE_CALLS("find-attach", "accept-attach");
	expect_accepted(1234567890);
	ck_assert_int_eq(exchange.accept.session_id[15], 0x5e);
	/* by another than was accepted */
	reset_exchanges();
	accept_before(body);
	run_authentication(&good_reply);
	expect_exchange_refused(CONFLICT, NULL);
	/* its session is over */
	for (int i = 0; i < 2; i++) {
		reset_exchanges();
		accept_before(body);
		exchange.attach.session_is_over = i == 0;
		exchange.attach.scalar.len = i == 0 ? DB_KEPT_LEN : 0;
		run(&device_attach_authentication, body);
		expect_exchange_refused(SESSION_EXPIRED, NULL);
		EXPECT_EXCHANGE_CALLS("find-attach");
	}
	/* its device is trusted no longer; nothing is written of that */
	reset_exchanges();
	const char *bad = reply_of(&(struct exchange_reply){ .key = euicc_other_key });
	accept_before(bad);
	run(&device_attach_authentication, bad);
	expect_exchange_refused(SIGNATURE_INVALID, NULL);
	EXPECT_EXCHANGE_CALLS("find-attach");
	end_exchanges();
}
END_TEST

START_TEST(test_states)
{
	static const struct {
		enum attach_state state;
		enum outcome outcome;
	} states[] = { { ATTACH_REFUSED, SESSION_EXPIRED }, { ATTACH_OVER, SESSION_EXPIRED } };

	begin_exchanges();
	for (size_t i = 0; i < COUNT(states); i++) {
		reset_exchanges();
		exchange.attach.state = states[i].state;
		run_authentication(&good_reply);
		expect_exchange_refused(states[i].outcome, NULL);
		EXPECT_EXCHANGE_CALLS("find-attach");
	}
	reset_exchanges();
	exchange.find_brings = NO_ROW;
	run_authentication(&good_reply);
	expect_exchange_refused(SESSION_NOT_FOUND, NULL);
	reset_exchanges();
	exchange.attach.scalar.len = 0;
	run_authentication(&good_reply);
	expect_exchange_refused(BROKEN, NULL);
	end_exchanges();
}
END_TEST

/* Two authentications at once: the later finds what the earlier has made of the attach. */
START_TEST(test_races)
{
	begin_exchanges();
	const char *body = reply_of(&good_reply);
	for (int is_same = 0; is_same < 2; is_same++) {
		reset_exchanges();
		accept_before(is_same == 1 ? body : reply_of(&good_reply));
		exchange.revised_attach = exchange.attach;
		exchange.attach.state = ATTACH_OFFERED;
		exchange.has_revised = true;
		exchange.ends[0] = NO_ROW;
		run(&device_attach_authentication, body);
		if (is_same == 1)
			expect_accepted(1234567890);
		else
			expect_exchange_refused(CONFLICT, NULL);
	}
	/* not for ever */
	reset_exchanges();
	for (size_t i = 0; i < COUNT(exchange.ends); i++)
		exchange.ends[i] = NO_ROW;
	run(&device_attach_authentication, body);
	expect_exchange_refused(OVERLOADED, NULL);
	ck_assert_uint_eq(exchange.end, 4);
	end_exchanges();
}
END_TEST

START_TEST(test_each_call_fails)
{
	static const enum outcome failures[] = { DATABASE_UNAVAILABLE, HSM_UNAVAILABLE, BROKEN };

	begin_exchanges();
	for (unsigned call = 0; call < 5; call++) /* three of the one, two of the other */
		for (size_t f = 0; f < COUNT(failures); f++) {
			reset_exchanges();
			exchange.fail_at = call % 3;
			exchange.fail_with = failures[f];
			if (call < 3)
				run_authentication(&good_reply);
			else
				run(&device_attach_request, good_attach);
			expect_exchange_refused(failures[f], NULL);
			ck_assert_uint_eq(exchange.count, call % 3 + 1);
		}
	/* a scalar that does not open is no fault of the device's */
	reset_exchanges();
	exchange.fail_at = 1;
	exchange.fail_with = MAC_INVALID;
	run_authentication(&good_reply);
	expect_exchange_refused(BROKEN, NULL);
	ck_assert_uint_eq(exchange.count, 2);
	end_exchanges();
}
END_TEST

START_TEST(test_session)
{
	uint8_t id[16];

	begin_exchanges();
	exchange.session =
		(struct db_pdu_session){ .subject = EUICC_EID, .expires_at = 1234567890 };
	run(&pdu_session_show, "");
	ck_assert_int_eq(ended.status, 200);
	memset(id, 0xa1, sizeof(id));
	expect_hex(text("id"), id, sizeof(id));
	ck_assert_str_eq(text("subject"), EUICC_EID);
	ck_assert_str_eq(text("dnn"), "first.steps");
	ck_assert_int_eq(json_integer_value(json_object_get(ended.json, "expiresAt")), 1234567890);
	ck_assert_uint_eq(json_array_size(json_object_get(ended.json, "allowedDestinations")), 2);
	run(&pdu_session_release, "");
	ck_assert(ended.status == 204 && ended.json == NULL);
	EXPECT_EXCHANGE_CALLS("find-session", "end-session");
	/* no longer, or never */
	exchange.session.is_over = true;
	run(&pdu_session_show, "");
	expect_exchange_refused(SESSION_EXPIRED, NULL);
	exchange.ends[1] = exchange.ends[2] = NO_ROW;
	run(&pdu_session_release, "");
	expect_exchange_refused(SESSION_EXPIRED, NULL);
	exchange.session_brings = NO_ROW;
	run(&pdu_session_release, "");
	expect_exchange_refused(SESSION_NOT_FOUND, NULL);
	run(&pdu_session_show, "");
	expect_exchange_refused(SESSION_NOT_FOUND, NULL);
	exchange.ends[3] = DATABASE_UNAVAILABLE;
	run(&pdu_session_release, "");
	expect_exchange_refused(DATABASE_UNAVAILABLE, NULL);
	end_exchanges();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_offered, test_bad_requests, test_accepted, test_refused,
		test_try_is_left, test_again, test_states, test_races, test_each_call_fails,
		test_session };

	return suite_run("procedures attach", tests, COUNT(tests));
}

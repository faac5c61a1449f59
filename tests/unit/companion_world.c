#include "tests/unit/companion_world.h"

#include <stdlib.h>

#include "base/clock.h"
#include "server/engine.h"
#include "tests/unit/moment.h"
#include "tests/unit/suite.h"

#define DEADLINE_MS 600000u /* no test waits for it: see run_until_ended */

const char good_request[] =
	"{\"pType\":\"IOT_CREDENTIAL_REQUEST\",\"deviceId\":\"meter-7\",\"group\":\"x25519\","
	"\"a\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"aKId\":\"a@b\","
	"\"mac1\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}";
const char good_confirmation[] =
	"{\"deviceId\":\"meter-7\",\"mac2\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}";
const char access_id_text[] = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";

struct settings companion_settings = {
	.deadline_ms = DEADLINE_MS,
	.transactions_in_flight = 8,
	.confirmation_s = 900,
	.confirmation_required = true,
};
struct services companion_services = { .settings = &companion_settings };
static struct ev_loop *loop;
static struct metrics *metrics;
static struct engine *engine;
static ev_prepare prepare;

struct companion_world world;
struct companion_end ended;

void hold_all(bool holds)
{
	fake_lane_holds(LANE_DB, holds);
	fake_lane_holds(LANE_KEY, holds);
	fake_lane_holds(LANE_IMSI, holds);
}

/* FINE where the call goes on to what it says of itself. */
static enum outcome note_call(const char *name)
{
	unsigned i = world.count++;

	ck_assert_uint_lt(i, MOST_CALLS);
	memcpy(world.calls[i], name, strlen(name) + 1);
	if (i + 1 == world.hold_at)
		hold_all(true);
	return i == world.fail_at ? world.fail_with : FINE;
}

static enum outcome answer_found(struct db_access *result)
{
	if (world.has_revised && world.add + world.confirm > 0)
		world.access = world.revised;
	*result = world.access;
	return world.access_brings;
}

static enum outcome answer_counted(const struct db_wrong_mac_in *in, struct db_access *result)
{
	*result = world.access;
	result->tries = (int32_t)++world.wrong;
	if (result->tries >= in->most)
		result->state = ACCESS_REVOKED;
	return FINE;
}

static enum outcome answer_statement(struct db_request *r)
{
	switch ((int)r->statement) {
	case DB_FIND_SESSION:
		*(struct db_session *)r->result = world.session;
		return world.session_brings;
	case DB_ADD_ACCESS_ID:
		world.added = *(const struct db_access_in *)r->row;
		return world.adds[world.add++];
	case DB_FIND_ACCESS_ID:
		return answer_found(r->result);
	case DB_CONFIRM_ACCESS_ID:
		world.created = *(const struct db_confirm_in *)r->row;
		return world.confirms[world.confirm++];
	case DB_COUNT_WRONG_MAC:
		return answer_counted(r->row, r->result);
	default:
		ck_abort_msg("an unexpected statement");
	}
}

static const char *statement_name(enum db_statement s)
{
	return s == DB_FIND_SESSION        ? "find-session"
	       : s == DB_ADD_ACCESS_ID     ? "add-access-id"
	       : s == DB_FIND_ACCESS_ID    ? "find-access-id"
	       : s == DB_CONFIRM_ACCESS_ID ? "confirm-access-id"
					   : "count-wrong-mac";
}

static enum outcome answer_db(void *request)
{
	struct db_request *r = request;
	enum outcome o = note_call(statement_name(r->statement));

	r->sent = o == FINE || world.sent;
	return o == FINE ? answer_statement(r) : o;
}

static enum outcome answer_agree(const struct key_agree_companion_in *in, struct key_companion *out)
{
	ck_assert_mem_eq(&in->k, &world.session.kept.at, sizeof(in->k));
	ck_assert_uint_eq(in->session.imsi, (uint64_t)COMPANION);
	memset(out->access_id, 0xa1, sizeof(out->access_id));
	out->b_len = 32;
	memset(out->b, 0xb1, out->b_len);
	memset(out->kdm.at, 0xd1, sizeof(out->kdm.at));
	out->sealed.len = SEALED_MAX;
	return world.mac1;
}

static enum outcome answer_key(void *request)
{
	struct key_request *r = request;
	enum outcome o = note_call(key_operation_name(r->operation));

	if (o != FINE)
		return o;
	switch ((int)r->operation) {
	case KEY_AGREE_COMPANION:
		return answer_agree(r->in, r->out);
	case KEY_SIGN:
		memcpy(world.leaf, ((const struct key_sign_in *)r->in)->leaf, MERKLE_HASH_LEN);
		*(struct key_signature *)r->out =
			(struct key_signature){ { 0x51 }, 2, 1, 1, { 0x9a } };
		return world.signs;
	case KEY_SIGN_IBS:
		memcpy(world.leaf, ((const struct key_sign_ibs_in *)r->in)->leaf, MERKLE_HASH_LEN);
		*(struct key_ibs_signature *)r->out =
			(struct key_ibs_signature){ { 0x52 }, 1, 0, 0, { 0 } };
		return world.signs;
	case KEY_CONFIRM_COMPANION:
		world.confirmed = *(const struct key_confirm_companion_in *)r->in;
		memset(r->out, 0x3c, sizeof(struct key_confirmation));
		return world.mac2;
	default:
		ck_abort_msg("an unexpected operation");
	}
}

static enum outcome answer_imsi(void *request)
{
	enum outcome o = note_call("imsi");

	((struct imsi_request *)request)->imsi = world.next_imsi++;
	return o == FINE ? world.imsi : o;
}

static void on_ended(struct txn *t)
{
	ended.count++;
	ended.outcome = t->outcome;
	ended.status = t->answer.status;
	ended.param = t->invalid_count > 0 ? t->invalid[0].param : NULL;
	json_decref(ended.json);
	ended.json =
		t->answer.body != NULL ? json_loadb(t->answer.body, t->answer.len, 0, NULL) : NULL;
	ck_assert(t->answer.body == NULL || ended.json != NULL);
	engine_end_txn(engine, t);
}

static void on_prepare(struct ev_loop *l, ev_prepare *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
	engine_run(engine);
}

static const struct procedure *procedure_at(unsigned i)
{
	return i == 0 ? &companion_credential_request : i == 1 ? &companion_confirmation : NULL;
}

static struct own_keys *make_keys(void)
{
	static const uint8_t certificate[] = { 0x30, 0x82, 0, 0 };
	static uint8_t chain[131] = { 0x30, 0x81, 0x80 };
	static const char g[] = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
				"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
	struct own_keys *keys = own_keys_new();
	struct db_ibs_identity identity = { .not_before = clock_unix() - 10,
		.not_after = clock_unix() + 1000,
		.id = "2026-11 arpf" };

	ck_assert(hex_read(g, strlen(g), identity.kpak, sizeof(identity.kpak)));
	memcpy(identity.pvt, identity.kpak, sizeof(identity.pvt));
	ck_assert_int_eq(own_keys_add(keys, &(struct db_key_row){ .use = KEY_USE_SIGN,
						    .certificate = BYTES(certificate),
						    .chain = BYTES(chain) }),
		FINE);
	ck_assert_int_eq(own_keys_add_identity(keys, &identity), FINE);
	return keys;
}

void reset_world(void)
{
	fake_lanes_reset();
	memset(&world, 0, sizeof(world));
	world.fail_at = world.hold_at = NEVER;
	world.next_imsi = FIRST_IMSI;
	world.session = (struct db_session){ .imsi = COMPANION, .kept.len = DB_KEPT_LEN };
	memset(world.session.kept.at, 0x4b, DB_KEPT_LEN);
	world.access = (struct db_access){ .state = ACCESS_PENDING,
		.kind = CREDENTIAL_COMPANION,
		.owner = COMPANION,
		.device_id = "meter-7",
		.b.len = 32,
		.kdm.len = DB_KEPT_LEN };
	memset(world.access.b.at, 0xb2, 32);
	memset(world.access.access_id, 0xa1, sizeof(world.access.access_id));
	fake_lane_answers(LANE_DB, answer_db);
	fake_lane_answers(LANE_KEY, answer_key);
	fake_lane_answers(LANE_IMSI, answer_imsi);
}

void begin_world(void)
{
	reset_world();
	companion_settings.confirmation_required = true;
	companion_settings.ibs_is_eccsi = false;
	ended.count = 0;
	loop = ev_loop_new(EVFLAG_AUTO);
	metrics = metrics_new(procedure_at);
	engine = engine_new(loop, &(struct engine_settings){ &companion_services, metrics, 1 });
	ck_assert_ptr_nonnull(engine);
	companion_services.engine = engine;
	companion_services.own_keys = make_keys();
	ev_prepare_init(&prepare, on_prepare);
	ev_prepare_start(loop, &prepare);
}

void end_world(void)
{
	ck_assert_uint_eq(engine_in_flight(engine), 0);
	ck_assert_uint_eq(fake_lanes_held(), 0);
	engine_free(engine);
	metrics_free(metrics);
	own_keys_give_back(companion_services.own_keys);
	companion_services.own_keys = NULL;
	json_decref(ended.json);
	ended.json = NULL;
	ev_prepare_stop(loop, &prepare);
	ev_loop_destroy(loop);
}

void run_for_a_moment(void)
{
	moment_run(loop, 0.002);
}

/* What a lane holds is late from now on, and nothing is before: on however slow a machine. */
static void run_until_ended(struct txn *t)
{
	for (int i = 0; i < 4000 && ended.count == 0; i++) {
		run_for_a_moment();
		if (ended.count == 0 && fake_lanes_held() > 0)
			t->deadline_ms = clock_ms();
	}
	ck_assert_uint_eq(ended.count, 1);
}

static struct txn *start(const struct procedure *p, const char *body)
{
	struct txn *t = engine_new_txn(engine, p, 65536);
	char *copy = arena_copy(t->arena, body, strlen(body));

	ended.count = 0;
	t->body = bytes_of_text(copy);
	t->parameters[0] = access_id_text;
	t->ended = on_ended;
	engine_begin(engine, t);
	return t;
}

void run(const struct procedure *p, const char *body)
{
	run_until_ended(start(p, body));
}

void check_refused(enum outcome outcome, const char *param)
{
	ck_assert_str_eq(outcome_name(ended.outcome), outcome_name(outcome));
	if (param != NULL)
		ck_assert_str_eq(ended.param, param);
	ck_assert_int_eq(fake_imsis_out(), 0);
}

void check_calls(const char *const *names)
{
	unsigned count = 0;

	for (; names[count] != NULL; count++) {
		ck_assert_uint_lt(count, world.count);
		ck_assert_str_eq(world.calls[count], names[count]);
	}
	ck_assert_uint_eq(world.count, count);
}

const char *text(const char *name)
{
	return json_string_value(json_object_get(ended.json, name));
}

const char *with(const char *body, const char *what, const char *instead)
{
	static char out[1024];
	const char *at = strstr(body, what);

	ck_assert_ptr_nonnull(at);
	snprintf(out, sizeof(out), "%.*s%s%s", (int)(at - body), body, instead, at + strlen(what));
	return out;
}

/* A wrong MAC1 is found before anything else is looked at, a right one first. */

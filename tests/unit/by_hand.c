#include "tests/unit/by_hand.h"

#include <check.h>
#include <stdio.h>

#include "server/engine.h"
#include "tests/unit/fake_lanes.h"

#define WAIT_MOST_MS 20000

struct hand hand;

static struct services services = { .settings = &hand.settings };
static struct ev_loop *loop;
static struct metrics *metrics;
static struct engine *engine;
static ev_prepare prepare;

static const struct procedure *no_procedure(unsigned i)
{
	(void)i;
	return NULL;
}

static void on_prepare(struct ev_loop *l, ev_prepare *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
	engine_run(engine);
}

void by_hand_start(void)
{
	char error[256];

	hand = (struct hand){ 0 };
	ck_assert_msg(settings_read(NULL, &hand.settings, error, sizeof(error)), "%s", error);
	fake_lanes_reset();
	fake_lane_holds(LANE_KEY, true);
	fake_lane_holds(LANE_DB, true);
	loop = ev_loop_new(EVFLAG_AUTO);
	metrics = metrics_new(no_procedure);
	engine = engine_new(loop, &(struct engine_settings){ &services, metrics, 1 });
	ck_assert_ptr_nonnull(engine);
	services.engine = engine;
	ev_prepare_init(&prepare, on_prepare);
	ev_prepare_start(loop, &prepare);
}

void hand_end(void)
{
	ck_assert_uint_eq(engine_in_flight(engine), 0);
	engine_free(engine);
	metrics_free(metrics);
	ev_prepare_stop(loop, &prepare);
	ev_loop_destroy(loop);
	settings_free(&hand.settings);
}

static void on_ended(struct txn *t)
{
	const struct answer *a = &t->answer;

	hand.ended = true;
	hand.now = NULL;
	hand.outcome = t->outcome;
	hand.status = a->status;
	snprintf(hand.body, sizeof(hand.body), "%s", a->body != NULL ? a->body : "");
	snprintf(
		hand.location, sizeof(hand.location), "%s", a->location != NULL ? a->location : "");
	snprintf(hand.param, sizeof(hand.param), "%s",
		t->invalid_count > 0 ? t->invalid[0].param : "");
	engine_end_txn(engine, t);
}

static void on_time(struct ev_loop *l, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	ev_break(l, EVBREAK_ALL);
}

static void run(void)
{
	for (int i = 0; i < WAIT_MOST_MS && !hand.ended && fake_lanes_held() == 0; i++) {
		ev_timer timer;

		ev_timer_init(&timer, on_time, 0.001, 0);
		ev_timer_start(loop, &timer);
		ev_run(loop, 0);
	}
	ck_assert(hand.ended || fake_lanes_held() == 1);
}

static struct txn *new_txn(const struct procedure *p)
{
	struct txn *t = engine_new_txn(engine, p, 65536);

	ck_assert_ptr_nonnull(t);
	t->ended = on_ended;
	hand.now = t;
	hand.ended = false;
	return t;
}

void hand_begin(const struct procedure *p, const char *parameter, const char *body)
{
	struct txn *t = new_txn(p);

	t->parameters[0] = parameter;
	t->body = bytes_of_text(body);
	engine_begin(engine, t);
	run();
}

void hand_begin_at(
	const struct procedure *p, const char *parameter, const char *second, const char *body)
{
	struct txn *t = new_txn(p);

	t->parameters[0] = parameter;
	t->parameters[1] = second;
	t->body = bytes_of_text(body);
	engine_begin(engine, t);
	run();
}

/* "name=value&…"; nothing in it is escaped. */
static void add_query(struct txn *t, const char *query)
{
	char *text =
		arena_copy(t->arena, query != NULL ? query : "", query != NULL ? strlen(query) : 0);
	char *rest = text, *part;

	ck_assert_ptr_nonnull(text);
	while ((part = strsep(&rest, "&")) != NULL) {
		char *name = strsep(&part, "=");

		ck_assert(*name == '\0' || txn_add_query(t, name, part != NULL ? part : ""));
	}
}

void hand_begin_query(const struct procedure *p, const char *parameter, const char *query)
{
	struct txn *t = new_txn(p);

	t->parameters[0] = parameter;
	add_query(t, query);
	engine_begin(engine, t);
	run();
}

void hand_begin_json(const struct procedure *p, const json_t *json)
{
	struct txn *t = new_txn(p);

	t->json = json;
	engine_begin(engine, t);
	run();
}

static void bring(enum outcome o, void *to, const void *result, size_t len)
{
	if (len > 0)
		memcpy(to, result, len);
	fake_lane_brings(LANE_DB, o);
	fake_lane_brings(LANE_KEY, o);
	fake_lanes_let_go();
	run();
}

const void *asked_db(enum db_statement statement)
{
	ck_assert_msg(!hand.ended, "%s", hand.body);
	ck_assert_int_eq(hand.now->waiting_in, LANE_DB);
	ck_assert_int_eq(hand.now->ask.db.statement, statement);
	return hand.now->ask.db.row;
}

void bring_db(enum db_statement statement, enum outcome o, const void *result, size_t len)
{
	(void)asked_db(statement);
	bring(o, hand.now->ask.db.result, result, len);
}

const void *asked_key(enum key_operation operation)
{
	ck_assert_msg(!hand.ended, "%s", hand.body);
	ck_assert_int_eq(hand.now->waiting_in, LANE_KEY);
	ck_assert_int_eq(hand.now->ask.key.operation, operation);
	return hand.now->ask.key.in;
}

void bring_key(enum key_operation operation, enum outcome o, const void *result, size_t len)
{
	(void)asked_key(operation);
	bring(o, hand.now->ask.key.out, result, len);
}

void check_ended(enum outcome o)
{
	ck_assert(hand.ended);
	ck_assert_msg(hand.outcome == o, "%s, not %s: %s", outcome_name(hand.outcome),
		outcome_name(o), hand.body);
	if (o == FINE)
		return;
	ck_assert_int_eq(hand.status, outcome_http_status(o));
	ck_assert_ptr_nonnull(strstr(hand.body, outcome_cause(o)));
}

void check_refusals(
	const struct procedure *p, const char *parameter, const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		hand_begin(p, parameter, rows[i].body);
		ck_assert_msg(hand.ended, "%s", rows[i].body);
		ck_assert_msg(hand.outcome == rows[i].outcome, "%s: %s", rows[i].body, hand.body);
		ck_assert_str_eq(hand.param, rows[i].param);
	}
}

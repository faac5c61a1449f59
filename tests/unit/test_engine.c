/*
 * The engine, over a procedure that has a step in every lane: the straight path, each step failed, each
 * step late, shutdown in each wait. Each is a loop over the table, so that a new lane is covered by
 * being put into it.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "server/engine.h"
#include "tests/unit/fake_lanes.h"
#include "tests/unit/moment.h"
#include "tests/unit/suite.h"

#define DEADLINE_MS 600000u /* no test waits for it: see pass_deadline */

struct trace {
	unsigned runs[PROCEDURE_MAX_STEPS];
	unsigned undone;
	bool has_imsi;
};

static struct settings settings = { .deadline_ms = DEADLINE_MS, .transactions_in_flight = 8 };
static struct services services = { .settings = &settings };
static struct ev_loop *loop;
static struct metrics *metrics;
static struct engine *engine;
static unsigned fail_at; /* the step whose run answers CONFLICT; beyond the table: none */
static unsigned ended;
static enum outcome ended_with;
static struct trace last; /* of the transaction that ended last */
static unsigned undone;

static enum outcome note_run(struct txn *t)
{
	struct trace *trace = t->state;

	trace->runs[t->step]++;
	return t->step == fail_at ? CONFLICT : FINE;
}

static enum outcome ask_key(struct txn *t)
{
	enum outcome o = note_run(t);

	return o == FINE ? txn_ask_key(t, KEY_PING, NULL, NULL) : o;
}

static enum outcome ask_db(struct txn *t)
{
	enum outcome o = note_run(t);

	return o == FINE ? txn_ask_db(t, DB_STATUS, NULL, NULL) : o;
}

static enum outcome have_imsi(struct txn *t, enum outcome brought)
{
	((struct trace *)t->state)->has_imsi = brought == FINE;
	return brought;
}

static void give_back(struct txn *t)
{
	struct trace *trace = t->state;

	undone++;
	if (trace->has_imsi || (t->waiting_in == LANE_IMSI && t->outcome == FINE))
		imsi_give_back(t->services->leases, 0);
	trace->has_imsi = false;
}

static enum outcome answer(struct txn *t)
{
	t->answer.status = 204;
	return note_run(t);
}

static bool never(const struct txn *t)
{
	(void)t;
	return false;
}

static const struct procedure every_lane = {
	.name = "every-lane",
	.state_size = sizeof(struct trace),
	.undo = give_back,
	.steps = {
		{ "first_cpu", LANE_CPU, note_run },
		{ "second_cpu", LANE_CPU, note_run },
		{ "loop", LANE_LOOP, note_run },
		{ "imsi", LANE_IMSI, note_run, have_imsi },
		{ "skipped", LANE_DB, ask_db, .when = never },
		{ "key", LANE_KEY, ask_key },
		{ "fetch", LANE_FETCH, note_run },
		{ "cpu_again", LANE_CPU, note_run },
		{ "db", LANE_DB, ask_db },
		{ "views", LANE_VIEWS, note_run },
		{ "reply", LANE_REPLY, answer },
	},
};
#define STEPS   11u
#define SKIPPED 4u

static void on_ended(struct txn *t)
{
	ended++;
	ended_with = t->outcome;
	last = *(struct trace *)t->state;
	engine_end_txn(engine, t);
}

static void on_prepare(struct ev_loop *l, ev_prepare *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
	engine_run(engine);
}

static ev_prepare prepare;

static const struct procedure *procedure_at(unsigned i)
{
	return i == 0 ? &every_lane : NULL;
}

static void begin_test(void)
{
	fake_lanes_reset();
	fail_at = PROCEDURE_MAX_STEPS;
	ended = undone = 0;
	loop = ev_loop_new(EVFLAG_AUTO);
	metrics = metrics_new(procedure_at);
	engine = engine_new(loop, &(struct engine_settings){ &services, metrics, 2 });
	ck_assert_ptr_nonnull(engine);
	services.engine = engine;
	ev_prepare_init(&prepare, on_prepare);
	ev_prepare_start(loop, &prepare);
}

static void end_test(void)
{
	engine_free(engine);
	metrics_free(metrics);
	ev_prepare_stop(loop, &prepare);
	ev_loop_destroy(loop);
}

/* Until so many have ended and so many requests are held, on however slow a machine; then a moment more. */
static void run_until(unsigned ends, unsigned held)
{
	for (int i = 0; i < 4000 && (ended < ends || fake_lanes_held() < held); i++)
		moment_run(loop, 0.005);
	moment_run(loop, 0.005);
}

static struct txn *begin(const struct procedure *p)
{
	struct txn *t = engine_new_txn(engine, p, 65536);

	ck_assert_ptr_nonnull(t);
	t->ended = on_ended;
	engine_begin(engine, t);
	return t;
}

/* It is late now, and not before: wherever it stands, on however slow a machine. */
static void pass_deadline(struct txn *t)
{
	ck_assert_int_gt(t->deadline_ms, clock_ms());
	t->deadline_ms = clock_ms();
}

static void check_nothing_left(void)
{
	ck_assert_uint_eq(engine_in_flight(engine), 0);
	ck_assert_int_eq(fake_imsis_out(), 0);
	end_test();
}

START_TEST(test_straight_path)
{
	begin_test();
	begin(&every_lane);
	run_until(1, 0);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(ended_with, FINE);
	for (unsigned i = 0; i < STEPS; i++)
		ck_assert_uint_eq(last.runs[i], i == SKIPPED ? 0 : 1);
	ck_assert_uint_eq(undone, 0);
	ck_assert_uint_eq(engine_in_flight(engine), 0);
	ck_assert_int_eq(fake_imsis_out(), 1); /* it was used */
	end_test();
}
END_TEST

START_TEST(test_each_run_fails)
{
	for (unsigned step = 0; step < STEPS; step++) {
		if (step == SKIPPED)
			continue;
		begin_test();
		fail_at = step;
		begin(&every_lane);
		run_until(1, 0);
		ck_assert_uint_eq(ended, 1);
		ck_assert_int_eq(ended_with, CONFLICT);
		ck_assert_uint_eq(undone, 1);
		for (unsigned i = 0; i < STEPS; i++)
			ck_assert_uint_eq(last.runs[i], i <= step && i != SKIPPED ? 1 : 0);
		check_nothing_left();
	}
}
END_TEST

START_TEST(test_each_lane_fails)
{
	static const enum lane lanes[] = { LANE_IMSI, LANE_KEY, LANE_FETCH, LANE_DB, LANE_VIEWS };

	for (unsigned i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
		begin_test();
		fake_lane_brings(lanes[i], DATABASE_UNAVAILABLE);
		begin(&every_lane);
		run_until(1, 0);
		ck_assert_uint_eq(ended, 1);
		ck_assert_int_eq(ended_with, DATABASE_UNAVAILABLE);
		ck_assert_uint_eq(undone, 1);
		check_nothing_left();
	}
}
END_TEST

START_TEST(test_each_lane_late)
{
	static const struct {
		enum lane lane;
		enum outcome late;
	} lanes[] = {
		{ LANE_IMSI, DATABASE_UNAVAILABLE },
		{ LANE_KEY, HSM_UNAVAILABLE },
		{ LANE_FETCH, PEER_TIMEOUT },
		{ LANE_DB, DATABASE_UNAVAILABLE },
		{ LANE_VIEWS, DATABASE_UNAVAILABLE },
	};

	for (unsigned i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
		begin_test();
		fake_lane_holds(lanes[i].lane, true);
		struct txn *t = begin(&every_lane);

		run_until(0, 1);
		pass_deadline(t);
		run_until(1, 1);
		ck_assert_uint_eq(ended, 1);
		ck_assert_int_eq(ended_with, lanes[i].late);
		ck_assert_uint_eq(engine_in_flight(engine), 1); /* the lane has it yet */
		ck_assert_uint_eq(fake_lanes_held(), 1);
		fake_lanes_let_go();
		moment_run(loop, 0.005);
		ck_assert_uint_eq(ended, 1);
		ck_assert_uint_eq(undone, 1);
		check_nothing_left();
	}
}
END_TEST

START_TEST(test_shutdown_in_each_wait)
{
	static const enum lane lanes[] = { LANE_IMSI, LANE_KEY, LANE_FETCH, LANE_DB, LANE_VIEWS };

	for (unsigned i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
		begin_test();
		fake_lane_holds(lanes[i], true);
		begin(&every_lane);
		run_until(0, 1);
		ck_assert_uint_eq(ended, 0);
		fake_lane_brings(lanes[i], HSM_UNAVAILABLE); /* as a lane that is freed does */
		fake_lanes_let_go();
		engine_end_all(engine);
		ck_assert_uint_eq(ended, 1);
		ck_assert_int_eq(ended_with, OVERLOADED);
		ck_assert_uint_eq(engine_in_flight(engine), 0);
		end_test();
	}
}
END_TEST

/* A step that has an earlier one done again, as a taken IMSI does. */
static unsigned refusals;

static enum outcome refuse_some(struct txn *t, enum outcome brought)
{
	return refusals-- > 0 ? txn_go_back(t, "key", 3, OVERLOADED) : brought;
}

static const struct procedure going_back = {
	.name = "going-back",
	.state_size = sizeof(struct trace),
	.steps = {
		{ "cpu", LANE_CPU, note_run },
		{ "key", LANE_KEY, ask_key },
		{ "db", LANE_DB, ask_db, refuse_some },
		{ "reply", LANE_REPLY, answer },
	},
};

START_TEST(test_going_back)
{
	begin_test();
	refusals = 3;
	begin(&going_back);
	run_until(1, 0);
	ck_assert_int_eq(ended_with, FINE);
	ck_assert_uint_eq(last.runs[0], 1);
	ck_assert_uint_eq(last.runs[1], 4);
	ck_assert_uint_eq(last.runs[2], 4);
	refusals = 4;
	begin(&going_back);
	run_until(2, 0);
	ck_assert_int_eq(ended_with, OVERLOADED);
	check_nothing_left();
}
END_TEST

/* A batch: items of every_lane, one of which fails. */
static size_t batch_size;
static unsigned statuses_seen[600];

static enum outcome choose_items(struct txn *t)
{
	t->item_procedure = &every_lane;
	t->item_count = batch_size;
	return FINE;
}

static enum outcome begin_items(struct txn *t)
{
	(void)t;
	return FINE;
}

static enum outcome count_items(struct txn *t)
{
	for (size_t i = 0; i < t->item_count; i++)
		statuses_seen[t->items[i]->answer.status]++;
	t->answer.status = 200;
	return FINE;
}

static const struct procedure batch = {
	.name = "batch",
	.state_size = sizeof(struct trace),
	.steps = {
		{ "choose_items", LANE_CPU, choose_items },
		{ "begin_items", LANE_ITEMS, begin_items },
		{ "count_items", LANE_REPLY, count_items },
	},
};

START_TEST(test_batch)
{
	begin_test();
	memset(statuses_seen, 0, sizeof(statuses_seen));
	batch_size = 7;
	begin(&batch);
	run_until(1, 0);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(ended_with, FINE);
	ck_assert_uint_eq(statuses_seen[204], 7);
	ck_assert_uint_eq(engine_in_flight(engine), 0);
	batch_size = 0;
	begin(&batch);
	run_until(2, 0);
	ck_assert_uint_eq(ended, 2);
	ck_assert_int_eq(ended_with, FINE);
	end_test();
}
END_TEST

START_TEST(test_batch_too_many)
{
	begin_test();
	batch_size = 8; /* and itself: nine, where eight may be in flight */
	begin(&batch);
	run_until(1, 0);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(ended_with, OVERLOADED);
	check_nothing_left();
}
END_TEST

START_TEST(test_batch_with_late_items)
{
	begin_test();
	memset(statuses_seen, 0, sizeof(statuses_seen));
	fake_lane_holds(LANE_KEY, true);
	batch_size = 3;
	struct txn *t = begin(&batch);

	run_until(0, 3);
	for (size_t i = 0; i < batch_size; i++) { /* the batch keeps an eighth of what it had */
		ck_assert_int_le(t->items[i]->deadline_ms, t->deadline_ms - DEADLINE_MS / 16);
		pass_deadline(t->items[i]);
	}
	run_until(1, 3);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(ended_with, FINE); /* the batch says what became of each */
	ck_assert_uint_eq(statuses_seen[503], 3);
	fake_lanes_let_go();
	moment_run(loop, 0.005);
	check_nothing_left();
}
END_TEST

START_TEST(test_limit)
{
	begin_test();
	fake_lane_holds(LANE_DB, true);
	for (unsigned i = 0; i < settings.transactions_in_flight; i++) {
		ck_assert(!engine_is_full(engine, 1));
		begin(&every_lane);
	}
	ck_assert(engine_is_full(engine, 1));
	run_until(0, settings.transactions_in_flight);
	fake_lane_holds(LANE_DB, false);
	fake_lanes_let_go();
	run_until(settings.transactions_in_flight, 0);
	ck_assert_uint_eq(ended, settings.transactions_in_flight);
	ck_assert(!engine_is_full(engine, 1));
	end_test();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_straight_path,
		test_each_run_fails,
		test_each_lane_fails,
		test_each_lane_late,
		test_shutdown_in_each_wait,
		test_going_back,
		test_batch,
		test_batch_too_many,
		test_batch_with_late_items,
		test_limit,
	};

	return suite_run("engine", tests, sizeof(tests) / sizeof(tests[0]));
}

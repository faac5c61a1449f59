/* The sweeper: again and again, at once while full batches come, and after a failure. */
#include <ev.h>

#include "procedures/sweeper.h"
#include "tests/unit/fake_lanes.h"
#include "tests/unit/moment.h"
#include "tests/unit/suite.h"

#define EVERY_S 0.03
#define TURNS   100 /* of the loop, at most; each waits for something */

static struct ev_loop *loop;
static struct settings settings;
static struct services services = { .settings = &settings };
static unsigned noted;
static int64_t found_noted;
static const char *noted_by;
static unsigned asked;
static double last_at; /* when the last was answered, by the loop's own clock */
static int64_t found[8];
static enum outcome brings[8];
static struct db_sweep_in last;

static enum outcome answer_sweep(void *request)
{
	struct db_request *r = request;
	struct db_swept *swept = r->result;

	last_at = ev_now(loop);
	if (r->statement == DB_NOTE_OVERDUE) {
		noted++;
		noted_by = r->actor;
		ck_assert_int_eq(((const struct db_sweep_in *)r->row)->limit, 1000);
		*(struct db_noted *)r->result = (struct db_noted){ 1, found_noted - 1 };
		return FINE;
	}
	ck_assert_int_eq(r->statement, DB_SWEEP);
	ck_assert_uint_lt(asked, 8);
	last = *(const struct db_sweep_in *)r->row;
	swept->access_ids = found[asked] / 4;
	swept->sessions = found[asked] / 4;
	swept->attaches = found[asked] / 4;
	swept->downloads = found[asked] - found[asked] / 4 * 3;
	return brings[asked++];
}

/* Nothing is asked meanwhile. */
static void run_for(double seconds)
{
	unsigned held = fake_lanes_held();

	moment_run(loop, seconds);
	ck_assert_uint_eq(fake_lanes_held(), held);
}

/* Lets the loop run until it asks; not before it has rested. */
static void run_until_asked(void)
{
	for (int i = 0; i < TURNS && fake_lanes_held() == 0; i++)
		ev_run(loop, EVRUN_ONCE);
	ck_assert_uint_eq(fake_lanes_held(), 1);
	ck_assert_double_ge(ev_now(loop) - last_at, 0.6 * EVERY_S); /* a third more or less */
}

static struct sweeper *begin_both(double sweep_every_s, double note_every_s)
{
	fake_lanes_reset();
	fake_lane_answers(LANE_DB, answer_sweep);
	asked = 0;
	memset(found, 0, sizeof(found));
	memset(brings, 0, sizeof(brings));
	loop = ev_loop_new(EVFLAG_AUTO);
	last_at = ev_now(loop);
	noted = 0;
	return sweeper_new(
		loop, &services, &(struct sweeper_settings){ sweep_every_s, note_every_s });
}

static struct sweeper *begin(void)
{
	return begin_both(EVERY_S, 1000);
}

static void end(struct sweeper *s)
{
	sweeper_free(s);
	ev_loop_destroy(loop);
}

START_TEST(test_waits_between)
{
	struct sweeper *s = begin();

	fake_lanes_let_go();
	ck_assert_uint_eq(asked, 0); /* not at once */
	run_until_asked();
	run_for(3 * EVERY_S); /* one at a time */
	fake_lanes_let_go();
	ck_assert_uint_eq(asked, 1);
	ck_assert_int_eq(last.limit, 1000);
	ck_assert_int_eq(last.keep_s, INT64_C(30) * 86400);
	ck_assert_uint_eq(fake_lanes_held(), 0);
	run_until_asked();
	fake_lanes_let_go();
	ck_assert_uint_eq(asked, 2);
	end(s);
}
END_TEST

START_TEST(test_at_once_while_there_is_more)
{
	struct sweeper *s = begin();

	found[0] = found[1] = 1000;
	found[2] = 999;
	run_until_asked();
	for (unsigned i = 1; i <= 3; i++) {
		ck_assert_uint_eq(fake_lanes_held(), 1);
		fake_lanes_let_go();
		ck_assert_uint_eq(asked, i);
	}
	ck_assert_uint_eq(fake_lanes_held(), 0);
	end(s);
}
END_TEST

START_TEST(test_goes_on_after_a_failure)
{
	struct sweeper *s = begin();

	brings[0] = DATABASE_UNAVAILABLE;
	found[0] = 1000; /* says nothing */
	run_until_asked();
	fake_lanes_let_go();
	ck_assert_uint_eq(fake_lanes_held(), 0);
	run_until_asked();
	fake_lanes_let_go();
	ck_assert_uint_eq(asked, 2);
	end(s);
}
END_TEST

START_TEST(test_notes_at_its_own_pace)
{
	struct sweeper *s = begin_both(1000, EVERY_S);

	settings.audit_is_on = true;
	found_noted = 1000;
	run_until_asked();
	for (unsigned i = 1; i <= 3; i++) { /* at once while there is more */
		ck_assert_uint_eq(fake_lanes_held(), 1);
		found_noted = i < 3 ? 1000 : 999;
		fake_lanes_let_go();
		ck_assert_uint_eq(noted, i);
	}
	ck_assert_str_eq(noted_by, "server");
	ck_assert_uint_eq(fake_lanes_held(), 0);
	settings.audit_is_on = false;
	run_until_asked();
	fake_lanes_let_go();
	ck_assert_uint_eq(noted, 4);
	ck_assert_ptr_null(noted_by);
	ck_assert_uint_eq(asked, 0);
	end(s);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_waits_between,
		test_at_once_while_there_is_more,
		test_goes_on_after_a_failure,
		test_notes_at_its_own_pace,
	};

	return suite_run("sweeper", tests, sizeof(tests) / sizeof(tests[0]));
}

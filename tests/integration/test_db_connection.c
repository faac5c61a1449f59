/*
 * The lane over a server that stops, dies, hangs and comes back: every request ends once, what was
 * acknowledged is there, and nothing is there twice.
 */
#include <check.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/migrate.h"
#include "tests/integration/db_case.h"

#define D      900010000000000
#define I      262010000000000
#define DEPTH  300
#define TOTAL  12000
#define WITHIN DB_WORLD_PATIENCE_MS

/* ---- a stream of binds: as one ends the next begins */

struct stream {
	struct db_sample *samples;
	unsigned begun, ended, fine, unavailable;
	unsigned impatient; /* those unavailable before they had waited for as long as they may */
	int64_t within_ms;
};
static struct stream stream;

static void begin_next(void);

static void on_bound(struct db_request *request, enum outcome outcome)
{
	struct db_sample *s =
		(struct db_sample *)(void *)((char *)request - offsetof(struct db_sample, request));

	s->outcome = outcome;
	s->ended++;
	stream.ended++;
	stream.fine += outcome == FINE;
	stream.unavailable += outcome == DATABASE_UNAVAILABLE;
	stream.impatient += outcome == DATABASE_UNAVAILABLE &&
			    clock_ms() - request->since_ms < DB_WORLD_QUEUE_MS;
	if (stream.begun < TOTAL)
		begin_next();
}

static void begin_next(void)
{
	struct db_sample *s = &stream.samples[stream.begun];

	db_sample_make(s, D + stream.begun, I + stream.begun);
	stream.begun++;
	db_sample_submit(s, w.db, DB_BIND, stream.within_ms);
	s->request.done = on_bound;
}

static void begin_stream(int64_t within_ms)
{
	stream = (struct stream){ .samples = calloc(TOTAL, sizeof(struct db_sample)),
		.within_ms = within_ms };
	for (unsigned i = 0; i < DEPTH; i++)
		begin_next();
}

static void check_stream(void)
{
	char sql[200];

	ck_assert(db_world_run(&w, &stream.ended, TOTAL, 2 * WITHIN));
	db_world_sleep(&w, 200);
	ck_assert_uint_eq(stream.ended, TOTAL);
	ck_assert_uint_eq(stream.fine + stream.unavailable, TOTAL);
	ck_assert(postgres_world_run(postgres, "CREATE TABLE acknowledged (dimsi bigint)"));
	for (unsigned i = 0; i < TOTAL; i++)
		ck_assert_uint_eq(stream.samples[i].ended, 1);
	for (unsigned i = 0; i < TOTAL;) {
		unsigned first = i;

		while (i < TOTAL && stream.samples[i].outcome == FINE)
			i++;
		snprintf(sql, sizeof(sql),
			"INSERT INTO acknowledged SELECT generate_series(%llu, %llu)",
			(unsigned long long)D + first, (unsigned long long)D + i - 1);
		if (i > first)
			ck_assert(postgres_world_run(postgres, sql));
		else
			i++;
	}
	ck_assert_int_eq(number("SELECT count(*) FROM acknowledged a JOIN bindings b USING (dimsi)"
				" JOIN credentials c USING (dimsi, imsi)"
				" WHERE b.imsi - 262010000000000 = b.dimsi - 900010000000000"),
		stream.fine);
	ck_assert_int_eq(number("SELECT count(*) FROM bindings"),
		number("SELECT count(*) FROM credentials"));
	ck_assert_int_eq(number("SELECT count(*) FROM bindings b LEFT JOIN credentials c"
				" USING (dimsi, imsi) WHERE c.imsi IS NULL"),
		0);
	ck_assert(postgres_world_run(postgres, "DROP TABLE acknowledged"));
	free(stream.samples);
}

/* Where a slow machine needs longer to connect again than anybody is kept waiting, and there alone, some are told so. */
static void check_patience(unsigned fine_before)
{
	ck_assert_uint_eq(stream.impatient, 0);
	ck_assert_uint_gt(stream.fine, fine_before);
}

static void stop_in_the_middle(enum postgres_stop how)
{
	begin_stream(WITHIN);
	ck_assert(db_world_run(&w, &stream.ended, TOTAL / 3, WITHIN));
	postgres_world_stop(postgres, how);
	unsigned before = stream.fine;

	ck_assert_uint_lt(stream.ended, TOTAL);
	for (int i = 0; i < WITHIN / 100 && db_is_ready(w.db); i++)
		db_world_sleep(&w, 100);
	ck_assert(!db_is_ready(w.db));
	ck_assert(postgres_world_start(postgres));
	check_stream();
	check_patience(before);
}

START_TEST(a_fast_stop_in_the_middle_of_a_stream)
{
	stop_in_the_middle(POSTGRES_FAST);
}
END_TEST

START_TEST(an_immediate_stop_in_the_middle_of_a_stream)
{
	stop_in_the_middle(POSTGRES_IMMEDIATE);
}
END_TEST

START_TEST(a_kill_in_the_middle_of_a_stream)
{
	stop_in_the_middle(POSTGRES_KILL);
}
END_TEST

/* Longer than anybody waits for the database; more rows than its connections take at once. */
START_TEST(an_absence_is_no_outage)
{
	struct db_sample *samples = calloc(TOTAL, sizeof(*samples));
	unsigned count = 0;

	for (unsigned i = 0; i < TOTAL; i++) {
		db_sample_make(&samples[i], D + i, I + i);
		samples[i].count = &count;
		db_sample_submit(&samples[i], w.db, DB_BIND, 10 * WITHIN);
	}
	db_pump(w.db);
	usleep(3500000);
	ck_assert(db_world_run(&w, &count, TOTAL, 10 * WITHIN));
	for (unsigned i = 0; i < TOTAL; i++)
		ck_assert_int_eq(samples[i].outcome, FINE);
	free(samples);
}
END_TEST

START_TEST(an_outage_longer_than_the_deadline)
{
	begin_stream(700);
	ck_assert(db_world_run(&w, &stream.ended, TOTAL / 3, WITHIN));
	postgres_world_stop(postgres, POSTGRES_IMMEDIATE);
	ck_assert(db_world_run(&w, &stream.ended, stream.ended + DEPTH, WITHIN));
	ck_assert(postgres_world_start(postgres));
	check_stream();
	ck_assert_uint_ge(stream.unavailable, DEPTH);
}
END_TEST

START_TEST(backends_that_are_terminated_again_and_again)
{
	unsigned before = 0;

	begin_stream(WITHIN);
	for (int i = 1; i <= 5; i++) {
		ck_assert(db_world_run(&w, &stream.ended, TOTAL / 8 * (unsigned)i, WITHIN));
		ck_assert(postgres_world_run(postgres,
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
			" WHERE application_name = 'arpfd'"));
		before = stream.fine;
	}
	check_stream();
	check_patience(before);
}
END_TEST

static void signal_backends(const char *pids, int signal)
{
	const char *at = pids;
	char *end;

	for (long pid = strtol(at, &end, 10); end != at; pid = strtol(at, &end, 10)) {
		ck_assert_int_eq(kill((pid_t)pid, signal), 0);
		at = end + (*end == ',');
	}
}

START_TEST(a_hung_server_is_left_and_the_request_may_be_repeated)
{
	struct db_sample *samples = calloc(DEPTH, sizeof(*samples));
	char *pids = postgres_world_text(postgres, "SELECT string_agg(pid::text, ',')"
						   " FROM pg_stat_activity"
						   " WHERE application_name = 'arpfd'");
	unsigned count = 0;

	signal_backends(pids, SIGSTOP);
	int64_t start = clock_ms();
	for (unsigned i = 0; i < DEPTH; i++) {
		db_sample_make(&samples[i], D + i, I + i);
		samples[i].count = &count;
		db_sample_submit(&samples[i], w.db, DB_BIND, 500);
	}
	ck_assert(db_world_run(&w, &count, DEPTH, WITHIN)); /* while it hangs */
	ck_assert_int_ge(clock_ms() - start, 500);
	for (unsigned i = 0; i < DEPTH; i++)
		ck_assert_int_eq(samples[i].outcome, DATABASE_UNAVAILABLE);
	signal_backends(pids, SIGCONT);
	free(pids);
	/* What the hung server did after all is the same binding. */
	count = 0;
	for (unsigned i = 0; i < DEPTH; i++) {
		samples[i].ended = 0;
		db_sample_submit_patiently(&samples[i], w.db, DB_BIND);
	}
	ck_assert(db_world_run(&w, &count, DEPTH, 2 * WITHIN));
	for (unsigned i = 0; i < DEPTH; i++)
		ck_assert_int_eq(samples[i].outcome, FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), DEPTH);
	free(samples);
}
END_TEST

START_TEST(what_fails_for_a_while_is_tried_until_it_is_done)
{
	struct db_sample sample;
	unsigned count = 0;

	ck_assert(postgres_world_run(postgres, "ALTER ROLE arpf SET lock_timeout = 100"));
	db_world_close(&w);
	db_world_open(&w, postgres, 2);
	ck_assert(postgres_world_run(postgres, "ALTER ROLE arpf RESET lock_timeout"));
	PGconn *holder = PQconnectdb(postgres_world_conninfo(postgres));
	PGresult *held = PQexec(holder, "BEGIN; LOCK TABLE credentials");

	ck_assert_int_eq(PQresultStatus(held), PGRES_COMMAND_OK);
	PQclear(held);
	db_sample_make(&sample, D, I);
	sample.count = &count;
	db_sample_submit(&sample, w.db, DB_BIND, WITHIN);
	db_world_sleep(&w, 600); /* some attempts */
	ck_assert_uint_eq(count, 0);
	PQclear(PQexec(holder, "COMMIT"));
	ck_assert(db_world_run(&w, &count, 1, WITHIN));
	ck_assert_int_eq(sample.outcome, FINE);
	PQfinish(holder);
}
END_TEST

/* ---- no server at all */

static struct db_sample queued[10];

static void submit_queued(struct db *db, unsigned *count, int64_t within_ms)
{
	for (unsigned i = 0; i < 10; i++) {
		db_sample_make(&queued[i], D + i, I + i);
		queued[i].count = count;
		db_sample_submit(&queued[i], db, i % 2 == 0 ? DB_BIND : DB_DROP_PAIR, within_ms);
	}
}

START_TEST(without_a_server_requests_end_soon)
{
	struct db *away = db_new(w.loop, "host=/nonexistent user=arpf", 2);
	unsigned count = 0;
	int64_t start = clock_ms();

	submit_queued(away, &count, 300);
	ck_assert(db_world_run(&w, &count, 10, WITHIN));
	ck_assert_int_ge(clock_ms() - start, 300);
	/* Not even a patient client waits for long. */
	count = 0;
	start = clock_ms();
	submit_queued(away, &count, 10 * WITHIN);
	ck_assert(db_world_run(&w, &count, 10, WITHIN));
	ck_assert_int_ge(clock_ms() - start, 2900);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(queued[i].outcome, DATABASE_UNAVAILABLE);
	ck_assert(!db_is_ready(away));
	ck_assert_uint_eq(db_waiting(away), 0);
	db_free(away);
}
END_TEST

START_TEST(freeing_the_lane_ends_what_is_left)
{
	struct db *other = db_new(w.loop, postgres_world_conninfo(postgres), 1);
	unsigned count = 0;

	while (!db_is_ready(other))
		db_world_sleep(&w, 10);
	submit_queued(other, &count, WITHIN);
	db_pump(other); /* some are under way, some queued */
	ck_assert_uint_gt(db_waiting(other), 0);
	ck_assert_uint_lt(db_waiting(other), 10);
	db_free(other);
	ck_assert_uint_eq(count, 10);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(queued[i].outcome, DATABASE_UNAVAILABLE);
}
END_TEST

/* ---- the schema */

START_TEST(without_the_schema_the_lane_waits_for_it)
{
	char conninfo[200];

	snprintf(conninfo, sizeof(conninfo), "%s dbname=empty", postgres_world_conninfo(postgres));
	ck_assert(postgres_world_run(postgres, "CREATE DATABASE empty"));
	struct db *other = db_new(w.loop, conninfo, 1);
	db_world_sleep(&w, 300);
	ck_assert(!db_is_ready(other));
	ck_assert_int_eq(db_migrate(conninfo, stderr), FINE);
	for (int i = 0; i < WITHIN / 100 && !db_is_ready(other); i++)
		db_world_sleep(&w, 100);
	ck_assert(db_is_ready(other));
	db_free(other);
	ck_assert(postgres_world_run(postgres, "DROP DATABASE empty WITH (FORCE)"));
}
END_TEST

/* ---- notices */

static void on_heard(void *context)
{
	(*(unsigned *)context)++;
}

/* A statement that is busy gathers its rows; one that is not is asked at once. */
START_TEST(a_busy_statement_gathers_and_the_last_few_are_not_forgotten)
{
	static struct db_sample samples[400];
	unsigned count = 0;

	for (unsigned i = 0; i < 400; i++) {
		db_sample_make(&samples[i], D + i, I + i);
		samples[i].count = &count;
		db_sample_submit_patiently(&samples[i], w.db, DB_BIND);
		if (i == 350) /* those before have made it busy, and are under way or done */
			ck_assert(db_world_run(&w, &count, 200, WITHIN));
	}
	ck_assert(db_world_run(&w, &count, 400, WITHIN));
	for (unsigned i = 0; i < 400; i++)
		ck_assert_int_eq(samples[i].outcome, FINE);
	/* Few, while it is still busy: they wait for others, which do not come. */
	struct db_sample few[3];

	for (unsigned i = 0; i < 3; i++) {
		db_sample_make(&few[i], D + 1000 + i, I + 1000 + i);
		few[i].count = &count;
		db_sample_submit_patiently(&few[i], w.db, DB_BIND);
	}
	ck_assert_uint_eq(db_waiting(w.db), 3);
	ck_assert(db_world_run(&w, &count, 403, WITHIN));
	/* And when nothing has come for a while, one is sent with the next turn of the loop. */
	db_world_sleep(&w, 300);
	db_sample_make(&few[0], D + 2000, I + 2000);
	few[0].count = &count;
	db_sample_submit(&few[0], w.db, DB_BIND, WITHIN);
	db_pump(w.db);
	ck_assert_uint_eq(db_waiting(w.db), 0);
	ck_assert(db_world_run(&w, &count, 404, WITHIN));
	ck_assert_int_eq(number("SELECT count(*) FROM bindings"), 404);
}
END_TEST

START_TEST(notices_are_heard_and_what_may_have_been_missed_is_said)
{
	struct db_revocation_in in = { bytes_of("0123456789abcdef0123456789abcdef", 32),
		bytes_of("\x05", 1) };
	unsigned trust = 0, keys = 0;

	ck_assert_int_eq(db_listen(w.db, "arpf_trust", on_heard, &trust), FINE);
	ck_assert_int_eq(db_listen(w.db, "arpf_keys", on_heard, &keys), FINE);
	ck_assert(db_world_run(&w, &keys, 1, WITHIN));
	ck_assert_uint_eq(trust, 1);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_REVOCATION, &in, NULL), FINE);
	ck_assert(db_world_run(&w, &trust, 2, WITHIN));
	ck_assert(postgres_world_run(postgres, "DELETE FROM arpf_keys"));
	ck_assert(db_world_run(&w, &keys, 2, WITHIN));
	ck_assert_uint_eq(trust, 2);
	ck_assert(postgres_world_restart(postgres, POSTGRES_FAST));
	ck_assert(db_world_run(&w, &keys, 3, WITHIN));
	ck_assert_uint_eq(trust, 3);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_fast_stop_in_the_middle_of_a_stream,
		an_immediate_stop_in_the_middle_of_a_stream,
		a_kill_in_the_middle_of_a_stream,
		an_absence_is_no_outage,
		an_outage_longer_than_the_deadline,
		backends_that_are_terminated_again_and_again,
		a_hung_server_is_left_and_the_request_may_be_repeated,
		what_fails_for_a_while_is_tried_until_it_is_done,
		without_a_server_requests_end_soon,
		freeing_the_lane_ends_what_is_left,
		without_the_schema_the_lane_waits_for_it,
		a_busy_statement_gathers_and_the_last_few_are_not_forgotten,
		notices_are_heard_and_what_may_have_been_missed_is_said,
	};
	struct db_suite suite = {
		.name = "db_connection",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
		.fsync = true,
	};

	return db_suite_run(&suite, &postgres);
}

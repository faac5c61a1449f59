/*
 * Jobs against a real PostgreSQL: files and selections, page by page; two servers at one job; and what is
 * refused.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/job_case.h"

#define I 262010000000000

START_TEST(a_job_goes_through_its_states)
{
	static const int64_t lines[2][2] = { { 4, I }, { 7, I + 1 } };
	static const int64_t taken[2][2] = { { 5, I }, { 7, I + 2 } };
	struct db_job_items_added added;
	struct db_next_job_in next = { OPERATION_REKEY };
	struct db_job job;

	ck_assert_int_eq(job_move(DB_START_JOB, &job), NO_ROW);
	ck_assert_int_eq(job_give(lines, 2, &added), NO_ROW);
	w.actor = "admin:maker";
	job = job_put(OPERATION_SUSPEND, NULL);
	ck_assert(!job.was_there && !job.has_selection);
	ck_assert_int_eq(job.state, JOB_OPEN);
	ck_assert_str_eq(job.actor, "admin:maker");
	ck_assert(job_put(OPERATION_REVOKE, NULL).was_there);
	ck_assert_int_eq(job_look().operation, OPERATION_SUSPEND);
	/* The same again adds nothing; a place that is another's takes none of them. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(job_give(lines, 2, &added), FINE);
		ck_assert_int_eq(added.added, i == 0 ? 2 : 0);
	}
	ck_assert_int_eq(job_give(taken, 2, &added), CONFLICT);
	ck_assert_int_eq(job_look().items, 2);
	ck_assert_int_eq(db_world_ask(&w, DB_NEXT_JOB, &next, &job), NO_ROW);
	w.actor = "admin:starter";
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(job_move(DB_START_JOB, &job), FINE);
		ck_assert_int_eq(job.state, JOB_RUNNING);
		ck_assert_str_eq(job.actor, "admin:starter");
	}
	ck_assert_int_eq(job_give(lines, 2, &added), NO_ROW);
	ck_assert_int_eq(db_world_ask(&w, DB_NEXT_JOB, &next, &job), FINE);
	ck_assert_mem_eq(job.id, job_key.id, sizeof(job.id));
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(job_move(DB_CANCEL_JOB, &job), FINE);
		ck_assert_int_eq(job.state, JOB_CANCELLED);
	}
	ck_assert_int_eq(job_move(DB_START_JOB, &job), FINE);
	ck_assert_int_eq(job.state, JOB_CANCELLED);
	w.actor = NULL;
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events"), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events WHERE action = 49"
				" AND actor = 'admin:starter'"
				" AND detail = '01020300000000000000000000000000 suspend'"),
		1);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events WHERE action = 50"), 1);
}
END_TEST

START_TEST(a_file_page_by_page)
{
	struct db_job_item rows[JOB_FEW];
	struct db_job job;

	job_add(I, 25, "UPDATE credentials SET state = 4 WHERE imsi = 262010000000003");
	w.actor = "admin:a";
	(void)job_put(OPERATION_SUSPEND, NULL);
	job_give_lines(I, 27); /* the last two are nobody */
	ck_assert_int_eq(job_move(DB_START_JOB, &job), FINE);
	w.actor = "server";
	struct db_worked first = job_work(OPERATION_SUSPEND, 10);
	ck_assert_int_eq(first.done, 9);
	ck_assert_int_eq(first.refused, 1);
	ck_assert(!first.is_over);
	ck_assert_int_eq(job_look().cursor, 10);
	ck_assert_int_eq(job_in_state(CREDENTIAL_IS_SUSPENDED), 9);
	ck_assert_uint_eq(job_work_to_the_end(OPERATION_SUSPEND, 10), 2);
	w.actor = NULL;
	job = job_look();
	ck_assert_int_eq(job.state, JOB_DONE);
	ck_assert_int_eq(job.items, 27);
	ck_assert_int_eq(job.done, 24);
	ck_assert_int_eq(job.refused, 3);
	ck_assert_int_eq(job_in_state(CREDENTIAL_IS_SUSPENDED), 24);
	ck_assert_int_eq(job_list_refusals(rows), 3);
	ck_assert_int_eq(rows[0].place, 4);
	ck_assert_int_eq(rows[0].imsi, I + 3);
	ck_assert_int_eq(rows[0].outcome, CONFLICT);
	ck_assert_int_eq(rows[0].state, CREDENTIAL_IS_REVOKED);
	ck_assert_int_eq(rows[2].place, 27);
	ck_assert_int_eq(rows[2].outcome, USER_NOT_FOUND);
	ck_assert_int_eq(rows[2].state, -1);
	/* The events name him who started it, and the job. */
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events WHERE actor = 'admin:a'"
				" AND detail LIKE '% 01020300000000000000000000000000'"),
		27);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events WHERE action = 41"), 24);
}
END_TEST

/* A line that is there twice is done once, within a page and across two. */
START_TEST(one_subscription_twice)
{
	static const int64_t lines[4][2] = { { 1, I }, { 2, I }, { 3, I + 1 }, { 9, I } };
	struct db_job_items_added added;
	struct db_job_item rows[JOB_FEW];
	struct db_job job;

	job_add(I, 2, "");
	(void)job_put(OPERATION_REVOKE, NULL);
	ck_assert_int_eq(job_give(lines, 4, &added), FINE);
	ck_assert_int_eq(job_move(DB_START_JOB, &job), FINE);
	ck_assert_uint_eq(job_work_to_the_end(OPERATION_REVOKE, 3), 2);
	ck_assert_int_eq(job_look().done, 2);
	ck_assert_int_eq(job_list_refusals(rows), 2);
	ck_assert_int_eq(rows[0].place, 2);
	ck_assert_int_eq(rows[0].state, CREDENTIAL_IS_REVOKED);
	ck_assert_int_eq(rows[1].place, 9);
}
END_TEST

START_TEST(a_selection_page_by_page)
{
	struct db_selection what = job_everybody;
	struct db_job_item rows[JOB_FEW];
	struct db_job job;

	job_add(I, 100,
		"UPDATE credentials SET kind = 3, owner = 7 WHERE imsi % 2 = 0;"
		"UPDATE credentials SET state = 5, sealed = '' WHERE imsi % 10 = 2;"
		"UPDATE credentials SET state = 4 WHERE imsi % 10 = 4");
	what.kind = CREDENTIAL_HEADLESS;
	what.owner = 7;
	what.first = I + 10;
	what.last = I + 89;
	what.created_since = 12;
	what.created_before = 80;
	job = job_put(OPERATION_REVOKE, &what);
	ck_assert(job.has_selection);
	ck_assert_int_eq(job.selection.last, I + 89);
	ck_assert_int_eq(job_move(DB_START_JOB, &job), FINE);
	/* 12 to 78: 34 even ones; 7 are destroyed, of which nothing is left, 7 are revoked already */
	ck_assert_uint_eq(job_work_to_the_end(OPERATION_REVOKE, 10), 3);
	job = job_look();
	ck_assert_int_eq(job.done, 20);
	ck_assert_int_eq(job.refused, 7);
	ck_assert_int_eq(job.items, 27);
	ck_assert_int_eq(job_list_refusals(rows), 7);
	ck_assert_int_eq(rows[0].imsi, I + 14);
	ck_assert_int_eq(rows[0].place, I + 14);
	ck_assert_int_eq(job_in_state(CREDENTIAL_IS_REVOKED), 10 + 20);
}
END_TEST

struct racer {
	struct db_request request;
	struct db_worked worked;
	enum outcome outcome;
	unsigned ended;
};

static void on_raced(struct db_request *request, enum outcome outcome)
{
	struct racer *r = (struct racer *)(void *)request;

	if (db_world_again(w.db, request, outcome))
		return;
	r->outcome = outcome;
	r->ended = 1;
}

/* Servers that come upon the same job do each item once; who finds it locked goes on to another. */
START_TEST(two_servers_at_one_job)
{
	struct db_work_in in = job_work_of(OPERATION_REVOKE, 50);
	struct racer racers[3];
	struct db_job job;
	int64_t done = 0;

	job_add(I, 1000, "");
	(void)job_put(OPERATION_REVOKE, NULL);
	job_give_lines(I, 1000);
	ck_assert_int_eq(job_move(DB_START_JOB, &job), FINE);
	for (int pages = 0; job_look().state == JOB_RUNNING; pages++) {
		ck_assert_int_lt(pages, 1000);
		for (int r = 0; r < 3; r++) { /* the lane has three connections */
			racers[r] = (struct racer){ .request = { .statement = DB_WORK_JOB,
							    .row = &in,
							    .result = &racers[r].worked,
							    .deadline_ms = clock_ms() +
									   DB_WORLD_PATIENCE_MS,
							    .done = on_raced } };
			db_submit(w.db, &racers[r].request);
		}
		for (int r = 0; r < 3; r++) {
			ck_assert(db_world_run(&w, &racers[r].ended, 1, 2 * DB_WORLD_PATIENCE_MS));
			ck_assert(racers[r].outcome == FINE || racers[r].outcome == NO_ROW);
			done += racers[r].outcome == FINE ? racers[r].worked.done : 0;
		}
	}
	ck_assert_int_eq(done, 1000);
	ck_assert_int_eq(job_look().done, 1000);
	ck_assert_int_eq(job_look().refused, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_job_goes_through_its_states,
		a_file_page_by_page,
		one_subscription_twice,
		a_selection_page_by_page,
		two_servers_at_one_job,
	};
	struct db_suite suite = {
		.name = "db_jobs",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

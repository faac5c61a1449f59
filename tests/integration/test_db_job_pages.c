/* Pages of jobs that have more to them, against a real PostgreSQL: few that fit among many, and re-keying. */
#include <check.h>

#include "tests/integration/job_case.h"

#define I 262010000000000

/* Few that fit among very many: a page looks at so many rows, and no more. */
START_TEST(a_page_looks_only_so_far)
{
	struct db_selection what = job_everybody;
	struct db_selection_page page = { .what = job_everybody, .after = -1, .limit = 3 };
	static struct db_subscription found[JOB_FEW];
	struct db_job job;

	job_add(I, 50000,
		"UPDATE credentials SET kind = 4 WHERE imsi IN (262010000000005, 262010000049999)");
	what.kind = page.what.kind = CREDENTIAL_PROFILE;
	(void)job_put(OPERATION_SUSPEND, &what);
	ck_assert_int_eq(job_move(DB_START_JOB, &job), FINE);
	ck_assert_int_eq(job_work(OPERATION_SUSPEND, 10).done, 1);
	ck_assert_int_eq(job_look().cursor, I + 10000);
	ck_assert_int_eq(job_work(OPERATION_SUSPEND, 10).done, 0);
	ck_assert_uint_eq(job_work_to_the_end(OPERATION_SUSPEND, 10), 3);
	ck_assert_int_eq(job_look().done, 2);
	ck_assert_int_eq(job_in_state(CREDENTIAL_IS_SUSPENDED), 2);
	/* A list says how far it has looked. */
	ck_assert_int_eq(
		db_world_list(&w, DB_LIST_SUBSCRIPTIONS, &page, found, sizeof(found[0]), JOB_FEW),
		2);
	ck_assert_int_eq(found[0].imsi, I + 5);
	ck_assert_int_eq(found[0].version, 1);
	ck_assert_int_eq(found[1].imsi, I + 10000);
	ck_assert_int_eq(found[1].version, 0);
	page.after = I + 40000;
	ck_assert_int_eq(
		db_world_list(&w, DB_LIST_SUBSCRIPTIONS, &page, found, sizeof(found[0]), JOB_FEW),
		1);
	ck_assert_int_eq(found[0].imsi, I + 49999);
}
END_TEST

static int list_work(struct db_rekey_item rows[JOB_FEW], int64_t limit)
{
	struct db_work_in in = job_work_of(OPERATION_REKEY, limit);

	return db_world_list(&w, DB_LIST_JOB_WORK, &in, rows, sizeof(rows[0]), JOB_FEW);
}

static enum outcome rekey_page(
	const struct db_rekey_item *rows, int count, const char *sealed, struct db_worked *worked)
{
	uint8_t room[JOB_FEW * 30];
	struct buffer b = buffer_over(room, sizeof(room));
	struct db_rekey_page_in in = {
		.cursor = rows[0].cursor,
		.next_cursor = rows[0].next_cursor,
		.is_last = rows[0].is_last,
		.from_mask = credential_from_mask(OPERATION_REKEY),
		.sealed_len = (int32_t)strlen(sealed),
	};

	for (int i = 0; i < count; i++) {
		buffer_put_u64(&b, (uint64_t)rows[i].place);
		buffer_put_u64(&b, (uint64_t)rows[i].imsi);
		buffer_put(&b, sealed, strlen(sealed));
	}
	memcpy(in.job, job_key.id, sizeof(in.job));
	in.items = buffer_bytes(&b);
	return db_world_ask(&w, DB_REKEY_PAGE, &in, worked);
}

START_TEST(rekeying_page_by_page)
{
	struct db_next_job_in next = { OPERATION_REKEY };
	struct db_rekey_item rows[JOB_FEW];
	struct db_worked worked;
	struct db_job job;

	job_add(I, 5, "UPDATE credentials SET state = 4 WHERE imsi = 262010000000001");
	(void)job_put(OPERATION_REKEY, NULL);
	job_give_lines(I, 5);
	ck_assert_int_eq(job_move(DB_START_JOB, &job), FINE);
	/* Whoever has it, has it for a while. */
	ck_assert_int_eq(db_world_ask(&w, DB_NEXT_JOB, &next, &job), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_NEXT_JOB, &next, &job), NO_ROW);
	ck_assert_int_eq(list_work(rows, 3), 3);
	ck_assert_int_eq(rows[2].place, 3);
	ck_assert_int_eq(rows[2].imsi, I + 2);
	ck_assert_int_eq(rows[0].overlap_s, 100);
	ck_assert(!rows[0].is_last);
	ck_assert_int_eq(rekey_page(rows, 3, "key 2", &worked), FINE);
	ck_assert_int_eq(worked.done, 2);
	ck_assert_int_eq(worked.refused, 1);
	/* Another who had made keys for this page has made them for nothing. */
	ck_assert_int_eq(rekey_page(rows, 3, "key X", &worked), NO_ROW);
	ck_assert_int_eq(db_world_ask(&w, DB_NEXT_JOB, &next, &job), FINE);
	ck_assert_int_eq(list_work(rows, 3), 2);
	ck_assert(rows[0].is_last);
	ck_assert_int_eq(rekey_page(rows, 2, "key 2", &worked), FINE);
	ck_assert(worked.is_over);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials WHERE sealed = 'key 2'"
				" AND version = 2 AND state = 0 AND active_at > 100"),
		4);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials WHERE sealed = 'key X'"), 0);
	ck_assert_int_eq(job_look().state, JOB_DONE);
	ck_assert_int_eq(list_work(rows, 3), 0);
}
END_TEST

/* A selection of nobody: one page, without an item, ends it. */
START_TEST(rekeying_nobody)
{
	struct db_selection what = job_everybody;
	struct db_rekey_item rows[JOB_FEW];
	struct db_worked worked;
	struct db_job job;

	what.kind = CREDENTIAL_EK;
	job_add(I, 5, "");
	(void)job_put(OPERATION_REKEY, &what);
	ck_assert_int_eq(job_move(DB_START_JOB, &job), FINE);
	ck_assert_int_eq(list_work(rows, 3), 1);
	ck_assert_int_eq(rows[0].imsi, -1);
	ck_assert(rows[0].is_last);
	ck_assert_int_eq(rekey_page(rows, 0, "", &worked), FINE);
	ck_assert(worked.is_over);
	ck_assert_int_eq(worked.done, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_page_looks_only_so_far,
		rekeying_page_by_page,
		rekeying_nobody,
	};
	struct db_suite suite = {
		.name = "db_job_pages",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

#include "tests/integration/job_case.h"

#include <stdio.h>

#include "base/bytes.h"

#define PAGES 1000 /* more than any test has */

const struct db_job_key job_key = { { 1, 2, 3 } };
const struct db_selection job_everybody = {
	.first = -1, .last = -1, .kind = -1, .state = -1, .owner = -1
};

void job_add(int64_t imsi, int count, const char *more)
{
	char sql[500];

	snprintf(sql, sizeof(sql),
		"INSERT INTO credentials (imsi, dimsi, kind, created_at, changed_at, version, "
		"state,"
		" sealed) SELECT %lld + g, 0, 1, g, 1, 1, 1, 'key 1' FROM generate_series(0, %d - "
		"1) g;"
		" %s",
		(long long)imsi, count, more);
	run(sql);
}

struct db_job job_put(enum credential_operation operation, const struct db_selection *selection)
{
	struct db_job_in in = {
		.operation = (int32_t)operation,
		.overlap_s = 100,
		.has_selection = selection != NULL,
		.selection = selection != NULL ? *selection : job_everybody,
	};
	struct db_job job = { 0 };

	memcpy(in.id, job_key.id, sizeof(in.id));
	ck_assert_int_eq(db_world_ask(&w, DB_PUT_JOB, &in, &job), FINE);
	return job;
}

enum outcome job_give(const int64_t (*items)[2], size_t count, struct db_job_items_added *added)
{
	static uint8_t room[1000 * DB_JOB_ITEM_LEN];
	struct buffer b = buffer_over(room, sizeof(room));
	struct db_job_items_in in = { 0 };

	for (size_t i = 0; i < count; i++) {
		buffer_put_u64(&b, (uint64_t)items[i][0]);
		buffer_put_u64(&b, (uint64_t)items[i][1]);
	}
	memcpy(in.job, job_key.id, sizeof(in.job));
	in.items = buffer_bytes(&b);
	return db_world_ask(&w, DB_ADD_JOB_ITEMS, &in, added);
}

/* The lines of a file of so many subscriptions from imsi on. */
void job_give_lines(int64_t imsi, size_t count)
{
	static int64_t items[1000][2];
	struct db_job_items_added added;

	for (size_t i = 0; i < count; i++) {
		items[i][0] = (int64_t)i + 1;
		items[i][1] = imsi + (int64_t)i;
	}
	ck_assert_int_eq(job_give(items, count, &added), FINE);
	ck_assert_int_eq(added.added, (int64_t)count);
}

enum outcome job_move(enum db_statement statement, struct db_job *job)
{
	return db_world_ask(&w, statement, &job_key, job);
}

struct db_job job_look(void)
{
	struct db_job job = { 0 };

	ck_assert_int_eq(job_move(DB_FIND_JOB, &job), FINE);
	return job;
}

struct db_work_in job_work_of(enum credential_operation operation, int64_t limit)
{
	struct db_work_in in = {
		.from_mask = credential_from_mask(operation),
		.to = (int32_t)credential_to(operation),
		.is_final = credential_is_final(operation),
		.quarantine_until = 4000000000,
		.limit = limit,
	};

	memcpy(in.job, job_key.id, sizeof(in.job));
	return in;
}

struct db_worked job_work(enum credential_operation operation, int64_t limit)
{
	struct db_work_in in = job_work_of(operation, limit);
	struct db_worked worked = { 0 };

	ck_assert_int_eq(db_world_ask(&w, DB_WORK_JOB, &in, &worked), FINE);
	return worked;
}

unsigned job_work_to_the_end(enum credential_operation operation, int64_t limit)
{
	for (unsigned pages = 1; pages < PAGES; pages++)
		if (job_work(operation, limit).is_over)
			return pages;
	ck_abort_msg("it does not end");
	return 0;
}

int job_list_refusals(struct db_job_item rows[JOB_FEW])
{
	struct db_job_page page = { .limit = JOB_FEW };

	memcpy(page.job, job_key.id, sizeof(page.job));
	return db_world_list(&w, DB_LIST_JOB_REFUSALS, &page, rows, sizeof(rows[0]), JOB_FEW);
}

long long job_in_state(int state)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM credentials WHERE state = %d", state);
	return number(sql);
}

/* The worker at jobs: a page after another, keys where it re-keys, and a rest after a failure. */
#include <ev.h>

#include "procedures/credential_life.h"
#include "procedures/job_worker.h"
#include "tests/unit/fake_lanes.h"
#include "tests/unit/suite.h"

#define EVERY_S 0.03
#define MOST    32
#define TURNS   100 /* of the loop, at most; each waits for something */

static struct ev_loop *loop;
static struct settings settings;
static struct services services = { .settings = &settings };
static struct job_worker *worker;

static enum db_statement asked[MOST];
static double asked_at[MOST]; /* by the loop's own clock, which its timers go by */
static unsigned count;
static const char *actor;
static int operation;
static unsigned pages, page_items, keys_made;
static enum outcome brings[MOST], key_brings;
static struct db_work_in work;
static struct db_rekey_page_in rekey;
static uint8_t items[4096];

static void show_page(struct db_request *r)
{
	struct db_rekey_item item = { .imsi = -1, .place = -1, .cursor = 7, .next_cursor = 9 };

	item.is_last = pages == 1;
	if (page_items == 0)
		r->each(r, &item);
	for (unsigned i = 0; i < page_items; i++) {
		item.place = 8 + i;
		item.imsi = 1000 + i;
		r->each(r, &item);
	}
}

static enum outcome answer_db(void *request)
{
	struct db_request *r = request;

	ck_assert_uint_lt(count, MOST);
	asked[count] = r->statement;
	asked_at[count] = ev_now(loop);
	actor = r->actor;
	if (r->statement == DB_NEXT_JOB && pages > 0)
		*(struct db_job *)r->result = (struct db_job){
			.id = { 5 }, .operation = operation, .state = JOB_RUNNING
		};
	if (r->statement == DB_NEXT_JOB && pages == 0 && brings[count] == FINE)
		brings[count] = NO_ROW;
	if (r->statement == DB_LIST_JOB_WORK)
		show_page(r);
	if (r->statement == DB_WORK_JOB)
		work = *(const struct db_work_in *)r->row;
	if (r->statement == DB_REKEY_PAGE) {
		rekey = *(const struct db_rekey_page_in *)r->row;
		memcpy(items, rekey.items.at, rekey.items.len);
	}
	if (r->statement == DB_WORK_JOB || r->statement == DB_REKEY_PAGE) {
		pages -= brings[count] == FINE;
		*(struct db_worked *)r->result = (struct db_worked){ 3, 1, pages == 0 };
	}
	return brings[count++];
}

static enum outcome answer_key(void *request)
{
	struct key_request *r = request;
	struct sealed_key *sealed = r->out;

	ck_assert_int_eq(r->operation, KEY_MAKE_SUBSCRIBER);
	sealed->len = 20;
	memset(sealed->at, (int)(((const struct key_make_subscriber_in *)r->in)->imsi & 0xff), 20);
	keys_made++;
	return key_brings;
}

static void on_prepare(struct ev_loop *l, ev_prepare *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
	while (fake_lanes_held() > 0)
		fake_lanes_let_go();
}

/* Lets the loop run, where the lanes answer at once, until so many have been asked. */
static void run_until(unsigned enough)
{
	ev_prepare prepare;

	ev_prepare_init(&prepare, on_prepare);
	ev_prepare_start(loop, &prepare);
	ev_unref(loop); /* it is the worker's timer that is waited for */
	for (int i = 0; i < TURNS && count < enough; i++)
		ev_run(loop, EVRUN_ONCE);
	ev_ref(loop);
	ev_prepare_stop(loop, &prepare);
	ck_assert_uint_ge(count, enough);
}

/* These came one right after the other, and then there was a rest. */
static void check_rest_after(unsigned first, unsigned last)
{
	ck_assert_uint_gt(count, last + 1);
	ck_assert_double_lt(asked_at[last] - asked_at[first], 0.9 * EVERY_S);
	ck_assert_double_ge(asked_at[last + 1] - asked_at[last], 0.9 * EVERY_S);
}

static void begin(enum credential_operation o, unsigned page_count, unsigned item_count)
{
	fake_lanes_reset();
	fake_lane_answers(LANE_DB, answer_db);
	fake_lane_answers(LANE_KEY, answer_key);
	settings = (struct settings){ .d_ausf_uri = (char *)"https://d.example",
		.quarantine_s = 60,
		.profile_lifetime_s = 77,
		.audit_is_on = true };
	count = keys_made = 0;
	memset(brings, 0, sizeof(brings));
	key_brings = FINE;
	operation = (int)o;
	pages = page_count;
	page_items = item_count;
	loop = ev_loop_new(EVFLAG_AUTO);
	worker = job_worker_new(loop, &services, EVERY_S);
	ck_assert_ptr_nonnull(worker);
}

static void end(void)
{
	job_worker_free(worker);
	ev_loop_destroy(loop);
}

static void check_asked(const enum db_statement *expected, unsigned n)
{
	ck_assert_uint_ge(count, n);
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(asked[i], expected[i]);
}

START_TEST(test_looks_now_and_then)
{
	begin(OPERATION_REVOKE, 0, 0);
	double began = ev_now(loop);

	run_until(4);
	ck_assert_double_ge(asked_at[0] - began, 0.9 * EVERY_S); /* not at once */
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(asked[i], DB_NEXT_JOB);
	for (unsigned i = 0; i < 3; i++)
		check_rest_after(i, i);
	end();
}
END_TEST

START_TEST(test_goes_on_while_there_is_work)
{
	static const enum db_statement expected[] = { DB_NEXT_JOB, DB_WORK_JOB, DB_NEXT_JOB,
		DB_WORK_JOB, DB_NEXT_JOB, DB_WORK_JOB, DB_NEXT_JOB, DB_NEXT_JOB };

	begin(OPERATION_REVOKE, 3, 0);
	run_until(8);
	check_asked(expected, 8);
	check_rest_after(0, 6);
	ck_assert_str_eq(actor, "server");
	ck_assert_uint_eq(work.job[0], 5);
	ck_assert_int_eq(work.to, CREDENTIAL_IS_REVOKED);
	ck_assert_int_eq(work.from_mask, credential_from_mask(OPERATION_REVOKE));
	ck_assert(work.is_final);
	ck_assert_int_gt(work.limit, 0);
	ck_assert_uint_eq(work.d_ausf_uri.len, strlen("https://d.example"));
	end();
}
END_TEST

START_TEST(test_rests_after_a_failure)
{
	static const enum db_statement expected[] = { DB_NEXT_JOB, DB_WORK_JOB, DB_NEXT_JOB,
		DB_WORK_JOB };

	begin(OPERATION_SUSPEND, 2, 0);
	settings.audit_is_on = false;
	brings[1] = DATABASE_UNAVAILABLE;
	run_until(4);
	check_asked(expected, 4);
	check_rest_after(0, 1);
	ck_assert_ptr_null(actor);
	ck_assert(!work.is_final);
	end();
}
END_TEST

START_TEST(test_makes_keys_for_a_page)
{
	static const enum db_statement expected[] = { DB_NEXT_JOB, DB_LIST_JOB_WORK, DB_REKEY_PAGE,
		DB_NEXT_JOB };

	begin(OPERATION_REKEY, 1, 3);
	run_until(4);
	check_asked(expected, 4);
	ck_assert_uint_eq(keys_made, 3);
	ck_assert_int_eq(rekey.cursor, 7);
	ck_assert_int_eq(rekey.next_cursor, 9);
	ck_assert(rekey.is_last);
	ck_assert_int_eq(rekey.sealed_len, 20);
	ck_assert_int_eq(rekey.lifetime_s, 77);
	ck_assert_uint_eq(rekey.items.len, 3 * 36);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(items[i * 36 + 7], 8 + i);
		ck_assert_uint_eq(items[i * 36 + 15], (1000 + i) & 0xff);
		ck_assert_uint_eq(items[i * 36 + 16], (1000 + i) & 0xff); /* its own key */
	}
	end();
}
END_TEST

START_TEST(test_a_page_without_items)
{
	static const enum db_statement expected[] = { DB_NEXT_JOB, DB_LIST_JOB_WORK,
		DB_REKEY_PAGE };

	begin(OPERATION_REKEY, 1, 0);
	run_until(3);
	check_asked(expected, 3);
	ck_assert_uint_eq(rekey.items.len, 0);
	ck_assert_uint_eq(keys_made, 0);
	end();
}
END_TEST

START_TEST(test_a_key_that_is_not_made)
{
	static const enum db_statement expected[] = { DB_NEXT_JOB, DB_LIST_JOB_WORK, DB_NEXT_JOB,
		DB_LIST_JOB_WORK, DB_REKEY_PAGE };

	begin(OPERATION_REKEY, 1, 3);
	key_brings = HSM_UNAVAILABLE;
	run_until(2);
	ck_assert_uint_eq(count, 2); /* nothing was stored */
	key_brings = FINE;
	run_until(5);
	check_asked(expected, 5);
	check_rest_after(0, 1);
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_looks_now_and_then,
		test_goes_on_while_there_is_work,
		test_rests_after_a_failure,
		test_makes_keys_for_a_page,
		test_a_page_without_items,
		test_a_key_that_is_not_made,
	};

	return suite_run("job worker", tests, sizeof(tests) / sizeof(tests[0]));
}

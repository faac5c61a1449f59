/* Jobs and selections as an operator gives them, by hand. */
#include <stdio.h>

#include "base/clock.h"
#include "procedures/administration.h"
#include "procedures/credential_life.h"
#include "tests/unit/by_hand.h"
#include "tests/unit/suite.h"

#define ID "000102030405060708090A0b0c0d0e0f"

static void check_said(const char *part)
{
	ck_assert_msg(strstr(hand.body, part) != NULL, "%s", hand.body);
}

START_TEST(test_times)
{
	static const char *const bad[] = { "", "2026-11-21", "2026-02-30T00:00:00Z",
		"2026-11-21T24:00:00Z", "2026-11-21T01:02:03", "2026-11-21T01:02:03Z ",
		" 2026-11-21T01:02:03Z", "2026-11-21T1:02:03Z", "1969-12-31T23:59:59Z",
		"2026-11-21T01:02:03+00:00" };
	int64_t at = 0;

	ck_assert(clock_read("1970-01-01T00:00:00Z", &at) && at == 0);
	ck_assert(clock_read("2026-11-21T13:31:14Z", &at) && at == 1795267874);
	ck_assert(clock_read("2024-02-29T23:59:59Z", &at) && at == 1709251199);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!clock_read(bad[i], &at), "%s", bad[i]);
}
END_TEST

START_TEST(test_a_selection_in_a_query)
{
	static const struct refusal bad[] = {
		{ "first=12", INVALID_PARAMETER, "first" },
		{ "last=imsi-00101000000001", INVALID_PARAMETER, "last" },
		{ "owner=", INVALID_PARAMETER, "owner" },
		{ "kind=ek", INVALID_PARAMETER, "kind" },
		{ "state=GONE", INVALID_PARAMETER, "state" },
		{ "createdBefore=yesterday", INVALID_PARAMETER, "createdBefore" },
		{ "createdSince=-1", INVALID_PARAMETER, "createdSince" },
		{ "expiresBefore=99999999999999999999", INVALID_PARAMETER, "expiresBefore" },
		{ "limit=0", INVALID_PARAMETER, "limit" },
		{ "after=x", INVALID_PARAMETER, "after" },
	};

	by_hand_start();
	hand_begin_query(&admin_list_subscriptions, NULL,
		"kind=PROFILE&state=OVERDUE&limit=5&after=77&first=imsi-001010000000001"
		"&last=001010000000009&createdBefore=2026-11-21T13:31:14Z&expiresBefore=12");
	const struct db_selection_page *asked = asked_db(DB_LIST_SUBSCRIPTIONS);

	ck_assert_int_eq(asked->limit, 6);
	ck_assert_int_eq(asked->after, 77);
	ck_assert_int_eq(asked->what.kind, CREDENTIAL_PROFILE);
	ck_assert_int_eq(asked->what.state, CREDENTIAL_IS_OVERDUE);
	ck_assert_int_eq(asked->what.first, HAND_IMSI);
	ck_assert_int_eq(asked->what.last, HAND_IMSI + 8);
	ck_assert_int_eq(asked->what.created_before, 1795267874);
	ck_assert_int_eq(asked->what.expires_before, 12);
	ck_assert_int_eq(asked->what.owner, -1);
	ck_assert_int_eq(asked->what.created_since, 0);
	bring_db(DB_LIST_SUBSCRIPTIONS, FINE, NULL, 0);
	check_ended(FINE);
	ck_assert_str_eq(hand.body, "{\"items\":[],\"next\":null}");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		hand_begin_query(&admin_list_subscriptions, NULL, bad[i].body);
		check_ended(bad[i].outcome);
		ck_assert_str_eq(hand.param, bad[i].param);
	}
	hand_end();
}
END_TEST

static void show_rows(const struct db_subscription *rows, unsigned count)
{
	struct db_request *request = &hand.now->ask.db;

	(void)asked_db(DB_LIST_SUBSCRIPTIONS);
	for (unsigned i = 0; i < count; i++)
		request->each(request, &rows[i]);
	bring_db(DB_LIST_SUBSCRIPTIONS, FINE, NULL, 0);
	check_ended(FINE);
}

START_TEST(test_pages)
{
	static const struct db_subscription rows[] = {
		{ .imsi = HAND_IMSI,
			.version = 1,
			.versions = 2,
			.owner = HAND_IMSI + 6,
			.kind = CREDENTIAL_HEADLESS,
			.state = CREDENTIAL_IS_ACTIVE,
			.eid = "89" },
		{ .imsi = HAND_IMSI + 1, .version = 1, .dimsi = HAND_IMSI + 7 },
		{ .imsi = HAND_IMSI + 2, .version = 1 },
	};
	static const struct db_subscription looked[] = {
		{ .imsi = HAND_IMSI, .version = 1 },
		{ .imsi = HAND_IMSI + 100 }, /* how far it has looked */
	};

	by_hand_start();
	hand_begin_query(&admin_list_subscriptions, NULL, "limit=2");
	show_rows(rows, 3);
	check_said(
		"\"supi\":\"" HAND_IMSI_TEXT "\",\"kind\":\"HEADLESS\",\"state\":\"ACTIVE\","
		"\"version\":1,\"versions\":2,\"owner\":\"imsi-001010000000007\",\"eid\":\"89\"");
	check_said("\"dimsi\":\"001010000000008\"");
	check_said("\"next\":1010000000002}");
	ck_assert_ptr_null(strstr(hand.body, "imsi-001010000000003"));
	hand_begin_query(&admin_list_subscriptions, NULL, "limit=2");
	show_rows(looked, 2);
	check_said("\"next\":1010000000101}");
	hand_begin_query(&admin_list_subscriptions, NULL, "limit=3");
	show_rows(rows, 3);
	check_said("\"next\":null}");
	hand_end();
}
END_TEST

START_TEST(test_overdue_pages)
{
	static const struct db_version rows[] = {
		{ .imsi = HAND_IMSI, .not_after = 5, .version = 1 },
		{ .imsi = HAND_IMSI + 1, .not_after = 5, .version = 1 },
		{ .imsi = HAND_IMSI, .not_after = 7, .version = 1 },
		{ .imsi = HAND_IMSI + 9, .not_after = 8 }, /* so far it has looked */
	};
	static const char *const bad[] = { "after=5", "after=5.1", "after=x.001010000000001",
		"after=-5.001010000000001", "limit=1001" };

	by_hand_start();
	hand_begin_query(&admin_list_overdue, NULL, "limit=2&after=4.001010000000009");
	const struct db_overdue_page *asked = asked_db(DB_LIST_OVERDUE);

	ck_assert_int_eq(asked->after_not_after, 4);
	ck_assert_int_eq(asked->after_imsi, HAND_IMSI + 8);
	ck_assert_int_eq(asked->limit, 3);
	struct db_request *request = &hand.now->ask.db;
	for (int again = 0; again < 2; again++)
		for (unsigned i = 0; i < 2 + (unsigned)again; i++)
			request->each(request, &rows[i]);
	bring_db(DB_LIST_OVERDUE, FINE, NULL, 0);
	check_ended(FINE);
	check_said("\"notAfter\":\"1970-01-01T00:00:05Z\"}],\"next\":\"5.001010000000002\"}");
	hand_begin_query(&admin_list_overdue, NULL, "kind=HEADLESS&expiresSince=5");
	asked = asked_db(DB_LIST_OVERDUE);
	ck_assert_int_eq(asked->kind, CREDENTIAL_HEADLESS);
	ck_assert_int_eq(asked->expires_since, 5);
	ck_assert_int_eq(asked->owner, -1);
	request = &hand.now->ask.db;
	for (unsigned i = 0; i < 4; i++)
		request->each(request, &rows[i]);
	bring_db(DB_LIST_OVERDUE, FINE, NULL, 0);
	check_said("\"notAfter\":\"1970-01-01T00:00:07Z\"}],\"next\":\"8.001010000000010\"}");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		hand_begin_query(&admin_list_overdue, NULL, bad[i]);
		check_ended(INVALID_PARAMETER);
	}
	hand_end();
}
END_TEST

START_TEST(test_put)
{
	static const struct refusal bad[] = {
		{ "{}", MISSING_PARAMETER, "operation" },
		{ "{\"operation\": \"destroy\"}", INVALID_PARAMETER, "operation" },
		{ "{\"operation\": \"rekey\", \"overlapSeconds\": -1}", INVALID_PARAMETER,
			"overlapSeconds" },
		{ "{\"operation\": \"delete\", \"selection\": {}}", INVALID_PARAMETER,
			"selection" },
		{ "{\"operation\": \"delete\", \"selection\": {\"stat\": \"ACTIVE\"}}",
			INVALID_PARAMETER, "selection" },
		{ "{\"operation\": \"delete\", \"selection\": {\"kind\": 3}}", INVALID_PARAMETER,
			"kind" },
		{ "{\"operation\": \"delete\", \"selection\": {\"createdBefore\": 0}}",
			INVALID_PARAMETER, "createdBefore" },
		/* This would be no condition, and everybody. */
		{ "{\"operation\": \"delete\", \"selection\":"
		  " {\"expiresBefore\": \"1970-01-01T00:00:00Z\"}}",
			INVALID_PARAMETER, "expiresBefore" },
		{ "{\"operation\": \"delete\", \"selection\": {\"owner\": \"000000000000000\"}}",
			INVALID_PARAMETER, "owner" },
		{ "{\"operation\": \"delete\", \"selection\": []}", INVALID_PARAMETER,
			"selection" },
	};
	static const char body[] =
		"{\"operation\": \"rekey\", \"overlapSeconds\": 60, \"selection\":"
		" {\"kind\": \"HEADLESS\", \"expiresBefore\": 1795267874}}";

	by_hand_start();
	check_refusals(&admin_put_job, ID, bad, sizeof(bad) / sizeof(bad[0]));
	hand_begin(&admin_put_job, "0102", body);
	check_ended(INVALID_PARAMETER);
	ck_assert_str_eq(hand.param, "id");
	hand_begin(&admin_put_job, ID, body);
	const struct db_job_in *asked = asked_db(DB_PUT_JOB);
	ck_assert(asked->has_selection);
	ck_assert_int_eq(asked->operation, OPERATION_REKEY);
	ck_assert_int_eq(asked->overlap_s, 60);
	struct db_job job = { .operation = asked->operation,
		.has_selection = true,
		.selection = asked->selection,
		.overlap_s = 60,
		.actor = "admin:a" };
	memcpy(job.id, asked->id, sizeof(job.id));
	ck_assert_uint_eq(job.id[10], 10);
	bring_db(DB_PUT_JOB, FINE, &job, sizeof(job));
	check_ended(FINE);
	ck_assert_int_eq(hand.status, 201);
	ck_assert_str_eq(hand.location, "/admin/v1/jobs/000102030405060708090a0b0c0d0e0f");
	check_said(
		"{\"id\":\"000102030405060708090a0b0c0d0e0f\",\"operation\":\"rekey\","
		"\"state\":\"OPEN\",\"items\":0,\"done\":0,\"refused\":0,\"overlapSeconds\":60,"
		"\"selection\":{\"kind\":\"HEADLESS\",\"expiresBefore\":\"2026-11-21T13:31:14Z\"},"
		"\"actor\":\"admin:a\"");
	/* The same again, and another of that id. */
	job.was_there = true;
	hand_begin(&admin_put_job, ID, body);
	bring_db(DB_PUT_JOB, FINE, &job, sizeof(job));
	check_ended(FINE);
	ck_assert_int_eq(hand.status, 200);
	for (int i = 0; i < 3; i++) {
		struct db_job other = job;

		other.operation = i == 0 ? OPERATION_DELETE : job.operation;
		other.overlap_s = i == 1 ? 61 : 60;
		other.selection.kind = i == 2 ? CREDENTIAL_EK : job.selection.kind;
		hand_begin(&admin_put_job, ID, body);
		bring_db(DB_PUT_JOB, FINE, &other, sizeof(other));
		check_ended(CONFLICT);
	}
	hand_end();
}
END_TEST

static const struct db_job open_job = { .operation = OPERATION_REVOKE, .state = JOB_OPEN };

START_TEST(test_items)
{
	static const struct refusal bad[] = {
		{ "{}", MISSING_PARAMETER, "items" },
		{ "{\"items\": []}", INVALID_PARAMETER, "items" },
		{ "{\"items\": [7]}", INVALID_PARAMETER, "items[0]" },
		{ "{\"items\": [{\"place\": 0, \"supi\": \"imsi-001010000000001\"}]}",
			INVALID_PARAMETER, "items[0]" },
		{ "{\"items\": [{\"place\": 3, \"supi\": \"imsi-001010000000001\"},"
		  " {\"place\": 9, \"supi\": \"imsi-00101\"}]}",
			INVALID_PARAMETER, "items[1] (place 9)" },
		{ "{\"items\": [{\"place\": 3, \"supi\": \"imsi-001010000000001\"},"
		  " {\"place\": 2, \"supi\": \"imsi-001010000000001\"},"
		  " {\"place\": 3, \"supi\": \"imsi-001010000000002\"}]}",
			INVALID_PARAMETER, "items[2] (place 3)" },
	};
	static const char body[] =
		"{\"items\": [{\"place\": 300, \"supi\": \"imsi-001010000000001\"},"
		" {\"place\": 2, \"supi\": \"imsi-001010000000002\"}]}";
	static const uint8_t packed[] = { 0, 0, 0, 0, 0, 0, 1, 44, 0, 0, 0, 0xeb, 0x28, 0xb5, 0x02,
		0x01, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0xeb, 0x28, 0xb5, 0x02, 0x02 };
	struct db_job job = open_job;

	by_hand_start();
	check_refusals(&admin_add_job_items, ID, bad, sizeof(bad) / sizeof(bad[0]));
	hand_begin(&admin_add_job_items, ID, body);
	bring_db(DB_FIND_JOB, FINE, &job, sizeof(job));
	const struct db_job_items_in *asked = asked_db(DB_ADD_JOB_ITEMS);
	ck_assert_uint_eq(asked->items.len, sizeof(packed));
	ck_assert_int_eq(asked->items.at[6], 1);
	ck_assert_int_eq(asked->items.at[7], 44);
	ck_assert_int_eq(asked->items.at[23], 2);
	bring_db(DB_ADD_JOB_ITEMS, FINE, &(struct db_job_items_added){ 2 },
		sizeof(struct db_job_items_added));
	check_ended(FINE);
	ck_assert_str_eq(hand.body, "{\"added\":2}");
	for (int i = 0; i < 2; i++) {
		hand_begin(&admin_add_job_items, ID, body);
		bring_db(DB_FIND_JOB, FINE, &job, sizeof(job));
		bring_db(DB_ADD_JOB_ITEMS, i == 0 ? NO_ROW : CONFLICT, NULL, 0);
		check_ended(CONFLICT);
	}
	hand_begin(&admin_add_job_items, ID, body);
	bring_db(DB_FIND_JOB, NO_ROW, NULL, 0);
	check_ended(RESOURCE_NOT_FOUND);
	for (int i = 0; i < 2; i++) {
		job.state = i == 0 ? JOB_RUNNING : JOB_OPEN;
		job.has_selection = i == 1;
		hand_begin(&admin_add_job_items, ID, body);
		bring_db(DB_FIND_JOB, FINE, &job, sizeof(job));
		check_ended(CONFLICT);
	}
	hand_end();
}
END_TEST

START_TEST(test_start_and_cancel)
{
	struct db_job job = open_job;

	by_hand_start();
	job.state = JOB_RUNNING;
	hand_begin(&admin_start_job, ID, "");
	bring_db(DB_START_JOB, FINE, &job, sizeof(job));
	check_ended(FINE);
	check_said("\"state\":\"RUNNING\"");
	job.state = JOB_CANCELLED;
	hand_begin(&admin_start_job, ID, "");
	bring_db(DB_START_JOB, FINE, &job, sizeof(job));
	check_ended(CONFLICT);
	hand_begin(&admin_cancel_job, ID, "");
	bring_db(DB_CANCEL_JOB, FINE, &job, sizeof(job));
	check_ended(FINE);
	job.state = JOB_DONE;
	hand_begin(&admin_cancel_job, ID, "");
	bring_db(DB_CANCEL_JOB, FINE, &job, sizeof(job));
	check_ended(CONFLICT);
	hand_begin(&admin_show_job, ID, "");
	bring_db(DB_FIND_JOB, NO_ROW, NULL, 0);
	check_ended(RESOURCE_NOT_FOUND);
	hand_end();
}
END_TEST

START_TEST(test_refusals)
{
	static const struct db_job_item rows[] = {
		{ 3, HAND_IMSI, CONFLICT, CREDENTIAL_IS_REVOKED },
		{ 7, HAND_IMSI + 1, USER_NOT_FOUND, -1 },
	};

	by_hand_start();
	hand_begin_query(&admin_list_job_refusals, ID, "limit=1&after=2");
	bring_db(DB_FIND_JOB, FINE, &open_job, sizeof(open_job));
	const struct db_job_page *asked = asked_db(DB_LIST_JOB_REFUSALS);
	ck_assert_int_eq(asked->after, 2);
	ck_assert_int_eq(asked->limit, 2);
	ck_assert_uint_eq(asked->job[15], 15);
	for (int i = 0; i < 2; i++)
		hand.now->ask.db.each(&hand.now->ask.db, &rows[i]);
	bring_db(DB_LIST_JOB_REFUSALS, FINE, NULL, 0);
	check_ended(FINE);
	ck_assert_str_eq(hand.body,
		"{\"items\":[{\"place\":3,\"supi\":\"" HAND_IMSI_TEXT
		"\",\"cause\":\"CONFLICT\",\"state\":\"REVOKED\"}],\"next\":3}");
	hand_begin_query(&admin_list_job_refusals, ID, NULL);
	bring_db(DB_FIND_JOB, FINE, &open_job, sizeof(open_job));
	hand.now->ask.db.each(&hand.now->ask.db, &rows[1]);
	bring_db(DB_LIST_JOB_REFUSALS, FINE, NULL, 0);
	check_said("\"cause\":\"USER_NOT_FOUND\"}],\"next\":null}");
	hand_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_times,
		test_a_selection_in_a_query,
		test_pages,
		test_overdue_pages,
		test_put,
		test_items,
		test_start_and_cancel,
		test_refusals,
	};

	return suite_run("jobs", tests, sizeof(tests) / sizeof(tests[0]));
}

/*
 * New versions of credentials, and those that are past their end, against a real PostgreSQL: overlaps, what a
 * sweep notes and activates, and the second from which a credential is refused.
 */
#include <check.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/life_case.h"

#define I 262010000000000 /* IMSIs begin here */

struct waiting {
	struct db_request request;
	struct db_changed changed;
	enum outcome outcome;
	unsigned ended;
};

static void on_changed(struct db_request *request, enum outcome outcome)
{
	struct waiting *asked = (struct waiting *)(void *)request;

	if (db_world_again(w.db, request, outcome))
		return;
	asked->outcome = outcome;
	asked->ended = 1;
}

START_TEST(the_old_version_serves_its_overlap)
{
	struct db_changed changed;

	life_add(I, "kind = 3, owner = 77, not_after = 4000000000");
	ck_assert_int_eq(life_rekey(I, "key 2", 100, &changed), FINE);
	ck_assert(changed.is_done);
	ck_assert_int_eq(changed.version, 2);
	/* The very same again was answered before; another is refused while one waits. */
	ck_assert_int_eq(life_rekey(I, "key 2", 100, &changed), FINE);
	ck_assert(changed.is_done);
	ck_assert_int_eq(changed.version, 2);
	ck_assert_int_eq(life_rekey(I, "key 3", 100, &changed), FINE);
	ck_assert(!changed.is_done);
	ck_assert_int_eq(changed.state, CREDENTIAL_IS_PRE_ACTIVE);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), 2);
	ck_assert_int_eq(life_serving(I).version, 1);
	ck_assert_int_eq(life_state_of(I, 2), CREDENTIAL_IS_PRE_ACTIVE);
	ck_assert_int_eq(life_note().activated, 0);
	ck_assert_int_eq(
		number("SELECT count(*) FROM credentials WHERE kind = 3 AND owner = 77"), 2);
	ck_assert_int_eq(
		number("SELECT not_after - created_at FROM credentials WHERE version = 2"), 500);
	ck_assert_int_le(llabs(number("SELECT retire_at FROM credentials WHERE version = 1") -
				 clock_unix() - 100),
		3);
	/* Its end. */
	run("UPDATE credentials SET retire_at = 5 WHERE version = 1;"
	    "UPDATE credentials SET active_at = 5 WHERE version = 2");
	ck_assert_int_eq(life_serving(I).state, CREDENTIAL_IS_RETIRED);
	ck_assert_int_eq(life_note().activated, 1);
	ck_assert_int_eq(life_note().activated, 0);
	struct db_credential c = life_serving(I);
	ck_assert_int_eq(c.version, 2);
	ck_assert_int_eq(c.state, CREDENTIAL_IS_ACTIVE);
	ck_assert_mem_eq(c.sealed.at, "key 2", 5);
	ck_assert_int_eq(life_state_of(I, 1), CREDENTIAL_IS_RETIRED);
	ck_assert_int_eq(number("SELECT state FROM credentials WHERE version = 1"), 3);
}
END_TEST

START_TEST(without_an_overlap_it_is_at_once)
{
	struct db_changed changed;

	life_add(I, "kind = 0"); /* an eK is followed by a profile */
	ck_assert_int_eq(life_rekey(I, "key 2", 0, &changed), FINE);
	ck_assert_int_eq(life_serving(I).version, 2);
	ck_assert_int_eq(life_serving(I).kind, CREDENTIAL_PROFILE);
	ck_assert_int_eq(life_serving(I).not_after, 0);
	ck_assert_int_eq(life_state_of(I, 1), CREDENTIAL_IS_RETIRED);
	ck_assert_int_eq(life_rekey(I, "key 3", 0, &changed), FINE);
	ck_assert_int_eq(changed.version, 3);
	ck_assert_int_eq(life_serving(I).version, 3);
}
END_TEST

/* What is suspended in the overlap stays suspended in its new version; what is revoked stays revoked. */
START_TEST(the_new_version_inherits_a_suspension)
{
	struct db_changed changed;

	for (int i = 0; i < 3; i++) {
		life_add(I + i, NULL);
		ck_assert_int_eq(life_rekey(I + i, "key 2", 100, &changed), FINE);
	}
	ck_assert_int_eq(life_change(I, OPERATION_SUSPEND, &changed), FINE);
	ck_assert_int_eq(life_change(I + 1, OPERATION_REVOKE, &changed), FINE);
	ck_assert_int_eq(life_state_of(I, 2), CREDENTIAL_IS_PRE_ACTIVE);
	run("UPDATE credentials SET active_at = 5 WHERE active_at <> 0;"
	    "UPDATE credentials SET retire_at = 5 WHERE retire_at <> 0");
	ck_assert_int_eq(life_note().activated, 2);
	ck_assert_int_eq(life_state_of(I, 2), CREDENTIAL_IS_SUSPENDED);
	ck_assert_int_eq(life_state_of(I, 1), CREDENTIAL_IS_RETIRED);
	ck_assert_int_eq(life_state_of(I + 1, 2), CREDENTIAL_IS_REVOKED);
	ck_assert_int_eq(life_state_of(I + 2, 2), CREDENTIAL_IS_ACTIVE);
	ck_assert_int_eq(life_change(I, OPERATION_RESUME, &changed), FINE);
	ck_assert_int_eq(life_serving(I).version, 2);
}
END_TEST

/* Asks while another transaction holds the row, which has done `meanwhile` to it when it ends. */
static void change_while(
	enum credential_operation operation, const char *meanwhile, struct waiting *asked)
{
	static struct db_change_in in;
	PGconn *other = PQconnectdb(postgres_world_conninfo(postgres));

	in = life_change_of(I, operation);
	*asked = (struct waiting){ .request = { .statement = DB_CHANGE_STATE,
					   .row = &in,
					   .result = &asked->changed,
					   .deadline_ms = clock_ms() + DB_WORLD_PATIENCE_MS,
					   .done = on_changed } };
	PQclear(PQexec(other, "BEGIN; SELECT FROM credentials FOR UPDATE"));
	PQclear(PQexec(other, meanwhile));
	db_submit(w.db, &asked->request);
	db_world_sleep(&w, 300);
	ck_assert_uint_eq(asked->ended, 0);
	PQclear(PQexec(other, "COMMIT"));
	ck_assert(db_world_run(&w, &asked->ended, 1, 2 * DB_WORLD_PATIENCE_MS));
	PQfinish(other);
	ck_assert_int_eq(asked->outcome, FINE);
}

/* A version is made while a revocation waits for the one before: it is revoked as well. */
START_TEST(what_is_made_meanwhile_is_seen)
{
	struct waiting asked;

	life_add(I, NULL);
	change_while(OPERATION_REVOKE,
		"INSERT INTO credentials (imsi, dimsi, kind, created_at, changed_at, version, "
		"state,"
		" sealed) VALUES (262010000000000, 0, 1, 1, 1, 2, 0, 'key 2')",
		&asked);
	ck_assert(asked.changed.is_done);
	ck_assert_int_eq(asked.changed.version, 2);
	ck_assert_int_eq(life_state_of(I, 1), CREDENTIAL_IS_REVOKED);
	ck_assert_int_eq(life_state_of(I, 2), CREDENTIAL_IS_REVOKED);
}
END_TEST

/* What counts is the state that it finds once it has the row. */
START_TEST(what_is_changed_meanwhile_is_seen)
{
	struct waiting asked;

	life_add(I, "state = 2");
	change_while(OPERATION_SUSPEND, "UPDATE credentials SET state = 1", &asked);
	ck_assert(asked.changed.is_done);
	ck_assert_int_eq(asked.changed.state, CREDENTIAL_IS_ACTIVE);
	ck_assert_int_eq(life_state_of(I, 1), CREDENTIAL_IS_SUSPENDED);
	change_while(OPERATION_RESUME, "UPDATE credentials SET state = 4", &asked);
	ck_assert(!asked.changed.is_done);
	ck_assert_int_eq(asked.changed.state, CREDENTIAL_IS_REVOKED);
	ck_assert_int_eq(life_state_of(I, 1), CREDENTIAL_IS_REVOKED);
}
END_TEST

static void format_run(const char *format, long long a, const char *b)
{
	char sql[400];

	snprintf(sql, sizeof(sql), format, a, b);
	run(sql);
}

static long long format_number(const char *format, long long a)
{
	char sql[400];

	snprintf(sql, sizeof(sql), format, a);
	return number(sql);
}

/* To the second, and with no sweep: what is past its end is refused, listed and noted once. */
START_TEST(overdue_from_that_second)
{
	struct db_overdue_page page = { .limit = 2, .last = INT64_MAX, .owner = -1, .kind = -1 };
	struct db_version rows[4];

	for (int i = 0; i < 3; i++) {
		life_add(I + i, NULL);
		format_run("UPDATE credentials SET not_after = floor(extract(epoch FROM "
			   "now()))::bigint"
			   " - %lld WHERE imsi = 26201000000000%s",
			2 - i, (const char *[]){ "0", "1", "2" }[i]);
	}
	life_add(I + 3, "not_after = 4000000000");
	ck_assert_int_eq(life_serving(I + 2).state, CREDENTIAL_IS_OVERDUE);
	ck_assert_int_eq(life_serving(I + 3).state, CREDENTIAL_IS_ACTIVE);
	ck_assert_int_eq(db_world_list(&w, DB_LIST_OVERDUE, &page, rows, sizeof(rows[0]), 4), 2);
	ck_assert_int_eq(rows[0].imsi, I);
	ck_assert_int_eq(rows[1].imsi, I + 1);
	page.after_not_after = rows[1].not_after;
	page.after_imsi = rows[1].imsi;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_OVERDUE, &page, rows, sizeof(rows[0]), 4), 1);
	ck_assert_int_eq(rows[0].imsi, I + 2);
	ck_assert_int_eq(life_note().overdue, 3);
	ck_assert_int_eq(life_note().overdue, 0);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials WHERE overdue_at <> 0"), 3);
	ck_assert_int_eq(format_number("SELECT state FROM credentials WHERE imsi = %lld", I), 1);
	/* Noted or not, it is in the list as long as it is so. */
	page.after_not_after = page.after_imsi = 0;
	page.limit = 10;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_OVERDUE, &page, rows, sizeof(rows[0]), 4), 3);
}
END_TEST

/* Not before its second, and from that second on. */
START_TEST(the_second_itself)
{
	life_add(I, "not_after = floor(extract(epoch FROM now()))::bigint + 2");
	int64_t end = number("SELECT not_after FROM credentials");
	int32_t before = life_serving(I).state;
	int64_t asked_at = number("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint");

	if (asked_at < end)
		ck_assert_int_eq(before, CREDENTIAL_IS_ACTIVE);
	while (number("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint") < end)
		db_world_sleep(&w, 20);
	ck_assert_int_eq(life_serving(I).state, CREDENTIAL_IS_OVERDUE);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		the_old_version_serves_its_overlap,
		without_an_overlap_it_is_at_once,
		the_new_version_inherits_a_suspension,
		what_is_made_meanwhile_is_seen,
		what_is_changed_meanwhile_is_seen,
		overdue_from_that_second,
		the_second_itself,
	};
	struct db_suite suite = {
		.name = "db_rekey",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

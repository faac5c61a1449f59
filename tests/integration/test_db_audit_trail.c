/* The audit trail's order, trees and lists against a real PostgreSQL. */
#include <check.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/db_case.h"

#define D      900010000000000 /* dIMSIs begin here */
#define I      262010000000000 /* and IMSIs here */
#define WITHIN DB_WORLD_PATIENCE_MS
#define WHO    "ausf:ausf.example"

struct asked {
	struct db_request request;
	enum outcome outcome;
	unsigned ended;
};
#define GATE "5005" /* an advisory lock */

static void on_asked(struct db_request *request, enum outcome o)
{
	struct asked *a = (struct asked *)(void *)request;

	if (db_world_again(w.db, request, o))
		return;
	a->outcome = o;
	a->ended++;
}

static enum outcome ask_as(
	const char *actor, enum db_statement statement, const void *row, void *result)
{
	w.actor = actor;
	return db_world_ask(&w, statement, row, result);
}

#define MANY 256
static struct asked many[MANY];
static struct db_sample samples[MANY];

/* Binds MANY dIMSIs from `first` on; every third request is no one's. */
static void bind_many(int64_t first)
{
	unsigned total = 0;

	for (unsigned i = 0; i < MANY; i++) {
		db_sample_make(&samples[i], D + first + i, I + first + i);
		many[i] = (struct asked){ .request = { .statement = DB_BIND,
						  .row = &samples[i].in,
						  .actor = i % 3 == 0 ? NULL : WHO,
						  .deadline_ms = clock_ms() + WITHIN,
						  .done = on_asked } };
		db_submit(w.db, &many[i].request);
	}
	for (unsigned i = 0; i < MANY; i++) {
		ck_assert(db_world_run(&w, &many[i].ended, 1, 2 * WITHIN));
		total += many[i].outcome == FINE;
	}
	ck_assert_uint_eq(total, MANY);
}

START_TEST(a_batch_is_one_transaction_of_numbered_events)
{
	bind_many(0);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events"), MANY - (MANY + 2) / 3);
	ck_assert_int_eq(
		number("SELECT count(*) FROM audit_events e JOIN bindings b"
		       " ON b.dimsi = e.subject AND b.imsi = e.related AND b.se_id = e.detail"),
		MANY - (MANY + 2) / 3);
	/* The event is in the transaction that made the row. */
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events e JOIN bindings b"
				" ON b.dimsi = e.subject AND b.xmin::text::bigint = e.xid"),
		MANY - (MANY + 2) / 3);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events WHERE at_ms BETWEEN"
				" extract(epoch FROM now()) * 1000 - 60000"
				" AND extract(epoch FROM now()) * 1000 + 1000"),
		MANY - (MANY + 2) / 3);
}
END_TEST

static struct db_audit_head find_head(void)
{
	struct db_audit_head head;

	memset(&head, 0xee, sizeof(head));
	ck_assert_int_eq(ask_as(NULL, DB_FIND_AUDIT_HEAD, NULL, &head), FINE);
	return head;
}

static enum outcome add_tree(int64_t num, int64_t from, int64_t to, int64_t count)
{
	static const uint8_t path[64] = { 3 };
	struct db_audit_tree t = { .number = num,
		.from_xid = from,
		.to_xid = to,
		.count = count,
		.sealed_at = clock_unix(),
		.path = BYTES(path) };

	memset(t.chain, (int)num, sizeof(t.chain));
	return ask_as(NULL, DB_ADD_AUDIT_TREE, &t, NULL);
}

START_TEST(a_tree_is_added_on_the_last_one)
{
	struct db_audit_head head = find_head();
	struct db_audit_tree listed[3];

	ck_assert_int_eq(head.number, 0);
	ck_assert_int_eq(head.to_xid, 0);
	ck_assert_int_eq(head.chain[31], 0);
	ck_assert_int_gt(head.settled_xid, 0);
	ck_assert_int_eq(add_tree(2, 0, 10, 1), NO_ROW);
	ck_assert_int_eq(add_tree(1, 5, 10, 1), NO_ROW);
	ck_assert_int_eq(add_tree(1, 0, 10, 1), FINE);
	ck_assert_int_eq(add_tree(1, 0, 10, 1), NO_ROW);
	ck_assert_int_eq(add_tree(1, 10, 20, 1), NO_ROW);
	ck_assert_int_eq(add_tree(2, 0, 20, 1), NO_ROW);
	ck_assert_int_eq(add_tree(2, 10, head.settled_xid + 1000, 1), NO_ROW); /* not settled */
	ck_assert_int_eq(add_tree(2, 10, 20, 1), FINE);
	head = find_head();
	ck_assert_int_eq(head.number, 2);
	ck_assert_int_eq(head.to_xid, 20);
	ck_assert_int_eq(head.chain[31], 2);
	ck_assert_int_eq(db_world_list(&w, DB_LIST_AUDIT_TREES, &(struct db_page){ 1, 10 }, listed,
				 sizeof(listed[0]), 3),
		1);
	ck_assert_int_eq(listed[0].number, 2);
	ck_assert_uint_eq(listed[0].path.len, 64);
}
END_TEST

/*
 * A transaction that writes an event and stays open, while others after it commit: nothing from it on is settled.
 */
START_TEST(an_open_transaction_holds_the_seal_back)
{
	struct db_world other;
	int64_t before = find_head().settled_xid;

	/* A statement that waits for a lock after it has its number. */
	run("CREATE OR REPLACE FUNCTION slow_event() RETURNS trigger LANGUAGE plpgsql AS"
	    " $$ BEGIN IF NEW.detail = 'slow' THEN PERFORM pg_advisory_xact_lock(" GATE "); END IF;"
	    " RETURN NEW; END $$;"
	    "CREATE TRIGGER slow BEFORE INSERT ON audit_events FOR EACH ROW"
	    " EXECUTE FUNCTION slow_event()");
	PGconn *gate = PQconnectdb(postgres_world_conninfo(postgres));

	PQclear(PQexec(gate, "SELECT pg_advisory_lock(" GATE ")"));
	db_world_open(&other, postgres, 1);
	struct db_event_in slow = { .action = 1, .detail = { "slow", 4 } };
	struct asked a = { .request = { .statement = DB_RECORD_EVENT,
				   .row = &slow,
				   .actor = WHO,
				   .deadline_ms = clock_ms() + WITHIN,
				   .done = on_asked } };

	db_submit(other.db, &a.request);
	while (number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
		db_world_sleep(&other, 10);
	/* it waits with its number taken */
	bind_many(0);
	ck_assert_int_eq(number("SELECT count(DISTINCT xid) FROM audit_events"), 1);
	int64_t settled = find_head().settled_xid;

	ck_assert_int_gt(settled, before);
	ck_assert_int_lt(settled, number("SELECT min(xid) FROM audit_events"));
	ck_assert_int_gt(find_head().begun_xid, settled);
	PQfinish(gate);
	ck_assert(db_world_run(&other, &a.ended, 1, WITHIN));
	ck_assert_int_eq(a.outcome, FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events WHERE detail = 'slow' AND xid <"
				" (SELECT min(xid) FROM audit_events WHERE detail <> 'slow')"),
		1);
	ck_assert_int_gt(find_head().settled_xid, number("SELECT max(xid) FROM audit_events"));
	db_world_close(&other);
	run("DROP TRIGGER slow ON audit_events; DROP FUNCTION slow_event");
}
END_TEST

static struct db_event page[100];

START_TEST(unsealed_events_come_in_pages_in_their_order)
{
	bind_many(0);
	bind_many(MANY);
	struct db_unsealed_page p = { .to_xid = find_head().settled_xid,
		.after_xid = -1,
		.after_number = INT64_MAX,
		.limit = 100 };
	int64_t total = 0;

	for (int count = 100; count == 100;) {
		count = db_world_list(&w, DB_LIST_UNSEALED, &p, page, sizeof(page[0]), 100);
		for (int i = 0; i < count; i++) {
			ck_assert(page[i].xid > p.after_xid ||
				  (page[i].xid == p.after_xid && page[i].number > p.after_number));
			p.after_xid = page[i].xid;
			p.after_number = page[i].number;
			ck_assert_str_eq(page[i].actor, WHO);
			ck_assert_int_eq(page[i].action, AUDIT_BOUND);
		}
		total += count;
	}
	ck_assert_int_eq(total, number("SELECT count(*) FROM audit_events"));
	p = (struct db_unsealed_page){
		.from_xid = p.after_xid, .to_xid = p.after_xid, .after_xid = -1, .limit = 100
	};
	ck_assert_int_eq(db_world_list(&w, DB_LIST_UNSEALED, &p, page, sizeof(page[0]), 100), 0);
}
END_TEST

static int list(struct db_event_page p)
{
	p.before_xid = p.before_xid != 0 ? p.before_xid : INT64_MAX;
	p.before_number = p.before_number != 0 ? p.before_number : INT64_MAX;
	p.limit = p.limit != 0 ? p.limit : 100;
	p.action = p.action != 0 ? p.action : -1;
	p.outcome = p.outcome != 0 ? p.outcome : -1;
	p.actor = p.actor.at != NULL ? p.actor : (struct db_text){ "", 0 };
	return db_world_list(&w, DB_LIST_EVENTS, &p, page, sizeof(page[0]), 100);
}

START_TEST(events_are_listed_newest_first_and_by_what_they_are)
{
	run("INSERT INTO audit_events (xid, number, at_ms, action, outcome, subject, related, "
	    "actor,"
	    " detail) SELECT 10 + g / 10, g % 10, g * 1000, 10 + g % 2, 0, g, 0,"
	    " CASE g % 4 WHEN 0 THEN 'a:b' ELSE 'loopback' END, '' FROM generate_series(1, 50) g");
	ck_assert_int_eq(list((struct db_event_page){ 0 }), 50);
	ck_assert_int_eq(page[0].subject, 50);
	ck_assert_int_eq(page[49].subject, 1);
	ck_assert_int_eq(list((struct db_event_page){ .limit = 7 }), 7);
	ck_assert_int_eq(list((struct db_event_page){ .before_xid = 12, .before_number = 3 }), 22);
	ck_assert_int_eq(page[0].subject, 22);
	ck_assert_int_eq(list((struct db_event_page){ .subject = 33 }), 1);
	ck_assert_int_eq(list((struct db_event_page){ .action = 11 }), 25);
	ck_assert_int_eq(list((struct db_event_page){ .actor = { "a:b", 3 } }), 12);
	run("UPDATE audit_events SET outcome = 22 WHERE number = 4");
	ck_assert_int_eq(list((struct db_event_page){ .outcome = 22 }), 5);
	ck_assert_int_eq(list((struct db_event_page){ .outcome = 22, .action = 11 }), 0);
	ck_assert_int_eq(list((struct db_event_page){ .since_ms = 40000 }), 11);
	ck_assert_int_eq(list((struct db_event_page){ .until_ms = 40000 }), 39);
	ck_assert_int_eq(
		list((struct db_event_page){ .since_ms = 10000, .until_ms = 20000, .action = 10 }),
		5);
	/* What was sealed long before `since` is not looked at. */
	ck_assert_int_eq(add_tree(1, 0, 15, 40), FINE);
	run("UPDATE audit_trees SET sealed_at = 5");
	ck_assert_int_eq(list((struct db_event_page){ .since_ms = 6000000 }), 0);
	ck_assert_int_eq(list((struct db_event_page){ .since_ms = 40000 }), 11);
}
END_TEST

START_TEST(a_search_stops_and_says_where)
{
	run("INSERT INTO audit_events (xid, number, at_ms, action, outcome, subject, related, "
	    "actor,"
	    " detail) SELECT 10, g, 0, 10, 0, g % 50000, 0, '', ''"
	    " FROM generate_series(1, 100010) g");
	ck_assert_int_eq(list((struct db_event_page){ .subject = 7 }), 3);
	ck_assert_int_eq(page[0].number, 100007);
	ck_assert_int_eq(page[1].number, 50007);
	ck_assert_int_eq(page[2].action, 0);
	ck_assert_int_eq(page[2].number, 11);
	ck_assert_int_eq(
		list((struct db_event_page){ .subject = 7, .before_xid = 10, .before_number = 11 }),
		1);
	ck_assert_int_eq(page[0].number, 7);
	ck_assert_int_eq(list((struct db_event_page){ .limit = 1 }), 1); /* no filter, no search */
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_batch_is_one_transaction_of_numbered_events,
		a_tree_is_added_on_the_last_one,
		an_open_transaction_holds_the_seal_back,
		unsealed_events_come_in_pages_in_their_order,
		events_are_listed_newest_first_and_by_what_they_are,
		a_search_stops_and_says_where,
	};
	struct db_suite suite = {
		.name = "db_audit_trail",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

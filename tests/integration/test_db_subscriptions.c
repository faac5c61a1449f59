/*
 * Subscriptions against a real PostgreSQL: numbers that count up, states as of now, and what
 * became of authentications.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/db_case.h"

#define D        900010000000000 /* dIMSIs begin here */
#define I        262010000000000 /* and IMSIs here */
#define MANY     DB_WORLD_MANY
#define LIFETIME 86400

static enum outcome bind(int64_t dimsi, int64_t imsi)
{
	static struct db_sample sample;

	db_sample_make(&sample, dimsi, imsi);
	return db_world_ask(&w, DB_BIND, &sample.in, NULL);
}

static enum outcome add(int64_t imsi, const char *sealed)
{
	struct db_subscriber_in in = { imsi, bytes_of(sealed, strlen(sealed)) };

	return db_world_ask(&w, DB_ADD_SUBSCRIBER, &in, NULL);
}

static enum outcome advance(int64_t imsi, struct db_credential *c)
{
	memset(c, 0xee, sizeof(*c));
	return db_world_ask(&w, DB_ADVANCE_SQN, &(struct db_imsi){ imsi }, c);
}

static struct db_credential find(int64_t imsi)
{
	struct db_credential c = { 0 };

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_CREDENTIAL, &(struct db_imsi){ imsi }, &c), FINE);
	return c;
}

static int64_t sqn(int64_t seq, int64_t ind)
{
	return seq * 32 + ind;
}

START_TEST(numbers_count_up_and_ind_goes_round)
{
	struct db_credential c;
	struct db_imsi nobody = { I + 1 };

	ck_assert_int_eq(advance(I, &c), NO_ROW);
	ck_assert_int_eq(bind(D, I), FINE);
	for (int64_t i = 1; i <= 70; i++) {
		ck_assert_int_eq(advance(I, &c), FINE);
		ck_assert_int_eq(c.sqn, sqn(i, i % 32));
	}
	ck_assert_int_eq(c.imsi, I);
	ck_assert_int_eq(c.dimsi, D);
	ck_assert_int_eq(c.owner, 0);
	ck_assert_int_eq(c.version, 1);
	ck_assert_int_eq(c.kind, CREDENTIAL_EK);
	ck_assert_int_eq(c.state, CREDENTIAL_IS_ACTIVE);
	ck_assert_uint_eq(c.sealed.len, 108);
	ck_assert_uint_eq(c.sealed.at[15], ((uint64_t)I >> 56 ^ 15) & 0xff);
	ck_assert_int_eq(find(I).sqn, sqn(70, 6));
	ck_assert_int_eq(find(I).sqn, sqn(70, 6));
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_CREDENTIAL, &nobody, &c), NO_ROW);
}
END_TEST

/* Requests of several subscribers mixed: each subscriber's get theirs in the order they stand in. */
START_TEST(a_batch_of_one_and_many_subscribers_keeps_its_order)
{
	static struct db_imsi rows[MANY];
	static struct db_credential results[MANY];
	enum outcome outcomes[MANY];
	int64_t had[8] = { 0 };

	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(bind(D + i, I + i), FINE);
	run("UPDATE credentials SET state = 2 WHERE imsi = 262010000000005");
	for (unsigned i = 0; i < MANY; i++)
		rows[i].imsi = I + i * 7 % 11 % 8; /* two of them are nobody's */
	for (int round = 0; round < 2; round++) {
		db_world_ask_many(&w, DB_ADVANCE_SQN, MANY, rows, sizeof(rows[0]), results,
			sizeof(results[0]), outcomes);
		for (unsigned i = 0; i < MANY; i++) {
			int64_t who = rows[i].imsi - I;

			ck_assert_int_eq(outcomes[i], who < 6 ? FINE : NO_ROW);
			if (outcomes[i] != FINE)
				continue;
			ck_assert_int_eq(results[i].imsi, rows[i].imsi);
			had[who] += who < 5;
			ck_assert_int_eq(results[i].sqn, sqn(had[who], had[who] % 32));
			ck_assert_int_eq(results[i].state,
				who < 5 ? CREDENTIAL_IS_ACTIVE : CREDENTIAL_IS_SUSPENDED);
		}
	}
	for (int64_t who = 0; who < 5; who++)
		ck_assert_int_eq(find(I + who).sqn, sqn(had[who], had[who] % 32));
}
END_TEST

struct state_case {
	const char *set;
	int32_t state; /* -1: not found */
};

START_TEST(only_what_is_active_now_advances)
{
	static const struct state_case cases[] = {
		{ "state = 0", -1 },
		{ "state = 1", CREDENTIAL_IS_ACTIVE },
		{ "state = 2", CREDENTIAL_IS_SUSPENDED },
		{ "state = 3", CREDENTIAL_IS_RETIRED },
		{ "state = 4", CREDENTIAL_IS_REVOKED },
		{ "state = 5", -1 },
		{ "retire_at = floor(extract(epoch FROM now()))", CREDENTIAL_IS_RETIRED },
		{ "retire_at = extract(epoch FROM now()) + 60", CREDENTIAL_IS_ACTIVE },
		{ "retire_at = 1, state = 2", CREDENTIAL_IS_RETIRED },
		{ "retire_at = 1, state = 4", CREDENTIAL_IS_REVOKED },
		{ "not_after = floor(extract(epoch FROM now()))", CREDENTIAL_IS_OVERDUE },
		{ "not_after = extract(epoch FROM now()) + 60", CREDENTIAL_IS_ACTIVE },
		{ "not_after = 1, state = 2", CREDENTIAL_IS_SUSPENDED },
		{ "not_after = 1, retire_at = 1", CREDENTIAL_IS_RETIRED },
	};
	struct db_credential c;
	char sql[200];

	ck_assert_int_eq(bind(D, I), FINE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run("UPDATE credentials SET state = 1, sqn = 0, retire_at = 0, not_after = 0");
		ck_assert_int_eq(advance(I, &c), FINE);
		snprintf(sql, sizeof(sql), "UPDATE credentials SET %s", cases[i].set);
		run(sql);
		ck_assert_int_eq(advance(I, &c), cases[i].state < 0 ? NO_ROW : FINE);
		bool is_active = cases[i].state == CREDENTIAL_IS_ACTIVE;
		ck_assert_int_eq(number("SELECT sqn FROM credentials"), is_active ? 66 : 33);
		if (cases[i].state < 0)
			continue;
		ck_assert_int_eq(c.state, cases[i].state);
		ck_assert_int_eq(c.sqn, is_active ? 66 : 33);
		ck_assert_int_eq(find(I).state, cases[i].state);
	}
}
END_TEST

START_TEST(of_several_versions_the_newest_serves)
{
	struct db_credential c;

	ck_assert_int_eq(bind(D, I), FINE);
	run("INSERT INTO credentials (imsi, dimsi, created_at, changed_at, version, state, sealed)"
	    " VALUES (262010000000000, 0, 0, 0, 2, 0, 'new'), (262010000000000, 0, 0, 0, 3, 5, "
	    "'')");
	ck_assert_int_eq(advance(I, &c), FINE);
	ck_assert_int_eq(c.version, 1);
	run("UPDATE credentials SET state = 1 WHERE version = 2");
	ck_assert_int_eq(advance(I, &c), FINE);
	ck_assert_int_eq(c.version, 2);
	ck_assert_int_eq(c.sqn, sqn(1, 1));
	ck_assert_uint_eq(c.sealed.len, 3);
	ck_assert_mem_eq(c.sealed.at, "new", 3);
	ck_assert_int_eq(find(I).version, 2);
	/* One that was revoked is not passed over. */
	run("UPDATE credentials SET state = 4 WHERE version = 2");
	ck_assert_int_eq(advance(I, &c), FINE);
	ck_assert_int_eq(c.state, CREDENTIAL_IS_REVOKED);
	run("UPDATE credentials SET state = 5 WHERE version = 2");
	ck_assert_int_eq(advance(I, &c), FINE);
	ck_assert_int_eq(c.version, 1);
	ck_assert_int_eq(c.sqn, sqn(2, 2));
}
END_TEST

START_TEST(numbers_end_where_seq_ends)
{
	static struct db_imsi rows[2] = { { I }, { I } };
	struct db_credential c, both[2];
	enum outcome outcomes[2];

	ck_assert_int_eq(bind(D, I), FINE);
	run("UPDATE credentials SET sqn = ((1::bigint << 43) - 2) * 32 + 31");
	db_world_ask_many(
		&w, DB_ADVANCE_SQN, 2, rows, sizeof(rows[0]), both, sizeof(both[0]), outcomes);
	for (int i = 0; i < 2; i++) { /* there is one */
		ck_assert_int_eq(outcomes[i], FINE);
		ck_assert_int_eq(both[i].sqn, 0);
		ck_assert_int_eq(both[i].state, CREDENTIAL_IS_ACTIVE);
	}
	ck_assert_int_eq(advance(I, &c), FINE);
	ck_assert_int_eq(c.sqn, sqn((INT64_C(1) << 43) - 1, 0));
	ck_assert_int_lt(c.sqn, SQN_LIMIT);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(advance(I, &c), FINE);
		ck_assert_int_eq(c.sqn, 0);
		ck_assert_int_eq(find(I).sqn, sqn((INT64_C(1) << 43) - 1, 0));
	}
}
END_TEST

START_TEST(an_advance_changes_no_index)
{
	struct db_credential c;
	int64_t pages = 6;

	/*
	 * HOT (heap-only tuples): old versions make room for new ones in their page, but where a
	 * snapshot still needs them, as autovacuum's may now and then. Otherwise 200 fill six pages.
	 */
	for (int64_t again = 0; again < 10 && pages > 3; again++) {
		run("TRUNCATE credentials");
		ck_assert_int_eq(bind(D + again, I + again), FINE);
		for (int i = 0; i < 200; i++)
			ck_assert_int_eq(advance(I + again, &c), FINE);
		pages = number("SELECT pg_relation_size('credentials') / 8192");
	}
	ck_assert_int_le(pages, 3);
}
END_TEST

START_TEST(what_has_no_room_is_not_read)
{
	struct db_credential c;

	ck_assert_int_eq(bind(D, I), FINE);
	run("UPDATE credentials SET sealed = decode(repeat('ab', 109), 'hex')");
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_CREDENTIAL, &(struct db_imsi){ I }, &c), BROKEN);
	run("UPDATE credentials SET sealed = ''");
	ck_assert_uint_eq(find(I).sealed.len, 0);
}
END_TEST

static enum outcome resync(int64_t imsi, int32_t version, int64_t sqn_ms)
{
	struct db_resync_in in = { imsi, version, sqn_ms };

	return db_world_ask(&w, DB_RESYNC_SQN, &in, NULL);
}

START_TEST(resynchronisation_only_raises)
{
	struct db_credential c;
	enum outcome outcomes[3];
	struct db_resync_in rows[] = { { I, 1, 5000 }, { I, 1, 7000 }, { I, 2, 9000 } };

	ck_assert_int_eq(resync(I, 1, 1000), NO_ROW);
	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert_int_eq(resync(I, 2, 1000), NO_ROW);
	ck_assert_int_eq(resync(I, 1, sqn(100, 3)), FINE);
	ck_assert_int_eq(find(I).sqn, sqn(100, 3));
	ck_assert_int_eq(resync(I, 1, sqn(99, 31)), FINE);
	ck_assert_int_eq(find(I).sqn, sqn(100, 3));
	ck_assert_int_eq(advance(I, &c), FINE);
	ck_assert_int_eq(c.sqn, sqn(101, 4));
	db_world_ask_many(&w, DB_RESYNC_SQN, 3, rows, sizeof(rows[0]), NULL, 0, outcomes);
	ck_assert_int_eq(outcomes[0], FINE);
	ck_assert_int_eq(outcomes[1], FINE);
	ck_assert_int_eq(outcomes[2], NO_ROW);
	ck_assert_int_eq(find(I).sqn, 7000);
	run("UPDATE credentials SET state = 5");
	ck_assert_int_eq(resync(I, 1, 8000), NO_ROW);
}
END_TEST

static enum outcome tell(int64_t imsi, bool success)
{
	struct db_auth_event_in in = { imsi, success, LIFETIME };

	return db_world_ask(&w, DB_RECORD_AUTH_EVENT, &in, NULL);
}

START_TEST(the_first_success_attaches_and_sets_an_end)
{
	int64_t now = clock_unix();

	ck_assert_int_eq(tell(I, true), NO_ROW);
	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert_int_eq(bind(D + 1, I + 1), FINE);
	ck_assert_int_eq(tell(I, false), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials WHERE refused_at > 0"
				" AND authenticated_at = 0 AND retire_at = 0"),
		1);
	ck_assert_int_eq(number("SELECT sum(state) FROM bindings"), 0);
	ck_assert_int_eq(tell(I, true), FINE);
	struct db_credential c = find(I);
	ck_assert_int_ge(c.retire_at, now + LIFETIME - 2);
	ck_assert_int_le(c.retire_at, clock_unix() + LIFETIME + 1);
	ck_assert_int_eq(number("SELECT state FROM bindings WHERE imsi = 262010000000000"), 2);
	ck_assert_int_eq(number("SELECT state FROM bindings WHERE imsi = 262010000000001"), 0);
	/* The end does not move, and a binding that has gone on does not go back. */
	run("UPDATE credentials SET retire_at = 4000000000, authenticated_at = 1");
	run("UPDATE bindings SET state = 3");
	ck_assert_int_eq(tell(I, true), FINE);
	ck_assert_int_eq(find(I).retire_at, 4000000000);
	ck_assert_int_gt(number("SELECT max(authenticated_at) FROM credentials"), 1);
	ck_assert_int_eq(number("SELECT min(state) FROM bindings"), 3);
	run("UPDATE bindings SET state = 1");
	ck_assert_int_eq(tell(I, true), FINE);
	ck_assert_int_eq(number("SELECT state FROM bindings WHERE imsi = 262010000000000"), 2);
	ck_assert_int_eq(number("SELECT state FROM bindings WHERE imsi = 262010000000001"), 1);
	run("UPDATE credentials SET state = 5");
	ck_assert_int_eq(tell(I, true), NO_ROW);
}
END_TEST

START_TEST(events_of_a_batch_are_each_subscribers_own)
{
	struct db_auth_event_in rows[] = { { I, false, 10 }, { I + 1, true, 20 },
		{ I + 2, false, 30 }, { I + 9, true, 40 }, { I, true, 10 } };
	enum outcome outcomes[5];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(bind(D + i, I + i), FINE);
	ck_assert_int_eq(add(I + 2, "sealed"), FINE);
	db_world_ask_many(&w, DB_RECORD_AUTH_EVENT, 5, rows, sizeof(rows[0]), NULL, 0, outcomes);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(outcomes[i], i == 3 ? NO_ROW : FINE);
	char *text = postgres_world_text(postgres,
		"SELECT string_agg(format('%s %s %s', authenticated_at > 0, refused_at > 0,"
		" retire_at - authenticated_at), ', ' ORDER BY imsi) FROM credentials");
	ck_assert_str_eq(text, "t t 10, t f 20, f t 0");
	free(text);
	ck_assert_int_eq(number("SELECT sum(state) FROM bindings"), 4);
	/* One who came from a file has no end of this kind. */
	ck_assert_int_eq(tell(I + 2, true), FINE);
	ck_assert_int_eq(find(I + 2).retire_at, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		numbers_count_up_and_ind_goes_round,
		a_batch_of_one_and_many_subscribers_keeps_its_order,
		only_what_is_active_now_advances,
		of_several_versions_the_newest_serves,
		numbers_end_where_seq_ends,
		an_advance_changes_no_index,
		what_has_no_room_is_not_read,
		resynchronisation_only_raises,
		the_first_success_attaches_and_sets_an_end,
		events_of_a_batch_are_each_subscribers_own,
	};
	struct db_suite suite = {
		.name = "db_subscriptions",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

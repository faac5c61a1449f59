/*
 * Subscribers who come from files, and what has had their IMSI before them, against a real
 * PostgreSQL.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/db_case.h"

#define D        900010000000000 /* dIMSIs begin here */
#define I        262010000000000 /* and IMSIs here */
#define MANY     DB_WORLD_MANY
#define FAR_AWAY INT64_C(4000000000)

static enum outcome bind(int64_t dimsi, int64_t imsi)
{
	static struct db_sample sample;

	db_sample_make(&sample, dimsi, imsi);
	return db_world_ask(&w, DB_BIND, &sample.in, NULL);
}

static enum outcome release(int64_t dimsi, int64_t until)
{
	struct db_release_in in = { .dimsi = dimsi, .quarantine_until = until };
	struct db_binding b;

	return db_world_ask(&w, DB_RELEASE, &in, &b);
}

static enum outcome add(int64_t imsi, const char *sealed)
{
	struct db_subscriber_in in = { imsi, bytes_of(sealed, strlen(sealed)) };

	return db_world_ask(&w, DB_ADD_SUBSCRIBER, &in, NULL);
}

static struct db_credential find(int64_t imsi)
{
	struct db_credential c = { 0 };

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_CREDENTIAL, &(struct db_imsi){ imsi }, &c), FINE);
	return c;
}

static enum outcome advance(int64_t imsi)
{
	struct db_credential c;

	return db_world_ask(&w, DB_ADVANCE_SQN, &(struct db_imsi){ imsi }, &c);
}

START_TEST(a_subscriber_is_added_once)
{
	struct db_binding b;

	ck_assert_int_eq(add(I, "one"), FINE);
	struct db_credential c = find(I);
	ck_assert_int_eq(c.kind, CREDENTIAL_IMPORTED);
	ck_assert_int_eq(c.state, CREDENTIAL_IS_ACTIVE);
	ck_assert_int_eq(c.version, 1);
	ck_assert_int_eq(c.dimsi, 0);
	ck_assert_int_eq(c.sqn, 0);
	ck_assert_int_eq(c.not_after, 0);
	ck_assert_uint_eq(c.sealed.len, 3);
	ck_assert_int_eq(add(I, "two"), NO_ROW);
	ck_assert_mem_eq(find(I).sealed.at, "one", 3);
	/* Who has none by a dIMSI is not found by one. */
	ck_assert_int_eq(
		db_world_ask(&w, DB_FIND_BINDING_BY_IMSI, &(struct db_imsi){ I }, &b), NO_ROW);
	ck_assert_int_eq(bind(D, I), CONFLICT);
	ck_assert_int_eq(bind(D, I + 1), FINE);
	ck_assert_int_eq(add(I + 1, "one"), NO_ROW);
	ck_assert_int_eq(find(I + 1).kind, CREDENTIAL_EK);
}
END_TEST

/* Asked again, the answer having been lost, the subscriber has perhaps gone on. */
START_TEST(a_subscriber_is_added_again_to_the_letter)
{
	ck_assert_int_eq(add(I, "one"), FINE);
	ck_assert_int_eq(advance(I), FINE);
	run("UPDATE credentials SET state = 2");
	ck_assert_int_eq(add(I, "one"), FINE);
	ck_assert_int_eq(find(I).sqn, 33);
	ck_assert_int_eq(find(I).state, CREDENTIAL_IS_SUSPENDED);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), 1);
}
END_TEST

START_TEST(of_one_imsi_twice_in_a_batch_the_first_is_added)
{
	static struct db_subscriber_in rows[MANY];
	static char sealed[MANY][8];
	enum outcome outcomes[MANY];

	ck_assert_int_eq(add(I + 7, "old"), FINE);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(sealed[i], sizeof(sealed[i]), "%u", i);
		rows[i] = (struct db_subscriber_in){ I + i * 3 % (MANY / 2),
			bytes_of(sealed[i], strlen(sealed[i])) };
	}
	for (int round = 0; round < 2; round++) {
		db_world_ask_many(
			&w, DB_ADD_SUBSCRIBER, MANY, rows, sizeof(rows[0]), NULL, 0, outcomes);
		for (unsigned i = 0; i < MANY; i++)
			ck_assert_int_eq(
				outcomes[i], i < MANY / 2 && rows[i].imsi != I + 7 ? FINE : NO_ROW);
	}
	ck_assert_mem_eq(find(I + 3).sealed.at, "1", 1);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), MANY / 2);
}
END_TEST

/* Nothing of the former owner is left, and no name leads to the new one. */
START_TEST(what_was_destroyed_is_written_over)
{
	struct db_access a;

	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert_int_eq(advance(I), FINE);
	ck_assert_int_eq(release(D, FAR_AWAY), FINE);
	run("UPDATE credentials SET retire_at = 1, not_after = 1, authenticated_at = 1,"
	    " refused_at = 1, owner = 5");
	run("INSERT INTO access_ids VALUES ('0123456789abcdef', 262010000000000, 5, 0, 0, 1, 0, 2,"
	    " 'd', '', '', ''), ('1123456789abcdef', 262010000000001, 5, 0, 0, 1, 0, 2, 'd', '', "
	    "'',"
	    " '')");
	ck_assert_int_eq(add(I, "one"), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials WHERE dimsi = 0 AND version = 1"
				" AND state = 1 AND kind = 1 AND sqn = 0 AND retire_at = 0"
				" AND not_after = 0 AND authenticated_at = 0 AND refused_at = 0"
				" AND owner = 0 AND sealed = 'one'"),
		1);
	ck_assert_int_eq(
		db_world_ask(&w, DB_FIND_ACCESS_ID_BY_IMSI, &(struct db_imsi){ I }, &a), NO_ROW);
	ck_assert_int_eq(number("SELECT state FROM access_ids WHERE imsi = 0"), 4);
	ck_assert_int_eq(number("SELECT state FROM access_ids WHERE imsi > 0"), 1);
	/* Releasing the dIMSI again finds nothing that is its own. */
	ck_assert_int_eq(release(D, FAR_AWAY + 1), NO_ROW);
	ck_assert_int_eq(advance(I), FINE);
}
END_TEST

START_TEST(a_later_version_that_lives_is_there)
{
	ck_assert_int_eq(bind(D, I), FINE);
	run("UPDATE credentials SET state = 5, sealed = ''");
	run("INSERT INTO credentials (imsi, dimsi, created_at, changed_at, version, state, sealed)"
	    " VALUES (262010000000000, 0, 0, 0, 2, 0, 'new')");
	ck_assert_int_eq(add(I, "one"), NO_ROW);
	run("UPDATE credentials SET state = 5, sealed = ''");
	ck_assert_int_eq(add(I, "one"), FINE);
	ck_assert_int_eq(find(I).version, 1);
}
END_TEST

/* A binding's release destroys what came by the binding, and nothing else. */
START_TEST(a_release_leaves_others_alone)
{
	ck_assert_int_eq(bind(D, I), FINE);
	run("UPDATE credentials SET state = 5, sealed = ''");
	ck_assert_int_eq(add(I, "one"), FINE);
	ck_assert_int_eq(release(D, FAR_AWAY), FINE);
	ck_assert_int_eq(find(I).state, CREDENTIAL_IS_ACTIVE);
}
END_TEST

/* A rested IMSI begins anew: its next owner's numbers count from the first. */
START_TEST(a_rested_imsi_begins_anew)
{
	struct db_pool_in pool = { 26201, 5, I, I };
	struct db_lease_in lease = { bytes_of("0123456789abcdef", 16), 40, 30, 26201, 5 };
	struct db_lease row;
	struct db_access a;

	ck_assert_int_eq(db_world_ask(&w, DB_ADD_POOL, &pool, NULL), FINE);
	ck_assert_int_eq(db_world_list(&w, DB_LEASE_BLOCK, &lease, &row, sizeof(row), 1), 1);
	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert_int_eq(advance(I), FINE);
	run("INSERT INTO credentials (imsi, dimsi, created_at, changed_at, version, state, sealed,"
	    " kind) VALUES (262010000000000, 0, 0, 0, 2, 1, 'profile', 4)");
	run("UPDATE credentials SET retire_at = 4000000000, authenticated_at = 1, owner = 5");
	run("INSERT INTO access_ids VALUES ('0123456789abcdef', 262010000000000, 5, 0, 0, 1, 0, 2,"
	    " 'd', '', '', '')");
	ck_assert_int_eq(release(D, 0), FINE);
	ck_assert_int_eq(number("SELECT min(state) FROM credentials WHERE sealed = ''"), 5);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials WHERE sealed = ''"), 2);
	ck_assert_int_eq(bind(D, I), CONFLICT);
	ck_assert_int_eq(db_world_list(&w, DB_LEASE_BLOCK, &lease, &row, sizeof(row), 1), 1);
	ck_assert(row.is_rested);
	ck_assert_int_eq(
		db_world_ask(&w, DB_FIND_ACCESS_ID_BY_IMSI, &(struct db_imsi){ I }, &a), NO_ROW);
	ck_assert_int_eq(bind(D, I), FINE);
	struct db_credential c = find(I);
	ck_assert_int_eq(c.version, 1);
	ck_assert_int_eq(c.sqn, 0);
	ck_assert_int_eq(c.retire_at, 0);
	ck_assert_int_eq(c.owner, 0);
	ck_assert_int_eq(c.kind, CREDENTIAL_EK);
	ck_assert_int_eq(number("SELECT sum(authenticated_at) FROM credentials"), 0);
}
END_TEST

START_TEST(an_import_says_how_far_it_is)
{
	struct db_import_key key = { .file_hash = { 1, 2, 3 } };
	struct db_import in = {
		.file_hash = { 1, 2, 3 }, .line = 10, .byte_offset = 1000, .added = 8, .refused = 2
	};
	struct db_import out = { 0 };

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_IMPORT, &key, &out), NO_ROW);
	ck_assert_int_eq(db_world_ask(&w, DB_PUT_IMPORT, &in, NULL), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_IMPORT, &key, &out), FINE);
	ck_assert_mem_eq(out.file_hash, in.file_hash, 32);
	ck_assert_int_eq(out.line, 10);
	ck_assert_int_eq(out.byte_offset, 1000);
	ck_assert_int_eq(out.added, 8);
	ck_assert_int_eq(out.refused, 2);
	ck_assert(!out.is_done);
	in.line = 20;
	in.is_done = true;
	ck_assert_int_eq(db_world_ask(&w, DB_PUT_IMPORT, &in, NULL), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_IMPORT, &key, &out), FINE);
	ck_assert_int_eq(out.line, 20);
	ck_assert(out.is_done);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_subscriber_is_added_once,
		a_subscriber_is_added_again_to_the_letter,
		of_one_imsi_twice_in_a_batch_the_first_is_added,
		what_was_destroyed_is_written_over,
		a_later_version_that_lives_is_there,
		a_release_leaves_others_alone,
		a_rested_imsi_begins_anew,
		an_import_says_how_far_it_is,
	};
	struct db_suite suite = {
		.name = "db_subscribers",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

/* Lists with filters against a real PostgreSQL: what fits, what does not, and how far a page looks. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/integration/db_case.h"

#define D     900010000000000
#define I     262010000000000
#define ROWS  64
#define LIMIT 50
#define HASH  "0a000000000000000000000000000000000000000000000000000000000000ff"

#define TEXT_OF_WORD(text)               \
	(struct db_text)                 \
	{                                \
		(text), sizeof(text) - 1 \
	}

/* ---- bindings: forty of them, i from 0 on, in state i % 6 */

static struct db_binding bindings[ROWS];

static const struct db_binding_page every_binding = { .after = -1,
	.limit = LIMIT,
	.dimsis = { -1, INT64_MAX },
	.supis = { -1, INT64_MAX },
	.plmn = { -1, INT64_MAX },
	.state = -1 };

static void add_bindings(int count)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
		"INSERT INTO bindings SELECT %lld + i, %lld + i::bigint * 1000000000, 1, "
		"100 + i, "
		"200 + i,"
		" i %% 6, 'se ' || i / 10, sha256(i::text::bytea), '', ''"
		" FROM generate_series(0, %d - 1) i",
		(long long)D, (long long)I, count);
	run(sql);
}

/* How many fit; the rows that say how far was looked are not there where there are so few. */
static int list_bindings(struct db_binding_page page)
{
	int count;

	page.is_filtered = true;
	count = db_world_list(&w, DB_LIST_BINDINGS, &page, bindings, sizeof(bindings[0]), ROWS);
	for (int i = 0; i < count; i++) {
		ck_assert_int_ge(bindings[i].state, 0);
		ck_assert(i == 0 || bindings[i].dimsi > bindings[i - 1].dimsi);
	}
	return count;
}

START_TEST(bindings_fit)
{
	struct db_binding_page page = every_binding;

	add_bindings(40);
	ck_assert_int_eq(list_bindings(page), 40);
	page.state = BINDING_ATTACHED;
	ck_assert_int_eq(list_bindings(page), 7);
	ck_assert_int_eq(bindings[0].dimsi, D + 2);
	page.se_id = TEXT_OF_WORD("se 1");
	ck_assert_int_eq(list_bindings(page), 1);
	ck_assert_int_eq(bindings[0].dimsi, D + 14);
	ck_assert_str_eq(bindings[0].se_id, "se 1");
	page.state = -1;
	ck_assert_int_eq(list_bindings(page), 10);
	page.se_id = TEXT_OF_WORD("se");
	ck_assert_int_eq(list_bindings(page), 0);
}
END_TEST

START_TEST(bindings_of_a_range)
{
	struct db_binding_page page = every_binding;

	add_bindings(40);
	page.dimsis = (struct db_range){ D + 5, D + 9 };
	ck_assert_int_eq(list_bindings(page), 5);
	ck_assert_int_eq(bindings[0].dimsi, D + 5);
	page.after = D + 7;
	ck_assert_int_eq(list_bindings(page), 2);
	page.after = D + 9;
	ck_assert_int_eq(list_bindings(page), 0);
	page = every_binding;
	page.dimsis.first = 0;
	ck_assert_int_eq(list_bindings(page), 40);
	/* 26201 has ten of them, 26202 ten more; 262010 is the first alone */
	page.plmn = (struct db_range){ 262010000000000, 262019999999999 };
	ck_assert_int_eq(list_bindings(page), 10);
	page.supis = (struct db_range){ I + 9000000000, I + 12000000000 };
	ck_assert_int_eq(list_bindings(page), 1);
	page.plmn = every_binding.plmn;
	ck_assert_int_eq(list_bindings(page), 4);
	ck_assert_int_eq(bindings[3].imsi, I + 12000000000);
}
END_TEST

START_TEST(bindings_of_a_time)
{
	struct db_binding_page page = every_binding;

	add_bindings(40);
	page.created_since = 110;
	ck_assert_int_eq(list_bindings(page), 30);
	page.created_before = 115;
	ck_assert_int_eq(list_bindings(page), 5);
	page.changed_since = 212;
	ck_assert_int_eq(list_bindings(page), 3);
	page.changed_before = 213;
	ck_assert_int_eq(list_bindings(page), 1);
	ck_assert_int_eq(bindings[0].changed_at, 212);
}
END_TEST

/* Of 25,000 bindings one fits, the last: the pages before it are empty and say how far they came. */
START_TEST(a_page_looks_at_ten_thousand)
{
	struct db_binding_page page = every_binding;
	struct db_binding rows[4];

	add_bindings(25000);
	page.is_filtered = true;
	page.se_id = TEXT_OF_WORD("alone");
	run("UPDATE bindings SET se_id = 'alone' WHERE dimsi = 900010000024999");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
			db_world_list(&w, DB_LIST_BINDINGS, &page, rows, sizeof(rows[0]), 4), 1);
		ck_assert_int_eq(rows[0].state, -1);
		ck_assert_int_eq(rows[0].dimsi, D + 10001 * (i + 1) - 1);
		page.after = rows[0].dimsi;
	}
	ck_assert_int_eq(db_world_list(&w, DB_LIST_BINDINGS, &page, rows, sizeof(rows[0]), 4), 1);
	ck_assert_int_eq(rows[0].state, 24999 % 6);
	ck_assert_int_eq(rows[0].dimsi, D + 24999);
	/* The last that was looked at is no less on the page, before the row that says so. */
	page = every_binding;
	page.is_filtered = true;
	page.se_id = TEXT_OF_WORD("edge");
	run("UPDATE bindings SET se_id = 'edge' WHERE dimsi IN (900010000000001, 900010000010000)");
	ck_assert_int_eq(db_world_list(&w, DB_LIST_BINDINGS, &page, rows, sizeof(rows[0]), 4), 3);
	ck_assert_int_eq(rows[1].dimsi, D + 10000);
	ck_assert_int_ge(rows[1].state, 0);
	ck_assert_int_eq(rows[2].dimsi, D + 10000);
	ck_assert_int_eq(rows[2].state, -1);
	/* A full page needs no such row, nor does one that ends with its range. */
	page.se_id = (struct db_text){ 0 };
	page.limit = 3;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_BINDINGS, &page, rows, sizeof(rows[0]), 4), 3);
	ck_assert_int_ge(rows[2].state, 0);
	page.se_id = TEXT_OF_WORD("nobody");
	page.dimsis.last = D + 9000;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_BINDINGS, &page, rows, sizeof(rows[0]), 4), 0);
}
END_TEST

/* ---- the others */

START_TEST(jobs_fit)
{
	struct db_jobs_page page = {
		.after = -1, .limit = LIMIT, .is_filtered = true, .state = -1, .operation = -1
	};
	struct db_job rows[ROWS];

	run("INSERT INTO jobs (id, operation, state, has_selection, first, last, kind, in_state,"
	    " owner, created_before, created_since, expires_before, overlap_s, items, cursor, done,"
	    " refused, created_at, changed_at, worked_at, actor)"
	    " SELECT decode(md5(i::text), 'hex'), i % 5, i % 4, false, -1, -1, -1, -1, -1, 0, 0, 0,"
	    " 0, 0, 0, 0, 0, 100 + i, 0, 0, 'a' FROM generate_series(0, 39) i");
	ck_assert_int_eq(db_world_list(&w, DB_LIST_JOBS, &page, rows, sizeof(rows[0]), ROWS), 40);
	ck_assert(rows[0].was_there);
	page.state = JOB_RUNNING;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_JOBS, &page, rows, sizeof(rows[0]), ROWS), 10);
	page.operation = 3;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_JOBS, &page, rows, sizeof(rows[0]), ROWS), 2);
	ck_assert_int_eq(rows[0].created_at, 113);
	ck_assert_int_eq(rows[1].created_at, 133);
	page.created_since = 114;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_JOBS, &page, rows, sizeof(rows[0]), ROWS), 1);
	page.created_before = 133;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_JOBS, &page, rows, sizeof(rows[0]), ROWS), 0);
	/* Far more than a page looks at. */
	page = (struct db_jobs_page){
		.after = -1, .limit = LIMIT, .is_filtered = true, .state = 7, .operation = -1
	};
	run("INSERT INTO jobs (id, operation, state, has_selection, first, last, kind, in_state,"
	    " owner, created_before, created_since, expires_before, overlap_s, items, cursor, done,"
	    " refused, created_at, changed_at, worked_at, actor)"
	    " SELECT decode(md5(i::text), 'hex'), 0, 2, false, -1, -1, -1, -1, -1, 0, 0, 0,"
	    " 0, 0, 0, 0, 0, 100 + i, 0, 0, 'a' FROM generate_series(40, 12000) i");
	ck_assert_int_eq(db_world_list(&w, DB_LIST_JOBS, &page, rows, sizeof(rows[0]), ROWS), 1);
	ck_assert(!rows[0].was_there);
	ck_assert_int_eq(rows[0].created_at, 100 + 10000);
	page.after = rows[0].number;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_JOBS, &page, rows, sizeof(rows[0]), ROWS), 0);
}
END_TEST

START_TEST(anchors_fit)
{
	struct db_anchor_page page = { -1, LIMIT, -1 };
	struct db_anchor rows[ROWS];

	run("INSERT INTO trust_anchors (fingerprint, use, added_at, der)"
	    " SELECT sha256(i::text::bytea), i % 4, i, 'der' FROM generate_series(0, 19) i");
	ck_assert_int_eq(
		db_world_list(&w, DB_SEARCH_ANCHORS, &page, rows, sizeof(rows[0]), ROWS), 20);
	page.use = 0;
	ck_assert_int_eq(
		db_world_list(&w, DB_SEARCH_ANCHORS, &page, rows, sizeof(rows[0]), ROWS), 5);
	page.use = 3;
	page.after = rows[2].number;
	ck_assert_int_eq(
		db_world_list(&w, DB_SEARCH_ANCHORS, &page, rows, sizeof(rows[0]), ROWS), 3);
	ck_assert_int_eq(rows[0].added_at, 11);
}
END_TEST

static struct db_revocation revocations[ROWS];

static int list_revocations(const struct db_revocation_page *page)
{
	return db_world_list(
		&w, DB_SEARCH_REVOCATIONS, page, revocations, sizeof(revocations[0]), ROWS);
}

START_TEST(revocations_fit)
{
	struct db_revocation_page page = { .after = -1, .limit = LIMIT, .is_filtered = true };

	run("INSERT INTO revocations (issuer_hash, serial, revoked_at)"
	    " SELECT CASE i % 2 WHEN 0 THEN decode('" HASH "', 'hex') ELSE sha256('other') END,"
	    " decode(lpad(to_hex(i / 2), 4, 'a'), 'hex'), 100 + i FROM generate_series(0, 39) i");
	ck_assert_int_eq(list_revocations(&page), 40);
	page.issuer_hash = TEXT_OF_WORD(HASH);
	ck_assert_int_eq(list_revocations(&page), 20);
	ck_assert_int_eq(revocations[1].revoked_at, 102);
	page.serial = TEXT_OF_WORD("AAA3");
	ck_assert_int_eq(list_revocations(&page), 1);
	ck_assert_int_eq(revocations[0].revoked_at, 106);
	page.issuer_hash = (struct db_text){ 0 };
	ck_assert_int_eq(list_revocations(&page), 2);
	page.revoked_since = 107;
	ck_assert_int_eq(list_revocations(&page), 1);
	page.revoked_before = 107;
	ck_assert_int_eq(list_revocations(&page), 0);
	/* A CRL may have many. */
	page = (struct db_revocation_page){
		.after = -1, .limit = LIMIT, .is_filtered = true, .serial = TEXT_OF_WORD("bb")
	};
	run("INSERT INTO revocations (issuer_hash, serial, revoked_at)"
	    " SELECT sha256('many'), decode(lpad(to_hex(i), 8, '0'), 'hex'), 1"
	    " FROM generate_series(1, 15000) i;"
	    " INSERT INTO revocations (issuer_hash, serial, revoked_at)"
	    " VALUES (sha256('one'), '\\xbb', 1)");
	ck_assert_int_eq(list_revocations(&page), 1);
	ck_assert_int_eq(revocations[0].revoked_at, 0);
	page.after = revocations[0].number;
	ck_assert_int_eq(list_revocations(&page), 1);
	ck_assert_int_eq(revocations[0].revoked_at, 1);
}
END_TEST

START_TEST(crls_fit)
{
	struct db_crl_page page = { .after = -1, .limit = LIMIT };
	struct db_crl rows[ROWS];

	run("INSERT INTO crls (issuer_hash, scope, signer, crl_number, this_update, next_update,"
	    " entries, added_at)"
	    " SELECT CASE i % 2 WHEN 0 THEN decode('" HASH "', 'hex') ELSE sha256('other') END, '',"
	    " sha256(i::text::bytea), '', 1, 100 + i, 0, 1 FROM generate_series(0, 9) i");
	ck_assert_int_eq(db_world_list(&w, DB_SEARCH_CRLS, &page, rows, sizeof(rows[0]), ROWS), 10);
	page.issuer_hash = TEXT_OF_WORD(HASH);
	ck_assert_int_eq(db_world_list(&w, DB_SEARCH_CRLS, &page, rows, sizeof(rows[0]), ROWS), 5);
	page.next_update_before = 104;
	ck_assert_int_eq(db_world_list(&w, DB_SEARCH_CRLS, &page, rows, sizeof(rows[0]), ROWS), 2);
	ck_assert_int_eq(rows[1].next_update, 102);
}
END_TEST

START_TEST(pools_fit)
{
	struct db_pool_page page = { -1, LIMIT, -1, 0 };
	struct db_pool rows[ROWS];

	run("INSERT INTO imsi_pools (first, last, next, plmn, plmn_digits) VALUES"
	    " (262010000000000, 262010000000009, 262010000000000, 26201, 5),"
	    " (262010100000000, 262010100000009, 262010100000000, 262010, 6),"
	    " (262020000000000, 262020000000009, 262020000000000, 26202, 5),"
	    " (262020000000010, 262020000000019, 262020000000010, 26202, 5)");
	ck_assert_int_eq(db_world_list(&w, DB_SEARCH_POOLS, &page, rows, sizeof(rows[0]), ROWS), 4);
	page.plmn = 26201;
	page.plmn_digits = 5;
	ck_assert_int_eq(db_world_list(&w, DB_SEARCH_POOLS, &page, rows, sizeof(rows[0]), ROWS), 1);
	ck_assert_int_eq(rows[0].first, I);
	page.plmn = 26202;
	ck_assert_int_eq(db_world_list(&w, DB_SEARCH_POOLS, &page, rows, sizeof(rows[0]), ROWS), 2);
	ck_assert_int_lt(rows[0].first, rows[1].first);
}
END_TEST

static struct db_version versions[ROWS];

static int list_overdue(const struct db_overdue_page *page)
{
	return db_world_list(&w, DB_LIST_OVERDUE, page, versions, sizeof(versions[0]), ROWS);
}

START_TEST(overdue_fit)
{
	const struct db_overdue_page every = {
		.limit = LIMIT, .last = INT64_MAX, .owner = -1, .kind = -1
	};
	struct db_overdue_page page = every;

	run("INSERT INTO credentials (imsi, dimsi, created_at, changed_at, version, state, sealed,"
	    " not_after, kind, owner) SELECT 262010000000000 + i, 0, 1, 1, 1, 1, 'k', 100 + i / 2,"
	    " i % 5, i % 3 FROM generate_series(0, 29) i");
	ck_assert_int_eq(list_overdue(&page), 30);
	page.kind = CREDENTIAL_HEADLESS;
	ck_assert_int_eq(list_overdue(&page), 6);
	page.owner = 2;
	ck_assert_int_eq(list_overdue(&page), 2);
	page = every;
	page.first = I + 4;
	page.last = I + 6;
	ck_assert_int_eq(list_overdue(&page), 3);
	page.after_not_after = 102;
	page.after_imsi = I + 5;
	ck_assert_int_eq(list_overdue(&page), 1);
	page = every;
	page.expires_since = 105;
	page.expires_before = 107;
	ck_assert_int_eq(list_overdue(&page), 4);
	ck_assert_int_eq(versions[0].imsi, I + 10);
	/* Far more than a page looks at, and one that fits behind them. */
	page = every;
	page.kind = CREDENTIAL_PROFILE;
	run("UPDATE credentials SET kind = 0; INSERT INTO credentials (imsi, dimsi, created_at,"
	    " changed_at, version, state, sealed, not_after, kind) SELECT 262020000000000 + i, 0, "
	    "1, 1,"
	    " 1, 1, 'k', 200 + i, CASE i WHEN 11999 THEN 4 ELSE 0 END"
	    " FROM generate_series(0, 11999) i");
	ck_assert_int_eq(list_overdue(&page), 1);
	ck_assert_int_eq(versions[0].version, 0);
	ck_assert_int_eq(versions[0].not_after, 200 + 10000 - 30);
	page.after_not_after = versions[0].not_after;
	page.after_imsi = versions[0].imsi;
	ck_assert_int_eq(list_overdue(&page), 1);
	ck_assert_int_eq(versions[0].imsi, 262020000011999);
	ck_assert_int_eq(versions[0].version, 1);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		bindings_fit,
		bindings_of_a_range,
		bindings_of_a_time,
		a_page_looks_at_ten_thousand,
		jobs_fit,
		anchors_fit,
		revocations_fit,
		crls_fit,
		pools_fit,
		overdue_fit,
	};
	struct db_suite suite = {
		.name = "db_lists",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

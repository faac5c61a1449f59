/* CRLs against a real PostgreSQL: what is revoked in the one commit, which one is newer, and how long many take. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/db_case.h"

#define MANY      150000
#define WITHIN_MS 15000 /* the statement's timeout */

static uint8_t serials[MANY * DB_SERIAL_LEN];

static void set_serial(size_t i, uint64_t serial)
{
	struct buffer b = buffer_over(serials + i * DB_SERIAL_LEN, DB_SERIAL_LEN);

	memset(b.at, 0, DB_SERIAL_LEN - 8);
	b.len = DB_SERIAL_LEN - 8;
	buffer_put_u64(&b, serial);
}

static struct db_crl_in crl_of(const char *number, int64_t this_update, size_t entries)
{
	return (struct db_crl_in){
		.issuer_hash = { 1, 2, 3 },
		.crl_number = bytes_of_text(number),
		.this_update = this_update,
		.next_update = this_update + 100,
		.entries = (int64_t)entries,
		.serials = bytes_of(serials, entries * DB_SERIAL_LEN),
		.issuer_name = { "CN=Issuer", 9 },
	};
}

static enum outcome put(struct db_crl_in in, struct db_crl_put *out)
{
	*out = (struct db_crl_put){ -1, false };
	return db_world_ask(&w, DB_PUT_CRL, &in, out);
}

START_TEST(serials_are_revoked_with_it)
{
	struct db_crl_put out;
	struct db_crl rows[2];
	struct db_revocation revoked[8];
	struct db_page page = { -1, 10 };

	set_serial(0, 0);
	set_serial(1, 0x80);
	set_serial(2, UINT64_MAX);
	memset(serials + 3 * DB_SERIAL_LEN, 0xff, DB_SERIAL_LEN);
	set_serial(4, 0x80); /* twice */
	ck_assert_int_eq(put(crl_of("\x07", 1000, 5), &out), FINE);
	ck_assert_int_eq(out.added, 4);
	ck_assert(!out.was_there);
	ck_assert_int_eq(
		db_world_list(&w, DB_LIST_REVOCATIONS, &page, revoked, sizeof(revoked[0]), 8), 4);
	ck_assert_int_eq(
		number("SELECT count(*) FROM revocations WHERE serial IN"
		       " ('\\x00', '\\x80', '\\xffffffffffffffff', decode(repeat('ff', 20), 'hex'))"
		       " AND issuer_hash = decode(rpad('010203', 64, '0'), 'hex')"),
		4);
	ck_assert_int_eq(db_world_list(&w, DB_LIST_CRLS, &page, rows, sizeof(rows[0]), 2), 1);
	ck_assert_uint_eq(rows[0].issuer_hash[1], 2);
	ck_assert_int_eq(rows[0].this_update, 1000);
	ck_assert_int_eq(rows[0].next_update, 1100);
	ck_assert_int_eq(rows[0].entries, 5);
	ck_assert_uint_eq(rows[0].crl_number.len, 1);
	ck_assert_int_gt(rows[0].added_at, 0);
	page.after = rows[0].number;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_CRLS, &page, rows, sizeof(rows[0]), 2), 0);
}
END_TEST

START_TEST(the_same_again_changes_nothing)
{
	struct db_crl_put out;

	set_serial(0, 5);
	ck_assert_int_eq(put(crl_of("\x07", 1000, 1), &out), FINE);
	ck_assert_int_eq(put(crl_of("\x07", 1000, 1), &out), FINE);
	ck_assert(out.was_there);
	ck_assert_int_eq(out.added, 0);
	ck_assert_int_eq(put(crl_of("\x08", 1001, 0), &out), FINE); /* empty, and newer */
	ck_assert(!out.was_there);
	ck_assert_int_eq(out.added, 0);
	/* what a newer one leaves out stays revoked */
	ck_assert_int_eq(number("SELECT count(*) FROM revocations"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM crls WHERE entries = 0"), 1);
}
END_TEST

/* In the order in which they are put; what is not newer changes nothing. */
static const struct {
	const char *number;
	int64_t this_update;
	bool is_newer;
} ages[] = {
	{ "\x07", 1000, true },
	{ "\x06", 2000, false }, /* its number counts */
	{ "\x07", 999, false },
	{ "\x07", 1001, true },
	{ "\x01\x01", 900, true }, /* more bytes are a greater number */
	{ "\xff", 3000, false },
	{ "", 899, false }, /* without a number its date counts */
	{ "", 950, true },
	{ "\x01", 949, false },
	{ "\x01", 951, true },
};

START_TEST(an_older_one_is_no_row)
{
	struct db_crl_put out;

	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		set_serial(0, 1000 + i);
		ck_assert_msg(put(crl_of(ages[i].number, ages[i].this_update, 1), &out) ==
				      (ages[i].is_newer ? FINE : NO_ROW),
			"%zu", i);
	}
	ck_assert_int_eq(number("SELECT count(*) FROM revocations"), 5);
}
END_TEST

START_TEST(parts_and_issuers_are_apart)
{
	struct db_crl_in in = crl_of("\x07", 1000, 0);
	struct db_crl_put out;

	ck_assert_int_eq(put(in, &out), FINE);
	in.crl_number = bytes_of_text("\x01");
	ck_assert_int_eq(put(in, &out), NO_ROW);
	in.scope = bytes_of_text("a part");
	ck_assert_int_eq(put(in, &out), FINE);
	in.scope = bytes_of(NULL, 0);
	in.issuer_hash[0] = 9;
	ck_assert_int_eq(put(in, &out), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM crls"), 3);
}
END_TEST

/* A CA of the same name with another key has numbers of its own, and of the two both stay. */
START_TEST(keys_are_apart)
{
	struct db_crl_in in = crl_of("\x07", 1000, 1), other = crl_of("\x01", 999, 1);
	struct db_crl_put out;

	memset(other.signer, 2, sizeof(other.signer));
	set_serial(0, 1);
	ck_assert_int_eq(put(in, &out), FINE);
	set_serial(0, 2);
	ck_assert_int_eq(put(other, &out), FINE); /* what it lists is revoked, though it is older */
	ck_assert_int_eq(out.added, 1);
	ck_assert(!out.was_there);
	ck_assert_int_eq(number("SELECT count(*) FROM crls"), 2);
	other.this_update = 1000;
	ck_assert_int_eq(put(other, &out), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM crls"), 2);
	ck_assert_int_eq(put(other, &out), FINE);
	ck_assert(out.was_there);
	other.this_update = 999;
	ck_assert_int_eq(put(other, &out), NO_ROW);
	in.scope = bytes_of_text("a part");
	in.this_update = 2000;
	ck_assert_int_eq(put(in, &out), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM crls"), 3);
	ck_assert_int_eq(number("SELECT count(*) FROM revocations"), 2);
}
END_TEST

/* That its key is a CA by itself is not forgotten when the next one comes with another certificate. */
START_TEST(what_its_key_is_is_kept)
{
	struct db_crl_in in = crl_of("\x07", 1000, 0);
	struct db_crl_put out;
	struct db_crl rows[2];
	struct db_page page = { -1, 10 };

	for (int i = 0; i < 3; i++) {
		in.this_update++;
		in.is_root = i == 1;
		memset(in.signer, 2, sizeof(in.signer));
		in.scope = bytes_of_text("a part");
		ck_assert_int_eq(put(in, &out), FINE);
		ck_assert_int_eq(
			db_world_list(&w, DB_LIST_CRLS, &page, rows, sizeof(rows[0]), 2), 1);
		ck_assert(rows[0].is_root == (i > 0));
		ck_assert_mem_eq(rows[0].signer, in.signer, sizeof(in.signer));
		ck_assert_uint_eq(rows[0].scope.len, 6);
	}
}
END_TEST

static void check_keys(int64_t len, int64_t first, int64_t last)
{
	ck_assert_int_eq(number("SELECT count(*) FROM revocations"), 1);
	ck_assert_int_eq(number("SELECT length(issuer_keys) FROM revocations"), len);
	if (len == 0)
		return;
	ck_assert_int_eq(number("SELECT get_byte(issuer_keys, 0) FROM revocations"), first);
	ck_assert_int_eq(
		number("SELECT get_byte(issuer_keys, length(issuer_keys) - 1) FROM revocations"),
		last);
}

/* One serial under two keys is one row of both; one of before keys were written down stays under any. */
START_TEST(a_serial_is_revoked_under_its_keys)
{
	struct db_crl_in in = crl_of("\x07", 1000, 1);
	struct db_crl_put out;
	uint8_t key[32];

	set_serial(0, 5);
	memset(in.signer, 2, sizeof(in.signer));
	ck_assert_int_eq(put(in, &out), FINE);
	ck_assert_int_eq(out.added, 1);
	check_keys(32, 2, 2);
	memset(key, 2, sizeof(key));
	struct db_revocation_in one = { bytes_of(in.issuer_hash, 32), BYTES(key),
		bytes_of_text("\x05") };
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_REVOCATION, &one, NULL), NO_ROW);
	memset(key, 3, sizeof(key));
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_REVOCATION, &one, NULL), FINE);
	check_keys(64, 2, 3);
	in.this_update++;
	ck_assert_int_eq(put(in, &out), FINE);
	ck_assert_int_eq(out.added, 0);
	memset(in.signer, 4, sizeof(in.signer));
	ck_assert_int_eq(put(in, &out), FINE);
	ck_assert_int_eq(out.added, 1);
	check_keys(96, 2, 4);
	/* as a program that does not know of keys adds it */
	ck_assert_int_eq(number("WITH added AS ("
				" INSERT INTO revocations (issuer_hash, serial, revoked_at)"
				" SELECT issuer_hash, serial, 1 FROM revocations"
				" ON CONFLICT (issuer_hash, serial) DO NOTHING RETURNING 1)"
				" SELECT count(*) FROM added"),
		0);
	check_keys(0, 0, 0);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_REVOCATION, &one, NULL), NO_ROW);
	in.this_update++;
	ck_assert_int_eq(put(in, &out), FINE);
	ck_assert_int_eq(out.added, 0);
	check_keys(0, 0, 0);
}
END_TEST

START_TEST(one_is_removed_and_its_revocations_stay)
{
	struct db_crl_in part = crl_of("\x01", 1000, 0);
	struct db_crl_put out;
	struct db_crl rows[3];
	struct db_page page = { -1, 10 };

	set_serial(0, 5);
	ck_assert_int_eq(put(crl_of("\x07", 1000, 1), &out), FINE);
	part.scope = bytes_of_text("a part");
	ck_assert_int_eq(put(part, &out), FINE);
	ck_assert_int_eq(db_world_list(&w, DB_LIST_CRLS, &page, rows, sizeof(rows[0]), 3), 2);
	struct db_crl_key key = { rows[0].number }, none = { rows[1].number + 1 };
	struct db_crl_gone gone = { .left = -1 };

	w.actor = "admin:alice";
	ck_assert_int_eq(db_world_ask(&w, DB_REMOVE_CRL, &none, &gone), NO_ROW);
	ck_assert_int_eq(db_world_ask(&w, DB_REMOVE_CRL, &key, &gone), FINE);
	ck_assert_int_eq(gone.left, 1);
	ck_assert_uint_eq(gone.issuer_hash[2], 3);
	ck_assert_int_eq(db_world_ask(&w, DB_REMOVE_CRL, &key, &gone), NO_ROW);
	ck_assert_int_eq(db_world_list(&w, DB_LIST_CRLS, &page, rows + 2, sizeof(rows[0]), 1), 1);
	ck_assert_int_eq(rows[2].number, rows[1].number);
	ck_assert_int_eq(number("SELECT count(*) FROM revocations"), 1);
	ck_assert_int_eq(
		number("SELECT count(*) FROM audit_events WHERE action = 69 AND related = 1"
		       " AND actor = 'admin:alice' AND detail = rpad('010203', 64, '0') || ' key '"
		       " || repeat('0', 64)"),
		1);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events WHERE action = 69"), 1);
	/* the last one is told as such; another key's says nothing of this one's */
	memset(part.signer, 9, sizeof(part.signer));
	ck_assert_int_eq(put(part, &out), FINE);
	key.number = rows[1].number;
	ck_assert_int_eq(db_world_ask(&w, DB_REMOVE_CRL, &key, &gone), FINE);
	ck_assert_int_eq(gone.left, 0);
	ck_assert_int_eq(
		number("SELECT count(*) FROM audit_events WHERE action = 69 AND related = 0"
		       " AND detail LIKE '% key % last'"),
		1);
	/* what was removed is known no more: an older one may be given again */
	ck_assert_int_eq(put(crl_of("\x06", 999, 0), &out), FINE);
	ck_assert(!out.was_there);
}
END_TEST

START_TEST(it_is_in_the_trail)
{
	struct db_crl_put out;

	w.actor = "admin:alice";
	set_serial(0, 5);
	ck_assert_int_eq(put(crl_of("\x07", 1000, 1), &out), FINE);
	ck_assert_int_eq(put(crl_of("\x06", 1000, 1), &out), NO_ROW);
	ck_assert_int_eq(
		number("SELECT count(*) FROM audit_events WHERE action = 63 AND related = 1"
		       " AND actor = 'admin:alice' AND detail LIKE '010203% CN=Issuer'"),
		1);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events"), 1);
}
END_TEST

START_TEST(many_are_one_statement)
{
	struct db_crl_put out;

	for (size_t i = 0; i < MANY; i++)
		set_serial(i, (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
	int64_t began = clock_ms();
	ck_assert_int_eq(put(crl_of("\x07", 1000, MANY), &out), FINE);
	int64_t took = clock_ms() - began;
	ck_assert_int_eq(out.added, MANY);
	ck_assert_int_lt(took, WITHIN_MS);
	began = clock_ms();
	ck_assert_int_eq(put(crl_of("\x08", 1001, MANY), &out), FINE);
	ck_assert_int_eq(out.added, 0);
	fprintf(stderr, "%d entries: new %lld ms, repeated %lld ms\n", MANY, (long long)took,
		(long long)(clock_ms() - began));
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		serials_are_revoked_with_it,
		the_same_again_changes_nothing,
		an_older_one_is_no_row,
		parts_and_issuers_are_apart,
		keys_are_apart,
		what_its_key_is_is_kept,
		a_serial_is_revoked_under_its_keys,
		one_is_removed_and_its_revocations_stay,
		it_is_in_the_trail,
		many_are_one_statement,
	};
	struct db_suite suite = {
		.name = "db_crls",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

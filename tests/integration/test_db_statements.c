/*
 * The other statements against a real PostgreSQL: where there is something to find or do, and
 * where not.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/migrate.h"
#include "tests/integration/db_case.h"

#define D        900010000000000 /* dIMSIs begin here */
#define I        262010000000000 /* and IMSIs here */
#define SAMPLES  256
#define WITHIN   (2 * DB_WORLD_PATIENCE_MS)
#define FAR_AWAY INT64_C(4000000000)

static struct db_sample samples[SAMPLES];

static enum outcome bind(int64_t dimsi, int64_t imsi)
{
	db_sample_make(&samples[0], dimsi, imsi);
	return db_world_ask(&w, DB_BIND, &samples[0].in, NULL);
}

static struct db_binding find(int64_t dimsi)
{
	struct db_binding b = { 0 };

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_BINDING, &(struct db_dimsi){ dimsi }, &b), FINE);
	return b;
}

static enum outcome release(int64_t dimsi, int64_t until, struct db_binding *b)
{
	struct db_release_in in = { .dimsi = dimsi,
		.quarantine_until = until,
		.d_ausf_uri = { "https://d-ausf.example", 22 } };

	return db_world_ask(&w, DB_RELEASE, &in, b);
}

static enum outcome keep_pair(int64_t dimsi, uint8_t fill)
{
	uint8_t output[16];

	memset(output, fill, sizeof(output));
	struct db_pair_in in = { dimsi, I, BYTES(output), BYTES(output) };
	return db_world_ask(&w, DB_KEEP_PAIR, &in, NULL);
}

START_TEST(a_kept_pair_is_sent_the_newest_counts_and_it_is_dropped)
{
	struct db_dimsi key = { D };
	struct db_pair pair;

	ck_assert_int_eq(db_world_ask(&w, DB_DROP_PAIR, &key, NULL), NO_ROW);
	ck_assert_int_eq(keep_pair(D, 1), FINE);
	ck_assert_int_eq(keep_pair(D, 2), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_SEND_VECTORS, &key, &pair), FINE);
	ck_assert_int_eq(pair.state, BINDING_READY);
	ck_assert_uint_eq(pair.output_1[5], 2);
	/* A binding of one's own comes first. */
	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_SEND_VECTORS, &key, &pair), FINE);
	ck_assert_mem_eq(pair.output_1, samples[0].output_1, 16);
	ck_assert_int_eq(db_world_ask(&w, DB_DROP_PAIR, &key, NULL), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_DROP_PAIR, &key, NULL), NO_ROW);
}
END_TEST

static int claim(struct db_outbox_row *rows, int most)
{
	struct db_outbox_claim in = { .limit = most, .claim_s = 60 };

	memset(rows, 0, sizeof(*rows) * (size_t)most);
	return db_world_list(&w, DB_LIST_OUTBOX, &in, rows, sizeof(*rows), most);
}

START_TEST(what_is_owed_is_delivered_in_order)
{
	struct db_outbox_row rows[4];
	struct db_binding b;

	ck_assert_int_eq(claim(rows, 4), 0);
	db_sample_make(&samples[0], D, I);
	for (int i = 0; i < 2; i++) /* the second time as after a lost answer */
		ck_assert_int_eq(
			db_world_ask(&w, DB_BIND_AND_HAND_OVER, &samples[0].in, NULL), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM outbox"), 1);
	ck_assert_int_eq(claim(rows, 4), 1);
	ck_assert_int_eq(rows[0].dimsi, D);
	ck_assert_int_eq(rows[0].imsi, I);
	ck_assert_int_eq(rows[0].kind, OUTBOX_PUT_PAIR);
	ck_assert_int_eq(rows[0].tries, 0);
	ck_assert_str_eq(rows[0].uri, "https://d-ausf.example");
	ck_assert_mem_eq(rows[0].output_1, samples[0].output_1, 16);
	ck_assert_mem_eq(rows[0].output_2, samples[0].output_2, 16);
	ck_assert_int_eq(claim(rows + 1, 1), 0); /* claimed */
	struct db_outbox_retry_in retry = { D, rows[0].number, 0 };
	ck_assert_int_eq(db_world_ask(&w, DB_OUTBOX_RETRY, &retry, NULL), FINE);
	/* Released before it was delivered: the pair is put, then taken back. */
	struct db_release_in in = { D, FAR_AWAY, { "https://d-ausf.example", 22 } };
	ck_assert_int_eq(db_world_ask(&w, DB_RELEASE_AND_HAND_OVER, &in, &b), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_RELEASE_AND_HAND_OVER, &in, &b), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM outbox"), 2);
	ck_assert_int_eq(claim(rows + 1, 3), 1);
	ck_assert_int_eq(rows[1].number, rows[0].number);
	ck_assert_int_eq(rows[1].tries, 1);
	struct db_outbox_key key = { D, rows[1].number };
	ck_assert_int_eq(db_world_ask(&w, DB_OUTBOX_TAKEN, &key, NULL), FINE);
	ck_assert_int_eq(find(D).state, BINDING_RELEASED);
	ck_assert_int_eq(claim(rows + 2, 2), 1);
	ck_assert_int_eq(rows[2].kind, OUTBOX_DELETE_PAIR);
	ck_assert(rows[2].number > rows[1].number);
	/* A late report on the older row leaves the newer alone. */
	ck_assert_int_eq(db_world_ask(&w, DB_OUTBOX_TAKEN, &key, NULL), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM outbox"), 1);
	key.number = rows[2].number;
	ck_assert_int_eq(db_world_ask(&w, DB_OUTBOX_TAKEN, &key, NULL), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM outbox"), 0);
}
END_TEST

START_TEST(a_pair_that_was_taken_moves_the_binding)
{
	struct db_outbox_row row;

	db_sample_make(&samples[0], D, I);
	ck_assert_int_eq(db_world_ask(&w, DB_BIND_AND_HAND_OVER, &samples[0].in, NULL), FINE);
	ck_assert_int_eq(claim(&row, 1), 1);
	struct db_outbox_key key = { D, row.number };
	ck_assert_int_eq(db_world_ask(&w, DB_OUTBOX_TAKEN, &key, NULL), FINE);
	ck_assert_int_eq(find(D).state, BINDING_VECTORS_SENT);
}
END_TEST

START_TEST(endorsements_are_recorded_once)
{
	struct db_endorsement_in in = { bytes_of("0123456789abcdef0123456789abcdef", 32), D,
		{ "SE-1", 4 }, 1700000000 };

	ck_assert_int_eq(db_world_ask(&w, DB_RECORD_ENDORSEMENT, &in, NULL), FINE);
	in.issued_at++;
	ck_assert_int_eq(db_world_ask(&w, DB_RECORD_ENDORSEMENT, &in, NULL), FINE);
	ck_assert_int_eq(number("SELECT issued_at FROM endorsements"), 1700000000);
}
END_TEST

START_TEST(anchors_are_added_listed_and_removed)
{
	static uint8_t der[DB_DER_MAX];
	struct db_anchor anchor = { .use = 2, .added_at = 77, .der = BYTES(der) }, rows[4];
	struct db_page page = { -1, INT64_MAX };
	struct db_fingerprint key = { BYTES(anchor.fingerprint) };

	memset(anchor.fingerprint, 0xab, sizeof(anchor.fingerprint));
	ck_assert_int_eq(db_world_list(&w, DB_LIST_ANCHORS, &page, rows, sizeof(rows[0]), 4), 0);
	ck_assert_int_eq(db_world_ask(&w, DB_REMOVE_ANCHOR, &key, NULL), NO_ROW);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_ANCHOR, &anchor, NULL), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_ANCHOR, &anchor, NULL), NO_ROW);
	anchor.use = 0;
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_ANCHOR, &anchor, NULL), FINE);
	ck_assert_int_eq(db_world_list(&w, DB_LIST_ANCHORS, &page, rows, sizeof(rows[0]), 4), 2);
	ck_assert_int_eq(rows[0].use, 2);
	ck_assert_int_eq(rows[0].added_at, 77);
	ck_assert_mem_eq(rows[0].fingerprint, anchor.fingerprint, 32);
	ck_assert_uint_eq(rows[0].der.len, sizeof(der));
	ck_assert_int_eq(rows[1].use, 0);
	page.after = rows[0].number;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_ANCHORS, &page, rows, sizeof(rows[0]), 4), 1);
	ck_assert_int_eq(db_world_ask(&w, DB_REMOVE_ANCHOR, &key, NULL), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM trust_anchors"), 0);
}
END_TEST

START_TEST(revocations_are_added_and_listed)
{
	struct db_revocation_in in = { bytes_of("0123456789abcdef0123456789abcdef", 32),
		bytes_of("fedcba9876543210fedcba9876543210", 32), bytes_of("\x01", 1) };
	struct db_revocation rows[2];
	struct db_page page = { -1, 10 };

	ck_assert_int_eq(
		db_world_list(&w, DB_LIST_REVOCATIONS, &page, rows, sizeof(rows[0]), 2), 0);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_REVOCATION, &in, NULL), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_REVOCATION, &in, NULL), NO_ROW);
	in.serial = bytes_of("", 0);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_REVOCATION, &in, NULL), FINE);
	ck_assert_int_eq(
		db_world_list(&w, DB_LIST_REVOCATIONS, &page, rows, sizeof(rows[0]), 2), 2);
	ck_assert_mem_eq(rows[0].issuer_hash, in.issuer_hash.at, 32);
	ck_assert_uint_eq(rows[0].serial.len, 1);
	ck_assert_uint_eq(rows[0].issuer_keys.len, 32);
	ck_assert_uint_eq(rows[1].serial.len, 0);
}
END_TEST

START_TEST(keys_are_put_replaced_and_listed)
{
	struct db_key_in in = { .key_id = bytes_of("0123456789abcdef0123456789abcdef", 32),
		.use = 1,
		.generation = 3,
		.label = { "arpf.sign.3", 11 },
		.certificate = bytes_of("certificate", 11) };
	struct db_key_row rows[2];
	struct db_page page = { -1, 10 };

	ck_assert_int_eq(db_world_list(&w, DB_LIST_KEYS, &page, rows, sizeof(rows[0]), 2), 0);
	ck_assert_int_eq(db_world_ask(&w, DB_PUT_KEY, &in, NULL), FINE);
	in.chain = bytes_of("chain", 5);
	ck_assert_int_eq(db_world_ask(&w, DB_PUT_KEY, &in, NULL), FINE);
	ck_assert_int_eq(db_world_list(&w, DB_LIST_KEYS, &page, rows, sizeof(rows[0]), 2), 1);
	ck_assert_mem_eq(rows[0].key_id, in.key_id.at, 32);
	ck_assert_int_eq(rows[0].generation, 3);
	ck_assert_str_eq(rows[0].label, "arpf.sign.3");
	ck_assert(!rows[0].retired);
	ck_assert_uint_eq(rows[0].certificate.len, 11);
	ck_assert_uint_eq(rows[0].chain.len, 5);
}
END_TEST

START_TEST(pools_do_not_overlap)
{
	struct db_pool_in in = { 26201, 5, I, I + 99 };
	struct db_pool rows[3];
	struct db_page page = { -1, 10 };

	ck_assert_int_eq(db_world_list(&w, DB_LIST_POOLS, &page, rows, sizeof(rows[0]), 3), 0);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_POOL, &in, NULL), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_POOL, &in, NULL), CONFLICT);
	in.first = I + 99;
	in.last = I + 200;
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_POOL, &in, NULL), CONFLICT);
	in.first = I + 100;
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_POOL, &in, NULL), FINE);
	ck_assert_int_eq(db_world_list(&w, DB_LIST_POOLS, &page, rows, sizeof(rows[0]), 3), 2);
	ck_assert_int_eq(rows[1].first, I + 100);
	ck_assert_int_eq(rows[1].next, I + 100);
	ck_assert_int_eq(rows[1].plmn, 26201);
	ck_assert_int_eq(rows[1].plmn_digits, 5);
}
END_TEST

/* Lease, use, release: what the pool says is leased, used and resting. */
START_TEST(a_pool_counts_its_numbers)
{
	struct db_pool_in in = { 26201, 5, I, I + 99 };
	struct db_lease_in lease = { bytes_of("0123456789abcdef", 16), 40, 30, 26201, 5 };
	struct db_lease rows[2];
	struct db_pool pool;
	struct db_binding b;
	struct db_page page = { -1, 1 };

	ck_assert_int_eq(db_world_ask(&w, DB_ADD_POOL, &in, NULL), FINE);
	lease.plmn = 26202;
	ck_assert_int_eq(db_world_list(&w, DB_LEASE_BLOCK, &lease, rows, sizeof(rows[0]), 2), 0);
	lease.plmn = 26201;
	ck_assert_int_eq(db_world_list(&w, DB_LEASE_BLOCK, &lease, rows, sizeof(rows[0]), 2), 1);
	ck_assert_int_eq(rows[0].first, I);
	ck_assert_int_eq(rows[0].last, I + 39);
	ck_assert(!rows[0].is_adopted && !rows[0].is_rested);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(bind(D + i, I + i), FINE);
	ck_assert_int_eq(release(D, FAR_AWAY, &b), FINE);
	ck_assert_int_eq(db_world_list(&w, DB_LIST_POOLS, &page, &pool, sizeof(pool), 1), 1);
	ck_assert_int_eq(pool.next, I + 40);
	ck_assert_int_eq(pool.leased, 37);
	ck_assert_int_eq(pool.used, 2);
	ck_assert_int_eq(pool.quarantined, 1);
	struct db_imsi used[4];
	struct db_range range = { I, I + 39 };
	ck_assert_int_eq(db_world_list(&w, DB_LIST_USED, &range, used, sizeof(used[0]), 4), 3);
	ck_assert_int_eq(used[0].imsi, I);
	ck_assert_int_eq(used[2].imsi, I + 2);
	struct db_owner owner = { lease.owner, 30 };
	ck_assert_int_eq(db_world_list(&w, DB_RENEW_LEASES, &owner, rows, sizeof(rows[0]), 2), 1);
	struct db_lease_key key = { lease.owner, I };
	ck_assert_int_eq(db_world_ask(&w, DB_END_LEASE, &key, NULL), FINE);
	ck_assert_int_eq(db_world_list(&w, DB_RENEW_LEASES, &owner, rows, sizeof(rows[0]), 2), 0);
	ck_assert_int_eq(db_world_ask(&w, DB_GIVE_BACK_LEASES, &owner, NULL), FINE);
}
END_TEST

START_TEST(status_says_the_version)
{
	struct db_status status;
	struct db_page page = { 0 };
	int64_t began = clock_unix();

	ck_assert_int_eq(db_world_ask(&w, DB_STATUS, &page, &status), FINE);
	ck_assert_int_eq(status.schema_version, db_schema_version());
	ck_assert_int_eq(status.outbox_waiting, 0);
	ck_assert_int_ge(status.server_time, began);
	ck_assert_int_le(status.server_time, clock_unix() + 1);
}
END_TEST

/* The oldest request goes first whatever its statement, and each gets its own answer. */
START_TEST(statements_of_all_kinds_at_once)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SAMPLES; i++) {
		static const enum db_statement mixed[] = { DB_BIND, DB_FIND_BINDING,
			DB_SEND_VECTORS, DB_DROP_PAIR };

		db_sample_make(&samples[i], D + i / 4, I + i);
		samples[i].count = &count;
		db_sample_submit_patiently(&samples[i], w.db, mixed[i % 4]);
	}
	ck_assert(db_world_run(&w, &count, SAMPLES, WITHIN));
	for (unsigned i = 0; i < SAMPLES; i++)
		ck_assert(samples[i].outcome == FINE || samples[i].outcome == NO_ROW);
	for (unsigned i = 0; i < SAMPLES; i += 4)
		ck_assert_int_eq(samples[i].outcome, FINE);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_kept_pair_is_sent_the_newest_counts_and_it_is_dropped,
		what_is_owed_is_delivered_in_order,
		a_pair_that_was_taken_moves_the_binding,
		endorsements_are_recorded_once,
		anchors_are_added_listed_and_removed,
		revocations_are_added_and_listed,
		keys_are_put_replaced_and_listed,
		pools_do_not_overlap,
		a_pool_counts_its_numbers,
		status_says_the_version,
		statements_of_all_kinds_at_once,
	};
	struct db_suite suite = {
		.name = "db_statements",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

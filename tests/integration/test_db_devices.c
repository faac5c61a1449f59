/* Headless devices, the sweep, and the server's identities against a real PostgreSQL. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/db_case.h"

#define I     262010000000000 /* IMSIs begin here */
#define OWNER 262010000009999

/* A device, and what one addition of it makes. */
static struct db_headless_in device_in(uint8_t device, uint8_t addition, int64_t imsi)
{
	static const uint8_t sealed[8] = "sealed";
	struct db_headless_in in = {
		.imsi = imsi,
		.owner = OWNER,
		.issued_at = 1700000000,
		.not_after = 4000000000,
		.owner_version = 3,
		.device_id = { "meter-1", 7 },
		.manufacturer = { "Maker", 5 },
		.model = { "M", 1 },
		.sealed = bytes_of(sealed + addition % 4, 3),
	};

	memset(in.device_hash, device, sizeof(in.device_hash));
	memset(in.spki_hash, device ^ 0x80, sizeof(in.spki_hash));
	memset(in.access_id, addition, sizeof(in.access_id));
	memset(in.n1, addition ^ 1, sizeof(in.n1));
	memset(in.n2, addition ^ 2, sizeof(in.n2));
	return in;
}

static enum outcome add(uint8_t device, uint8_t addition, int64_t imsi)
{
	struct db_headless_in in = device_in(device, addition, imsi);

	return db_world_ask(&w, DB_ADD_HEADLESS, &in, NULL);
}

static struct db_headless find(uint8_t device)
{
	struct db_device_hash key;
	struct db_headless h;

	memset(&h, 0xee, sizeof(h));
	memset(key.device_hash, device, sizeof(key.device_hash));
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_HEADLESS, &key, &h), FINE);
	return h;
}

START_TEST(a_device_is_added_and_found)
{
	struct db_device_hash key = { { 0 } };
	struct db_headless h;
	struct db_credential c;
	struct db_access a;

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_HEADLESS, &key, &h), NO_ROW);
	ck_assert_int_eq(add(1, 10, I), FINE);
	h = find(1);
	ck_assert_int_eq(h.imsi, I);
	ck_assert_int_eq(h.owner, OWNER);
	ck_assert_int_eq(h.issued_at, 1700000000);
	ck_assert_int_eq(h.not_after, 4000000000);
	ck_assert_int_eq(h.owner_version, 3);
	ck_assert_int_eq(h.credential_state, CREDENTIAL_IS_ACTIVE);
	ck_assert_uint_eq(h.spki_hash[31], 0x81);
	ck_assert_uint_eq(h.access_id[15], 10);
	ck_assert_uint_eq(h.n1[15], 11);
	ck_assert_uint_eq(h.n2[15], 8);
	ck_assert_int_eq(
		db_world_ask(&w, DB_FIND_ACCESS_ID_BY_IMSI, &(struct db_imsi){ I }, &a), FINE);
	ck_assert_int_eq(a.state, ACCESS_CONFIRMED);
	ck_assert_int_eq(a.kind, CREDENTIAL_HEADLESS);
	ck_assert_int_eq(a.owner, OWNER);
	ck_assert_str_eq(a.device_id, "meter-1");
	ck_assert_uint_eq(a.access_id[0], 10);
	ck_assert_uint_eq(a.b.len, 0);
	ck_assert_uint_eq(a.kdm.len, 0);
	ck_assert_int_eq(db_world_ask(&w, DB_ADVANCE_SQN, &(struct db_imsi){ I }, &c), FINE);
	ck_assert_int_eq(c.kind, CREDENTIAL_HEADLESS);
	ck_assert_int_eq(c.owner, OWNER);
	ck_assert_int_eq(c.not_after, 4000000000);
	ck_assert_int_eq(c.sqn, 33);
	ck_assert_uint_eq(c.sealed.len, 3);
	run("UPDATE credentials SET not_after = 1");
	ck_assert_int_eq(find(1).credential_state, CREDENTIAL_IS_OVERDUE);
	run("UPDATE credentials SET state = 4");
	ck_assert_int_eq(find(1).credential_state, CREDENTIAL_IS_REVOKED);
}
END_TEST

START_TEST(a_device_that_is_there_is_left_alone)
{
	struct db_headless_in rows[2] = { device_in(7, 70, I + 7), device_in(7, 71, I + 8) };
	enum outcome outcomes[2];

	ck_assert_int_eq(add(1, 10, I), FINE);
	ck_assert_int_eq(add(1, 11, I + 1), NO_ROW);
	ck_assert_int_eq(add(1, 10, I), FINE); /* its answer was lost */
	ck_assert_int_eq(find(1).imsi, I);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM access_ids"), 1);
	for (int state = 0; state <= 4; state++) {
		char sql[80];

		snprintf(sql, sizeof(sql), "UPDATE credentials SET state = %d", state);
		run(sql);
		ck_assert_int_eq(add(1, 11, I + 1), NO_ROW);
	}
	db_world_ask_many(&w, DB_ADD_HEADLESS, 2, rows, sizeof(rows[0]), NULL, 0, outcomes);
	ck_assert_int_eq(outcomes[0], FINE);
	ck_assert_int_eq(outcomes[1], NO_ROW);
	ck_assert_int_eq(find(7).imsi, I + 7);
}
END_TEST

START_TEST(a_taken_imsi_leaves_no_device_behind)
{
	ck_assert_int_eq(add(1, 10, I), FINE);
	ck_assert_int_eq(add(2, 20, I), CONFLICT);
	ck_assert_int_eq(add(2, 10, I + 1), CONFLICT); /* the Access ID */
	ck_assert_int_eq(number("SELECT count(*) FROM headless_devices"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM access_ids"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), 1);
}
END_TEST

START_TEST(a_device_whose_credential_is_destroyed_comes_again)
{
	ck_assert_int_eq(add(1, 10, I), FINE);
	run("UPDATE credentials SET state = 5, sealed = ''");
	ck_assert_int_eq(find(1).credential_state, CREDENTIAL_IS_DESTROYED);
	ck_assert_int_eq(add(1, 11, I), CONFLICT); /* the record is still there */
	ck_assert_int_eq(find(1).access_id[0], 10);
	ck_assert_int_eq(add(1, 11, I + 1), FINE);
	ck_assert_int_eq(find(1).imsi, I + 1);
	ck_assert_int_eq(find(1).access_id[0], 11);
	ck_assert_int_eq(find(1).credential_state, CREDENTIAL_IS_ACTIVE);
	/* Its IMSI was destroyed, has rested and is another's: the device is free. */
	run("UPDATE credentials SET state = 5, sealed = '' WHERE imsi = 262010000000001");
	struct db_subscriber_in in = { I + 1, bytes_of("other", 5) };
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_SUBSCRIBER, &in, NULL), FINE);
	ck_assert_int_eq(find(1).credential_state, CREDENTIAL_IS_DESTROYED);
	ck_assert_int_eq(add(1, 12, I + 2), FINE);
	ck_assert_int_eq(find(1).imsi, I + 2);
}
END_TEST

static struct db_swept sweep(int64_t limit, int64_t keep_s)
{
	struct db_sweep_in in = { limit, keep_s };
	struct db_swept swept;

	ck_assert_int_eq(db_world_ask(&w, DB_SWEEP, &in, &swept), FINE);
	return swept;
}

static void add_access_ids(int count, int state, const char *expires_at)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
		"INSERT INTO access_ids SELECT decode(md5(%d || '-' || g), 'hex'), 0, 0, 0,"
		" floor(extract(epoch FROM now())) + %s, %d, 0, 2, 'd', 'b', 'kdm', 'sealed'"
		" FROM generate_series(1, %d) g",
		state, expires_at, state, count);
	run(sql);
}

START_TEST(a_sweep_empties_what_is_over)
{
	struct db_swept swept = sweep(100, 60);

	ck_assert_int_eq(swept.access_ids, 0);
	ck_assert_int_eq(swept.sessions, 0);
	add_access_ids(5, ACCESS_PENDING, "0");
	add_access_ids(4, ACCESS_CONFIRMED, "-10");
	add_access_ids(3, ACCESS_REVOKED, "100");
	run("UPDATE access_ids SET state = 0 WHERE state = 2"); /* three that still wait */
	swept = sweep(4, 60);
	ck_assert_int_eq(swept.access_ids, 4);
	swept = sweep(100, 60);
	ck_assert_int_eq(swept.access_ids, 5);
	ck_assert_int_eq(sweep(100, 60).access_ids, 0);
	char *text = postgres_world_text(postgres, "SELECT string_agg(format('%s %s %s', state, "
						   "count, rest), ', ' ORDER BY state) FROM"
						   " (SELECT state, count(*), min(encode(b || kdm "
						   "|| sealed, 'escape')) AS rest FROM access_ids"
						   "  GROUP BY state) s");
	ck_assert_str_eq(text, "0 3 bkdmsealed, 1 4 b, 3 5 ");
	free(text);
	/* Known as expired for a while, then forgotten. */
	run("UPDATE access_ids SET expires_at = expires_at - 59 WHERE state = 3");
	run("UPDATE access_ids SET expires_at = expires_at - 100 WHERE state = 1");
	ck_assert_int_eq(sweep(100, 3600).access_ids, 0);
	run("UPDATE access_ids SET expires_at = expires_at - 1 WHERE state = 3");
	ck_assert_int_eq(sweep(2, 60).access_ids, 2);
	ck_assert_int_eq(sweep(100, 60).access_ids, 3);
	ck_assert_int_eq(number("SELECT count(*) FROM access_ids"), 7);
}
END_TEST

START_TEST(a_sweep_ends_sessions)
{
	run("INSERT INTO companion_sessions SELECT g, 0, floor(extract(epoch FROM now())) + g - 6,"
	    " 'a' || g, 'secret' FROM generate_series(1, 100) g");
	ck_assert_int_eq(sweep(4, 3600).sessions, 4);
	ck_assert_int_ge(sweep(4, 3600).sessions, 2);
	ck_assert_int_ge(number("SELECT count(*) FROM companion_sessions WHERE kept = ''"), 6);
	ck_assert_int_eq(number("SELECT count(*) FROM companion_sessions"), 100);
	ck_assert_int_eq(number("SELECT max(imsi) FROM companion_sessions WHERE kept = ''") -
				 number("SELECT count(*) FROM companion_sessions WHERE kept = ''"),
		0);
	run("UPDATE companion_sessions SET expires_at = expires_at - 3600 WHERE imsi < 4");
	ck_assert_int_ge(sweep(100, 3600).sessions, 3);
	ck_assert_int_eq(number("SELECT count(*) FROM companion_sessions"), 97);
}
END_TEST

static unsigned ended;

static void on_swept(struct db_request *request, enum outcome outcome)
{
	if (db_world_again(w.db, request, outcome))
		return;
	ck_assert_int_eq(outcome, FINE);
	ended++;
}

/* Several servers at once: each row is swept by one. */
START_TEST(sweeps_do_not_meet)
{
	enum { SWEEPS = 6 };
	struct db_sweep_in in = { 1000, 60 };
	struct db_request requests[SWEEPS];
	struct db_swept swept[SWEEPS];
	int64_t total = 0;

	add_access_ids(3000, ACCESS_PENDING, "0");
	ended = 0;
	for (int i = 0; i < SWEEPS; i++) {
		requests[i] = (struct db_request){
			.statement = DB_SWEEP,
			.row = &in,
			.result = &swept[i],
			.deadline_ms = clock_ms() + DB_WORLD_PATIENCE_MS,
			.done = on_swept,
		};
		db_submit(w.db, &requests[i]);
	}
	ck_assert(db_world_run(&w, &ended, SWEEPS, 2 * DB_WORLD_PATIENCE_MS));
	for (int i = 0; i < SWEEPS; i++)
		total += swept[i].access_ids;
	total += sweep(10000, 60).access_ids;
	ck_assert_int_eq(total, 3000);
	ck_assert_int_eq(number("SELECT count(*) FROM access_ids WHERE state = 3"), 3000);
}
END_TEST

START_TEST(identities_are_listed)
{
	struct db_page page = { -1, 10 };
	struct db_ibs_identity rows[3];

	ck_assert_int_eq(
		db_world_list(&w, DB_LIST_IBS_IDENTITIES, &page, rows, sizeof(rows[0]), 3), 0);
	run("INSERT INTO ibs_identities (id, created_at, not_before, not_after, kek_generation, "
	    "kpak,"
	    " pvt, wrapped_ssk) SELECT 'arpf.example ' || g, g, g + 10, g + 20, g + 30,"
	    " decode(repeat('a' || g, 65), 'hex'), decode(repeat('b' || g, 65), 'hex'),"
	    " decode(repeat('c' || g, 40), 'hex') FROM generate_series(1, 2) g");
	ck_assert_int_eq(
		db_world_list(&w, DB_LIST_IBS_IDENTITIES, &page, rows, sizeof(rows[0]), 3), 2);
	ck_assert_str_eq(rows[1].id, "arpf.example 2");
	ck_assert_int_eq(rows[1].created_at, 2);
	ck_assert_int_eq(rows[1].not_before, 12);
	ck_assert_int_eq(rows[1].not_after, 22);
	ck_assert_int_eq(rows[1].kek_generation, 32);
	ck_assert_uint_eq(rows[1].kpak[64], 0xa2);
	ck_assert_uint_eq(rows[1].pvt[64], 0xb2);
	ck_assert_uint_eq(rows[1].wrapped_ssk[39], 0xc2);
	page.after = rows[0].number;
	ck_assert_int_eq(
		db_world_list(&w, DB_LIST_IBS_IDENTITIES, &page, rows, sizeof(rows[0]), 3), 1);
	ck_assert_str_eq(rows[0].id, "arpf.example 2");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_device_is_added_and_found,
		a_device_that_is_there_is_left_alone,
		a_taken_imsi_leaves_no_device_behind,
		a_device_whose_credential_is_destroyed_comes_again,
		a_sweep_empties_what_is_over,
		a_sweep_ends_sessions,
		sweeps_do_not_meet,
		identities_are_listed,
	};
	struct db_suite suite = {
		.name = "db_devices",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

/* What each statement leaves in the audit trail, in its own commit, against a real PostgreSQL. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "db/ibs_store.h"
#include "db/keys_store.h"
#include "tests/integration/db_case.h"

#define D     900010000000000 /* dIMSIs begin here */
#define I     262010000000000 /* and IMSIs here */
#define WHO   "ausf:ausf.example"
#define LATER INT64_C(4000000000)

static enum outcome ask_as(
	const char *actor, enum db_statement statement, const void *row, void *result)
{
	w.actor = actor;
	return db_world_ask(&w, statement, row, result);
}

/* The events since the last call, as "action/outcome/subject/related/actor/detail" lines. */
static char *events(void)
{
	static int64_t after;
	char sql[400];
	static char *text;

	if (number("SELECT count(*) FROM audit_events") == 0)
		after = 0;
	snprintf(sql, sizeof(sql),
		"SELECT coalesce(string_agg(concat_ws('/', action, outcome, subject, related, "
		"actor,"
		" detail), E'\\n' ORDER BY xid, number), '') FROM audit_events WHERE xid > %lld",
		(long long)after);
	free(text);
	text = postgres_world_text(postgres, sql);
	ck_assert_ptr_nonnull(text);
	after = number("SELECT coalesce(max(xid), 0) FROM audit_events");
	return text;
}

/* Done as WHO it leaves these events, done again none, and done where there is no trail none. */
static void assert_events(enum db_statement statement, const void *row, void *result,
	enum outcome again, const char *expected)
{
	ck_assert_int_eq(ask_as(WHO, statement, row, result), FINE);
	ck_assert_str_eq(events(), expected);
	ck_assert_int_eq(ask_as(WHO, statement, row, result), again);
	ck_assert_str_eq(events(), "");
}

static struct db_sample sample;

START_TEST(bindings_leave_events)
{
	struct db_pair pair;
	struct db_binding b;
	struct db_dimsi dimsi = { D };
	struct db_auth_event_in good = { .imsi = I, .success = true, .ek_lifetime_s = 100 };
	struct db_auth_event_in bad = { .imsi = I };
	struct db_release_in release = { .dimsi = D, .quarantine_until = LATER };

	events();
	db_sample_make(&sample, D, I);
	assert_events(DB_BIND, &sample.in, NULL, FINE,
		"10/0/900010000000000/262010000000000/" WHO "/SE-900010000000000");
	assert_events(DB_SEND_VECTORS, &dimsi, &pair, FINE,
		"12/0/900010000000000/262010000000000/" WHO "/");
	ck_assert_int_eq(ask_as(WHO, DB_RECORD_AUTH_EVENT, &bad, NULL), FINE);
	ck_assert_str_eq(events(), "");
	assert_events(DB_RECORD_AUTH_EVENT, &good, NULL, FINE,
		"13/0/900010000000000/262010000000000/" WHO "/");
	assert_events(DB_RELEASE, &release, &b, FINE,
		"11/0/900010000000000/262010000000000/" WHO "/SE-900010000000000");
	db_sample_make(&sample, D, I + 1);
	assert_events(DB_BIND_AND_HAND_OVER, &sample.in, NULL, FINE,
		"10/0/900010000000000/262010000000001/" WHO "/SE-900010000000000");
	struct db_outbox_row owed;

	ck_assert_int_eq(db_world_list(&w, DB_LIST_OUTBOX, &(struct db_outbox_claim){ 10, 10 },
				 &owed, sizeof(owed), 1),
		1);
	struct db_outbox_key taken = { D, owed.number };

	assert_events(DB_OUTBOX_TAKEN, &taken, NULL, FINE,
		"12/0/900010000000000/262010000000001/" WHO "/");
	release.d_ausf_uri = (struct db_text){ "https://d-ausf.example", 22 };
	assert_events(DB_RELEASE_AND_HAND_OVER, &release, &b, FINE,
		"11/0/900010000000000/262010000000001/" WHO "/SE-900010000000000");
}
END_TEST

START_TEST(pairs_and_endorsements_leave_events)
{
	static const uint8_t hash[32] = { 7 }, output[16];
	struct db_pair_in pair = { D, I, BYTES(output), BYTES(output) };
	struct db_dimsi dimsi = { D };
	struct db_endorsement_in e = { BYTES(hash), D, { "SE-9", 4 }, 1700000000 };

	events();
	ck_assert_int_eq(ask_as(WHO, DB_KEEP_PAIR, &pair, NULL), FINE);
	ck_assert_str_eq(events(), "15/0/900010000000000/262010000000000/" WHO "/");
	assert_events(DB_DROP_PAIR, &dimsi, NULL, NO_ROW,
		"16/0/900010000000000/262010000000000/" WHO "/");
	assert_events(DB_RECORD_ENDORSEMENT, &e, NULL, FINE, "14/0/900010000000000/0/" WHO "/SE-9");
}
END_TEST

START_TEST(companions_leave_events)
{
	static const uint8_t b[4] = { 1, 2, 3, 4 }, kept[63] = { 9 }, sealed[8] = { 5 };
	struct db_session_in session = { { "akid", 4 }, I, BYTES(kept), 3600 };
	struct db_imsi imsi = { I };
	struct db_access_in access = { .owner = I,
		.device_id = { "watch-1", 7 },
		.b = BYTES(b),
		.kdm = BYTES(kept),
		.sealed = BYTES(sealed),
		.confirmation_s = 600 };
	struct db_confirm_in confirm = { .imsi = I + 1 };
	struct db_headless_in headless = { .imsi = I + 2,
		.owner = I,
		.not_after = LATER,
		.device_id = { "meter-1", 7 },
		.manufacturer = { "M", 1 },
		.model = { "M", 1 },
		.sealed = BYTES(sealed) };
	struct db_wrong_mac_in wrong = { .most = 2 };
	struct db_access a;

	events();
	memset(access.access_id, 0xaa, 16);
	memset(confirm.access_id, 0xaa, 16);
	memset(headless.access_id, 0xbb, 16);
	memset(headless.device_hash, 0xcc, 32);
	ck_assert_int_eq(ask_as(WHO, DB_PUT_SESSION, &session, NULL), FINE);
	ck_assert_str_eq(events(), "20/0/262010000000000/0/" WHO "/");
	assert_events(DB_REMOVE_SESSION, &imsi, NULL, NO_ROW, "21/0/262010000000000/0/" WHO "/");
	assert_events(
		DB_ADD_ACCESS_ID, &access, NULL, FINE, "22/0/0/262010000000000/" WHO "/watch-1");
	assert_events(DB_CONFIRM_ACCESS_ID, &confirm, NULL, FINE,
		"23/0/262010000000001/262010000000000/" WHO "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_events(DB_ADD_HEADLESS, &headless, NULL, FINE,
		"25/0/262010000000002/262010000000000/" WHO "/meter-1");
	memset(access.access_id, 0xdd, 16);
	memset(wrong.access_id, 0xdd, 16);
	ck_assert_int_eq(ask_as(WHO, DB_ADD_ACCESS_ID, &access, NULL), FINE);
	events();
	ck_assert_int_eq(ask_as(WHO, DB_COUNT_WRONG_MAC, &wrong, &a), FINE);
	ck_assert_str_eq(events(), ""); /* not the last try */
	assert_events(DB_COUNT_WRONG_MAC, &wrong, &a, FINE,
		"24/10/0/262010000000000/" WHO "/dddddddddddddddddddddddddddddddd");
}
END_TEST

START_TEST(administration_leaves_events)
{
	static const uint8_t der[4] = { 1 }, sealed[8] = { 5 }, key_id[32] = { 0x11 };
	static const uint8_t issuer[32] = { 0x22 }, serial[2] = { 0x01, 0xff };
	struct db_anchor anchor = { .use = 1, .der = BYTES(der) };
	struct db_fingerprint fingerprint = { BYTES(anchor.fingerprint) };
	struct db_revocation_in revocation = { BYTES(issuer), BYTES(key_id), BYTES(serial) };
	struct db_pool_in pool = { 26201, 5, I, I + 99 };
	struct db_key_in key = { BYTES(key_id), 1, 4, { "arpf.sign.4", 11 }, BYTES(der),
		BYTES(der) };
	struct db_subscriber_in subscriber = { I, BYTES(sealed), 0 };
	struct db_subscriber stored;

	events();
	memset(anchor.fingerprint, 0xf0, 32);
	assert_events(DB_ADD_ANCHOR, &anchor, NULL, NO_ROW,
		"60/0/0/1/" WHO
		"/f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0");
	anchor.use = 2;
	ck_assert_int_eq(ask_as(NULL, DB_ADD_ANCHOR, &anchor, NULL), FINE);
	assert_events(DB_REMOVE_ANCHOR, &fingerprint, NULL, NO_ROW,
		"61/0/0/1/" WHO
		"/f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0\n"
		"61/0/0/2/" WHO
		"/f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0");
	assert_events(DB_ADD_REVOCATION, &revocation, NULL, NO_ROW,
		"62/0/0/0/" WHO
		"/01ff of 2200000000000000000000000000000000000000000000000000000000000000"
		" key 1100000000000000000000000000000000000000000000000000000000000000");
	assert_events(DB_ADD_POOL, &pool, NULL, CONFLICT,
		"64/0/262010000000000/262010000000099/" WHO "/");
	ck_assert_int_eq(ask_as(WHO, DB_PUT_KEY, &key, NULL), FINE);
	ck_assert_str_eq(events(),
		"65/0/0/4/" WHO
		"/arpf.sign.4 1100000000000000000000000000000000000000000000000000000000000000");
	assert_events(
		DB_ADD_SUBSCRIBER, &subscriber, &stored, FINE, "40/0/262010000000000/1/" WHO "/");
	/* A record that was destroyed is written over: another subscriber. */
	run("UPDATE credentials SET state = 5, sealed = ''");
	assert_events(
		DB_ADD_SUBSCRIBER, &subscriber, &stored, FINE, "40/0/262010000000000/1/" WHO "/");
}
END_TEST

START_TEST(tools_leave_events)
{
	static const uint8_t der[4] = { 1 }, one[32] = { 0x11 }, two[32] = { 0x12 };
	const char *conninfo = postgres_world_conninfo(postgres);
	struct db_key_in keys[] = {
		{ BYTES(one), 1, 1, { "arpf.sign.1", 11 }, BYTES(der), { 0 } },
		{ BYTES(two), 1, 2, { "arpf.sign.2", 11 }, BYTES(der), { 0 } },
	};
	static const char *const made[] = { "arpf.kek.2 12ab", "arpf.session.1 34cd" };
	struct db_ibs_kms kms = { .kpak = { 4 }, .kek_generation = 1 };
	struct db_ibs_identity identity = { .not_before = 1, .not_after = 2, .id = "2026-01 a" };

	events();
	ck_assert_int_eq(db_store_keys(conninfo, "arpfctl:uid=0", keys, 2), FINE);
	ck_assert_str_eq(events(),
		"65/0/0/0/arpfctl:uid=0/arpf.sign.1 "
		"1100000000000000000000000000000000000000000000000000000000000000\n"
		"65/0/0/0/arpfctl:uid=0/arpf.sign.2 "
		"1200000000000000000000000000000000000000000000000000000000000000");
	ck_assert_int_eq(db_retire_key(conninfo, "arpfctl:uid=0", BYTES(two)), CONFLICT);
	ck_assert_str_eq(events(), "");
	ck_assert_int_eq(db_retire_key(conninfo, "arpfctl:uid=0", BYTES(one)), FINE);
	ck_assert_str_eq(events(),
		"68/0/0/0/arpfctl:uid=0/"
		"1100000000000000000000000000000000000000000000000000000000000000");
	ck_assert_int_eq(number("SELECT count(*) FROM arpf_keys WHERE retired"), 1);
	ck_assert_int_eq(db_record_made_keys(conninfo, "arpfctl:uid=0", made, 2), FINE);
	ck_assert_str_eq(events(), "67/0/0/0/arpfctl:uid=0/arpf.kek.2 "
				   "12ab\n67/0/0/0/arpfctl:uid=0/arpf.session.1 34cd");
	ck_assert_int_eq(db_can_record(conninfo), FINE);
	ck_assert_int_eq(db_tell_of_keys(conninfo), FINE);
	ck_assert_str_eq(events(), "");
	ck_assert_int_eq(db_store_ibs_kms(conninfo, "arpfctl:uid=0", &kms), FINE);
	ck_assert_str_eq(events(),
		"67/0/0/0/arpfctl:uid=0/ibs kms 04"
		"0000000000000000000000000000000000000000000000000000000000000000"
		"0000000000000000000000000000000000000000000000000000000000000000");
	ck_assert_int_eq(db_store_ibs_kms(conninfo, "arpfctl:uid=0", &kms), CONFLICT);
	ck_assert_int_eq(db_store_ibs_identity(conninfo, "arpfctl:uid=0", &identity), FINE);
	ck_assert_str_eq(events(), "66/0/0/0/arpfctl:uid=0/2026-01 a");
	ck_assert_int_eq(db_store_ibs_identity(conninfo, "arpfctl:uid=0", &identity), CONFLICT);
	ck_assert_str_eq(events(), "");
	identity.id[0] = '3';
	ck_assert_int_eq(db_store_ibs_identity(conninfo, NULL, &identity), FINE);
	ck_assert_int_eq(db_store_keys(conninfo, NULL, keys, 2), FINE);
	ck_assert_int_eq(db_record_made_keys(conninfo, NULL, made, 2), FINE);
	ck_assert_str_eq(events(), "");
	run("ALTER TABLE audit_events RENAME TO audit_events_gone");
	ck_assert_int_eq(db_can_record(conninfo), DATABASE_UNAVAILABLE);
	ck_assert_int_eq(
		db_record_made_keys(conninfo, "arpfctl:uid=0", made, 2), DATABASE_UNAVAILABLE);
	run("ALTER TABLE audit_events_gone RENAME TO audit_events");
}
END_TEST

START_TEST(what_fails_leaves_none)
{
	struct db_pair pair;

	db_sample_make(&sample, D, I);
	ck_assert_int_eq(ask_as(NULL, DB_BIND, &sample.in, NULL), FINE); /* there is no trail */
	ck_assert_int_eq(ask_as(NULL, DB_SEND_VECTORS, &(struct db_dimsi){ D }, &pair), FINE);
	db_sample_make(&sample, D, I + 1);
	ck_assert_int_eq(ask_as(WHO, DB_BIND, &sample.in, NULL), NO_ROW);
	db_sample_make(&sample, D + 1, I);
	ck_assert_int_eq(ask_as(WHO, DB_BIND, &sample.in, NULL), CONFLICT);
	ck_assert_int_eq(ask_as(WHO, DB_SEND_VECTORS, &(struct db_dimsi){ D + 7 }, &pair), NO_ROW);
	ck_assert_int_eq(ask_as(WHO, DB_DROP_PAIR, &(struct db_dimsi){ D }, NULL), NO_ROW);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events"), 0);
}
END_TEST

START_TEST(an_event_of_no_statement_s_own_is_recorded)
{
	struct db_event_in in = { .action = AUDIT_REFUSED,
		.outcome = MAC_INVALID,
		.subject = D,
		.detail = { "some-procedure x", 16 } };

	events();
	ck_assert_int_eq(ask_as(WHO, DB_RECORD_EVENT, &in, NULL), FINE);
	ck_assert_str_eq(events(), "1/10/900010000000000/0/" WHO "/some-procedure x");
	ck_assert_int_eq(ask_as(NULL, DB_RECORD_EVENT, &in, NULL), FINE);
	ck_assert_str_eq(events(), "");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		bindings_leave_events,
		pairs_and_endorsements_leave_events,
		companions_leave_events,
		administration_leaves_events,
		tools_leave_events,
		what_fails_leaves_none,
		an_event_of_no_statement_s_own_is_recorded,
	};
	struct db_suite suite = {
		.name = "db_audit",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

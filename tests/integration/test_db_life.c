/*
 * The life of credentials against a real PostgreSQL: every state × every operation by the table of
 * procedures/credential_life.c, and what goes with a subscription that is revoked or deleted.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/life_case.h"

#define D    199010000000000 /* dIMSIs begin here */
#define I    262010000000000 /* and IMSIs here */
#define REST 1000

/* How a credential in each state looks in its row. */
struct state_case {
	enum credential_state state;
	const char *set;
};
static const struct state_case states[] = {
	{ CREDENTIAL_IS_PRE_ACTIVE, "state = 0" },
	{ CREDENTIAL_IS_ACTIVE, "state = 1" },
	{ CREDENTIAL_IS_SUSPENDED, "state = 2" },
	{ CREDENTIAL_IS_RETIRED, "state = 3" },
	{ CREDENTIAL_IS_RETIRED, "state = 1, retire_at = 5" },
	{ CREDENTIAL_IS_RETIRED, "state = 2, retire_at = 5" },
	{ CREDENTIAL_IS_REVOKED, "state = 4" },
	{ CREDENTIAL_IS_DESTROYED, "state = 5, sealed = ''" },
	{ CREDENTIAL_IS_OVERDUE, "state = 1, not_after = 5" },
};
#define STATES (sizeof(states) / sizeof(states[0]))

static char *row_of(int64_t imsi)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
		"SELECT string_agg(c::text, ' ') FROM credentials c WHERE imsi = %lld",
		(long long)imsi);
	return postgres_world_text(postgres, sql);
}

static void check_one(int64_t imsi, const struct state_case *s, enum credential_operation operation)
{
	struct db_changed changed;
	int after = credential_after(s->state, operation);

	life_add(imsi, s->set);
	char *before = row_of(imsi);
	enum outcome o = operation == OPERATION_REKEY ? life_rekey(imsi, "key 2", 0, &changed)
						      : life_change(imsi, operation, &changed);
	ck_assert_int_eq(o, FINE);
	ck_assert_int_eq(changed.state, s->state);
	ck_assert_msg(changed.is_done == (after >= 0), "%s: %s", s->set,
		credential_operation_name(operation));
	ck_assert_int_eq(changed.version, operation == OPERATION_REKEY && changed.is_done ? 2 : 1);
	char *now = row_of(imsi);
	if (after < 0) {
		ck_assert_str_eq(now, before); /* the record unchanged */
	} else {
		ck_assert_str_ne(now, before);
		ck_assert_int_eq(
			life_state_of(imsi, changed.version), (int)credential_to(operation));
	}
	free(before);
	free(now);
}

START_TEST(every_state_and_every_operation)
{
	int64_t imsi = I;
	unsigned allowed = 0;

	for (size_t s = 0; s < STATES; s++)
		for (unsigned o = 0; o < OPERATION_COUNT; o++) {
			check_one(imsi++, &states[s], (enum credential_operation)o);
			allowed += credential_after(
					   states[s].state, (enum credential_operation)o) >= 0;
		}
	/* suspend 1, resume 1, rekey 2; revoke 7 and delete 8 of the nine rows */
	ck_assert_uint_eq(allowed, 1 + 1 + 2 + 7 + 8);
}
END_TEST

START_TEST(nobody_is_no_row)
{
	struct db_changed changed;

	ck_assert_int_eq(life_change(I, OPERATION_SUSPEND, &changed), NO_ROW);
	ck_assert_int_eq(life_rekey(I, "key", 0, &changed), NO_ROW);
}
END_TEST

/* A batch may be mixed, and may name one subscription twice: each is answered, in turn. */
START_TEST(a_batch_is_each_ones_own)
{
	struct db_change_in rows[5];
	struct db_changed changed[5];
	enum outcome outcomes[5];

	for (int i = 0; i < 3; i++)
		life_add(I + i, NULL);
	rows[0] = life_change_of(I, OPERATION_SUSPEND);
	rows[1] = life_change_of(I + 1, OPERATION_REVOKE);
	rows[2] = life_change_of(I + 9, OPERATION_DELETE);
	rows[3] = life_change_of(I + 2, OPERATION_RESUME);
	rows[4] = life_change_of(I, OPERATION_RESUME);
	db_world_ask_many(&w, DB_CHANGE_STATE, 4, rows, sizeof(rows[0]), changed,
		sizeof(changed[0]), outcomes);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(outcomes[i], i == 2 ? NO_ROW : FINE);
	ck_assert(changed[0].is_done && changed[1].is_done && !changed[3].is_done);
	ck_assert_int_eq(life_state_of(I, 1), CREDENTIAL_IS_SUSPENDED);
	ck_assert_int_eq(life_state_of(I + 1, 1), CREDENTIAL_IS_REVOKED);
	ck_assert_int_eq(life_state_of(I + 2, 1), CREDENTIAL_IS_ACTIVE);
	rows[0] = rows[4];
	rows[1] = life_change_of(I, OPERATION_SUSPEND);
	rows[2] = life_change_of(I, OPERATION_SUSPEND);
	db_world_ask_many(&w, DB_CHANGE_STATE, 3, rows, sizeof(rows[0]), changed,
		sizeof(changed[0]), outcomes);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(outcomes[i], FINE);
	/* In whatever order: it is resumed once, and at most once of twice suspended, after that. */
	int suspended = changed[1].is_done + changed[2].is_done;

	ck_assert(changed[0].is_done);
	ck_assert_int_le(suspended, 1);
	ck_assert_int_eq(life_state_of(I, 1),
		suspended == 1 ? CREDENTIAL_IS_SUSPENDED : CREDENTIAL_IS_ACTIVE);
}
END_TEST

/* A subscription with all that hangs on it: a binding, an Access ID, a companion session, an eUICC. */
static void make_rich(int64_t imsi, int64_t dimsi)
{
	static struct db_sample sample;
	char sql[1500];

	db_sample_make(&sample, dimsi, imsi);
	ck_assert_int_eq(db_world_ask(&w, DB_BIND, &sample.in, NULL), FINE);
	snprintf(sql, sizeof(sql),
		"INSERT INTO access_ids SELECT sha256('%1$lld'), %1$lld, 7, 1, 1, 1, 0, 2, 'dev', "
		"'b',"
		" 'kdm', 'sealed';"
		"INSERT INTO companion_sessions VALUES (%1$lld, 1, 4000000000, '%1$lld@x', 'kept');"
		"INSERT INTO euicc_subscriptions VALUES ('89%1$lld', %1$lld, 1);"
		"INSERT INTO pdu_sessions VALUES ('89%1$lld', sha256('s%1$lld'), '', 1, "
		"4000000000, false);"
		"INSERT INTO credentials (imsi, dimsi, kind, created_at, changed_at, version, "
		"state,"
		" sealed) VALUES (%1$lld, %2$lld, 4, 1, 1, 2, 0, 'waiting')",
		(long long)imsi, (long long)dimsi);
	run(sql);
}

static long long rich_count(const char *table, const char *condition)
{
	char sql[300];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE %s", table, condition);
	return number(sql);
}

static void make_three(void)
{
	run("INSERT INTO imsi_pools VALUES (262010000000000, 262010000000099, 262010000000050, "
	    "26201, 5)");
	for (int i = 0; i < 3; i++)
		make_rich(I + i, D + i);
}

START_TEST(revocation_takes_all_that_hangs_on_it)
{
	struct db_changed changed;

	make_three();
	ck_assert_int_eq(life_change(I + 1, OPERATION_REVOKE, &changed), FINE);
	ck_assert(changed.is_done);
	ck_assert_int_eq(changed.state, CREDENTIAL_IS_ACTIVE);
	ck_assert_int_eq(changed.version, 2);
	ck_assert_int_eq(life_state_of(I + 1, 1), CREDENTIAL_IS_REVOKED);
	ck_assert_int_eq(
		life_state_of(I + 1, 2), CREDENTIAL_IS_REVOKED); /* the waiting one as well */
	ck_assert_int_eq(
		rich_count("bindings", "state = 5 AND output_1 = '' AND output_2 = ''"), 1);
	ck_assert_int_eq(number("SELECT imsi FROM bindings WHERE state = 5"), I + 1);
	ck_assert_int_eq(rich_count("access_ids", "state = 2 AND kdm = '' AND sealed = ''"), 1);
	ck_assert_int_eq(rich_count("companion_sessions", "true"), 2);
	ck_assert_int_eq(rich_count("pdu_sessions", "is_detached"), 1);
	ck_assert_int_eq(rich_count("euicc_subscriptions", "true"), 3);
	ck_assert_int_eq(rich_count("imsi_quarantine", "true"), 0);
	ck_assert_int_eq(rich_count("credentials", "sealed = ''"), 0);
	ck_assert_int_eq(rich_count("outbox", "true"), 0);
	/* Revoked, it may still be deleted; its dIMSI stays revoked. */
	ck_assert_int_eq(life_change(I + 1, OPERATION_DELETE, &changed), FINE);
	ck_assert(changed.is_done);
	ck_assert_int_eq(rich_count("bindings", "state = 5"), 1);
	ck_assert_int_eq(rich_count("access_ids", "state = 4"), 1);
}
END_TEST

START_TEST(deletion_overwrites_keys_and_keeps_the_record)
{
	struct db_changed changed;
	struct db_change_in in = life_change_of(I + 1, OPERATION_DELETE);

	make_three();
	in.d_ausf_uri = (struct db_text){ "https://d.example", 17 };
	ck_assert_int_eq(db_world_ask(&w, DB_CHANGE_STATE, &in, &changed), FINE);
	ck_assert(changed.is_done);
	ck_assert_int_eq(rich_count("credentials", "state = 5 AND sealed = ''"), 2);
	ck_assert_int_eq(rich_count("credentials", "sealed <> ''"), 4);
	ck_assert_int_eq(
		rich_count("bindings", "state = 4 AND output_1 = '' AND output_2 = ''"), 1);
	ck_assert_int_eq(rich_count("access_ids", "state = 4 AND kdm = '' AND sealed = ''"), 1);
	ck_assert_int_eq(rich_count("companion_sessions", "true"), 2);
	ck_assert_int_eq(rich_count("euicc_subscriptions", "true"), 2);
	ck_assert_int_eq(number("SELECT imsi FROM imsi_quarantine"), I + 1);
	ck_assert_int_eq(number("SELECT until FROM imsi_quarantine"), in.quarantine_until);
	ck_assert_int_eq(rich_count("outbox", "kind = 1 AND uri = 'https://d.example'"), 1);
	/* Whom no pool has brought is not given out to others. */
	life_add(I + 1000, NULL);
	ck_assert_int_eq(life_change(I + 1000, OPERATION_DELETE, &changed), FINE);
	ck_assert(changed.is_done);
	ck_assert_int_eq(rich_count("imsi_quarantine", "true"), 1);
}
END_TEST

static int32_t headless_state(const struct db_headless_in *device)
{
	struct db_device_hash ask;
	struct db_headless found = { 0 };

	memcpy(ask.device_hash, device->device_hash, sizeof(ask.device_hash));
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_HEADLESS, &ask, &found), FINE);
	return found.credential_state;
}

/* A headless device that was revoked is not written over by another addition; one that was deleted is. */
START_TEST(a_headless_device)
{
	struct db_headless_in device = { .device_hash = { 1 },
		.access_id = { 2 },
		.imsi = I,
		.owner = I + 50,
		.not_after = 4000000000,
		.device_id = { "d", 1 },
		.manufacturer = { "m", 1 },
		.model = { "o", 1 },
		.sealed = bytes_of_text("key 1") };
	struct db_headless_in again = device;
	struct db_changed changed;

	again.access_id[0] = 3;
	again.imsi = I + 1;
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_HEADLESS, &device, NULL), FINE);
	for (unsigned i = OPERATION_SUSPEND; i <= OPERATION_REVOKE; i++) {
		ck_assert_int_eq(life_change(I, (enum credential_operation)i, &changed), FINE);
		ck_assert(changed.is_done);
		ck_assert_int_eq(
			headless_state(&device), (int)credential_to((enum credential_operation)i));
		ck_assert_int_eq(db_world_ask(&w, DB_ADD_HEADLESS, &again, NULL), NO_ROW);
	}
	ck_assert_int_eq(life_change(I, OPERATION_DELETE, &changed), FINE);
	ck_assert_int_eq(headless_state(&device), CREDENTIAL_IS_DESTROYED);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_HEADLESS, &again, NULL), FINE);
	ck_assert_int_eq(headless_state(&again), CREDENTIAL_IS_ACTIVE);
}
END_TEST

START_TEST(a_deleted_subscriber_may_come_again)
{
	struct db_subscriber_in again = { I, bytes_of_text("key 3") };
	struct db_subscriber there;
	struct db_changed changed;
	struct db_credential c;

	life_add(I, NULL);
	ck_assert_int_eq(life_rekey(I, "key 2", 0, &changed), FINE);
	ck_assert_int_eq(life_change(I, OPERATION_DELETE, &changed), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_CREDENTIAL, &(struct db_imsi){ I }, &c), NO_ROW);
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_SUBSCRIBER, &again, &there), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_CREDENTIAL, &(struct db_imsi){ I }, &c), FINE);
	ck_assert_int_eq(c.state, CREDENTIAL_IS_ACTIVE);
	ck_assert_mem_eq(c.sealed.at, "key 3", 5);
}
END_TEST

static void check_events(const char *expected)
{
	char *text = postgres_world_text(postgres,
		"SELECT string_agg(concat_ws(' ', action, outcome, subject - 262010000000000, "
		"related,"
		" actor, detail), ', ' ORDER BY xid, number) FROM audit_events");

	ck_assert_str_eq(text, expected);
	free(text);
	run("TRUNCATE audit_events");
}

START_TEST(each_leaves_an_event)
{
	struct db_changed changed;

	life_add(I, NULL);
	life_add(I + 1, "not_after = 5");
	w.actor = "admin:a";
	ck_assert_int_eq(life_change(I, OPERATION_SUSPEND, &changed), FINE);
	ck_assert_int_eq(life_change(I, OPERATION_SUSPEND, &changed), FINE);
	ck_assert_int_eq(life_change(I, OPERATION_RESUME, &changed), FINE);
	ck_assert_int_eq(life_rekey(I, "key 2", 100, &changed), FINE);
	ck_assert_int_eq(life_rekey(I, "key 3", 100, &changed), FINE);
	ck_assert_int_eq(life_change(I + 9, OPERATION_RESUME, &changed), NO_ROW);
	check_events("41 0 0 1 admin:a , 48 22 0 1 admin:a suspend, 42 0 0 1 admin:a ,"
		     " 44 0 0 2 admin:a , 48 22 0 1 admin:a rekey, 48 16 9 0 admin:a resume");
	run("UPDATE credentials SET active_at = 5 WHERE active_at <> 0");
	w.actor = "server";
	(void)life_note();
	(void)life_note();
	check_events("46 0 1 1 server , 47 0 0 2 server ");
	ck_assert_int_eq(life_change(I, OPERATION_REVOKE, &changed), FINE);
	ck_assert_int_eq(life_change(I, OPERATION_DELETE, &changed), FINE);
	check_events("43 0 0 2 server , 45 0 0 2 server ");
	w.actor = NULL;
	ck_assert_int_eq(life_change(I + 1, OPERATION_DELETE, &changed), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events"), 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		every_state_and_every_operation,
		nobody_is_no_row,
		a_batch_is_each_ones_own,
		revocation_takes_all_that_hangs_on_it,
		deletion_overwrites_keys_and_keeps_the_record,
		a_headless_device,
		a_deleted_subscriber_may_come_again,
		each_leaves_an_event,
	};
	struct db_suite suite = {
		.name = "db_life",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

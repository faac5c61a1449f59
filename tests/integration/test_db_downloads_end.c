/* How downloads end, by their notification, a later download or the sweep, against a real PostgreSQL. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/integration/download_case.h"
#include "tests/integration/meanwhile.h"

START_TEST(a_profile_takes_over_from_ek)
{
	struct db_release_in release = { .dimsi = D, .quarantine_until = NOT_AFTER };
	struct db_binding b;

	bind_and_attach(D, I);
	ck_assert_int_eq(offer(1, SUPI, I), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(1, SUPI, I + 1, "one"), NO_ROW);
	ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), FINE);
	check_versions(I, "1:1 2:0");
	ck_assert_int_eq(credential_of(I).kind, CREDENTIAL_EK);
	ck_assert_int_eq(state_of_binding(D), BINDING_ATTACHED);
	ck_assert_int_eq(installed(1), FINE);
	check_versions(I, "1:3 2:1");
	ck_assert_int_eq(credential_of(I).kind, CREDENTIAL_PROFILE);
	ck_assert_int_eq(credential_of(I).dimsi, D);
	ck_assert_int_eq(credential_of(I).sqn, 0);
	ck_assert_int_eq(state_of_binding(D), BINDING_PROVISIONED);
	ck_assert_int_eq(
		db_world_ask(&w, DB_FIND_BINDING_BY_IMSI, &(struct db_imsi){ I }, &b), FINE);
	ck_assert_int_eq(b.dimsi, D);
	/* An authentication moves nothing back. */
	struct db_auth_event_in event = { I, true, 3600 };
	ck_assert_int_eq(db_world_ask(&w, DB_RECORD_AUTH_EVENT, &event, NULL), FINE);
	ck_assert_int_eq(state_of_binding(D), BINDING_PROVISIONED);
	ck_assert_int_eq(credential_of(I).retire_at, 0);
	/* The dIMSI is released with both. */
	ck_assert_int_eq(db_world_ask(&w, DB_RELEASE, &release, &b), FINE);
	check_versions(I, "1:5 2:5");
	ck_assert_int_eq(state_of_binding(D), BINDING_RELEASED);
	ck_assert_int_eq(number("SELECT count(*) FROM imsi_quarantine"), 1);
}
END_TEST

/* What happens between the bind and the notification counts. */
START_TEST(an_installation_revives_nothing)
{
	struct db_release_in release = { .dimsi = D, .quarantine_until = NOT_AFTER };
	struct db_binding b;

	bind_and_attach(D, I);
	ck_assert_int_eq(offer(1, SUPI, I), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), FINE);
	run("UPDATE credentials SET state = 2 WHERE version = 1");
	ck_assert_int_eq(installed(1), NO_ROW);
	check_versions(I, "1:2 2:0");
	run("UPDATE credentials SET state = 4 WHERE version = 1");
	ck_assert_int_eq(installed(1), NO_ROW);
	check_versions(I, "1:4 2:0");
	run("UPDATE credentials SET state = 1 WHERE version = 1");
	ck_assert_int_eq(db_world_ask(&w, DB_RELEASE, &release, &b), FINE);
	ck_assert_int_eq(installed(1), NO_ROW);
	check_versions(I, "1:5 2:5");
	/* A failure may be told all the same. */
	ck_assert_int_eq(failed(1), FINE);
	check_versions(I, "1:5 2:5");
	/* Time is over from its second. */
	bind_and_attach(D + 1, I + 1);
	ck_assert_int_eq(offer(2, "imsi-262010000000001", I + 1), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(2, "imsi-262010000000001", I + 1, "one"), FINE);
	run("UPDATE downloads SET expires_at = " NOW);
	ck_assert_int_eq(installed(2), NO_ROW);
	ck_assert_int_eq(failed(2), NO_ROW);
	ck_assert_int_eq(find_download(2).state, DOWNLOAD_OVER);
	ck_assert_uint_eq(find_download(2).kn.len, 0);
	ck_assert_uint_eq(find_download(2).bound.len, 0);
	check_versions(I + 1, "1:1 2:0");
	ck_assert_int_eq(state_of_binding(D + 1), BINDING_ATTACHED);
}
END_TEST

/* Two downloads of one subscription: the last profile's key is the one that waits. */
START_TEST(a_later_download_replaces_the_version_that_waits)
{
	struct db_profile_in rows[2];
	enum outcome outcomes[2];

	bind_and_attach(D, I);
	for (uint8_t id = 1; id <= 4; id++)
		ck_assert_int_eq(offer(id, SUPI, I), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), FINE);
	ck_assert_int_eq(bind_profile(2, SUPI, I, "two"), FINE);
	check_versions(I, "1:1 2:0");
	ck_assert_int_eq(find_download(1).version, 2);
	ck_assert_int_eq(find_download(2).version, 2);
	ck_assert_int_eq(installed(1), NO_ROW);
	ck_assert_int_eq(failed(1), FINE); /* and takes nobody's key away */
	check_versions(I, "1:1 2:0");
	/* In one batch the second has its turn after the first. */
	rows[0] = profile_in(3, SUPI, I, 1, "three");
	rows[1] = profile_in(4, SUPI, I, 1, "four");
	db_world_ask_many(&w, DB_BIND_PROFILE, 2, rows, sizeof(rows[0]), NULL, 0, outcomes);
	ck_assert_int_eq(outcomes[0], FINE);
	ck_assert_int_eq(outcomes[1], NO_ROW);
	ck_assert_int_eq(bind_profile(4, SUPI, I, "four"), FINE);
	check_versions(I, "1:1 2:0");
	ck_assert_int_eq(installed(2), NO_ROW);
	ck_assert_int_eq(installed(3), NO_ROW);
	ck_assert_int_eq(installed(4), FINE);
	check_versions(I, "1:3 2:1");
	ck_assert_mem_eq(credential_of(I).sealed.at, "four", 4);
}
END_TEST

/* A version made by re-keying waits for its download, and goes on waiting where that fails. */
START_TEST(a_rekeyed_version_is_downloaded)
{
	bind_and_attach(D, I);
	run("UPDATE bindings SET state = 3;"
	    "INSERT INTO credentials (imsi, dimsi, version, kind, state, sealed, created_at,"
	    " changed_at, active_at) SELECT imsi, dimsi, 2, 4, 0, 'new', 0, 0, 4000000000"
	    " FROM credentials");
	ck_assert_int_eq(offer(1, SUPI, I), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), FINE);
	check_versions(I, "1:1 2:0");
	ck_assert_int_eq(failed(1), FINE);
	check_versions(I, "1:1 2:0");
	ck_assert_int_eq(offer(2, SUPI, I), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(2, SUPI, I, "two"), FINE);
	/* Activated meanwhile, at the end of the overlap: it is installed none the less. */
	run("UPDATE credentials SET state = 1 WHERE version = 2");
	ck_assert_int_eq(installed(2), FINE);
	check_versions(I, "1:3 2:1");
	ck_assert_mem_eq(credential_of(I).sealed.at, "two", 3);
	/* What has been activated is not replaced, but followed. */
	run("UPDATE bindings SET state = 2");
	ck_assert_int_eq(offer(3, SUPI, I), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(3, SUPI, I, "three"), FINE);
	check_versions(I, "1:3 2:1 3:0");
}
END_TEST

START_TEST(notifications_in_a_batch)
{
	struct db_download_end_in rows[4];
	struct db_download_ended ended[4];
	enum outcome outcomes[4];

	for (int i = 0; i < 2; i++) {
		char supi[32];

		snprintf(supi, sizeof(supi), "imsi-%lld", (long long)(I + i));
		bind_and_attach(D + i, I + i);
		ck_assert_int_eq(offer((uint8_t)i, supi, I + i), DOWNLOAD_MAY);
		ck_assert_int_eq(bind_profile((uint8_t)i, supi, I + i, "key"), FINE);
	}
	for (int i = 0; i < 4; i++) {
		memset(rows[i].id, i % 2, sizeof(rows[i].id));
		rows[i].is_installed = i % 2 == 0;
	}
	rows[3].is_installed = true; /* the opposite of rows[1] */
	db_world_ask_many(
		&w, DB_END_DOWNLOAD, 4, rows, sizeof(rows[0]), ended, sizeof(ended[0]), outcomes);
	ck_assert_int_eq(outcomes[0], FINE);
	ck_assert_int_eq(outcomes[1], FINE);
	ck_assert_int_eq(outcomes[2], FINE);
	ck_assert_int_eq(outcomes[3], NO_ROW);
	ck_assert(!ended[0].was_ended);
	ck_assert(ended[2].was_ended);
	check_versions(I, "1:3 2:1");
	check_versions(I + 1, "1:1 2:5");
}
END_TEST

START_TEST(changes_leave_events)
{
	w.actor = "device-gateway:gw";
	bind_and_attach(D, I);
	run("TRUNCATE audit_events");
	for (uint8_t id = 1; id <= 2; id++) {
		ck_assert_int_eq(offer(id, SUPI, I), DOWNLOAD_MAY);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(bind_profile(id, SUPI, I, "key"), FINE);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(id == 1 ? failed(id) : installed(id), FINE);
	}
	char *events = postgres_world_text(postgres,
		"SELECT string_agg(format('%s %s %s', action, subject, related), ', '"
		" ORDER BY xid, number) FROM audit_events WHERE actor = 'device-gateway:gw'"
		" AND detail = '" SUPI "'");
	ck_assert_str_eq(events, "33 262010000000000 2, 35 262010000000000 2, "
				 "33 262010000000000 3, 34 262010000000000 3");
	free(events);
}
END_TEST

static struct db_swept sweep(int64_t keep_s)
{
	struct db_sweep_in in = { 100, keep_s };
	struct db_swept swept;

	ck_assert_int_eq(db_world_ask(&w, DB_SWEEP, &in, &swept), FINE);
	return swept;
}

START_TEST(a_sweep_destroys_what_was_not_installed)
{
	bind_and_attach(D, I);
	ck_assert_int_eq(attach_eid(7, EID_1), FINE);
	ck_assert_int_eq(offer(1, SUPI, I), DOWNLOAD_MAY);  /* bound, over */
	ck_assert_int_eq(offer(2, EID_1, 0), DOWNLOAD_MAY); /* installed, over */
	ck_assert_int_eq(offer(3, EID_1, 0), DOWNLOAD_MAY); /* offered, over */
	ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), FINE);
	ck_assert_int_eq(bind_profile(2, EID_1, I + 1, "two"), FINE);
	ck_assert_int_eq(installed(2), FINE);
	ck_assert_int_eq(attach_eid(8, EID_1), FINE);
	ck_assert_int_eq(offer(4, EID_1, 0), DOWNLOAD_MAY); /* bound, and lives */
	ck_assert_int_eq(bind_profile(4, EID_1, I + 1, "three"), FINE);
	ck_assert_int_eq(sweep(3600).downloads, 0);
	run("UPDATE downloads SET expires_at = " NOW
	    " WHERE download_id < decode(repeat('04', 16), 'hex')");
	ck_assert_int_eq(sweep(3600).downloads, 3);
	ck_assert_int_eq(sweep(3600).downloads, 0);
	check_versions(I, "1:1 2:5");
	ck_assert_int_eq(number("SELECT length(sealed) FROM credentials WHERE version = 2"
				" AND imsi = 262010000000000"),
		0);
	check_versions(I + 1, "1:1 2:0");
	ck_assert_int_eq(
		number("SELECT count(*) FROM downloads WHERE scalar || kn || bound || k_opc = ''"),
		3);
	ck_assert_int_eq(find_download(1).state, DOWNLOAD_OVER);
	ck_assert_int_eq(find_download(2).state, DOWNLOAD_INSTALLED);
	ck_assert_uint_eq(find_download(4).kn.len, 2);
	run("UPDATE downloads SET expires_at = expires_at - 86300 WHERE kn = ''");
	ck_assert_int_eq(sweep(30 * 86400).downloads, 0);
	run("UPDATE downloads SET expires_at = expires_at - 100 WHERE kn = ''");
	ck_assert_int_eq(sweep(30 * 86400).downloads, 3); /* a day suffices */
	ck_assert_int_eq(number("SELECT count(*) FROM downloads"), 1);
	ck_assert_int_eq(installed(4), FINE);
	check_versions(I + 1, "1:3 2:1");
}
END_TEST

/* What a re-keying has made, or a later download, is not the old download's to destroy. */
START_TEST(a_sweep_leaves_what_is_not_the_downloads)
{
	bind_and_attach(D, I);
	bind_and_attach(D + 1, I + 1);
	run("INSERT INTO credentials (imsi, dimsi, version, kind, state, sealed, created_at,"
	    " changed_at, active_at) SELECT imsi, dimsi, 2, 4, 0, 'new', 0, 0, 4000000000"
	    " FROM credentials WHERE imsi = 262010000000000");
	ck_assert_int_eq(offer(1, SUPI, I), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), FINE);
	for (uint8_t id = 2; id <= 3; id++) {
		ck_assert_int_eq(offer(id, "imsi-262010000000001", I + 1), DOWNLOAD_MAY);
		ck_assert_int_eq(
			bind_profile(id, "imsi-262010000000001", I + 1, id == 2 ? "two" : "three"),
			FINE);
	}
	run("UPDATE downloads SET expires_at = " NOW
	    " WHERE download_id < decode(repeat('03', 16), 'hex')");
	ck_assert_int_eq(sweep(3600).downloads, 2);
	check_versions(I, "1:1 2:0");
	check_versions(I + 1, "1:1 2:0");
	ck_assert_int_eq(installed(3), FINE);
	check_versions(I + 1, "1:3 2:1");
}
END_TEST

/* A bind that waits for a suspension, a revocation or a release gives no profile. */
START_TEST(what_changes_meanwhile_is_not_bound)
{
	static const char *const changes[] = { "UPDATE credentials SET state = 2",
		"UPDATE credentials SET state = 4",
		"UPDATE credentials SET state = 5, sealed = ''; UPDATE bindings SET state = 4" };
	struct meanwhile m;

	bind_and_attach(D, I);
	ck_assert_int_eq(offer(1, SUPI, I), DOWNLOAD_MAY);
	for (int i = 0; i < 3; i++) {
		meanwhile_begin(&m, postgres, changes[i]);
		ck_assert_int_eq(number("SELECT count(*) FROM credentials WHERE state = 1"), 1);
		ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), NO_ROW);
		meanwhile_end(&m);
		ck_assert_int_eq(number("SELECT count(*) FROM credentials"), 1);
		run("UPDATE credentials SET state = 1");
	}
}
END_TEST

/* A release that waits for a bind destroys what it has made. */
START_TEST(what_is_bound_meanwhile_is_released)
{
	struct db_release_in release = { .dimsi = D, .quarantine_until = NOT_AFTER };
	struct meanwhile m;
	struct db_binding b;

	bind_and_attach(D, I);
	meanwhile_begin(&m, postgres,
		"SELECT FROM credentials FOR UPDATE;"
		" INSERT INTO credentials (imsi, dimsi, version, kind, state, sealed,"
		" created_at, changed_at)"
		" SELECT imsi, dimsi, 2, 4, 0, 'one', 0, 0 FROM credentials");
	check_versions(I, "1:1");
	ck_assert_int_eq(db_world_ask(&w, DB_RELEASE, &release, &b), FINE);
	meanwhile_end(&m);
	check_versions(I, "1:5 2:5");
	ck_assert_int_eq(number("SELECT count(*) FROM credentials WHERE sealed <> ''"), 0);
	ck_assert_int_eq(state_of_binding(D), BINDING_RELEASED);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_profile_takes_over_from_ek,
		an_installation_revives_nothing,
		a_later_download_replaces_the_version_that_waits,
		a_rekeyed_version_is_downloaded,
		notifications_in_a_batch,
		changes_leave_events,
		a_sweep_destroys_what_was_not_installed,
		a_sweep_leaves_what_is_not_the_downloads,
		what_changes_meanwhile_is_not_bound,
		what_is_bound_meanwhile_is_released,
	};
	struct db_suite suite = {
		.name = "db_downloads_end",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

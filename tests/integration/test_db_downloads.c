/* Profile downloads, from the offer to the bound profile, against a real PostgreSQL. */
#include <assert.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/integration/download_case.h"

START_TEST(an_offer_needs_an_attached_device)
{
	struct db_download_in in = download_in(1, EID_1, 0);

	ck_assert_int_eq(offer(1, EID_1, 0), DOWNLOAD_NO_SUBJECT);
	ck_assert_int_eq(attach_eid(7, EID_1), FINE);
	memset(in.attach_id, 8, sizeof(in.attach_id));
	ck_assert_int_eq(offer_to(in), DOWNLOAD_SUBJECT_OVER);
	ck_assert_int_eq(number("SELECT count(*) FROM downloads"), 0);
	memset(in.attach_id, 7, sizeof(in.attach_id));
	ck_assert_int_eq(offer_to(in), DOWNLOAD_MAY);
	ck_assert_int_eq(offer_to(in), DOWNLOAD_MAY); /* its answer was lost */
	ck_assert_int_eq(number("SELECT count(*) FROM downloads"), 1);
	struct db_download d = find_download(1);
	ck_assert_str_eq(d.subject, EID_1);
	ck_assert_int_eq(d.state, DOWNLOAD_OFFERED);
	ck_assert_int_eq(d.imsi, 0);
	ck_assert_int_eq(d.version, 0);
	ck_assert_uint_eq(d.server_nonce[15], 2);
	ck_assert_uint_eq(d.device_nonce[15], 3);
	ck_assert_uint_eq(d.ephemeral[64], 4);
	ck_assert_uint_eq(d.scalar.len, 6);
	ck_assert_uint_eq(d.kn.len, 0);
	ck_assert_uint_eq(d.bound.len, 0);
	ck_assert_str_eq(d.se_id, "");
	ck_assert(d.subject_is_live);
	/* Another with that identifier is none. */
	in.ephemeral[0]++;
	struct db_download_made made;
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_DOWNLOAD, &in, &made), NO_ROW);
	run("UPDATE pdu_sessions SET expires_at = " NOW);
	ck_assert(!find_download(1).subject_is_live);
	ck_assert_int_eq(offer(2, EID_1, 0), DOWNLOAD_SUBJECT_OVER);
	/* Another attach is another session. */
	ck_assert_int_eq(attach_eid(8, EID_1), FINE);
	ck_assert(!find_download(1).subject_is_live);
	ck_assert_int_eq(offer(2, EID_1, 0), DOWNLOAD_MAY);
	ck_assert(find_download(2).subject_is_live);
	run("UPDATE pdu_sessions SET is_detached = true");
	ck_assert(!find_download(2).subject_is_live);
	ck_assert_int_eq(offer(3, EID_1, 0), DOWNLOAD_SUBJECT_OVER);
}
END_TEST

START_TEST(an_offer_needs_an_attached_binding)
{
	static struct db_sample sample;

	ck_assert_int_eq(offer(1, SUPI, I), DOWNLOAD_NO_SUBJECT);
	db_sample_make(&sample, D, I);
	ck_assert_int_eq(db_world_ask(&w, DB_BIND, &sample.in, NULL), FINE);
	ck_assert_int_eq(offer(1, SUPI, I), DOWNLOAD_NOT_ATTACHED);
	run("UPDATE bindings SET state = 2");
	ck_assert_int_eq(offer(1, SUPI, I), DOWNLOAD_MAY);
	struct db_download d = find_download(1);
	ck_assert_int_eq(d.imsi, I);
	ck_assert_int_eq(d.version, 1);
	ck_assert_str_eq(d.se_id, sample.se_id);
	ck_assert(d.subject_is_live);
	run("UPDATE credentials SET state = 2");
	ck_assert(!find_download(1).subject_is_live);
	ck_assert_int_eq(offer(2, SUPI, I), DOWNLOAD_IS_SUSPENDED);
	run("UPDATE credentials SET state = 4");
	ck_assert_int_eq(offer(2, SUPI, I), DOWNLOAD_IS_REVOKED);
	run("UPDATE credentials SET state = 1; UPDATE bindings SET state = 3");
	ck_assert_int_eq(offer(2, SUPI, I), DOWNLOAD_NOT_ATTACHED);
	/* A new version that waits is fetched by a provisioned device. */
	run("INSERT INTO credentials (imsi, dimsi, version, kind, state, sealed, created_at,"
	    " changed_at) SELECT imsi, dimsi, 2, 4, 0, 'new', 0, 0 FROM credentials");
	ck_assert_int_eq(offer(2, SUPI, I), DOWNLOAD_MAY);
	run("UPDATE bindings SET state = 4");
	ck_assert_int_eq(offer(3, SUPI, I), DOWNLOAD_NOT_ATTACHED);
	run("UPDATE credentials SET state = 5");
	ck_assert_int_eq(offer(3, SUPI, I), DOWNLOAD_NO_SUBJECT);
	/* A subscriber of another kind has none. */
	struct db_subscriber_in in = { I + 1, bytes_of("other", 5) };
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_SUBSCRIBER, &in, NULL), FINE);
	ck_assert_int_eq(offer(3, "imsi-262010000000001", I + 1), DOWNLOAD_NO_SUBJECT);
}
END_TEST

START_TEST(an_eid_gets_a_subscription)
{
	bool was_ended;

	ck_assert_int_eq(attach_eid(7, EID_1), FINE);
	ck_assert_int_eq(offer(1, EID_1, 0), DOWNLOAD_MAY);
	ck_assert_int_eq(installed(1), NO_ROW);
	ck_assert_int_eq(bind_profile(1, EID_2, I, "one"), NO_ROW); /* not its subject */
	ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), NO_ROW);
	ck_assert_int_eq(bind_profile(1, EID_1, I, "one"), FINE);
	check_versions(I, "1:0");
	struct db_download d = find_download(1);
	ck_assert_int_eq(d.state, DOWNLOAD_BOUND);
	ck_assert_int_eq(d.imsi, I);
	ck_assert_int_eq(d.version, 1);
	ck_assert_uint_eq(d.scalar.len, 6); /* for another request */
	ck_assert_uint_eq(d.k_opc.len, 5);
	ck_assert_int_eq(d.issued_at, ISSUED_AT);
	ck_assert_int_eq(d.not_after, NOT_AFTER);
	ck_assert_uint_eq(d.kn.len, 2);
	ck_assert_uint_eq(d.request_hash[31], 1);
	ck_assert_uint_eq(d.iv[11], 2);
	ck_assert_uint_eq(d.bound.len, 3);
	ck_assert_mem_eq(d.bound.at, "one", 3);
	/* Until it is installed it does not serve. */
	struct db_credential c;
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_CREDENTIAL, &(struct db_imsi){ I }, &c), NO_ROW);
	/* The same again, its answer having been lost; and nothing else. */
	ck_assert_int_eq(bind_profile(1, EID_1, I, "one"), FINE);
	ck_assert_int_eq(bind_profile(1, EID_1, I, "two"), NO_ROW);
	ck_assert_int_eq(notify_download(1, true, &was_ended), FINE);
	ck_assert(!was_ended);
	check_versions(I, "1:1");
	c = credential_of(I);
	ck_assert_int_eq(c.kind, CREDENTIAL_PROFILE);
	ck_assert_int_eq(c.not_after, NOT_AFTER);
	ck_assert_int_eq(c.dimsi, 0);
	ck_assert_uint_eq(c.sealed.len, 3);
	d = find_download(1);
	ck_assert_int_eq(d.state, DOWNLOAD_INSTALLED);
	ck_assert(d.bound.len == 0 && d.scalar.len == 0 && d.k_opc.len == 0);
	ck_assert_uint_eq(d.kn.len, 2); /* for the same notification again */
	ck_assert_int_eq(number("SELECT count(*) FROM pdu_sessions WHERE is_detached"), 1);
	ck_assert_int_eq(notify_download(1, true, &was_ended), FINE);
	ck_assert(was_ended);
	ck_assert_int_eq(failed(1), NO_ROW);
	ck_assert_int_eq(bind_profile(1, EID_1, I, "one"), NO_ROW);
}
END_TEST

START_TEST(an_eid_keeps_its_imsi)
{
	ck_assert_int_eq(attach_eid(7, EID_1), FINE);
	ck_assert_int_eq(offer(1, EID_1, 0), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(1, EID_1, I, "one"), FINE);
	ck_assert_int_eq(installed(1), FINE);
	ck_assert_int_eq(attach_eid(8, EID_1), FINE);
	ck_assert_int_eq(offer(2, EID_1, 0), DOWNLOAD_MAY);
	ck_assert_int_eq(find_download(2).imsi, I);
	ck_assert_int_eq(find_download(2).version, 1);
	ck_assert_int_eq(bind_profile(2, EID_1, I + 1, "two"), NO_ROW);
	check_versions(I + 1, "");
	ck_assert_int_eq(bind_profile(2, EID_1, I, "two"), FINE);
	check_versions(I, "1:1 2:0");
	ck_assert_int_eq(credential_of(I).version, 1);
	ck_assert_int_eq(installed(2), FINE);
	check_versions(I, "1:3 2:1");
	ck_assert_int_eq(credential_of(I).version, 2);
	/* The notification of the first download again is nothing new. */
	ck_assert_int_eq(installed(1), FINE);
	check_versions(I, "1:3 2:1");
	/* A suspended or revoked subscription gets no profile. */
	ck_assert_int_eq(attach_eid(9, EID_1), FINE);
	ck_assert_int_eq(offer(3, EID_1, 0), DOWNLOAD_MAY);
	run("UPDATE credentials SET state = 2 WHERE state = 1");
	ck_assert_int_eq(offer(4, EID_1, 0), DOWNLOAD_IS_SUSPENDED);
	ck_assert_int_eq(bind_profile(3, EID_1, I, "three"), NO_ROW);
	run("UPDATE credentials SET state = 4 WHERE state = 2");
	ck_assert_int_eq(offer(4, EID_1, 0), DOWNLOAD_IS_REVOKED);
	ck_assert_int_eq(bind_profile(3, EID_1, I, "three"), NO_ROW);
	check_versions(I, "1:3 2:4");
}
END_TEST

START_TEST(a_first_profile_that_failed_keeps_the_imsi_also)
{
	struct db_owner owner = { bytes_of("ownerownerowner1", 16), 60 };
	struct db_lease_in lease = { owner.owner, 10, 60, 26201, 5 };
	struct db_pool_in pool = { 26201, 5, I, I + 99 };
	struct db_lease leases[4];

	ck_assert_int_eq(attach_eid(7, EID_1), FINE);
	ck_assert_int_eq(offer(1, EID_1, 0), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(1, EID_1, I, "one"), FINE);
	ck_assert_int_eq(failed(1), FINE);
	ck_assert_int_eq(failed(1), FINE);
	ck_assert_int_eq(installed(1), NO_ROW);
	check_versions(I, "1:5");
	ck_assert_int_eq(number("SELECT length(sealed) FROM credentials"), 0);
	ck_assert_int_eq(find_download(1).state, DOWNLOAD_FAILED);
	ck_assert_int_eq(offer(2, EID_1, 0), DOWNLOAD_MAY); /* it is still attached */
	ck_assert_int_eq(find_download(2).imsi, I);
	ck_assert_int_eq(bind_profile(2, EID_1, I, "two"), FINE);
	ck_assert_int_eq(installed(2), FINE);
	check_versions(I, "1:5 2:1");
	/* A deleted one rests; the EID begins anew with another. */
	run("UPDATE credentials SET state = 5, sealed = '' WHERE state = 1;"
	    "INSERT INTO imsi_quarantine VALUES (262010000000000, " NOW " - 1)");
	ck_assert_int_eq(attach_eid(8, EID_1), FINE);
	ck_assert_int_eq(offer(3, EID_1, 0), DOWNLOAD_MAY);
	ck_assert_int_eq(find_download(3).imsi, 0);
	ck_assert_int_eq(find_download(3).version, 0);
	ck_assert_int_eq(bind_profile(3, EID_1, I + 1, "three"), FINE);
	ck_assert_int_eq(installed(3), FINE);
	check_versions(I + 1, "1:1");
	ck_assert_int_eq(number("SELECT count(*) FROM euicc_subscriptions"), 1);
	/* When a rested IMSI goes to somebody else, no EID names it any more. */
	run("INSERT INTO euicc_subscriptions VALUES ('" EID_2 "', 262010000000000, 0)");
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_POOL, &pool, NULL), FINE);
	ck_assert_int_eq(
		db_world_list(&w, DB_LEASE_BLOCK, &lease, leases, sizeof(leases[0]), 4), 1);
	ck_assert_int_eq(leases[0].first, I);
	ck_assert_int_eq(number("SELECT count(*) FROM euicc_subscriptions"), 1);
}
END_TEST

START_TEST(a_taken_imsi_leaves_nothing_behind)
{
	struct db_profile_in rows[2];
	enum outcome outcomes[2];

	bind_and_attach(D, I);
	ck_assert_int_eq(attach_eid(7, EID_1), FINE);
	ck_assert_int_eq(attach_eid(8, EID_2), FINE);
	ck_assert_int_eq(offer(1, EID_1, 0), DOWNLOAD_MAY);
	ck_assert_int_eq(offer(2, EID_2, 0), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(1, EID_1, I, "one"), CONFLICT);
	ck_assert_int_eq(find_download(1).state, DOWNLOAD_OFFERED);
	ck_assert_int_eq(find_download(1).imsi, 0);
	ck_assert_int_eq(number("SELECT count(*) FROM euicc_subscriptions"), 0);
	check_versions(I, "1:1");
	/* In a batch it spoils no other. */
	rows[0] = profile_in(1, EID_1, I, 1, "one");
	rows[1] = profile_in(2, EID_2, I + 2, 1, "two");
	db_world_ask_many(&w, DB_BIND_PROFILE, 2, rows, sizeof(rows[0]), NULL, 0, outcomes);
	ck_assert_int_eq(outcomes[0], CONFLICT);
	ck_assert_int_eq(outcomes[1], FINE);
	ck_assert_int_eq(bind_profile(1, EID_1, I + 1, "one"), FINE);
}
END_TEST

START_TEST(a_bind_needs_a_live_offer)
{
	bind_and_attach(D, I);
	ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), NO_ROW);
	ck_assert_int_eq(offer(1, SUPI, I), DOWNLOAD_MAY);
	run("UPDATE downloads SET expires_at = " NOW);
	ck_assert_int_eq(find_download(1).state, DOWNLOAD_OVER);
	ck_assert_uint_eq(find_download(1).scalar.len, 0);
	ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), NO_ROW);
	run("UPDATE downloads SET expires_at = expires_at + 100; UPDATE bindings SET state = 4");
	ck_assert_int_eq(bind_profile(1, SUPI, I, "one"), NO_ROW);
	ck_assert_int_eq(attach_eid(7, EID_1), FINE);
	ck_assert_int_eq(offer(2, EID_1, 0), DOWNLOAD_MAY);
	run("UPDATE pdu_sessions SET is_detached = true");
	ck_assert_int_eq(bind_profile(2, EID_1, I + 1, "one"), NO_ROW);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM euicc_subscriptions"), 0);
}
END_TEST

#define BOUND_EVENTS "SELECT count(*) FROM audit_events WHERE action = 33"
static_assert(AUDIT_PROFILE_BOUND == 33, "the SQL says it as a number");

static void check_bound(uint8_t request, const char *bound, size_t kn_len)
{
	struct db_download d = find_download(1);

	ck_assert_int_eq(d.state, DOWNLOAD_BOUND);
	ck_assert_uint_eq(d.request_hash[31], request);
	ck_assert_uint_eq(d.iv[11], request + 1);
	ck_assert_uint_eq(d.bound.len, strlen(bound));
	ck_assert_mem_eq(d.bound.at, bound, d.bound.len);
	ck_assert_uint_eq(d.kn.len, kn_len);
	ck_assert(d.scalar.len == 6 && d.k_opc.len == 5);
	ck_assert(d.issued_at == ISSUED_AT && d.not_after == NOT_AFTER);
}

START_TEST(a_bound_profile_serves_another_request)
{
	ck_assert_int_eq(bind_again(1, 2, "two"), NO_ROW);
	ck_assert_int_eq(attach_eid(7, EID_1), FINE);
	ck_assert_int_eq(offer(1, EID_1, 0), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_again(1, 2, "two"), NO_ROW);
	ck_assert_int_eq(bind_profile(1, EID_1, I, "one"), FINE);
	int64_t events = number(BOUND_EVENTS);
	w.actor = "device-gateway:again";
	check_bound(1, "one", 2);
	ck_assert_int_eq(bind_again(1, 2, "two"), FINE);
	check_bound(2, "two", 1);
	ck_assert_int_eq(number(BOUND_EVENTS), events + 1);
	/* Its answer was lost: nothing new. */
	ck_assert_int_eq(bind_again(1, 2, "two"), FINE);
	ck_assert_int_eq(number(BOUND_EVENTS), events + 1);
	w.actor = NULL;
	ck_assert_int_eq(bind_again(1, 3, "three"), FINE);
	check_bound(3, "three", 1);
	/* The credential is what it was. */
	check_versions(I, "1:0");
	ck_assert_int_eq(
		number("SELECT count(*) FROM credentials WHERE sealed = 'one' AND sqn = 0"), 1);
	/* Not of a subject that may not, nor late, nor of one that has ended. */
	run("UPDATE pdu_sessions SET is_detached = true");
	ck_assert_int_eq(bind_again(1, 4, "four"), NO_ROW);
	run("UPDATE pdu_sessions SET is_detached = false; UPDATE downloads SET expires_at ="
	    " expires_at - 1000");
	ck_assert_int_eq(bind_again(1, 4, "four"), NO_ROW);
	ck_assert_uint_eq(find_download(1).k_opc.len, 0);
	run("UPDATE downloads SET expires_at = expires_at + 1000");
	check_bound(3, "three", 1);
	ck_assert_int_eq(installed(1), FINE);
	ck_assert_int_eq(bind_again(1, 4, "four"), NO_ROW);
	ck_assert_int_eq(bind_again(1, 3, "three"), NO_ROW);
	check_versions(I, "1:1");
}
END_TEST

START_TEST(two_downloads_of_one_device_in_one_batch)
{
	static const char *const subjects[] = { EID_1, SUPI };
	struct db_profile_in rows[2];
	enum outcome outcomes[2];

	bind_and_attach(D, I);
	ck_assert_int_eq(attach_eid(7, EID_1), FINE);
	for (uint8_t s = 0; s < 2; s++) {
		int64_t imsi = s == 0 ? I + 1 : I; /* the EID's: what was taken from the stock */
		uint8_t one = (uint8_t)(2 * s + 1), two = (uint8_t)(2 * s + 2);

		ck_assert_int_eq(offer(one, subjects[s], s == 0 ? 0 : I), DOWNLOAD_MAY);
		ck_assert_int_eq(offer(two, subjects[s], s == 0 ? 0 : I), DOWNLOAD_MAY);
		rows[0] = profile_in(one, subjects[s], imsi, 1, "one");
		rows[1] = profile_in(two, subjects[s], s == 0 ? I + 2 : I, 1, "two");
		db_world_ask_many(&w, DB_BIND_PROFILE, 2, rows, sizeof(rows[0]), NULL, 0, outcomes);
		ck_assert_int_eq(outcomes[0], FINE);
		ck_assert_int_eq(outcomes[1], NO_ROW);
		/* Its turn: the same IMSI, the version written over. */
		ck_assert_int_eq(find_download(two).imsi, imsi);
		ck_assert_int_eq(bind_profile(two, subjects[s], imsi, "two"), FINE);
		ck_assert_int_eq(installed(two), FINE);
	}
	check_versions(I + 1, "1:1");
	check_versions(I, "1:3 2:1");
}
END_TEST

START_TEST(others_serve_in_one_batch)
{
	struct db_profile_in rows[3];
	enum outcome outcomes[3];

	bind_and_attach(D, I);
	ck_assert_int_eq(attach_eid(7, EID_1), FINE);
	ck_assert_int_eq(offer(1, EID_1, 0), DOWNLOAD_MAY);
	ck_assert_int_eq(offer(2, SUPI, I), DOWNLOAD_MAY);
	ck_assert_int_eq(bind_profile(1, EID_1, I + 1, "one"), FINE);
	ck_assert_int_eq(bind_profile(2, SUPI, I, "two"), FINE);
	rows[0] = profile_in(1, "", 0, 5, "uno");
	rows[1] = profile_in(1, "", 0, 6, "una");
	rows[2] = profile_in(2, "", 0, 7, "due");
	db_world_ask_many(&w, DB_BIND_AGAIN, 3, rows, sizeof(rows[0]), NULL, 0, outcomes);
	ck_assert_int_eq(outcomes[0], FINE);
	ck_assert_int_eq(outcomes[1], NO_ROW); /* asked again in its turn */
	ck_assert_int_eq(outcomes[2], FINE);
	check_bound(5, "uno", 2);
	ck_assert_uint_eq(find_download(2).request_hash[0], 7);
	ck_assert_int_eq(installed(2), FINE);
	check_versions(I, "1:3 2:1");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		an_offer_needs_an_attached_device,
		an_offer_needs_an_attached_binding,
		an_eid_gets_a_subscription,
		an_eid_keeps_its_imsi,
		a_first_profile_that_failed_keeps_the_imsi_also,
		a_taken_imsi_leaves_nothing_behind,
		a_bind_needs_a_live_offer,
		a_bound_profile_serves_another_request,
		two_downloads_of_one_device_in_one_batch,
		others_serve_in_one_batch,
	};
	struct db_suite suite = {
		.name = "db_downloads",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

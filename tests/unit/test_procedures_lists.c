/* The filters of lists, by hand: what each asks of the database, and what is refused. */
#include "pki/trust.h"
#include "procedures/administration.h"
#include "procedures/credential_life.h"
#include "tests/unit/by_hand.h"
#include "tests/unit/suite.h"

#define HASH "000102030405060708090a0b0c0d0e0f101112131415161718191A1b1c1d1e1f"

static void check_text(struct db_text text, const char *expected)
{
	ck_assert_msg(text.len == strlen(expected) && memcmp(text.at, expected, text.len) == 0,
		"%.*s", (int)text.len, text.at);
}

static void check_bad(
	const struct procedure *p, const char *parameter, const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		hand_begin_query(p, parameter, rows[i].body);
		ck_assert_msg(hand.ended, "%s", rows[i].body);
		check_ended(rows[i].outcome);
		ck_assert_str_eq(hand.param, rows[i].param);
	}
}

static void end_list(enum db_statement statement)
{
	bring_db(statement, FINE, NULL, 0);
	check_ended(FINE);
}

START_TEST(test_bindings)
{
	static const struct refusal bad[] = {
		{ "first=12", INVALID_PARAMETER, "first" },
		{ "last=", INVALID_PARAMETER, "last" },
		{ "firstSupi=imsi-00101000000001", INVALID_PARAMETER, "firstSupi" },
		{ "lastSupi=x", INVALID_PARAMETER, "lastSupi" },
		{ "plmn=0010", INVALID_PARAMETER, "plmn" },
		{ "plmn=00101x", INVALID_PARAMETER, "plmn" },
		{ "state=ready", INVALID_PARAMETER, "state" },
		{ "state=UNKNOWN", INVALID_PARAMETER, "state" },
		{ "seId=", INVALID_PARAMETER, "seId" },
		{ "seId=\xff", INVALID_PARAMETER, "seId" },
		{ "changedSince=-1", INVALID_PARAMETER, "changedSince" },
		{ "changedBefore=0", INVALID_PARAMETER, "changedBefore" },
		{ "createdBefore=1970-01-01T00:00:00Z", INVALID_PARAMETER, "createdBefore" },
		{ "changedBefore=2026-02-30T00:00:00Z", INVALID_PARAMETER, "changedBefore" },
		{ "createdSince= 1", INVALID_PARAMETER, "createdSince" },
		{ "createdBefore=+1", INVALID_PARAMETER, "createdBefore" },
		{ "limit=1001", INVALID_PARAMETER, "limit" },
		{ "limit=5x", INVALID_PARAMETER, "limit" },
		{ "limit=", INVALID_PARAMETER, "limit" },
		{ "after=-2", INVALID_PARAMETER, "after" },
		{ "after=9223372036854775808", INVALID_PARAMETER, "after" },
		{ "State=READY", INVALID_PARAMETER, "State" },
		{ "kind=EK", INVALID_PARAMETER, "kind" },
		{ "state", INVALID_PARAMETER, "state" },
		{ "a b=1", INVALID_PARAMETER, "query" },
		{ "abcdefghijabcdefghijabcdefghijabc=", INVALID_PARAMETER, "query" },
		{ "state=READY&limit=1&state=READY", INVALID_PARAMETER, "state" },
	};

	by_hand_start();
	hand_begin_query(&admin_list_bindings, NULL,
		"state=ATTACHED&seId=se 1&first=imsi-001990000000001&last=001990000000009"
		"&firstSupi=001010000000001&lastSupi=imsi-001010000000009&plmn=00101"
		"&createdBefore=5&createdSince=4&changedBefore=2026-11-21T13:31:14Z"
		"&changedSince=3&limit=7&after=12");
	const struct db_binding_page *asked = asked_db(DB_LIST_BINDINGS);

	ck_assert_int_eq(asked->limit, 8);
	ck_assert_int_eq(asked->after, 12);
	ck_assert(asked->is_filtered);
	ck_assert_int_eq(asked->state, BINDING_ATTACHED);
	check_text(asked->se_id, "se 1");
	ck_assert_int_eq(asked->dimsis.first, 1990000000001);
	ck_assert_int_eq(asked->dimsis.last, 1990000000009);
	ck_assert_int_eq(asked->supis.first, HAND_IMSI);
	ck_assert_int_eq(asked->supis.last, HAND_IMSI + 8);
	ck_assert_int_eq(asked->plmn.first, 1010000000000);
	ck_assert_int_eq(asked->plmn.last, 1019999999999);
	ck_assert_int_eq(asked->created_before, 5);
	ck_assert_int_eq(asked->created_since, 4);
	ck_assert_int_eq(asked->changed_before, 1795267874);
	ck_assert_int_eq(asked->changed_since, 3);
	end_list(DB_LIST_BINDINGS);
	hand_begin_query(&admin_list_bindings, NULL, "plmn=001010&limit=1000");
	asked = asked_db(DB_LIST_BINDINGS);
	ck_assert_int_eq(asked->plmn.first, 1010000000000);
	ck_assert_int_eq(asked->plmn.last, 1010999999999);
	end_list(DB_LIST_BINDINGS);
	hand_begin_query(&admin_list_bindings, NULL, "&changedSince=0&&limit=3&");
	asked = asked_db(DB_LIST_BINDINGS);
	ck_assert_int_eq(asked->changed_since, 0);
	ck_assert_int_eq(asked->limit, 4);
	end_list(DB_LIST_BINDINGS);
	/* Nothing is asked for: no look ahead. */
	hand_begin_query(&admin_list_bindings, NULL, NULL);
	asked = asked_db(DB_LIST_BINDINGS);
	ck_assert(!asked->is_filtered);
	ck_assert_int_eq(asked->limit, 101);
	ck_assert_int_eq(asked->after, -1);
	ck_assert_int_eq(asked->state, -1);
	ck_assert_uint_eq(asked->se_id.len, 0);
	ck_assert_int_lt(asked->dimsis.first, 0);
	ck_assert_int_eq(asked->plmn.last, INT64_MAX);
	end_list(DB_LIST_BINDINGS);
	check_bad(&admin_list_bindings, NULL, bad, sizeof(bad) / sizeof(bad[0]));
	hand_end();
}
END_TEST

/* A page ends where its statement has stopped looking, full or not. */
START_TEST(test_a_page_that_looked_no_further)
{
	static const struct db_binding rows[] = {
		{ .dimsi = 5, .imsi = HAND_IMSI, .se_id = "a", .state = BINDING_READY },
		{ .dimsi = 9, .imsi = HAND_IMSI + 1, .se_id = "a", .state = BINDING_READY },
		{ .dimsi = 9, .state = -1 },
	};
	struct db_request *request;

	by_hand_start();
	for (int again = 0; again < 2; again++) {
		hand_begin_query(&admin_list_bindings, NULL, "seId=a&limit=3&after=4");
		(void)asked_db(DB_LIST_BINDINGS);
		request = &hand.now->ask.db;
		/* also where the connection broke, and all was asked again */
		for (int i = 0; i < 3 * (1 + again); i++)
			request->each(request, &rows[i % 3]);
		end_list(DB_LIST_BINDINGS);
		ck_assert_ptr_nonnull(strstr(hand.body, "000000000000005"));
		ck_assert_ptr_nonnull(strstr(hand.body, "\"next\":9}"));
		ck_assert_ptr_eq(strstr(strstr(hand.body, "imsi-001010000000002") + 1,
					 "imsi-001010000000002"),
			NULL);
	}
	hand_begin_query(&admin_list_bindings, NULL, "seId=a&limit=3");
	(void)asked_db(DB_LIST_BINDINGS);
	request = &hand.now->ask.db;
	request->each(request, &rows[2]);
	end_list(DB_LIST_BINDINGS);
	ck_assert_str_eq(hand.body, "{\"items\":[],\"next\":9}");
	hand_end();
}
END_TEST

START_TEST(test_jobs)
{
	static const struct refusal bad[] = {
		{ "state=READY", INVALID_PARAMETER, "state" },
		{ "operation=unknown", INVALID_PARAMETER, "operation" },
		{ "createdSince=now", INVALID_PARAMETER, "createdSince" },
		{ "changedSince=1", INVALID_PARAMETER, "changedSince" },
	};
	static const struct db_job rows[] = {
		{ .number = 4, .state = JOB_RUNNING, .was_there = true },
		{ .number = 7 },
	};

	by_hand_start();
	hand_begin_query(&admin_list_jobs, NULL,
		"state=RUNNING&operation=rekey&createdBefore=9&createdSince=8&after=3");
	const struct db_jobs_page *asked = asked_db(DB_LIST_JOBS);

	ck_assert_int_eq(asked->after, 3);
	ck_assert_int_eq(asked->state, JOB_RUNNING);
	ck_assert_int_eq(asked->operation, OPERATION_REKEY);
	ck_assert_int_eq(asked->created_before, 9);
	ck_assert_int_eq(asked->created_since, 8);
	ck_assert(asked->is_filtered);
	for (int i = 0; i < 2; i++)
		hand.now->ask.db.each(&hand.now->ask.db, &rows[i]);
	end_list(DB_LIST_JOBS);
	ck_assert_ptr_nonnull(strstr(hand.body, "RUNNING"));
	ck_assert_ptr_nonnull(strstr(hand.body, "\"next\":7}"));
	hand_begin_query(&admin_list_jobs, NULL, "limit=2");
	asked = asked_db(DB_LIST_JOBS);
	ck_assert(!asked->is_filtered && asked->state == -1 && asked->operation == -1);
	end_list(DB_LIST_JOBS);
	check_bad(&admin_list_jobs, NULL, bad, sizeof(bad) / sizeof(bad[0]));
	hand_end();
}
END_TEST

START_TEST(test_trust)
{
	static const struct refusal bad_anchors[] = {
		{ "use=SE", INVALID_PARAMETER, "use" },
		{ "issuerHash=" HASH, INVALID_PARAMETER, "issuerHash" },
	};
	static const struct refusal bad_revocations[] = {
		{ "issuerHash=00", INVALID_PARAMETER, "issuerHash" },
		{ "issuerHash=" HASH "00", INVALID_PARAMETER, "issuerHash" },
		{ "serial=", INVALID_PARAMETER, "serial" },
		{ "serial=123", INVALID_PARAMETER, "serial" },
		{ "serial=0x", INVALID_PARAMETER, "serial" },
		/* 21 bytes of which none is a leading zero, and 22 */
		{ "serial=010203040506070809101112131415161718192021", INVALID_PARAMETER,
			"serial" },
		{ "serial=00000203040506070809101112131415161718192021", INVALID_PARAMETER,
			"serial" },
		{ "revokedSince=-1", INVALID_PARAMETER, "revokedSince" },
	};
	static const struct refusal bad_crls[] = {
		{ "nextUpdateBefore=soon", INVALID_PARAMETER, "nextUpdateBefore" },
		{ "serial=01", INVALID_PARAMETER, "serial" },
	};

	by_hand_start();
	hand_begin_query(&admin_list_trust_anchors, NULL, "use=arpf");
	ck_assert_int_eq(
		((const struct db_anchor_page *)asked_db(DB_SEARCH_ANCHORS))->use, TRUST_ARPF);
	end_list(DB_SEARCH_ANCHORS);
	hand_begin_query(&admin_list_trust_anchors, NULL, "");
	ck_assert_int_eq(((const struct db_anchor_page *)asked_db(DB_SEARCH_ANCHORS))->use, -1);
	end_list(DB_SEARCH_ANCHORS);
	check_bad(&admin_list_trust_anchors, NULL, bad_anchors,
		sizeof(bad_anchors) / sizeof(bad_anchors[0]));

	hand_begin_query(&admin_list_revocations, NULL,
		"issuerHash=" HASH "&serial=0000aB00&revokedSince=4&revokedBefore=5");
	const struct db_revocation_page *asked = asked_db(DB_SEARCH_REVOCATIONS);
	check_text(asked->issuer_hash, HASH);
	check_text(asked->serial, "aB00");
	ck_assert_int_eq(asked->revoked_since, 4);
	ck_assert_int_eq(asked->revoked_before, 5);
	struct db_revocation looked = { .number = 77 };
	hand.now->ask.db.each(&hand.now->ask.db, &looked);
	end_list(DB_SEARCH_REVOCATIONS);
	ck_assert_str_eq(hand.body, "{\"items\":[],\"next\":77}");
	/* zero is a serial number */
	hand_begin_query(&admin_list_revocations, NULL, "serial=0000");
	check_text(
		((const struct db_revocation_page *)asked_db(DB_SEARCH_REVOCATIONS))->serial, "00");
	end_list(DB_SEARCH_REVOCATIONS);
	check_bad(&admin_list_revocations, NULL, bad_revocations,
		sizeof(bad_revocations) / sizeof(bad_revocations[0]));

	hand_begin_query(&admin_list_crls, NULL, "issuerHash=" HASH "&nextUpdateBefore=12");
	const struct db_crl_page *crls = asked_db(DB_SEARCH_CRLS);
	check_text(crls->issuer_hash, HASH);
	ck_assert_int_eq(crls->next_update_before, 12);
	end_list(DB_SEARCH_CRLS);
	check_bad(&admin_list_crls, NULL, bad_crls, sizeof(bad_crls) / sizeof(bad_crls[0]));
	hand_end();
}
END_TEST

START_TEST(test_pools)
{
	static const struct refusal bad[] = {
		{ "plmn=1", INVALID_PARAMETER, "plmn" },
		{ "first=001010000000001", INVALID_PARAMETER, "first" },
	};

	by_hand_start();
	hand_begin_query(&admin_list_imsi_pools, NULL, "plmn=001010");
	const struct db_pool_page *asked = asked_db(DB_SEARCH_POOLS);

	ck_assert_int_eq(asked->plmn, 1010);
	ck_assert_int_eq(asked->plmn_digits, 6);
	end_list(DB_SEARCH_POOLS);
	hand_begin_query(&admin_list_imsi_pools, NULL, NULL);
	ck_assert_int_eq(((const struct db_pool_page *)asked_db(DB_SEARCH_POOLS))->plmn, -1);
	end_list(DB_SEARCH_POOLS);
	check_bad(&admin_list_imsi_pools, NULL, bad, sizeof(bad) / sizeof(bad[0]));
	hand_end();
}
END_TEST

START_TEST(test_events)
{
	static const struct refusal bad[] = {
		{ "before=7", INVALID_PARAMETER, "before" },
		{ "before=7.", INVALID_PARAMETER, "before" },
		{ "before=.7", INVALID_PARAMETER, "before" },
		{ "before=7.7.7", INVALID_PARAMETER, "before" },
		{ "before=99999999999999999999.7", INVALID_PARAMETER, "before" },
		{ "before=00000000000000000000000000000000000000000000001.7", INVALID_PARAMETER,
			"before" },
		{ "action=bound", INVALID_PARAMETER, "action" },
		{ "outcome=GOOD", INVALID_PARAMETER, "outcome" },
		{ "outcome=", INVALID_PARAMETER, "outcome" },
		{ "actor=a\xc0\x80", INVALID_PARAMETER, "actor" },
		{ "subject=7", INVALID_PARAMETER, "subject" },
		{ "subject=000000000000000", INVALID_PARAMETER, "subject" },
		{ "since=yesterday", INVALID_PARAMETER, "since" },
		{ "until=-1", INVALID_PARAMETER, "until" },
		{ "until=0", INVALID_PARAMETER, "until" },
		{ "until=1970-01-01T00:00:00Z", INVALID_PARAMETER, "until" },
		{ "after=7", INVALID_PARAMETER, "after" }, /* its pages go backwards */
	};

	by_hand_start();
	hand_begin_query(&admin_list_audit_events, NULL,
		"before=12.345&action=REVOKED&outcome=CONFLICT&actor=admin:A&since=7"
		"&until=2026-11-21T13:31:14Z&subject=imsi-001010000000001&limit=3");
	const struct db_event_page *asked = asked_db(DB_LIST_EVENTS);

	ck_assert_int_eq(asked->before_xid, 12);
	ck_assert_int_eq(asked->before_number, 345);
	ck_assert_int_eq(asked->action, AUDIT_REVOKED);
	ck_assert_int_eq(asked->outcome, CONFLICT);
	check_text(asked->actor, "admin:A");
	ck_assert_int_eq(asked->since_ms, 7000);
	ck_assert_int_eq(asked->until_ms, 1795267874000);
	ck_assert_int_eq(asked->subject, HAND_IMSI);
	ck_assert_int_eq(asked->limit, 4);
	end_list(DB_LIST_EVENTS);
	hand_begin_query(&admin_list_audit_events, NULL, "outcome=FINE");
	asked = asked_db(DB_LIST_EVENTS);
	ck_assert_int_eq(asked->outcome, FINE);
	ck_assert_int_eq(asked->action, -1);
	ck_assert_int_eq(asked->before_xid, INT64_MAX);
	end_list(DB_LIST_EVENTS);
	hand_begin_query(&admin_list_audit_events, NULL, "since=0");
	ck_assert_int_eq(((const struct db_event_page *)asked_db(DB_LIST_EVENTS))->since_ms, 0);
	end_list(DB_LIST_EVENTS);
	hand_begin_query(&admin_list_audit_events, NULL, "outcome=SYSTEM_FAILURE");
	ck_assert_int_eq(((const struct db_event_page *)asked_db(DB_LIST_EVENTS))->outcome, BROKEN);
	end_list(DB_LIST_EVENTS);
	hand_begin_query(&admin_list_audit_events, NULL, NULL);
	ck_assert_int_eq(((const struct db_event_page *)asked_db(DB_LIST_EVENTS))->outcome, -1);
	end_list(DB_LIST_EVENTS);
	check_bad(&admin_list_audit_events, NULL, bad, sizeof(bad) / sizeof(bad[0]));
	hand_end();
}
END_TEST

/* Lists without filters have their pages, and nothing else. */
START_TEST(test_no_filters)
{
	static const struct procedure *const lists[] = { &admin_list_audit_trees,
		&admin_list_keys };

	by_hand_start();
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		hand_begin_query(lists[i], NULL, "limit=4&after=5");
		ck_assert(!hand.ended);
		const struct db_page *asked = asked_db(i == 0 ? DB_LIST_AUDIT_TREES : DB_LIST_KEYS);
		ck_assert_int_eq(asked->limit, 5);
		ck_assert_int_eq(asked->after, 5);
		end_list(i == 0 ? DB_LIST_AUDIT_TREES : DB_LIST_KEYS);
		hand_begin_query(lists[i], NULL, "state=READY");
		check_ended(INVALID_PARAMETER);
		ck_assert_str_eq(hand.param, "state");
	}
	hand_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_bindings,
		test_a_page_that_looked_no_further,
		test_jobs,
		test_trust,
		test_pools,
		test_events,
		test_no_filters,
	};

	return suite_run("lists", tests, sizeof(tests) / sizeof(tests[0]));
}

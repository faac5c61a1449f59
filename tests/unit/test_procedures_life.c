/* What an operator asks of a subscription, by hand: the table, what is asked of the lanes, and what is told. */
#include "procedures/administration.h"
#include "procedures/credential_life.h"
#include "tests/unit/by_hand.h"
#include "tests/unit/suite.h"

static const struct db_changed done = { CREDENTIAL_IS_ACTIVE, true, 3 };

/* What an operation makes of each state, in the order of enum credential_state. */
struct row {
	enum credential_operation operation;
	const char *name;
	int after[7];
};
#define NO (-1) /* it is refused */
static const struct row table[] = {
	{ OPERATION_SUSPEND, "suspend", { NO, 2, NO, NO, NO, NO, NO } },
	{ OPERATION_RESUME, "resume", { NO, NO, 1, NO, NO, NO, NO } },
	{ OPERATION_REVOKE, "revoke", { 4, 4, 4, 4, NO, NO, 4 } },
	{ OPERATION_REKEY, "rekey", { NO, 1, NO, NO, NO, NO, 6 } },
	{ OPERATION_DELETE, "delete", { 5, 5, 5, 5, 5, NO, 5 } },
};

START_TEST(test_the_table)
{
	enum credential_operation read;

	ck_assert_uint_eq(sizeof(table) / sizeof(table[0]), OPERATION_COUNT);
	for (unsigned i = 0; i < OPERATION_COUNT; i++) {
		const struct row *r = &table[i];

		ck_assert_str_eq(credential_operation_name(r->operation), r->name);
		ck_assert(credential_operation_read(r->name, &read) && read == r->operation);
		for (int state = 0; state < 7; state++) {
			int after = credential_after((enum credential_state)state, r->operation);

			ck_assert_msg(
				after == r->after[state], "%s in %d: %d", r->name, state, after);
			ck_assert_int_eq(credential_from_mask(r->operation) >> state & 1,
				r->after[state] != NO);
		}
	}
	ck_assert(!credential_operation_read("destroy", &read));
	ck_assert(!credential_operation_read("", &read));
}
END_TEST

static void begin(const char *operation, const char *body)
{
	hand_begin_at(&admin_change_subscription, HAND_IMSI_TEXT, operation, body);
}

static void check_said(const char *part)
{
	ck_assert_msg(strstr(hand.body, part) != NULL, "%s", hand.body);
}

START_TEST(test_changes)
{
	static const char *const after[] = { "SUSPENDED", "ACTIVE", "REVOKED" };

	by_hand_start();
	for (unsigned i = 0; i <= OPERATION_REVOKE; i++) {
		begin(table[i].name, "{}");
		const struct db_change_in *asked = asked_db(DB_CHANGE_STATE);

		ck_assert_int_eq(asked->imsi, HAND_IMSI);
		ck_assert_int_eq(asked->to, (int)credential_to((enum credential_operation)i));
		ck_assert_int_eq(
			asked->from_mask, credential_from_mask((enum credential_operation)i));
		ck_assert(asked->is_final == (i == OPERATION_REVOKE));
		bring_db(DB_CHANGE_STATE, FINE, &done, sizeof(done));
		check_ended(FINE);
		check_said("{\"supi\":\"" HAND_IMSI_TEXT "\",\"was\":\"ACTIVE\",\"state\":\"");
		check_said(after[i]);
		check_said("\"version\":3}");
	}
	hand_begin(&admin_delete_subscription, HAND_IMSI_TEXT, "");
	const struct db_change_in *asked = asked_db(DB_CHANGE_STATE);
	ck_assert_int_eq(asked->to, CREDENTIAL_IS_DESTROYED);
	ck_assert(asked->is_final);
	bring_db(DB_CHANGE_STATE, FINE, &done, sizeof(done));
	check_ended(FINE);
	ck_assert_int_eq(hand.status, 204);
	hand_end();
}
END_TEST

START_TEST(test_refused_states)
{
	static const struct db_changed suspended = { CREDENTIAL_IS_SUSPENDED, false, 1 };
	static const struct db_changed waits = { CREDENTIAL_IS_PRE_ACTIVE, false, 2 };
	static const struct sealed_key sealed = { .len = 92 };

	by_hand_start();
	begin("suspend", "{}");
	bring_db(DB_CHANGE_STATE, FINE, &suspended, sizeof(suspended));
	check_ended(CONFLICT);
	check_said("is in state SUSPENDED already");
	begin("revoke", "{}");
	bring_db(DB_CHANGE_STATE, FINE, &waits, sizeof(waits));
	check_ended(CONFLICT);
	check_said("is in state PRE_ACTIVE, which does not allow revoke");
	begin("rekey", "{}");
	bring_key(KEY_MAKE_SUBSCRIBER, FINE, &sealed, sizeof(sealed));
	bring_db(DB_REKEY, FINE, &waits, sizeof(waits));
	check_ended(CONFLICT);
	check_said("waits to become active");
	begin("resume", "{}");
	bring_db(DB_CHANGE_STATE, NO_ROW, NULL, 0);
	check_ended(USER_NOT_FOUND);
	begin("resume", "{}");
	bring_db(DB_CHANGE_STATE, DATABASE_UNAVAILABLE, NULL, 0);
	check_ended(DATABASE_UNAVAILABLE);
	hand_end();
}
END_TEST

START_TEST(test_rekey)
{
	static const struct sealed_key sealed = { .len = 92, .at = { 1, 2, 3 } };

	by_hand_start();
	begin("rekey", "{\"overlapSeconds\": 30}");
	const struct key_make_subscriber_in *make = asked_key(KEY_MAKE_SUBSCRIBER);
	ck_assert_uint_eq(make->imsi, HAND_IMSI);
	bring_key(KEY_MAKE_SUBSCRIBER, FINE, &sealed, sizeof(sealed));
	const struct db_rekey_in *asked = asked_db(DB_REKEY);
	ck_assert_int_eq(asked->overlap_s, 30);
	ck_assert_int_eq(asked->lifetime_s, hand.settings.profile_lifetime_s);
	ck_assert_uint_eq(asked->sealed.len, 92);
	bring_db(DB_REKEY, FINE, &done, sizeof(done));
	check_ended(FINE);
	check_said("\"was\":\"ACTIVE\",\"state\":\"ACTIVE\",\"version\":3");
	begin("rekey", "{}");
	bring_key(KEY_MAKE_SUBSCRIBER, FINE, &sealed, sizeof(sealed));
	asked = asked_db(DB_REKEY);
	ck_assert_int_eq(asked->overlap_s, hand.settings.rekey_overlap_s);
	bring_db(DB_REKEY, DATABASE_UNAVAILABLE, NULL, 0);
	check_ended(DATABASE_UNAVAILABLE);
	begin("rekey", "{}");
	bring_key(KEY_MAKE_SUBSCRIBER, HSM_UNAVAILABLE, NULL, 0);
	check_ended(HSM_UNAVAILABLE);
	hand_end();
}
END_TEST

START_TEST(test_bad_requests)
{
	static const char *const bad[] = { "{\"overlapSeconds\": -1}",
		"{\"overlapSeconds\": \"1\"}", "{\"overlapSeconds\": 4000000001}" };

	by_hand_start();
	begin("destroy", "{}");
	check_ended(RESOURCE_NOT_FOUND);
	begin("delete", "{}"); /* which has a method of its own */
	check_ended(RESOURCE_NOT_FOUND);
	begin("suspend", "[]");
	check_ended(MALFORMED_REQUEST);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin("rekey", bad[i]);
		check_ended(INVALID_PARAMETER);
		ck_assert_str_eq(hand.param, "overlapSeconds");
	}
	hand_begin_at(&admin_change_subscription, "somebody", "suspend", "{}");
	check_ended(INVALID_PARAMETER);
	hand_begin_at(&admin_change_subscription, "suci-0-001-01-0-1-1-00", "suspend", "{}");
	check_ended(INVALID_PARAMETER);
	ck_assert_str_eq(hand.param, "supi");
	hand_end();
}
END_TEST

/* An Access ID leads to its subscription, also when it was revoked with it; any other does not. */
START_TEST(test_by_access_id)
{
	struct db_access access = { .imsi = HAND_IMSI, .state = ACCESS_CONFIRMED };

	by_hand_start();
	for (int i = 0; i < 2; i++) {
		access.state = i == 0 ? ACCESS_CONFIRMED : ACCESS_REVOKED;
		hand_begin_at(&admin_change_subscription, HAND_NAI, "suspend", "{}");
		bring_db(DB_FIND_ACCESS_ID, FINE, &access, sizeof(access));
		const struct db_change_in *asked = asked_db(DB_CHANGE_STATE);
		ck_assert_int_eq(asked->imsi, HAND_IMSI);
		bring_db(DB_CHANGE_STATE, FINE, &done, sizeof(done));
		check_ended(FINE);
	}
	hand_begin_at(&admin_change_subscription, HAND_NAI, "suspend", "{}");
	bring_db(DB_FIND_ACCESS_ID, NO_ROW, NULL, 0);
	check_ended(USER_NOT_FOUND);
	access.imsi = 0; /* revoked by wrong MACs: it never had a subscription */
	hand_begin_at(&admin_change_subscription, HAND_NAI, "suspend", "{}");
	bring_db(DB_FIND_ACCESS_ID, FINE, &access, sizeof(access));
	check_ended(USER_NOT_FOUND);
	hand_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_the_table,
		test_changes,
		test_refused_states,
		test_rekey,
		test_bad_requests,
		test_by_access_id,
	};

	return suite_run("the life of a credential", tests, sizeof(tests) / sizeof(tests[0]));
}

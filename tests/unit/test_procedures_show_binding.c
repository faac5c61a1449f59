/* GET /admin/v1/bindings/{id} by hand: what each kind of name leads to, and what is shown of it. */
#include "procedures/administration.h"
#include "tests/unit/by_hand.h"
#include "tests/unit/suite.h"

#define DIGITS         "001010000000001"
#define ACCESS_ID_TEXT "000102030405060708090a0b0c0d0e0f"

static const struct db_binding binding = {
	.dimsi = HAND_IMSI, .imsi = HAND_IMSI + 1, .se_id = "SE-1", .state = BINDING_READY
};
static const struct db_access confirmed = {
	.access_id = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	.imsi = HAND_IMSI,
	.owner = HAND_IMSI + 6,
	.state = ACCESS_CONFIRMED,
	.kind = CREDENTIAL_COMPANION,
	.device_id = "meter-7",
};
static const struct db_credential credential = {
	.imsi = HAND_IMSI, .version = 2, .kind = CREDENTIAL_COMPANION, .state = CREDENTIAL_IS_ACTIVE
};

static void find_nothing(enum db_statement statement)
{
	bring_db(statement, NO_ROW, NULL, 0);
}

static void check_shown(const char *part)
{
	check_ended(FINE);
	ck_assert_msg(strstr(hand.body, part) != NULL, "%s", hand.body);
}

START_TEST(test_bound)
{
	by_hand_start();
	hand_begin(&admin_show_binding, DIGITS, "");
	bring_db(DB_FIND_BINDING, FINE, &binding, sizeof(binding));
	check_shown("\"supi\":\"imsi-001010000000002\"");
	hand_begin(&admin_show_binding, DIGITS, "");
	find_nothing(DB_FIND_BINDING);
	bring_db(DB_FIND_BINDING_BY_IMSI, FINE, &binding, sizeof(binding));
	check_shown("\"seId\":\"SE-1\"");
	hand_begin(&admin_show_binding, HAND_IMSI_TEXT, "");
	bring_db(DB_FIND_BINDING_BY_IMSI, FINE, &binding, sizeof(binding));
	check_shown("\"dimsi\":\"" DIGITS "\"");
	hand_end();
}
END_TEST

static void check_access_id_shown(void)
{
	check_shown("{\"accessId\":\"" ACCESS_ID_TEXT "\",\"supi\":\"" HAND_IMSI_TEXT
		    "\",\"deviceId\":\"meter-7\",\"owner\":\"imsi-001010000000007\",");
	check_shown("\"state\":\"CONFIRMED\"");
	check_shown("\"credential\":{");
	check_shown("\"version\":2,\"state\":\"ACTIVE\"}");
}

START_TEST(test_access_id)
{
	by_hand_start();
	hand_begin(&admin_show_binding, ACCESS_ID_TEXT, "");
	const struct db_access_id *asked = asked_db(DB_FIND_ACCESS_ID);

	ck_assert_mem_eq(asked->access_id, confirmed.access_id, sizeof(asked->access_id));
	bring_db(DB_FIND_ACCESS_ID, FINE, &confirmed, sizeof(confirmed));
	ck_assert_int_eq(((const struct db_imsi *)asked_db(DB_FIND_CREDENTIAL))->imsi, HAND_IMSI);
	bring_db(DB_FIND_CREDENTIAL, FINE, &credential, sizeof(credential));
	check_access_id_shown();
	hand_begin(&admin_show_binding, HAND_IMSI_TEXT, "");
	find_nothing(DB_FIND_BINDING_BY_IMSI);
	bring_db(DB_FIND_ACCESS_ID_BY_IMSI, FINE, &confirmed, sizeof(confirmed));
	bring_db(DB_FIND_CREDENTIAL, FINE, &credential, sizeof(credential));
	check_access_id_shown();
	hand_end();
}
END_TEST

START_TEST(test_unconfirmed)
{
	struct db_access pending = confirmed;

	pending.imsi = 0;
	pending.state = ACCESS_PENDING;
	by_hand_start();
	hand_begin(&admin_show_binding, ACCESS_ID_TEXT, "");
	bring_db(DB_FIND_ACCESS_ID, FINE, &pending, sizeof(pending));
	check_shown("\"state\":\"PENDING\"");
	ck_assert_ptr_null(strstr(hand.body, "supi"));
	ck_assert_ptr_null(strstr(hand.body, "credential"));
	hand_end();
}
END_TEST

START_TEST(test_subscriber_with_a_k)
{
	struct db_credential imported = credential;

	imported.kind = CREDENTIAL_IMPORTED;
	by_hand_start();
	hand_begin(&admin_show_binding, HAND_IMSI_TEXT, "");
	find_nothing(DB_FIND_BINDING_BY_IMSI);
	find_nothing(DB_FIND_ACCESS_ID_BY_IMSI);
	bring_db(DB_FIND_CREDENTIAL, FINE, &imported, sizeof(imported));
	check_shown("{\"supi\":\"" HAND_IMSI_TEXT "\",");
	ck_assert_ptr_null(strstr(hand.body, "accessId"));
	ck_assert_ptr_null(strstr(hand.body, "owner"));
	hand_end();
}
END_TEST

START_TEST(test_unknown)
{
	by_hand_start();
	hand_begin(&admin_show_binding, ACCESS_ID_TEXT, "");
	find_nothing(DB_FIND_ACCESS_ID);
	check_ended(ACCESS_ID_NOT_FOUND);
	hand_begin(&admin_show_binding, HAND_IMSI_TEXT, "");
	find_nothing(DB_FIND_BINDING_BY_IMSI);
	find_nothing(DB_FIND_ACCESS_ID_BY_IMSI);
	find_nothing(DB_FIND_CREDENTIAL);
	check_ended(USER_NOT_FOUND);
	hand_begin(&admin_show_binding, DIGITS, "");
	find_nothing(DB_FIND_BINDING);
	find_nothing(DB_FIND_BINDING_BY_IMSI);
	find_nothing(DB_FIND_ACCESS_ID_BY_IMSI);
	find_nothing(DB_FIND_CREDENTIAL);
	check_ended(DIMSI_NOT_FOUND);
	hand_begin(&admin_show_binding, "somebody", "");
	check_ended(INVALID_PARAMETER);
	ck_assert_str_eq(hand.param, "id");
	hand_end();
}
END_TEST

START_TEST(test_database_gone)
{
	by_hand_start();
	hand_begin(&admin_show_binding, HAND_IMSI_TEXT, "");
	find_nothing(DB_FIND_BINDING_BY_IMSI);
	bring_db(DB_FIND_ACCESS_ID_BY_IMSI, DATABASE_UNAVAILABLE, NULL, 0);
	check_ended(DATABASE_UNAVAILABLE);
	hand_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_bound,
		test_access_id,
		test_unconfirmed,
		test_subscriber_with_a_k,
		test_unknown,
		test_database_gone,
	};

	return suite_run("show binding", tests, sizeof(tests) / sizeof(tests[0]));
}

/* The authentication events of section 5 by hand. */
#include <stdlib.h>

#include "procedures/auth_event.h"
#include "tests/unit/by_hand.h"
#include "tests/unit/suite.h"

#define EVENT(success, time)                                                    \
	"{\"nfInstanceId\":\"n\",\"success\":" success ",\"timeStamp\":\"" time \
	"\",\"authType\":\"5G_AKA\",\"servingNetworkName\":\"" HAND_NETWORK "\"}"

START_TEST(test_event)
{
	static const char *const events[] = { EVENT("false", "2026-01-02T03:04:05Z"),
		EVENT("true", "2026-01-02T03:04:05Z") };
	struct db_access access = { .imsi = HAND_IMSI, .state = ACCESS_CONFIRMED };

	by_hand_start();
	hand.settings.ek_lifetime_s = 77;
	for (unsigned success = 0; success < 2; success++) {
		hand_begin(&auth_event, HAND_IMSI_TEXT, events[success]);
		const struct db_auth_event_in *row = asked_db(DB_RECORD_AUTH_EVENT);

		ck_assert_int_eq(row->imsi, HAND_IMSI);
		ck_assert_uint_eq(row->success, success);
		ck_assert_int_eq(row->ek_lifetime_s, 77);
		bring_db(DB_RECORD_AUTH_EVENT, FINE, NULL, 0);
		check_ended(FINE);
		ck_assert_int_eq(hand.status, 201);
		ck_assert_str_eq(hand.body, events[success]);
		ck_assert_str_eq(
			hand.location, "/nudm-ueau/v1/" HAND_IMSI_TEXT "/auth-events/latest");
	}
	hand_begin(&auth_event, HAND_NAI, events[1]);
	bring_db(DB_FIND_ACCESS_ID, FINE, &access, sizeof(access));
	ck_assert_int_eq(
		((const struct db_auth_event_in *)asked_db(DB_RECORD_AUTH_EVENT))->imsi, HAND_IMSI);
	bring_db(DB_RECORD_AUTH_EVENT, NO_ROW, NULL, 0);
	check_ended(USER_NOT_FOUND);
	hand_begin(&auth_event, "suci-0-001-01-0-0-0-0000000001", events[1]);
	check_ended(INVALID_PARAMETER);
	ck_assert_str_eq(hand.param, "supi");
	hand_end();
}
END_TEST

START_TEST(test_times_of_events)
{
	static const char *const good[] = {
		EVENT("true", "2024-02-29T23:59:60.123456789z"),
		EVENT("true", "2000-02-29t00:00:00+23:59"),
		EVENT("true", "2026-12-31T00:00:00-05:30"),
	};
	static const char *const wrong[] = {
		EVENT("true", "2026-01-02"),
		EVENT("true", "2026-01-02T03:04:05"),
		EVENT("true", "2026-01-02 03:04:05Z"),
		EVENT("true", "2026-01-02T03:04Z"),
		EVENT("true", "2026-00-02T03:04:05Z"),
		EVENT("true", "2026-13-02T03:04:05Z"),
		EVENT("true", "2026-02-29T03:04:05Z"),
		EVENT("true", "1900-02-29T03:04:05Z"),
		EVENT("true", "2026-04-31T03:04:05Z"),
		EVENT("true", "2026-01-00T03:04:05Z"),
		EVENT("true", "2026-01-02T24:04:05Z"),
		EVENT("true", "2026-01-02T03:60:05Z"),
		EVENT("true", "2026-01-02T03:04:61Z"),
		EVENT("true", "2026-01-02T03:04:05.Z"),
		EVENT("true", "2026-01-02T03:04:05Zx"),
		EVENT("true", "2026-01-02T03:04:05+24:00"),
		EVENT("true", "2026-01-02T03:04:05+01:60"),
		EVENT("true", "2026-01-02T03:04:05+0100"),
		EVENT("true", "2026-01-02T03:04:05+01:00x"),
	};

	by_hand_start();
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		hand_begin(&auth_event, HAND_IMSI_TEXT, good[i]);
		bring_db(DB_RECORD_AUTH_EVENT, FINE, NULL, 0);
		check_ended(FINE);
	}
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		hand_begin(&auth_event, HAND_IMSI_TEXT, wrong[i]);
		ck_assert_msg(hand.ended && hand.outcome == INVALID_PARAMETER, "%s", wrong[i]);
		ck_assert_str_eq(hand.param, "timeStamp");
	}
	hand_end();
}
END_TEST

START_TEST(test_wrong_events)
{
	static const struct refusal rows[] = {
		{ "{}", MISSING_PARAMETER, "nfInstanceId" },
		{ "{\"nfInstanceId\":\"n\"}", MISSING_PARAMETER, "success" },
		{ EVENT("\"true\"", "2026-01-02T03:04:05Z"), INVALID_PARAMETER, "success" },
		{ EVENT("1", "2026-01-02T03:04:05Z"), INVALID_PARAMETER, "success" },
		{ EVENT("null", "2026-01-02T03:04:05Z"), MISSING_PARAMETER, "success" },
		{ "{\"nfInstanceId\":\"n\",\"success\":true,\"timeStamp\":\"2026-01-02T03:04:"
		  "05Z\"}",
			MISSING_PARAMETER, "authType" },
		{ "{\"nfInstanceId\":\"n\",\"success\":true,\"timeStamp\":\"2026-01-02T03:04:05Z\","
		  "\"authType\":\"5G_AKA\",\"servingNetworkName\":\"5G:x\"}",
			INVALID_PARAMETER, "servingNetworkName" },
	};

	by_hand_start();
	check_refusals(&auth_event, HAND_IMSI_TEXT, rows, sizeof(rows) / sizeof(rows[0]));
	hand_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_event,
		test_times_of_events,
		test_wrong_events,
	};

	return suite_run("procedures_auth_event", tests, sizeof(tests) / sizeof(tests[0]));
}

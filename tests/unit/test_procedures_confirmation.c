/*
 * The confirmation of a device's credential (docs/protocol.md section 7.3): the straight path, repeated,
 * wrong MACs, states of the Access ID, races.
 */
#include "tests/unit/companion_world.h"
#include "tests/unit/suite.h"

START_TEST(test_confirmation)
{
	begin_world();
	run(&companion_confirmation, good_confirmation);
	ck_assert_int_eq(ended.status, 200);
	CALLS("find-access-id", "imsi", "confirm-companion", "confirm-access-id");
	ck_assert(json_is_true(json_object_get(ended.json, "provisionComplete")));
	ck_assert_str_eq(text("supi"), "imsi-001010000001000");
	ck_assert_str_eq(text("mac3"), "PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw=");
	ck_assert_uint_eq(world.confirmed.imsi, FIRST_IMSI);
	ck_assert_mem_eq(world.confirmed.kdm.at, world.access.kdm.at, KEPT_LEN);
	ck_assert_int_eq(world.created.imsi, FIRST_IMSI);
	ck_assert_int_eq(fake_imsis_out(), 1);
	end_world();
}
END_TEST

START_TEST(test_confirmation_again)
{
	begin_world();
	world.access.state = ACCESS_CONFIRMED;
	world.access.imsi = 1010000000042;
	run(&companion_confirmation, good_confirmation);
	ck_assert_int_eq(ended.status, 200);
	CALLS("find-access-id", "confirm-companion");
	ck_assert_str_eq(text("supi"), "imsi-001010000000042");
	ck_assert_uint_eq(world.confirmed.imsi, 1010000000042);
	reset_world();
	world.access.state = ACCESS_CONFIRMED;
	world.access.kdm.len = 0;
	run(&companion_confirmation, good_confirmation);
	check_refused(CONFLICT, NULL);
	end_world();
}
END_TEST

START_TEST(test_states)
{
	static const struct {
		enum access_state state;
		enum outcome outcome;
	} states[] = {
		{ ACCESS_REVOKED, CREDENTIAL_REVOKED },
		{ ACCESS_EXPIRED, CREDENTIAL_EXPIRED },
		{ ACCESS_RELEASED, ACCESS_ID_NOT_FOUND },
	};

	begin_world();
	for (unsigned i = 0; i < 3; i++) {
		reset_world();
		world.access.state = (int32_t)states[i].state;
		run(&companion_confirmation, good_confirmation);
		check_refused(states[i].outcome, NULL);
	}
	reset_world();
	world.access_brings = NO_ROW;
	run(&companion_confirmation, good_confirmation);
	check_refused(ACCESS_ID_NOT_FOUND, NULL);
	reset_world();
	world.access.kind = CREDENTIAL_HEADLESS;
	run(&companion_confirmation, good_confirmation);
	check_refused(ACCESS_ID_NOT_FOUND, NULL);
	reset_world();
	world.access.kdm.len = 5; /* a damaged row */
	run(&companion_confirmation, good_confirmation);
	check_refused(BROKEN, NULL);
	end_world();
}
END_TEST

START_TEST(test_wrong_macs)
{
	static const char *const short_mac = "{\"deviceId\":\"meter-7\",\"mac2\":\"AAAA\"}";

	begin_world();
	world.mac2 = MAC_INVALID;
	for (unsigned i = 1; i <= 3; i++) {
		world.count = 0;
		run(&companion_confirmation, i == 2 ? short_mac : good_confirmation);
		check_refused(MAC_INVALID, NULL);
		ck_assert_uint_eq(world.wrong, i);
		if (i == 2)
			CALLS("find-access-id", "count-wrong-mac");
		else
			CALLS("find-access-id", "imsi", "confirm-companion", "count-wrong-mac");
	}
	world.access.state = ACCESS_REVOKED;
	run(&companion_confirmation, good_confirmation);
	check_refused(CREDENTIAL_REVOKED, NULL);
	ck_assert_uint_eq(world.wrong, 3);
	end_world();
}
END_TEST

/* Where no IMSI is left a wrong MAC2 is counted all the same, and a right one is told why it waits. */
START_TEST(test_no_imsi)
{
	begin_world();
	world.imsi = IMSI_POOL_EXHAUSTED;
	world.mac2 = MAC_INVALID;
	run(&companion_confirmation, good_confirmation);
	check_refused(MAC_INVALID, NULL);
	ck_assert_uint_eq(world.wrong, 1);
	CALLS("find-access-id", "imsi", "confirm-companion", "count-wrong-mac");
	world.mac2 = FINE;
	world.count = 0;
	run(&companion_confirmation, good_confirmation);
	check_refused(IMSI_POOL_EXHAUSTED, NULL);
	CALLS("find-access-id", "imsi", "confirm-companion");
	ck_assert_int_eq(fake_imsis_out(), 0);
	end_world();
}
END_TEST

/* A try that could not be counted does not say that its MAC was wrong. */
START_TEST(test_wrong_mac_not_counted)
{
	begin_world();
	world.mac2 = MAC_INVALID;
	world.fail_at = 3;
	world.fail_with = DATABASE_UNAVAILABLE;
	run(&companion_confirmation, good_confirmation);
	check_refused(DATABASE_UNAVAILABLE, NULL);
	end_world();
}
END_TEST

START_TEST(test_another_device)
{
	begin_world();
	run(&companion_confirmation, with(good_confirmation, "meter-7", "meter-8"));
	check_refused(INVALID_PARAMETER, "deviceId");
	CALLS("find-access-id", "imsi", "confirm-companion");
	end_world();
}
END_TEST

START_TEST(test_confirmation_races)
{
	begin_world();
	world.confirms[0] = CONFLICT; /* the IMSI is somebody's */
	run(&companion_confirmation, good_confirmation);
	ck_assert_int_eq(ended.status, 200);
	ck_assert_str_eq(text("supi"), "imsi-001010000001001");
	ck_assert_uint_eq(world.confirmed.imsi, FIRST_IMSI + 1);
	ck_assert_int_eq(fake_imsis_out(), 1);
	reset_world();
	world.confirms[0] = NO_ROW; /* another confirmation was first */
	world.revised = world.access;
	world.revised.state = ACCESS_CONFIRMED;
	world.revised.imsi = 1010000000042;
	world.has_revised = true;
	run(&companion_confirmation, good_confirmation);
	ck_assert_int_eq(ended.status, 200);
	ck_assert_str_eq(text("supi"), "imsi-001010000000042");
	ck_assert_uint_eq(world.confirmed.imsi, 1010000000042);
	ck_assert_int_eq(fake_imsis_out(), 0);
	reset_world();
	for (unsigned i = 0; i < 8; i++)
		world.confirms[i] = i % 2 == 0 ? NO_ROW : CONFLICT;
	run(&companion_confirmation, good_confirmation);
	check_refused(OVERLOADED, NULL);
	end_world();
}

int main(void)
{
	const TTest *const tests[] = {
		test_confirmation,
		test_confirmation_again,
		test_states,
		test_wrong_macs,
		test_no_imsi,
		test_wrong_mac_not_counted,
		test_another_device,
		test_confirmation_races,
	};

	return suite_run("confirmation", tests, sizeof(tests) / sizeof(tests[0]));
}

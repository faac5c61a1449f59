/*
 * Companion DH with each call of a lane failed, and each late, in its turn. The loops run over whatever a
 * procedure asks of its lanes, so that a new step is covered as it comes.
 */
#include "tests/unit/companion_world.h"
#include "tests/unit/suite.h"

END_TEST

/* The procedures and ways of them that the loops below go. */
struct way {
	const struct procedure *procedure;
	const char *body;
	bool is_optional, is_again, is_wrong;
	int binds; /* the call that binds an IMSI; -1: none */
};
static const struct way ways[] = {
	{ &companion_credential_request, good_request, false, false, false, -1 },
	{ &companion_credential_request, good_request, true, false, false, 4 },
	{ &companion_credential_request, good_request, true, true, false, 4 },
	{ &companion_confirmation, good_confirmation, false, false, false, 3 },
	{ &companion_confirmation, good_confirmation, false, false, true, -1 },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void set_way(const struct way *way)
{
	reset_world();
	companion_settings.confirmation_required = !way->is_optional;
	world.adds[0] = way->is_again ? NO_ROW : FINE;
	world.mac2 = way->is_wrong ? MAC_INVALID : FINE;
}

static unsigned count_calls(const struct way *way)
{
	set_way(way);
	run(way->procedure, way->body);
	return world.count;
}

START_TEST(test_each_call_fails)
{
	static const enum outcome failures[] = { DATABASE_UNAVAILABLE, BROKEN };

	begin_world();
	for (unsigned w = 0; w < WAYS; w++) {
		unsigned calls = count_calls(&ways[w]);

		ck_assert_uint_ge(calls, 3);
		for (unsigned i = 0; i < calls * 2; i++) {
			set_way(&ways[w]);
			world.fail_at = i / 2;
			world.fail_with = failures[i % 2];
			run(ways[w].procedure, ways[w].body);
			/* what is BROKEN may have been done all the same */
			bool is_bound = (int)(i / 2) == ways[w].binds && world.fail_with == BROKEN;

			ck_assert_int_eq(ended.outcome, world.fail_with);
			ck_assert_int_eq(fake_imsis_out(), is_bound ? 1 : 0);
		}
	}
	end_world();
}
END_TEST

/* A statement that had gone out when the connection broke may have bound its IMSI: that is not given out again. */
START_TEST(test_binding_of_unknown_end)
{
	begin_world();
	for (unsigned w = 0; w < WAYS; w++) {
		if (ways[w].binds < 0)
			continue;
		set_way(&ways[w]);
		world.fail_at = (unsigned)ways[w].binds;
		world.fail_with = DATABASE_UNAVAILABLE;
		world.sent = true;
		run(ways[w].procedure, ways[w].body);
		ck_assert_int_eq(ended.outcome, DATABASE_UNAVAILABLE);
		ck_assert_int_eq(fake_imsis_out(), 1);
	}
	end_world();
}
END_TEST

/* Each call in turn is held past the deadline, then brings what it would have. */
START_TEST(test_each_call_late)
{
	begin_world();
	for (unsigned w = 0; w < WAYS; w++) {
		unsigned calls = count_calls(&ways[w]);

		for (unsigned i = 0; i < calls; i++) {
			set_way(&ways[w]);
			if (i == 0)
				hold_all(true);
			world.hold_at = i;
			run(ways[w].procedure, ways[w].body);
			ck_assert(ended.outcome == HSM_UNAVAILABLE ||
				  ended.outcome == DATABASE_UNAVAILABLE);
			ck_assert_uint_eq(fake_lanes_held(), 1);
			fake_lanes_let_go();
			run_for_a_moment();
			ck_assert_uint_eq(ended.count, 1);
			ck_assert_uint_eq(world.count, i + 1);
			bool is_bound = (int)i == ways[w].binds && !ways[w].is_again;

			ck_assert_int_eq(fake_imsis_out(), is_bound ? 1 : 0);
		}
	}
	end_world();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_each_call_fails,
		test_binding_of_unknown_end,
		test_each_call_late,
	};

	return suite_run("companion lanes", tests, sizeof(tests) / sizeof(tests[0]));
}

/* A profile bound at the same time twice, and with each call of a lane failed, and each late, in its turn. */
#include "tests/unit/exchange_world.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct exchange_reply good_reply = { .kind = EXCHANGE_DOWNLOAD };

START_TEST(test_races)
{
	begin_exchanges();
	/* the same request at once: the later finds the earlier's profile, and its IMSI goes back */
	const char *body = reply_of(&good_reply);
	bind_before(body);
	exchange.revised_download = exchange.download;
	exchange.has_revised = true;
	exchange.download.state = DOWNLOAD_OFFERED;
	exchange.download.imsi = 0;
	exchange.download.scalar.len = DB_KEPT_LEN;
	exchange.binds[0] = NO_ROW;
	run(&profile_download_bind, body);
	expect_bound_answer();
	ck_assert(exchange.bind == 1 && fake_imsis_out() == 0);
	/* another download of this eUICC at once: its SUPI is this one's too */
	reset_exchanges();
	exchange.revised_download = exchange.download;
	exchange.revised_download.imsi = COMPANION;
	exchange.has_revised = true;
	exchange.binds[0] = NO_ROW;
	run_bind(&good_reply);
	expect_bound_profile(EXCHANGE_SUPI);
	ck_assert(ended.status == 200 && exchange.bound.imsi == COMPANION && fake_imsis_out() == 0);
	/* the IMSI is somebody's: another one, and the profile anew */
	reset_exchanges();
	exchange.binds[0] = CONFLICT;
	run_bind(&good_reply);
	expect_bound_profile("imsi-001010000001001");
	ck_assert(ended.status == 200 && fake_imsis_out() == 1);
	/* not for ever */
	for (int is_supi = 0; is_supi < 2; is_supi++) {
		reset_exchanges();
		if (is_supi == 1)
			make_supi_download();
		for (size_t i = 0; i < COUNT(exchange.binds); i++)
			exchange.binds[i] = i % 2 == 0 ? CONFLICT : NO_ROW;
		run_bind(&good_reply);
		expect_exchange_refused(OVERLOADED, NULL);
		ck_assert_uint_eq(exchange.bind, 5);
	}
	end_exchanges();
}
END_TEST

#define BIND_CALL 3u /* the one that binds the IMSI */

START_TEST(test_each_call_fails)
{
	static const enum outcome failures[] = { DATABASE_UNAVAILABLE, HSM_UNAVAILABLE, BROKEN };

	begin_exchanges();
	for (unsigned i = 0; i <= BIND_CALL; i++)
		for (size_t f = 0; f < COUNT(failures); f++) {
			reset_exchanges();
			exchange.fail_at = i;
			exchange.fail_with = failures[f];
			run_bind(&good_reply);
			/* what failed as nothing of the database does may be done */
			bool is_bound = i == BIND_CALL && failures[f] != DATABASE_UNAVAILABLE;

			ck_assert_int_eq(ended.outcome, failures[f]);
			ck_assert_int_eq(fake_imsis_out(), is_bound ? 1 : 0);
		}
	reset_exchanges();
	exchange.fail_at = BIND_CALL;
	exchange.fail_with = DATABASE_UNAVAILABLE;
	exchange.sent = true;
	run_bind(&good_reply);
	ck_assert(ended.outcome == DATABASE_UNAVAILABLE && fake_imsis_out() == 1);
	end_exchanges();
}
END_TEST

/* Each call in turn is held past the deadline, then brings what it would have. */
START_TEST(test_each_call_late)
{
	begin_exchanges();
	for (unsigned i = 0; i <= BIND_CALL; i++) {
		reset_exchanges();
		if (i == 0)
			hold_all(true);
		exchange.hold_at = i;
		run_bind(&good_reply);
		ck_assert(
			ended.outcome == HSM_UNAVAILABLE || ended.outcome == DATABASE_UNAVAILABLE);
		ck_assert_uint_eq(fake_lanes_held(), 1);
		fake_lanes_let_go();
		run_for_a_moment();
		ck_assert_uint_eq(ended.count, 1);
		ck_assert_uint_eq(exchange.count, i + 1);
		ck_assert_int_eq(fake_imsis_out(), i == BIND_CALL ? 1 : 0);
	}
	end_exchanges();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_races, test_each_call_fails, test_each_call_late };

	return suite_run("download lanes", tests, COUNT(tests));
}

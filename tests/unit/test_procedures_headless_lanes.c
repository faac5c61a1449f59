/*
 * The addition of a headless device that is there already or comes at the same time twice, and with each call
 * of a lane failed, and each late, in its turn.
 */
#include "tests/unit/headless_world.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ADD_CALL     8u /* the call that binds the IMSI */

/* The row that an addition made, as it is found afterwards. */
static struct db_headless row_added(void)
{
	struct db_headless row = { .imsi = lanes.added.imsi,
		.owner = lanes.added.owner,
		.issued_at = lanes.added.issued_at,
		.not_after = lanes.added.not_after,
		.owner_version = lanes.added.owner_version,
		.credential_state = CREDENTIAL_IS_ACTIVE };

	memcpy(row.spki_hash, lanes.added.spki_hash, sizeof(row.spki_hash));
	memcpy(row.access_id, lanes.added.access_id, sizeof(row.access_id));
	memcpy(row.n1, lanes.added.n1, sizeof(row.n1));
	memcpy(row.n2, lanes.added.n2, sizeof(row.n2));
	return row;
}

static struct db_headless add_one(void)
{
	run_addition(good_addition);
	ck_assert_int_eq(ended.status, 201);
	return row_added();
}

START_TEST(test_again)
{
	begin_headless();
	struct db_headless row = add_one();
	struct key_derive_device_in first = lanes.derived;

	reset_headless();
	lanes.present = row;
	lanes.present_brings = FINE;
	run_addition(good_addition);
	ck_assert_int_eq(ended.status, 200);
	ck_assert(lanes.add == 0 && fake_imsis_out() == 0);
	/* the same keys come of it */
	ck_assert_uint_eq(lanes.derived.imsi, first.imsi);
	ck_assert_mem_eq(lanes.derived.n1, first.n1, sizeof(first.n1));
	ck_assert_mem_eq(lanes.derived.n2, first.n2, sizeof(first.n2));
	ck_assert_mem_eq(lanes.derived.spki_hash, first.spki_hash, sizeof(first.spki_hash));
	end_headless();
}
END_TEST

struct state_case {
	enum credential_state state;
	enum outcome outcome;
};

START_TEST(test_state_of_the_device)
{
	static const struct state_case cases[] = {
		{ CREDENTIAL_IS_PRE_ACTIVE, CONFLICT },
		{ CREDENTIAL_IS_SUSPENDED, CREDENTIAL_SUSPENDED },
		{ CREDENTIAL_IS_RETIRED, CREDENTIAL_RETIRED },
		{ CREDENTIAL_IS_REVOKED, CREDENTIAL_REVOKED },
		{ CREDENTIAL_IS_OVERDUE, CREDENTIAL_EXPIRED },
		{ CREDENTIAL_IS_DESTROYED, FINE },
		{ (enum credential_state)99, BROKEN },
	};

	begin_headless();
	struct db_headless row = add_one();
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int is_other = 0; is_other < 2; is_other++) {
			reset_headless();
			lanes.present = row;
			lanes.present_brings = FINE;
			lanes.present.credential_state = cases[i].state;
			lanes.present.owner += is_other;
			run_addition(good_addition);
			if (cases[i].state == CREDENTIAL_IS_DESTROYED) {
				ck_assert_int_eq(ended.status, 201);
				ck_assert_mem_ne(lanes.added.access_id, row.access_id, 16);
				ck_assert_mem_ne(lanes.added.n1, row.n1, 16);
				continue;
			}
			expect_refused(is_other == 1 ? DEVICE_IN_USE : cases[i].outcome);
			ck_assert(lanes.add == 0);
		}
	}
	end_headless();
}
END_TEST

START_TEST(test_other_than_before)
{
	begin_headless();
	struct db_headless row = add_one();

	for (int i = 0; i < 3; i++) {
		reset_headless();
		lanes.present = row;
		lanes.present_brings = FINE;
		lanes.present.owner += i == 0;
		lanes.present.spki_hash[31] ^= i == 1;
		lanes.present.owner_version += i == 2;
		run_addition(good_addition);
		expect_refused(i == 0 ? DEVICE_IN_USE : CONFLICT);
	}
	end_headless();
}
END_TEST

START_TEST(test_state_of_the_companion)
{
	static const struct state_case cases[] = {
		{ CREDENTIAL_IS_PRE_ACTIVE, USER_NOT_FOUND },
		{ CREDENTIAL_IS_SUSPENDED, CREDENTIAL_SUSPENDED },
		{ CREDENTIAL_IS_RETIRED, CREDENTIAL_RETIRED },
		{ CREDENTIAL_IS_REVOKED, CREDENTIAL_REVOKED },
		{ CREDENTIAL_IS_OVERDUE, CREDENTIAL_EXPIRED },
		{ CREDENTIAL_IS_DESTROYED, USER_NOT_FOUND },
		{ (enum credential_state)99, BROKEN },
	};

	begin_headless();
	for (size_t i = 0; i < COUNT(cases); i++) {
		reset_headless();
		lanes.companion.state = (int32_t)cases[i].state;
		run_addition(good_addition);
		expect_refused(cases[i].outcome);
	}
	reset_headless();
	lanes.companion_brings = NO_ROW;
	run_addition(good_addition);
	expect_refused(USER_NOT_FOUND);
	reset_headless();
	lanes.companion.sealed.len = DB_SEALED_MAX + 1;
	run_addition(good_addition);
	expect_refused(BROKEN);
	end_headless();
}
END_TEST

/* Two requests for one device at once: the later finds what the earlier has made. */
START_TEST(test_races)
{
	begin_headless();
	struct db_headless row = add_one();

	reset_headless();
	lanes.adds[0] = NO_ROW;
	lanes.revised = row;
	lanes.revised_brings = FINE;
	run_addition(good_addition);
	ck_assert(ended.status == 200 && fake_imsis_out() == 0);
	ck_assert_uint_eq(lanes.derived.imsi, (uint64_t)row.imsi);
	ck_assert_mem_eq(lanes.derived.n1, row.n1, sizeof(row.n1));
	reset_headless();
	lanes.adds[0] = NO_ROW;
	lanes.revised = row;
	lanes.revised.owner++;
	lanes.revised_brings = FINE;
	run_addition(good_addition);
	expect_refused(DEVICE_IN_USE);
	/* the IMSI is somebody's: another one, and all that hangs on it anew */
	reset_headless();
	lanes.adds[0] = CONFLICT;
	run_addition(good_addition);
	ck_assert(ended.status == 201 && lanes.add == 2 && fake_imsis_out() == 1);
	ck_assert_int_eq(lanes.added.imsi, (int64_t)FIRST_IMSI + 1);
	ck_assert_uint_eq(lanes.derived.imsi, FIRST_IMSI + 1);
	/* not for ever, and after redirects as well */
	for (unsigned redirects = 0; redirects <= FETCH_MOST_REDIRECTS; redirects++) {
		reset_headless();
		for (size_t i = 0; i < COUNT(lanes.adds); i++)
			lanes.adds[i] = i % 2 == 0 ? CONFLICT : NO_ROW;
		lanes.pages[redirects] = lanes.pages[0];
		for (unsigned i = 0; i < redirects; i++)
			lanes.pages[i] = (struct headless_page){
				.status = 307, .type = "", .location = "https://other.example/"
			};
		run_addition(good_addition);
		expect_refused(OVERLOADED);
		ck_assert_uint_ge(lanes.add, 4);
	}
	end_headless();
}
END_TEST

static void set_way(bool is_redirected)
{
	reset_headless();
	if (!is_redirected)
		return;
	lanes.pages[1] = lanes.pages[0];
	lanes.pages[0] = (struct headless_page){
		.status = 302, .type = "", .location = "https://other.example/"
	};
}

START_TEST(test_each_call_fails)
{
	static const enum outcome failures[] = { DATABASE_UNAVAILABLE, HSM_UNAVAILABLE, BROKEN };

	begin_headless();
	add_one();
	ck_assert_uint_eq(lanes.count, ADD_CALL + 1);
	for (unsigned i = 0; i <= ADD_CALL; i++)
		for (size_t f = 0; f < COUNT(failures); f++) {
			set_way(false);
			lanes.fail_at = i;
			lanes.fail_with = failures[f];
			run_addition(good_addition);
			bool is_fetch = lanes.page > 0 && i == 2;
			/* what is BROKEN, or failed as nothing of the database does, may be done */
			bool is_bound = i == ADD_CALL && failures[f] != DATABASE_UNAVAILABLE;

			ck_assert_int_eq(
				ended.outcome, is_fetch ? CERTIFICATE_FETCH_FAILED : failures[f]);
			ck_assert_int_eq(fake_imsis_out(), is_bound ? 1 : 0);
		}
	set_way(false);
	lanes.fail_at = ADD_CALL;
	lanes.fail_with = DATABASE_UNAVAILABLE;
	lanes.sent = true;
	run_addition(good_addition);
	ck_assert(ended.outcome == DATABASE_UNAVAILABLE && fake_imsis_out() == 1);
	end_headless();
}
END_TEST

/* Each call in turn is held past the deadline, then brings what it would have. */
START_TEST(test_each_call_late)
{
	begin_headless();
	for (int is_redirected = 0; is_redirected < 2; is_redirected++) {
		unsigned last = ADD_CALL + (is_redirected == 1);

		for (unsigned i = 0; i <= last; i++) {
			set_way(is_redirected == 1);
			if (i == 0)
				hold_all(true);
			lanes.hold_at = i;
			run_addition(good_addition);
			ck_assert(ended.outcome == HSM_UNAVAILABLE ||
				  ended.outcome == DATABASE_UNAVAILABLE ||
				  ended.outcome == PEER_TIMEOUT);
			ck_assert_uint_eq(fake_lanes_held(), 1);
			fake_lanes_let_go();
			run_for_a_moment();
			ck_assert_uint_eq(ended.count, 1);
			ck_assert_uint_eq(lanes.count, i + 1);
			ck_assert_int_eq(fake_imsis_out(), i == last ? 1 : 0);
		}
	}
	end_headless();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_again, test_state_of_the_device, test_other_than_before,
		test_state_of_the_companion, test_races, test_each_call_fails,
		test_each_call_late };

	pki_make_rsa_key();
	return suite_run("headless lanes", tests, COUNT(tests));
}

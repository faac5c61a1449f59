/* Bounds of what is recorded of whom, and the account of what was not. The time is the test's. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "procedures/refusal_bounds.h"
#include "tests/unit/suite.h"

static struct refusal_bounds *bounds;
static int64_t now;

static void open_bounds(void)
{
	now = 1000000;
	bounds = refusal_bounds_new();
	ck_assert_ptr_nonnull(bounds);
}

/* How many of so many are let through; the others are lost. */
static unsigned take(const char *actor, unsigned count)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < count; i++)
		if (refusal_bounds_take(bounds, actor, now))
			taken++;
		else
			refusal_bounds_lose(bounds, actor, now);
	return taken;
}

static void assert_told(int64_t count, const char *detail)
{
	char told[DB_DETAIL_MAX + 1];

	ck_assert_int_eq(refusal_bounds_tell(bounds, told), count);
	ck_assert_str_eq(told, detail);
}

START_TEST(test_strangers_share_a_hundred_a_second)
{
	open_bounds();
	ck_assert_uint_eq(take(NULL, 1000), STRANGERS_AT_ONCE);
	ck_assert_uint_eq(take(NULL, 10), 0);
	for (unsigned second = 0; second < 5; second++) {
		now += 1000;
		ck_assert_uint_eq(take(NULL, 1000), STRANGERS_A_SECOND);
	}
	now += 100;
	ck_assert_uint_eq(take(NULL, 1000), STRANGERS_A_SECOND / 10);
	now += 3600000; /* a quiet hour is not saved up */
	ck_assert_uint_eq(take(NULL, 1000), STRANGERS_AT_ONCE);
	refusal_bounds_free(bounds);
}
END_TEST

START_TEST(test_a_caller_has_a_bound_of_his_own)
{
	open_bounds();
	ck_assert_uint_eq(take("ausf:a", 5000), CALLER_AT_ONCE);
	ck_assert_uint_eq(take("ausf:b", 10), 10); /* and keeps nothing from others */
	ck_assert_uint_eq(take(NULL, 10), 10);
	for (unsigned second = 0; second < 20; second++) {
		now += 1000;
		ck_assert_uint_eq(take("ausf:a", 5000), CALLER_A_SECOND);
	}
	now += 5000;
	ck_assert_uint_eq(take("ausf:a", 5000), 5 * CALLER_A_SECOND);
	now += INT64_C(100) * 86400 * 1000;
	ck_assert_uint_eq(take("ausf:a", 5000), CALLER_AT_ONCE);
	refusal_bounds_free(bounds);
}
END_TEST

/* As long as any of them is busy, or was not told of; then another has his place. */
START_TEST(test_so_many_callers_are_told_apart)
{
	char name[32];

	open_bounds();
	for (unsigned i = 0; i < CALLERS_APART; i++) {
		snprintf(name, sizeof(name), "ausf:%u", i);
		ck_assert_uint_eq(take(name, CALLER_AT_ONCE + 1), CALLER_AT_ONCE);
	}
	ck_assert_uint_eq(take("ausf:x", CALLER_AT_ONCE), CALLER_AT_ONCE);
	ck_assert_uint_eq(take("ausf:y", 10), 0); /* shares with x */
	ck_assert_uint_eq(take("ausf:3", 10), 0);
	now += 3600000;
	ck_assert_uint_eq(take("ausf:x", CALLER_AT_ONCE + 1), CALLER_AT_ONCE);
	ck_assert_uint_eq(take("ausf:y", 10), 0); /* what they lost has not been told */
	ck_assert_int_gt(refusal_bounds_lost(bounds), CALLERS_APART);
	char detail[DB_DETAIL_MAX + 1];

	ck_assert_int_eq(refusal_bounds_tell(bounds, detail), refusal_bounds_lost(bounds));
	refusal_bounds_told(bounds, true);
	ck_assert_uint_eq(take("ausf:y", 10), 10);
	ck_assert_uint_eq(take("ausf:3", 10), 10);
	refusal_bounds_free(bounds);
}
END_TEST

START_TEST(test_the_account_says_by_whom)
{
	open_bounds();
	assert_told(0, "strangers=0 callers=0 of_callers=0");
	refusal_bounds_told(bounds, true);
	for (unsigned i = 0; i < 7; i++)
		refusal_bounds_lose(bounds, NULL, now);
	assert_told(7, "strangers=7 callers=0 of_callers=0");
	refusal_bounds_lose(bounds, "ausf:a", now);
	refusal_bounds_lose(bounds, "device-gateway:gw 1", now);
	refusal_bounds_lose(bounds, "device-gateway:gw 1", now);
	refusal_bounds_told(bounds, false); /* not told: it is said with what has come since */
	assert_told(10, "strangers=7 callers=2 of_callers=3 most=device-gateway:gw 1");
	refusal_bounds_lose(bounds, "ausf:a", now);
	refusal_bounds_lose(bounds, NULL, now);
	refusal_bounds_told(bounds, true);
	ck_assert_int_eq(refusal_bounds_lost(bounds), 2);
	assert_told(2, "strangers=1 callers=1 of_callers=1 most=ausf:a");
	refusal_bounds_told(bounds, true);
	ck_assert_int_eq(refusal_bounds_lost(bounds), 0);
	refusal_bounds_free(bounds);
}
END_TEST

START_TEST(test_the_longest_name_fits)
{
	char name[400] = { 0 }, detail[DB_DETAIL_MAX + 1];

	open_bounds();
	memset(name, 'x', sizeof(name) - 1);
	ck_assert_uint_eq(take(name, CALLER_AT_ONCE + 1), CALLER_AT_ONCE);
	ck_assert_uint_eq(take(name, 1), 0);
	ck_assert_int_eq(refusal_bounds_tell(bounds, detail), 2);
	name[DB_ACTOR_MAX] = '\0';
	ck_assert_str_eq(strstr(detail, "most=") + 5, name);
	refusal_bounds_free(bounds);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_strangers_share_a_hundred_a_second,
		test_a_caller_has_a_bound_of_his_own,
		test_so_many_callers_are_told_apart,
		test_the_account_says_by_whom,
		test_the_longest_name_fits,
	};

	return suite_run("refusal_bounds", tests, sizeof(tests) / sizeof(tests[0]));
}

/* Refusals: which become events, as what, how many wait, and what is said of the others. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "procedures/refusal_bounds.h"
#include "procedures/refusals.h"
#include "tests/unit/suite.h"

#define MOST    4096u
#define EVERY_S 0.01

static struct settings settings;
static struct services services = { .settings = &settings };
static const struct procedure procedure = { .name = "some-procedure" };
static struct ev_loop *loop;
static struct refusals *refusals;
static unsigned lost;

/* The lane, held in the hand. */
static struct db_request *waiting[MOST + 8];
static unsigned count;

void db_submit(struct db *db, struct db_request *request)
{
	(void)db;
	ck_assert_uint_lt(count, MOST + 8);
	waiting[count++] = request;
}

static void answer_all(enum outcome o)
{
	unsigned asked = count;
	static struct db_request *now[MOST + 8];

	memcpy(now, waiting, sizeof(now));
	count = 0;
	for (unsigned i = 0; i < asked; i++)
		now[i]->done(now[i], o);
}

static void on_lost(void *context)
{
	(void)context;
	lost++;
}

static void open_refusals(void)
{
	settings.audit_is_on = true;
	lost = count = 0;
	loop = ev_loop_new(EVFLAG_AUTO);
	refusals = refusals_new(
		loop, &(struct refusals_settings){ .tell_every_s = EVERY_S, .lost = on_lost });
	ck_assert_ptr_nonnull(refusals);
}

static void close_refusals(void)
{
	refusals_free(refusals);
	ev_loop_destroy(loop);
}

/* Nothing but the loop's own time brings it. */
static void wait_for_account(void)
{
	unsigned before = count;

	for (int i = 0; i < 20000 && count == before; i++) {
		usleep(1000);
		ev_run(loop, EVRUN_NOWAIT);
	}
	ck_assert_uint_eq(count, before + 1);
}

static void refuse(enum outcome o, const char *actor, const char *about, const char *parameter)
{
	struct txn t = {
		.procedure = &procedure,
		.services = &services,
		.actor = actor,
		.about = about,
		.parameters = { parameter },
		.outcome = o,
	};

	refusals_note(refusals, &t);
}

static const struct db_event_in *event(unsigned i)
{
	ck_assert_uint_lt(i, count);
	ck_assert_int_eq(waiting[i]->statement, DB_RECORD_EVENT);
	return waiting[i]->row;
}

static void assert_event(unsigned i, const char *actor, const char *detail, int64_t subject)
{
	const struct db_event_in *e = event(i);

	ck_assert_str_eq(waiting[i]->actor, actor);
	ck_assert_uint_eq(e->detail.len, strlen(detail));
	ck_assert_mem_eq(e->detail.at, detail, strlen(detail));
	ck_assert_int_eq(e->subject, subject);
}

START_TEST(test_some_outcomes_matter)
{
	static const enum outcome some[] = { UNAUTHENTICATED, ROLE_NOT_PERMITTED,
		CERTIFICATE_UNTRUSTED, CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED, SIGNATURE_INVALID,
		MAC_INVALID, CREDENTIAL_REVOKED, CREDENTIAL_EXPIRED, CREDENTIAL_SUSPENDED,
		CREDENTIAL_RETIRED, DIMSI_IN_USE, DEVICE_IN_USE };
	unsigned expected = 0;

	open_refusals();
	for (unsigned o = 0; o < OUTCOME_COUNT; o++) {
		bool matters = false;

		for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
			matters = matters || some[i] == o;
		refuse((enum outcome)o, "loopback", NULL, NULL);
		expected += matters;
		ck_assert_uint_eq(count, expected);
		if (matters)
			ck_assert_int_eq(event(count - 1)->outcome, (int)o);
	}
	ck_assert_int_eq(event(0)->action, AUDIT_REFUSED);
	answer_all(FINE);
	ck_assert_uint_eq(lost, 0);
	settings.audit_is_on = false;
	refuse(MAC_INVALID, NULL, NULL, NULL);
	ck_assert_uint_eq(count, 0);
	close_refusals();
}
END_TEST

START_TEST(test_an_event_says_who_and_about_whom)
{
	char longest[400] = { 0 };

	open_refusals();
	refuse(MAC_INVALID, "ausf:a", NULL, NULL);
	assert_event(0, "ausf:a", "some-procedure", 0);
	refuse(UNAUTHENTICATED, NULL, NULL, NULL);
	assert_event(1, "unknown", "some-procedure", 0);
	refuse(MAC_INVALID, "ausf:a", NULL, "imsi-001010000000007");
	assert_event(2, "ausf:a", "some-procedure imsi-001010000000007", 1010000000007);
	refuse(MAC_INVALID, "ausf:a", "900010000000003", "other");
	assert_event(3, "ausf:a", "some-procedure 900010000000003", 900010000000003);
	refuse(MAC_INVALID, "ausf:a", "a\tb\xff\x7f c", NULL);
	assert_event(4, "ausf:a", "some-procedure a?b???c", 0);
	memset(longest, 'x', sizeof(longest) - 1);
	refuse(MAC_INVALID, longest, longest, NULL);
	ck_assert_uint_eq(strlen(waiting[5]->actor), DB_ACTOR_MAX);
	ck_assert_uint_eq(event(5)->detail.len, DB_DETAIL_MAX);
	answer_all(FINE);
	close_refusals();
}
END_TEST

static void assert_account(unsigned i, int64_t number, const char *detail)
{
	ck_assert_int_eq(event(i)->action, AUDIT_REFUSALS_LOST);
	ck_assert_int_eq(event(i)->related, number);
	assert_event(i, "server", detail, 0);
}

START_TEST(test_strangers_are_bounded)
{
	open_refusals();
	for (unsigned i = 0; i < 1000; i++)
		refuse(UNAUTHENTICATED, NULL, NULL, NULL);
	ck_assert_uint_ge(lost, 1); /* 100 a second, on a machine that takes nine seconds for it */
	ck_assert_uint_eq(count + lost, 1000);
	refuse(MAC_INVALID, "ausf:a", NULL, NULL);
	ck_assert_uint_eq(count + lost, 1001);
	assert_event(count - 1, "ausf:a", "some-procedure", 0);
	answer_all(FINE);
	close_refusals();
}
END_TEST

START_TEST(test_callers_are_bounded_each)
{
	open_refusals();
	for (unsigned i = 0; i < CALLER_AT_ONCE + 1500; i++)
		refuse(MAC_INVALID, "ausf:a", NULL, NULL);
	ck_assert_uint_ge(lost, 1); /* on a machine that takes ten seconds for it, 200 in each */
	ck_assert_uint_eq(count + lost, CALLER_AT_ONCE + 1500);
	unsigned before = lost;

	for (unsigned i = 0; i < 500; i++)
		refuse(MAC_INVALID, "ausf:b", NULL, NULL);
	ck_assert_uint_eq(lost, before);
	answer_all(FINE);
	close_refusals();
}
END_TEST

/* Without another refusal, now or ever. */
START_TEST(test_what_was_lost_is_told_by_itself)
{
	open_refusals();
	for (unsigned i = 0; i < MOST + 5; i++)
		refuse(MAC_INVALID,
			i % 3 == 0   ? "ausf:a"
			: i % 3 == 1 ? "ausf:b"
				     : "ausf:c",
			NULL, NULL);
	ck_assert_uint_eq(count, MOST);
	ck_assert_uint_eq(lost, 5);
	wait_for_account(); /* none of the others has been answered */
	ck_assert_uint_eq(count, MOST + 1);
	assert_account(MOST, 5, "strangers=0 callers=3 of_callers=5 most=ausf:b");
	refuse(MAC_INVALID, "ausf:a", NULL, NULL);
	waiting[MOST]->done(waiting[MOST], FINE);
	wait_for_account();
	assert_account(MOST + 1, 1, "strangers=0 callers=1 of_callers=1 most=ausf:a");
	waiting[MOST] = waiting[--count];
	answer_all(FINE);
	ck_assert_int_eq(ev_run(loop, 0), 0); /* and then the timer ends, and the loop with it */
	ck_assert_uint_eq(count, 0);
	close_refusals();
}
END_TEST

START_TEST(test_what_the_database_did_not_take_is_counted)
{
	open_refusals();
	refuse(MAC_INVALID, "ausf:a", NULL, NULL);
	refuse(UNAUTHENTICATED, NULL, NULL, NULL);
	answer_all(DATABASE_UNAVAILABLE);
	ck_assert_uint_eq(lost, 2);
	wait_for_account();
	ck_assert_uint_eq(count, 1);
	assert_account(0, 2, "strangers=1 callers=1 of_callers=1 most=ausf:a");
	for (int i = 0; i < 5; i++) { /* one at a time */
		ev_run(loop, EVRUN_ONCE);
		ck_assert_uint_eq(count, 1);
	}
	answer_all(DATABASE_UNAVAILABLE); /* not said after all */
	wait_for_account();
	assert_account(0, 2, "strangers=1 callers=1 of_callers=1 most=ausf:a");
	answer_all(FINE);
	ck_assert_uint_eq(lost, 2);
	close_refusals();
}
END_TEST

START_TEST(test_at_the_end_all_is_written)
{
	open_refusals();
	ck_assert(refusals_are_written(refusals));
	refuse(MAC_INVALID, "ausf:a", NULL, NULL);
	refuse(MAC_INVALID, "ausf:a", NULL, NULL);
	ck_assert(!refusals_are_written(refusals));
	ck_assert_uint_eq(count, 2);
	waiting[0]->done(waiting[0], DATABASE_UNAVAILABLE);
	ck_assert(!refusals_are_written(refusals)); /* one account, of all */
	ck_assert_uint_eq(count, 2);
	waiting[1]->done(waiting[1], DATABASE_UNAVAILABLE);
	count = 0;
	ck_assert(!refusals_are_written(refusals));
	ck_assert_uint_eq(count, 1);
	assert_account(0, 2, "strangers=0 callers=1 of_callers=2 most=ausf:a");
	ck_assert(!refusals_are_written(refusals));
	ck_assert_uint_eq(count, 1);
	answer_all(FINE);
	ck_assert(refusals_are_written(refusals));
	close_refusals();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_some_outcomes_matter,
		test_an_event_says_who_and_about_whom,
		test_strangers_are_bounded,
		test_callers_are_bounded_each,
		test_what_was_lost_is_told_by_itself,
		test_what_the_database_did_not_take_is_counted,
		test_at_the_end_all_is_written,
	};

	return suite_run("refusals", tests, sizeof(tests) / sizeof(tests[0]));
}

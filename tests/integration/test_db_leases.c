/*
 * IMSIs from leases: nobody gets a number another has, none is lost, and what cannot be renewed is
 * not used.
 */
#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/imsi_leases.h"
#include "tests/integration/db_world.h"

#define D       900010000000000
#define I       262010000000000
#define LEASE_S 1
#define BLOCK   64
#define MOST    6000

static struct postgres_world *postgres;
static struct db_world w;
static const struct plmn plmn = { 26201, 5 };

static void open_world(void)
{
	ck_assert(postgres_world_clear(postgres));
	db_world_open(&w, postgres, 2);
}

static void close_world(void)
{
	db_world_close(&w);
}

static long long number(const char *sql)
{
	return postgres_world_number(postgres, sql);
}

static void add_pool(int64_t first, int64_t last)
{
	struct db_pool_in in = { 26201, 5, first, last };

	ck_assert_int_eq(db_world_ask(&w, DB_ADD_POOL, &in, NULL), FINE);
}

static struct imsi_leases *make_owner(uint32_t block)
{
	struct imsi_leases *l = imsi_leases_new(w.loop, w.db, plmn, block, LEASE_S);

	ck_assert_ptr_nonnull(l);
	return l;
}

struct taken {
	struct imsi_request request;
	enum outcome outcome;
	unsigned ended;
};

static void on_taken(struct imsi_request *request, enum outcome outcome)
{
	struct taken *t = (struct taken *)(void *)request;

	t->outcome = outcome;
	t->ended++;
}

/* Takes a number, waiting for it where it must. */
static enum outcome take_within(struct imsi_leases *l, uint64_t *imsi, int64_t within_ms)
{
	struct taken t = { .request = { .deadline_ms = clock_ms() + within_ms, .done = on_taken } };

	if (imsi_take(l, &t.request)) {
		ck_assert_uint_eq(t.ended, 0);
		*imsi = t.request.imsi;
		return FINE;
	}
	ck_assert_uint_eq(t.ended, 0);
	ck_assert(db_world_run(&w, &t.ended, 1, within_ms + 1000));
	ck_assert_uint_eq(t.ended, 1);
	*imsi = t.request.imsi;
	return t.outcome;
}

static enum outcome take(struct imsi_leases *l, uint64_t *imsi)
{
	return take_within(l, imsi, 4000);
}

static enum outcome bind(int64_t dimsi, uint64_t imsi)
{
	struct db_sample sample;

	db_sample_make(&sample, dimsi, (int64_t)imsi);
	return db_world_ask(&w, DB_BIND, &sample.in, NULL);
}

static void on_given_back(void *context)
{
	(*(unsigned *)context)++;
}

static void leave(struct imsi_leases *l)
{
	unsigned done = 0;

	imsi_leases_give_back(l, on_given_back, &done);
	ck_assert_uint_eq(done, 0);
	ck_assert(db_world_run(&w, &done, 1, 5000));
	imsi_leases_free(l);
}

/* ---- the property: at any moment a number is one's alone, and in the end all have been had */

enum holder { NOBODY, BOUND, FIRST_OWNER };
#define OWNERS 3

static uint8_t holders[MOST];
static uint64_t held[OWNERS][MOST];
static unsigned held_count[OWNERS];

static unsigned next_random(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x >> 33);
}

static void hold(unsigned owner, uint64_t imsi)
{
	ck_assert_uint_ge(imsi, I);
	ck_assert_uint_lt(imsi, I + MOST);
	ck_assert_msg(holders[imsi - I] == NOBODY, "%llu is held by %u, and given to %u",
		(unsigned long long)imsi, holders[imsi - I], owner);
	holders[imsi - I] = (uint8_t)(FIRST_OWNER + owner);
	held[owner][held_count[owner]++] = imsi;
}

/* The numbers a server held when it died belong to no transaction any more. */
static void forget_all(unsigned owner)
{
	while (held_count[owner] > 0)
		holders[held[owner][--held_count[owner]] - I] = NOBODY;
}

static struct db_sample batch[MOST];

static void bind_some(unsigned owner, unsigned count)
{
	unsigned ended = 0, n = 0;

	for (; n < count && held_count[owner] > 0; n++) {
		unsigned at = next_random() % held_count[owner];
		uint64_t imsi = held[owner][at];

		held[owner][at] = held[owner][--held_count[owner]];
		holders[imsi - I] = BOUND;
		db_sample_make(&batch[n], D + (int64_t)(imsi - I), (int64_t)imsi);
		batch[n].count = &ended;
		db_sample_submit(&batch[n], w.db, DB_BIND, 5000);
	}
	ck_assert(db_world_run(&w, &ended, n, 6000));
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(batch[i].outcome, FINE);
}

static void give_some_back(struct imsi_leases *l, unsigned owner, unsigned count)
{
	while (count-- > 0 && held_count[owner] > 0) {
		uint64_t imsi = held[owner][--held_count[owner]];

		holders[imsi - I] = NOBODY;
		imsi_give_back(l, imsi);
	}
}

START_TEST(no_number_has_two_owners_and_none_is_lost)
{
	struct imsi_leases *owners[OWNERS];
	unsigned exhausted = 0, bound = 0;
	int64_t end = clock_ms() + 60000;

	memset(holders, 0, sizeof(holders));
	add_pool(I, I + MOST / 2 - 1);
	add_pool(I + MOST / 2, I + MOST - 1);
	for (unsigned i = 0; i < OWNERS; i++)
		owners[i] = make_owner(BLOCK);
	while (bound < MOST && clock_ms() < end) {
		unsigned owner = next_random() % OWNERS;
		uint64_t imsi;

		for (unsigned n = next_random() % 100; n > 0; n--) {
			enum outcome o = take(owners[owner], &imsi);

			ck_assert(o == FINE || o == IMSI_POOL_EXHAUSTED);
			exhausted += o != FINE;
			if (o != FINE)
				break;
			hold(owner, imsi);
		}
		bind_some(owner, next_random() % 100);
		give_some_back(owners[owner], owner, next_random() % 20);
		bound = 0;
		for (unsigned i = 0; i < MOST; i++)
			bound += holders[i] == BOUND;
		/* Now and then one dies with what it holds, and another begins. */
		if (next_random() % 16 == 0 || (exhausted > 10 && bound + 200 > MOST)) {
			exhausted = 0;
			imsi_leases_free(owners[owner]);
			forget_all(owner);
			owners[owner] = make_owner(BLOCK);
			db_world_sleep(&w, 150);
		}
	}
	ck_assert_uint_eq(bound, MOST);
	for (unsigned i = 0; i < OWNERS; i++)
		imsi_leases_free(owners[i]);
	ck_assert_int_eq(number("SELECT count(DISTINCT imsi) FROM bindings"), MOST);
}
END_TEST

START_TEST(an_exhausted_pool_is_said_at_once_and_asked_again)
{
	struct imsi_leases *l = make_owner(16);
	uint64_t imsi, last;

	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED); /* no pool at all */
	add_pool(I, I + 19);
	db_world_sleep(&w, 1200);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(take(l, &last), FINE);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	int64_t start = clock_ms();
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	ck_assert_int_lt(clock_ms() - start, 100);
	ck_assert_uint_eq(imsi_leases_left(l), 0);
	imsi_give_back(l, last);
	ck_assert_uint_eq(imsi_leases_left(l), 1);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_uint_eq(imsi, last);
	add_pool(I + 100, I + 100);
	imsi_leases_look_again(l);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_uint_eq(imsi, I + 100);
	imsi_leases_free(l);
}
END_TEST

START_TEST(many_may_wait_for_a_block)
{
	static struct taken all[100];

	add_pool(I, I + 79);
	struct imsi_leases *l = make_owner(16);
	unsigned ended = 0;

	memset(all, 0, sizeof(all));
	for (unsigned i = 0; i < 100; i++) {
		all[i].request.deadline_ms = clock_ms() + 5000;
		all[i].request.done = on_taken;
		ck_assert(!imsi_take(l, &all[i].request));
	}
	for (int64_t end = clock_ms() + 5000; ended < 100 && clock_ms() < end;) {
		db_world_sleep(&w, 10);
		ended = 0;
		for (unsigned i = 0; i < 100; i++)
			ended += all[i].ended;
	}
	ck_assert_uint_eq(ended, 100);
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_int_eq(all[i].outcome, i < 80 ? FINE : IMSI_POOL_EXHAUSTED);
		if (i < 80)
			ck_assert_uint_eq(all[i].request.imsi, I + i);
	}
	imsi_leases_free(l);
}
END_TEST

START_TEST(rested_numbers_are_given_out_again)
{
	enum { NUMBERS = 10 };
	add_pool(I, I + NUMBERS - 1);
	struct imsi_leases *l = make_owner(16);
	uint64_t imsi;
	struct db_binding b;

	for (int round = 0; round < 3; round++) {
		bool seen[NUMBERS] = { false };

		for (int i = 0; i < NUMBERS; i++) {
			ck_assert_int_eq(take(l, &imsi), FINE);
			ck_assert(!seen[imsi - I]);
			seen[imsi - I] = true;
			ck_assert_int_eq(bind(D + i, imsi), FINE);
		}
		ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
		for (int i = 0; i < NUMBERS; i++) {
			struct db_release_in in = { .dimsi = D + i,
				/* the last of them rests on */
				.quarantine_until =
					i == NUMBERS - 1 && round == 2 ? INT64_C(9999999999) : 0 };

			ck_assert_int_eq(db_world_ask(&w, DB_RELEASE, &in, &b), FINE);
		}
		db_world_sleep(&w, 1200);
	}
	for (int i = 0; i < NUMBERS - 1; i++)
		ck_assert_int_eq(take(l, &imsi), FINE);
	imsi_give_back(l, imsi);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	imsi_leases_free(l);
}
END_TEST

/* A claim that came to nothing ends, and the number is claimed again; one that was bound is not. */
START_TEST(a_claim_on_a_rested_number_ends)
{
	add_pool(I, I);
	struct imsi_leases *l = make_owner(16);
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	leave(l);
	ck_assert(postgres_world_run(postgres,
		"DELETE FROM imsi_leases;"
		"INSERT INTO imsi_quarantine VALUES (262010000000000, 0)"));
	l = make_owner(16);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	imsi_leases_free(l);
	ck_assert_int_eq(number("SELECT count(*) FROM imsi_quarantine"), 1);
	ck_assert(postgres_world_run(postgres, "UPDATE imsi_quarantine SET until = 0"));
	l = make_owner(16);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_int_eq(bind(D, imsi), FINE);
	imsi_leases_free(l);
	ck_assert(postgres_world_run(postgres, "UPDATE imsi_quarantine SET until = 0"));
	l = make_owner(16);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	ck_assert_int_eq(number("SELECT count(*) FROM imsi_quarantine"), 0);
	imsi_leases_free(l);
}
END_TEST

START_TEST(leases_given_back_are_others_at_once)
{
	add_pool(I, I + 15);
	struct imsi_leases *l = make_owner(16);
	uint64_t imsi;

	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_int_eq(bind(D, I + 2), FINE);
	leave(l);
	l = make_owner(16);
	for (int i = 0; i < 15; i++) {
		ck_assert_int_eq(take_within(l, &imsi, 500), FINE);
		ck_assert_uint_ne(imsi, I + 2);
	}
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	/* All given out: leaving ends the lease, and nobody finds anything. */
	leave(l);
	ck_assert_int_eq(number("SELECT count(*) FROM imsi_leases"), 0);
}
END_TEST

START_TEST(a_dead_owners_lease_is_adopted_after_its_time)
{
	add_pool(I, I + 15);
	struct imsi_leases *l = make_owner(16);
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_int_eq(bind(D, imsi), FINE);
	imsi_leases_free(l);
	l = make_owner(16);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	db_world_sleep(&w, 2200);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_uint_eq(imsi, I + 1);
	imsi_leases_free(l);
}
END_TEST

START_TEST(a_live_lease_is_not_adopted)
{
	add_pool(I, I + 15);
	struct imsi_leases *l = make_owner(16);
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	struct imsi_leases *other = make_owner(16);
	db_world_sleep(&w, 2500);
	ck_assert_int_eq(take(other, &imsi), IMSI_POOL_EXHAUSTED);
	ck_assert_int_eq(take(l, &imsi), FINE);
	imsi_leases_free(l);
	imsi_leases_free(other);
}
END_TEST

START_TEST(what_cannot_be_renewed_is_not_given_out)
{
	add_pool(I, I + 31);
	struct imsi_leases *l = make_owner(16);
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	postgres_world_stop(postgres, POSTGRES_IMMEDIATE);
	ck_assert_int_eq(take(l, &imsi), FINE); /* the lease is known to live */
	db_world_sleep(&w, 1000);
	ck_assert_int_eq(take_within(l, &imsi, 300), DATABASE_UNAVAILABLE);
	ck_assert(postgres_world_start(postgres));
	ck_assert_int_eq(take_within(l, &imsi, 6000), FINE);
	ck_assert_uint_eq(imsi, I + 2);
	imsi_leases_free(l);
}
END_TEST

START_TEST(a_lease_that_was_taken_over_is_forgotten)
{
	add_pool(I, I + 31);
	struct imsi_leases *l = make_owner(16);
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert(postgres_world_run(postgres, "UPDATE imsi_leases SET owner = 'another'"
					       " WHERE first = 262010000000000"));
	db_world_sleep(&w, 600);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_uint_eq(imsi, I + 16);
	imsi_give_back(l, I); /* not ours any more */
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_uint_eq(imsi, I + 17);
	imsi_leases_free(l);
}
END_TEST

/* As if a lease had been granted and the answer lost: the next renewal shows it. */
START_TEST(a_lease_nobody_was_told_of_is_found)
{
	add_pool(I, I + 31);
	struct imsi_leases *l = make_owner(16);
	bool seen = false;
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert(postgres_world_run(postgres,
		"INSERT INTO imsi_leases SELECT 262010000000100, 262010000000103, owner, now()"
		" FROM imsi_leases LIMIT 1"));
	ck_assert_int_eq(bind(D, I + 101), FINE);
	db_world_sleep(&w, 600);
	for (int i = 0; i < 31 + 3; i++) {
		ck_assert_int_eq(take(l, &imsi), FINE);
		ck_assert_uint_ne(imsi, I + 101);
		seen |= imsi == I + 103;
	}
	ck_assert(seen);
	imsi_leases_free(l);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		no_number_has_two_owners_and_none_is_lost,
		an_exhausted_pool_is_said_at_once_and_asked_again,
		many_may_wait_for_a_block,
		rested_numbers_are_given_out_again,
		a_claim_on_a_rested_number_ends,
		leases_given_back_are_others_at_once,
		a_dead_owners_lease_is_adopted_after_its_time,
		a_live_lease_is_not_adopted,
		what_cannot_be_renewed_is_not_given_out,
		a_lease_that_was_taken_over_is_forgotten,
		a_lease_nobody_was_told_of_is_found,
	};
	struct db_suite suite = {
		.name = "db_leases",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

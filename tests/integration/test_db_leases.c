/* IMSIs from leases: blocks that end, die, are adopted, given back, and cannot be renewed. */
#include <check.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/lease_world.h"

#define D 900010000000000
#define I 262010000000000

static struct postgres_world *postgres;
static struct db_world w;

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

static enum outcome take(struct imsi_leases *l, uint64_t *imsi)
{
	return lease_world_take(&w, l, imsi, DB_WORLD_PATIENCE_MS);
}

/* Until the owner has done what makes it have another number of IMSIs left. */
static void wait_for_change(struct imsi_leases *l)
{
	uint64_t left = imsi_leases_left(l);

	for (int i = 0; i < DB_WORLD_PATIENCE_MS / 20 && imsi_leases_left(l) == left; i++)
		db_world_sleep(&w, 20);
	ck_assert_uint_ne(imsi_leases_left(l), left);
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
	ck_assert(db_world_run(&w, &done, 1, DB_WORLD_PATIENCE_MS));
	imsi_leases_free(l);
}

START_TEST(an_added_pool_is_seen_by_whoever_asks_after_it)
{
	struct imsi_leases *l = lease_world_owner(&w, 16);
	struct imsi_leases *other = lease_world_owner(&w, 16);
	uint64_t imsi, last;

	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED); /* no pool at all */
	ck_assert_int_eq(take(other, &imsi), IMSI_POOL_EXHAUSTED);
	lease_world_add_pool(&w, I, I + 19);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(take(l, &last), FINE);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	ck_assert_int_eq(take(other, &imsi), IMSI_POOL_EXHAUSTED);
	ck_assert_uint_eq(imsi_leases_left(l), 0);
	imsi_give_back(l, last);
	ck_assert_uint_eq(imsi_leases_left(l), 1);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_uint_eq(imsi, last);
	lease_world_add_pool(&w, I + 100, I + 100);
	ck_assert_int_eq(take(other, &imsi), FINE);
	ck_assert_uint_eq(imsi, I + 100);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	lease_world_add_pool(&w, I + 200, I + 200);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_uint_eq(imsi, I + 200);
	imsi_leases_free(other);
	imsi_leases_free(l);
}
END_TEST

START_TEST(many_may_wait_for_a_block)
{
	static struct lease_world_taken all[100];

	lease_world_add_pool(&w, I, I + 79);
	struct imsi_leases *l = lease_world_owner(&w, 16);
	unsigned ended = 0;

	memset(all, 0, sizeof(all));
	for (unsigned i = 0; i < 100; i++) {
		all[i].request.deadline_ms = clock_ms() + DB_WORLD_PATIENCE_MS;
		all[i].request.done = lease_world_on_taken;
		ck_assert(!imsi_take(l, &all[i].request));
	}
	for (int64_t end = clock_ms() + DB_WORLD_PATIENCE_MS; ended < 100 && clock_ms() < end;) {
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
	lease_world_add_pool(&w, I, I + NUMBERS - 1);
	struct imsi_leases *l = lease_world_owner(&w, 16);
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
	lease_world_add_pool(&w, I, I);
	struct imsi_leases *l = lease_world_owner(&w, 16);
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	leave(l);
	ck_assert(postgres_world_run(postgres,
		"DELETE FROM imsi_leases;"
		"INSERT INTO imsi_quarantine VALUES (262010000000000, 0)"));
	l = lease_world_owner(&w, 16);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	imsi_leases_free(l);
	ck_assert_int_eq(number("SELECT count(*) FROM imsi_quarantine"), 1);
	ck_assert(postgres_world_run(postgres, "UPDATE imsi_quarantine SET until = 0"));
	l = lease_world_owner(&w, 16);
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_int_eq(bind(D, imsi), FINE);
	imsi_leases_free(l);
	ck_assert(postgres_world_run(postgres, "UPDATE imsi_quarantine SET until = 0"));
	l = lease_world_owner(&w, 16);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	ck_assert_int_eq(number("SELECT count(*) FROM imsi_quarantine"), 0);
	imsi_leases_free(l);
}
END_TEST

START_TEST(leases_given_back_are_others_at_once)
{
	lease_world_add_pool(&w, I, I + 15);
	struct imsi_leases *l = lease_world_owner(&w, 16);
	uint64_t imsi;

	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_int_eq(bind(D, I + 2), FINE);
	leave(l);
	l = lease_world_owner(&w, 16);
	for (int i = 0; i < 15; i++) {
		ck_assert_int_eq(take(l, &imsi), FINE);
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
	lease_world_add_pool(&w, I, I + 15);
	struct imsi_leases *l = lease_world_owner(&w, 16);
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_int_eq(bind(D, imsi), FINE);
	imsi_leases_free(l);
	l = lease_world_owner(&w, 16);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	ck_assert_int_eq(number("SELECT count(*) FROM imsi_leases WHERE expires_at > now()"), 1);
	ck_assert(postgres_world_run(postgres, "UPDATE imsi_leases SET expires_at = now()"));
	for (int i = 0; i < 60 && take(l, &imsi) == IMSI_POOL_EXHAUSTED; i++)
		db_world_sleep(&w, 200);
	ck_assert_uint_eq(imsi, I + 1);
	imsi_leases_free(l);
}
END_TEST

START_TEST(a_live_lease_is_not_adopted)
{
	lease_world_add_pool(&w, I, I + 15);
	struct imsi_leases *l = lease_world_owner_for(&w, 16, 12); /* renewed after four seconds */
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	struct imsi_leases *other = lease_world_owner(&w, 16);
	ck_assert(postgres_world_run(
		postgres, "CREATE TABLE before AS SELECT expires_at FROM imsi_leases"));
	while (number("SELECT count(*) FROM imsi_leases l JOIN before b ON l.expires_at > "
		      "b.expires_at") == 0)
		db_world_sleep(&w, 100);
	ck_assert(postgres_world_run(postgres, "DROP TABLE before"));
	ck_assert_int_eq(take(other, &imsi), IMSI_POOL_EXHAUSTED);
	ck_assert_int_eq(take(l, &imsi), FINE);
	imsi_leases_free(l);
	imsi_leases_free(other);
}
END_TEST

START_TEST(what_cannot_be_renewed_is_not_given_out)
{
	enum { SAFE_MS = 2000, LEASE_S = 3 };
	lease_world_add_pool(&w, I, I + 31);
	struct imsi_leases *l = lease_world_owner_for(&w, 16, LEASE_S);
	uint64_t imsi;
	int64_t began = clock_ms();

	ck_assert_int_eq(take(l, &imsi), FINE);
	postgres_world_stop(postgres, POSTGRES_IMMEDIATE);
	enum outcome second = lease_world_take(&w, l, &imsi, 300);
	ck_assert(second == FINE /* the lease is known to live */ || clock_ms() - began > SAFE_MS);
	db_world_sleep(&w, SAFE_MS + LEASE_S * 1000 / 3); /* as much after a renewal meanwhile */
	ck_assert_int_eq(lease_world_take(&w, l, &imsi, 300), DATABASE_UNAVAILABLE);
	ck_assert(postgres_world_start(postgres));
	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_uint_eq(imsi, I + 1 + (second == FINE));
	imsi_leases_free(l);
}
END_TEST

START_TEST(a_lease_that_was_taken_over_is_forgotten)
{
	lease_world_add_pool(&w, I, I + 31);
	struct imsi_leases *l = lease_world_owner_for(&w, 16, 3);
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert(postgres_world_run(postgres,
		"UPDATE imsi_leases SET owner = 'another', expires_at = 'infinity'"
		" WHERE first = 262010000000000"));
	wait_for_change(l);
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
	lease_world_add_pool(&w, I, I + 31);
	struct imsi_leases *l = lease_world_owner_for(&w, 16, 3);
	bool seen = false;
	uint64_t imsi;

	ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert(postgres_world_run(postgres,
		"INSERT INTO imsi_leases SELECT 262010000000100, 262010000000103, owner, now()"
		" FROM imsi_leases LIMIT 1"));
	ck_assert_int_eq(bind(D, I + 101), FINE);
	wait_for_change(l);
	for (int i = 0; i < 31 + 3; i++) {
		ck_assert_int_eq(take(l, &imsi), FINE);
		ck_assert_uint_ne(imsi, I + 101);
		seen |= imsi == I + 103;
	}
	ck_assert(seen);
	imsi_leases_free(l);
}
END_TEST

static void add_subscribers(int64_t first, int64_t last)
{
	static char sealed[8] = "sealed";

	for (int64_t imsi = first; imsi <= last; imsi++) {
		struct db_subscriber_in in = { imsi, BYTES(sealed) };

		ck_assert_int_eq(db_world_ask(&w, DB_ADD_SUBSCRIBER, &in, NULL), FINE);
	}
}

/* Subscribers from files have numbers of the pool. */
START_TEST(what_is_used_of_a_new_block_is_not_given_out)
{
	lease_world_add_pool(&w, I, I + 47);
	add_subscribers(I + 3, I + 40);
	struct imsi_leases *l = lease_world_owner(&w, 16);
	uint64_t imsi;

	for (int i = 0; i < 48 - 38; i++) {
		ck_assert_int_eq(take(l, &imsi), FINE);
		ck_assert_int_eq((int64_t)imsi, i < 3 ? I + i : I + 38 + i);
		ck_assert_int_eq(bind(D + i, imsi), FINE);
	}
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	imsi_leases_free(l);
}
END_TEST

/* They come while the block is given out: one number is found taken, and no other after it. */
START_TEST(a_block_in_doubt_is_looked_at_anew)
{
	lease_world_add_pool(&w, I, I + 63);
	struct imsi_leases *l = lease_world_owner(&w, 32);
	uint64_t imsi, before, taken;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(take(l, &imsi), FINE);
	ck_assert_int_eq(take(l, &before), FINE); /* on its way to be bound */
	db_world_sleep(&w, 200);
	add_subscribers(I + 5, I + 27);
	ck_assert_int_eq(take(l, &taken), FINE);
	ck_assert_uint_eq(taken, I + 5);
	ck_assert_int_eq(bind(D, taken), CONFLICT);
	uint64_t left = imsi_leases_left(l);
	imsi_was_taken(l, taken);
	imsi_was_taken(l, taken);
	ck_assert_uint_lt(imsi_leases_left(l), left);
	imsi_give_back(l, before);
	imsi_give_back(l, I + 30); /* not ours: it has not been given out */
	bool seen[64] = { false };
	for (int i = 0; i < 1 + 4 + 32; i++) {
		ck_assert_int_eq(take(l, &imsi), FINE);
		ck_assert(!seen[imsi - I]);
		seen[imsi - I] = true;
		ck_assert_int_eq(bind(D + i, imsi), FINE);
	}
	ck_assert(seen[before - I] && seen[28] && seen[31] && seen[63]);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	imsi_leases_free(l);
}
END_TEST

/* The whole block, and what had come back of it. */
START_TEST(a_block_may_be_taken_whole)
{
	lease_world_add_pool(&w, I, I + 31);
	struct imsi_leases *l = lease_world_owner(&w, 16);
	uint64_t imsi, back;

	ck_assert_int_eq(take(l, &back), FINE);
	ck_assert_int_eq(take(l, &imsi), FINE);
	add_subscribers(I, I + 15);
	imsi_give_back(l, back);
	ck_assert_int_eq(bind(D, imsi), CONFLICT);
	imsi_was_taken(l, imsi);
	for (int i = 0; i < 16; i++) {
		ck_assert_int_eq(take(l, &imsi), FINE);
		ck_assert_int_eq((int64_t)imsi, I + 16 + i);
		ck_assert_int_eq(bind(D + i, imsi), FINE);
	}
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	imsi_was_taken(l, I); /* a block that is spent, and one that is nobody's */
	imsi_was_taken(l, I + 1000);
	ck_assert_int_eq(take(l, &imsi), IMSI_POOL_EXHAUSTED);
	imsi_leases_free(l);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		an_added_pool_is_seen_by_whoever_asks_after_it,
		many_may_wait_for_a_block,
		rested_numbers_are_given_out_again,
		a_claim_on_a_rested_number_ends,
		leases_given_back_are_others_at_once,
		a_dead_owners_lease_is_adopted_after_its_time,
		a_live_lease_is_not_adopted,
		what_cannot_be_renewed_is_not_given_out,
		a_lease_that_was_taken_over_is_forgotten,
		a_lease_nobody_was_told_of_is_found,
		what_is_used_of_a_new_block_is_not_given_out,
		a_block_in_doubt_is_looked_at_anew,
		a_block_may_be_taken_whole,
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

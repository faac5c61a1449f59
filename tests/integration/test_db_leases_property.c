/*
 * Owners that take, bind, give back and die at random: at any moment a number is one's alone, and
 * in the end all have been had.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/imsi_lease_jobs.h"
#include "tests/integration/lease_world.h"

#define MOST  6000
#define BLOCK 64
#define D     900010000000000
#define I     262010000000000

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

static enum outcome take(struct imsi_leases *l, uint64_t *imsi)
{
	return lease_world_take(&w, l, imsi, DB_WORLD_PATIENCE_MS);
}

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
		db_sample_submit_patiently(&batch[n], w.db, DB_BIND);
	}
	ck_assert(db_world_run(&w, &ended, n, 2 * DB_WORLD_PATIENCE_MS));
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

/* The time of those that died is over; the living have renewed theirs. */
static void end_leases_of_the_dead(struct imsi_leases *const owners[OWNERS])
{
	char sql[512] = "UPDATE imsi_leases SET expires_at = now() WHERE expires_at > now()";
	size_t len = strlen(sql);

	for (unsigned i = 0; i < OWNERS; i++) {
		char hex[2 * sizeof(owners[i]->owner) + 1];

		hex_write(BYTES(owners[i]->owner), hex);
		len += (size_t)snprintf(sql + len, sizeof(sql) - len, " AND owner <> '\\x%s'", hex);
	}
	ck_assert(postgres_world_run(postgres, sql));
}

START_TEST(no_number_has_two_owners_and_none_is_lost)
{
	struct imsi_leases *owners[OWNERS];
	unsigned exhausted = 0, bound = 0;
	int64_t end = clock_ms() + 4 * DB_WORLD_PATIENCE_MS;

	memset(holders, 0, sizeof(holders));
	lease_world_add_pool(&w, I, I + MOST / 2 - 1);
	lease_world_add_pool(&w, I + MOST / 2, I + MOST - 1);
	for (unsigned i = 0; i < OWNERS; i++)
		owners[i] = lease_world_owner(&w, BLOCK);
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
			owners[owner] = lease_world_owner(&w, BLOCK);
			end_leases_of_the_dead(owners);
			db_world_sleep(&w, 150);
		}
	}
	ck_assert_uint_eq(bound, MOST);
	for (unsigned i = 0; i < OWNERS; i++)
		imsi_leases_free(owners[i]);
	ck_assert_int_eq(
		postgres_world_number(postgres, "SELECT count(DISTINCT imsi) FROM bindings"), MOST);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		no_number_has_two_owners_and_none_is_lost,
	};
	struct db_suite suite = {
		.name = "db_leases_property",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

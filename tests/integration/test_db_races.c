/* Several servers at once against a real PostgreSQL, for what may be had once only. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/db_world.h"
#include "tests/integration/meanwhile.h"

#define D     900010000000000 /* dIMSIs begin here */
#define I     262010000000000 /* and IMSIs here */
#define LANES 3
#define MOST  9000

static struct postgres_world *postgres;
static struct db_world w;
static struct db *lanes[LANES]; /* each a server's, of two connections */

struct racer {
	struct db_request request;
	union {
		struct db_imsi imsi;
		struct db_confirm_in confirm;
		struct db_headless_in device;
		struct db_attach_end_in attach;
		struct db_profile_in profile;
	} row;
	struct db_credential credential;
	enum outcome outcome;
};
static struct racer *racers;
static unsigned ended;

static void open_world(void)
{
	ck_assert(postgres_world_clear(postgres));
	db_world_open(&w, postgres, 1);
	for (unsigned l = 0; l < LANES; l++) {
		lanes[l] = db_new(w.loop, postgres_world_conninfo(postgres), 2);
		ck_assert_ptr_nonnull(lanes[l]);
	}
	for (unsigned l = 0; l < LANES; l++)
		while (!db_is_ready(lanes[l]))
			db_world_sleep(&w, 20);
	racers = calloc(MOST, sizeof(*racers));
	ended = 0;
}

static void close_world(void)
{
	for (unsigned l = 0; l < LANES; l++)
		db_free(lanes[l]);
	free(racers);
	db_world_close(&w);
}

static long long number(const char *sql)
{
	return postgres_world_number(postgres, sql);
}

static void on_ended(struct db_request *request, enum outcome outcome)
{
	struct racer *r = (struct racer *)(void *)request;

	if (db_world_again(lanes[(r - racers) % LANES], request, outcome))
		return;
	r->outcome = outcome;
	ended++;
}

/* The racers' rows are set; the n-th is of lane n % LANES. */
static void race(enum db_statement statement, unsigned count)
{
	int64_t end = clock_ms() + DB_WORLD_PATIENCE_MS;

	for (unsigned n = 0; n < count; n++) {
		racers[n].request = (struct db_request){
			.statement = statement,
			.row = &racers[n].row,
			.result = statement == DB_ADVANCE_SQN ? &racers[n].credential : NULL,
			.deadline_ms = end,
			.done = on_ended,
		};
		db_submit(lanes[n % LANES], &racers[n].request);
	}
	while (ended < count && clock_ms() < end + DB_WORLD_PATIENCE_MS) {
		for (unsigned l = 0; l < LANES; l++)
			db_pump(lanes[l]);
		ev_run(w.loop, EVRUN_ONCE);
	}
	ck_assert_uint_eq(ended, count);
}

static enum outcome bind(int64_t dimsi, int64_t imsi)
{
	static struct db_sample sample;

	db_sample_make(&sample, dimsi, imsi);
	return db_world_ask(&w, DB_BIND, &sample.in, NULL);
}

static int compare(const void *a, const void *b)
{
	const struct racer *x = a, *y = b;

	if (x->row.imsi.imsi != y->row.imsi.imsi)
		return x->row.imsi.imsi < y->row.imsi.imsi ? -1 : 1;
	return (x->credential.sqn > y->credential.sqn) - (x->credential.sqn < y->credential.sqn);
}

/* Of each subscriber every number is had once, and none is left out. */
START_TEST(no_number_is_given_out_twice)
{
	enum { SUBSCRIBERS = 5 };
	int64_t count[SUBSCRIBERS] = { 0 };

	for (int i = 0; i < SUBSCRIBERS; i++)
		ck_assert_int_eq(bind(D + i, I + i), FINE);
	/* Half are the first one's; the others stand in another order in each lane. */
	for (unsigned n = 0; n < MOST; n++)
		racers[n].row.imsi.imsi = I + (n % 2 == 0 ? 0 : (n + n % LANES * 3) / 2 % 5);
	race(DB_ADVANCE_SQN, MOST);
	qsort(racers, MOST, sizeof(racers[0]), compare);
	for (unsigned n = 0; n < MOST; n++) {
		ck_assert_int_eq(racers[n].outcome, FINE);
		ck_assert_int_eq(racers[n].credential.imsi, racers[n].row.imsi.imsi);
		int64_t seq = ++count[racers[n].row.imsi.imsi - I];
		ck_assert_int_eq(racers[n].credential.sqn, seq * 32 + seq % 32);
	}
	ck_assert_int_eq(number("SELECT sum(sqn >> 5) FROM credentials"), MOST);
}
END_TEST

/* A request that waits for a suspension is told of it. */
START_TEST(what_is_suspended_meanwhile_does_not_advance)
{
	struct db_credential c;
	struct meanwhile m;

	ck_assert_int_eq(bind(D, I), FINE);
	meanwhile_begin(&m, postgres, "UPDATE credentials SET state = 2");
	ck_assert_int_eq(number("SELECT state FROM credentials"), 1);
	ck_assert_int_eq(db_world_ask(&w, DB_ADVANCE_SQN, &(struct db_imsi){ I }, &c), FINE);
	ck_assert_int_eq(c.state, CREDENTIAL_IS_SUSPENDED);
	ck_assert_int_eq(c.sqn, 0);
	meanwhile_end(&m);
	ck_assert_int_eq(number("SELECT sqn FROM credentials"), 0);
}
END_TEST

static enum outcome add_access_id(uint8_t id)
{
	struct db_access_in in = {
		.owner = 1,
		.device_id = { "meter", 5 },
		.b = bytes_of("b", 1),
		.kdm = bytes_of("kdm", 3),
		.sealed = bytes_of("sealed", 6),
		.confirmation_s = 600,
	};

	memset(in.access_id, id, sizeof(in.access_id));
	return db_world_ask(&w, DB_ADD_ACCESS_ID, &in, NULL);
}

/* The same Access IDs with different IMSIs, twice in each lane and in different orders. */
START_TEST(an_access_id_is_confirmed_once)
{
	enum { IDS = 60, ALL = LANES * IDS * 2 };
	unsigned winners[IDS] = { 0 };

	for (unsigned i = 0; i < IDS; i++)
		ck_assert_int_eq(add_access_id((uint8_t)i), FINE);
	for (unsigned n = 0; n < ALL; n++) {
		unsigned id = n / LANES % IDS;

		racers[n].row.confirm.imsi = I + n;
		memset(racers[n].row.confirm.access_id, (int)(n % LANES == 1 ? IDS - 1 - id : id),
			16);
	}
	race(DB_CONFIRM_ACCESS_ID, ALL);
	for (unsigned n = 0; n < ALL; n++) {
		const struct db_confirm_in *row = &racers[n].row.confirm;
		struct db_access a;

		ck_assert(racers[n].outcome == FINE || racers[n].outcome == NO_ROW);
		if (racers[n].outcome != FINE)
			continue;
		winners[row->access_id[0]]++;
		ck_assert_int_eq(db_world_ask(&w, DB_FIND_ACCESS_ID, row->access_id, &a), FINE);
		ck_assert_int_eq(a.imsi, row->imsi);
	}
	for (unsigned i = 0; i < IDS; i++)
		ck_assert_uint_eq(winners[i], 1);
	ck_assert_int_eq(
		number("SELECT count(*) FROM credentials JOIN access_ids USING (imsi)"), IDS);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), IDS);
}
END_TEST

static struct db_headless_in device_in(uint8_t device, uint8_t addition, int64_t imsi)
{
	struct db_headless_in in = {
		.imsi = imsi,
		.owner = 1,
		.not_after = 4000000000,
		.device_id = { "meter", 5 },
		.manufacturer = { "Maker", 5 },
		.model = { "M", 1 },
		.sealed = bytes_of("sealed", 6),
	};

	memset(in.device_hash, device, sizeof(in.device_hash));
	memset(in.access_id, addition, sizeof(in.access_id));
	return in;
}

/* Some are new, and some were there before and may come again: each gets one subscription. */
START_TEST(a_device_is_added_once)
{
	enum { DEVICES = 60, ALL = LANES * DEVICES };
	unsigned winners[DEVICES] = { 0 };

	for (unsigned i = 0; i < DEVICES; i += 2) {
		struct db_headless_in in =
			device_in((uint8_t)i, (uint8_t)(200 + i / 2), I + 1000 + i);

		ck_assert_int_eq(db_world_ask(&w, DB_ADD_HEADLESS, &in, NULL), FINE);
	}
	ck_assert(postgres_world_run(postgres, "UPDATE credentials SET state = 5, sealed = ''"));
	for (unsigned n = 0; n < ALL; n++) {
		unsigned i = n / LANES;

		racers[n].row.device = device_in(
			(uint8_t)(n % LANES == 1 ? DEVICES - 1 - i : i), (uint8_t)n, I + n);
	}
	race(DB_ADD_HEADLESS, ALL);
	for (unsigned n = 0; n < ALL; n++) {
		const struct db_headless_in *row = &racers[n].row.device;
		struct db_headless h;

		ck_assert(racers[n].outcome == FINE || racers[n].outcome == NO_ROW);
		if (racers[n].outcome != FINE)
			continue;
		winners[row->device_hash[0]]++;
		ck_assert_int_eq(db_world_ask(&w, DB_FIND_HEADLESS, row->device_hash, &h), FINE);
		ck_assert_int_eq(h.imsi, row->imsi);
		ck_assert_int_eq(h.credential_state, CREDENTIAL_IS_ACTIVE);
	}
	for (unsigned i = 0; i < DEVICES; i++)
		ck_assert_uint_eq(winners[i], 1);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials WHERE state = 1"), DEVICES);
	ck_assert_int_eq(number("SELECT count(*) FROM access_ids"), DEVICES + DEVICES / 2);
}
END_TEST

static const char *eid_of(unsigned device)
{
	static char eids[64][DB_EID_LEN + 1];

	snprintf(eids[device], sizeof(eids[device]), "%032u", device);
	return eids[device];
}

static void begin_attach(unsigned id)
{
	struct db_attach_in in = {
		.eid = { eid_of(id), DB_EID_LEN },
		.scalar = bytes_of("scalar", 6),
		.lifetime_s = 600,
	};

	memset(in.id, (int)id, sizeof(in.id));
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_ATTACH, &in, NULL), FINE);
}

/* Each attach is accepted by two servers and refused by one, at once: one of them is right. */
START_TEST(an_attach_is_ended_once)
{
	enum { ATTACHES = 60, ALL = LANES * ATTACHES };
	unsigned winners[ATTACHES] = { 0 };

	for (unsigned i = 0; i < ATTACHES; i++)
		begin_attach(i);
	for (unsigned n = 0; n < ALL; n++) {
		unsigned id = n % LANES == 1 ? ATTACHES - 1 - n / LANES : n / LANES;

		racers[n].row.attach = (struct db_attach_end_in){
			.is_accepted = n % LANES != 2,
			.eid = { eid_of(id), DB_EID_LEN },
			.expires_at = 4000000000,
		};
		memset(racers[n].row.attach.id, (int)id, sizeof(racers[n].row.attach.id));
		memset(racers[n].row.attach.session_id, (int)n, 16);
		memset(racers[n].row.attach.request_hash, (int)n, 32);
	}
	race(DB_END_ATTACH, ALL);
	for (unsigned n = 0; n < ALL; n++) {
		struct db_attach a;

		ck_assert(racers[n].outcome == FINE || racers[n].outcome == NO_ROW);
		if (racers[n].outcome != FINE)
			continue;
		winners[racers[n].row.attach.id[0]]++;
		ck_assert_int_eq(
			db_world_ask(&w, DB_FIND_ATTACH, racers[n].row.attach.id, &a), FINE);
		ck_assert_uint_eq(a.request_hash[0], n);
	}
	for (unsigned i = 0; i < ATTACHES; i++)
		ck_assert_uint_eq(winners[i], 1);
	ck_assert_int_eq(number("SELECT count(*) FROM pdu_sessions"),
		number("SELECT count(*) FROM device_attaches WHERE state = 1"));
}
END_TEST

/* Each EID has a download at every server, which has an IMSI of its own for it. */
START_TEST(an_eid_gets_one_imsi)
{
	enum { DEVICES = 50, ALL = LANES * DEVICES };
	unsigned winners[DEVICES] = { 0 };

	ck_assert(postgres_world_run(postgres, "INSERT INTO pdu_sessions SELECT lpad(g::text, 32, "
					       "'0'), '\\x01', '', 0, 4000000000,"
					       " false FROM generate_series(0, 49) g"));
	for (unsigned n = 0; n < ALL; n++) {
		unsigned i = n % LANES == 1 ? DEVICES - 1 - n / LANES : n / LANES;
		struct db_download_in in = {
			.subject = { eid_of(i), DB_EID_LEN },
			.scalar = bytes_of("scalar", 6),
			.lifetime_s = 600,
		};
		struct db_download_made made;

		memset(in.id, (int)n, sizeof(in.id));
		ck_assert_int_eq(db_world_ask(&w, DB_ADD_DOWNLOAD, &in, &made), FINE);
		ck_assert_int_eq(made.bar, DOWNLOAD_MAY);
		racers[n].row.profile = (struct db_profile_in){
			.subject = in.subject,
			.is_eid = true,
			.imsi = I + n,
			.bound = bytes_of("bound", 5),
			.kn = bytes_of("kn", 2),
			.sealed = bytes_of("sealed", 6),
		};
		memset(racers[n].row.profile.id, (int)n, sizeof(in.id));
	}
	race(DB_BIND_PROFILE, ALL);
	for (unsigned n = 0; n < ALL; n++) {
		ck_assert(racers[n].outcome == FINE || racers[n].outcome == NO_ROW);
		winners[n % LANES == 1 ? DEVICES - 1 - n / LANES : n / LANES] +=
			racers[n].outcome == FINE;
	}
	for (unsigned i = 0; i < DEVICES; i++)
		ck_assert_uint_eq(winners[i], 1);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), DEVICES);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials JOIN euicc_subscriptions USING "
				"(imsi) JOIN downloads d USING (imsi) WHERE d.state = 1"),
		DEVICES);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		no_number_is_given_out_twice,
		what_is_suspended_meanwhile_does_not_advance,
		an_access_id_is_confirmed_once,
		a_device_is_added_once,
		an_attach_is_ended_once,
		an_eid_gets_one_imsi,
	};
	struct db_suite suite = {
		.name = "db_races",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

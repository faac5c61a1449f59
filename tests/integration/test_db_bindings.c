/*
 * Bindings against a real PostgreSQL: one at a time, in batches, and several connections at once.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/db_case.h"

#define D        900010000000000 /* dIMSIs begin here */
#define I        262010000000000 /* and IMSIs here */
#define SAMPLES  256
#define WITHIN   (2 * DB_WORLD_PATIENCE_MS)
#define FAR_AWAY INT64_C(4000000000)

static struct db_sample samples[SAMPLES];

static enum outcome bind(int64_t dimsi, int64_t imsi)
{
	db_sample_make(&samples[0], dimsi, imsi);
	return db_world_ask(&w, DB_BIND, &samples[0].in, NULL);
}

static struct db_binding find(int64_t dimsi)
{
	struct db_binding b = { 0 };

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_BINDING, &(struct db_dimsi){ dimsi }, &b), FINE);
	return b;
}

static enum outcome release(int64_t dimsi, int64_t until, struct db_binding *b)
{
	struct db_release_in in = { .dimsi = dimsi,
		.quarantine_until = until,
		.d_ausf_uri = { "https://d-ausf.example", 22 } };

	return db_world_ask(&w, DB_RELEASE, &in, b);
}

START_TEST(a_binding_is_bound_and_found)
{
	struct db_binding b;
	int64_t now = clock_unix();

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_BINDING, &(struct db_dimsi){ D }, &b), NO_ROW);
	ck_assert_int_eq(
		db_world_ask(&w, DB_FIND_BINDING_BY_IMSI, &(struct db_imsi){ I }, &b), NO_ROW);
	ck_assert_int_eq(bind(D, I), FINE);
	b = find(D);
	ck_assert_int_eq(b.dimsi, D);
	ck_assert_int_eq(b.imsi, I);
	ck_assert_str_eq(b.se_id, samples[0].se_id);
	ck_assert_mem_eq(b.token_hash, samples[0].token_hash, 32);
	ck_assert_int_eq(b.state, BINDING_READY);
	ck_assert(b.created_at >= now - 2 && b.created_at <= clock_unix() + 1);
	ck_assert_int_eq(b.changed_at, b.created_at);
	memset(&b, 0, sizeof(b));
	ck_assert_int_eq(
		db_world_ask(&w, DB_FIND_BINDING_BY_IMSI, &(struct db_imsi){ I }, &b), FINE);
	ck_assert_int_eq(b.dimsi, D);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials WHERE version = 1 AND state = 1"
				" AND length(sealed) = 108 AND dimsi = 900010000000000"),
		1);
}
END_TEST

START_TEST(binding_again_with_the_same_input_is_fine)
{
	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), 1);
	/* Also where the first answer was lost after the device had gone on. */
	struct db_pair pair;
	ck_assert_int_eq(db_world_ask(&w, DB_SEND_VECTORS, &(struct db_dimsi){ D }, &pair), FINE);
	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert_int_eq(find(D).state, BINDING_VECTORS_SENT);
}
END_TEST

START_TEST(a_bound_dimsi_is_no_row_and_a_taken_imsi_conflicts)
{
	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert_int_eq(bind(D, I + 1), NO_ROW);
	ck_assert_int_eq(bind(D + 1, I), CONFLICT);
	ck_assert_int_eq(number("SELECT count(*) FROM bindings"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), 1);
	ck_assert_int_eq(find(D).imsi, I);
}
END_TEST

START_TEST(a_revoked_dimsi_cannot_be_bound_released_or_sent)
{
	struct db_binding b;
	struct db_pair pair;

	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert(postgres_world_run(postgres, "UPDATE bindings SET state = 5"));
	ck_assert_int_eq(bind(D, I), NO_ROW);
	ck_assert_int_eq(bind(D, I + 1), NO_ROW);
	ck_assert_int_eq(release(D, FAR_AWAY, &b), NO_ROW);
	ck_assert_int_eq(db_world_ask(&w, DB_SEND_VECTORS, &(struct db_dimsi){ D }, &pair), NO_ROW);
}
END_TEST

static void submit_all(unsigned *count, enum db_statement statement)
{
	*count = 0;
	for (unsigned i = 0; i < SAMPLES; i++) {
		samples[i].count = count;
		db_sample_submit_patiently(&samples[i], w.db, statement);
	}
	ck_assert_uint_eq(db_waiting(w.db), SAMPLES);
	ck_assert(db_world_run(&w, count, SAMPLES, WITHIN));
	for (unsigned i = 0; i < SAMPLES; i++)
		ck_assert_uint_eq(samples[i].ended, 1);
}

START_TEST(a_batch_of_256_binds)
{
	unsigned count;

	for (unsigned i = 0; i < SAMPLES; i++)
		db_sample_make(&samples[i], D + (i * 37) % SAMPLES, I + i);
	submit_all(&count, DB_BIND);
	for (unsigned i = 0; i < SAMPLES; i++)
		ck_assert_int_eq(samples[i].outcome, FINE);
	for (unsigned i = 0; i < SAMPLES; i += 50)
		ck_assert_int_eq(find(samples[i].in.dimsi).imsi, samples[i].in.imsi);
	ck_assert_int_eq(number("SELECT count(*) FROM bindings b JOIN credentials c"
				" USING (dimsi, imsi)"),
		SAMPLES);
}
END_TEST

START_TEST(a_poison_row_spoils_no_other)
{
	unsigned count;

	ck_assert_int_eq(bind(D + 5000, I + 77), FINE);
	for (unsigned i = 0; i < SAMPLES; i++)
		db_sample_make(&samples[i], D + i, I + i);
	samples[100].in.se_id = (struct db_text){ "\xff\xfe", 2 }; /* no UTF-8 */
	submit_all(&count, DB_BIND);
	for (unsigned i = 0; i < SAMPLES; i++)
		ck_assert_int_eq(samples[i].outcome, i == 77 ? CONFLICT : i == 100 ? BROKEN : FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM bindings"), SAMPLES - 2 + 1);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), SAMPLES - 2 + 1);
}
END_TEST

START_TEST(of_the_same_dimsi_twice_in_a_batch_the_first_binds)
{
	unsigned count;

	for (unsigned i = 0; i < SAMPLES; i++)
		db_sample_make(&samples[i], D + i / 2, I + i);
	submit_all(&count, DB_BIND);
	for (unsigned i = 0; i < SAMPLES; i++)
		ck_assert_int_eq(samples[i].outcome, i % 2 == 0 ? FINE : NO_ROW);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), SAMPLES / 2);
}
END_TEST

/* Three lanes bind the same dIMSIs at once, in different orders; each dIMSI has one winner. */
START_TEST(concurrent_binds_of_a_dimsi_have_one_winner)
{
	enum { LANES = 3, EACH = 400 };
	struct db *lanes[LANES];
	struct db_sample *all = calloc(LANES * EACH, sizeof(*all));
	unsigned count = 0, winners[EACH] = { 0 };

	for (unsigned l = 0; l < LANES; l++)
		lanes[l] = db_new(w.loop, postgres_world_conninfo(postgres), 2);
	for (unsigned l = 0; l < LANES; l++)
		while (!db_is_ready(lanes[l]))
			db_world_sleep(&w, 20);
	for (unsigned i = 0; i < EACH; i++)
		for (unsigned l = 0; l < LANES; l++) {
			unsigned n = l * EACH + i;
			unsigned dimsi = l == 1 ? EACH - 1 - i : i;

			db_sample_make(&all[n], D + dimsi, I + n);
			all[n].count = &count;
			db_sample_submit_patiently(&all[n], lanes[l], DB_BIND);
		}
	for (unsigned l = 0; l < LANES; l++)
		db_pump(lanes[l]);
	ck_assert(db_world_run(&w, &count, LANES * EACH, WITHIN));
	for (unsigned n = 0; n < LANES * EACH; n++) {
		ck_assert_uint_eq(all[n].ended, 1);
		ck_assert(all[n].outcome == FINE || all[n].outcome == NO_ROW);
		winners[all[n].in.dimsi - D] += all[n].outcome == FINE;
	}
	for (unsigned i = 0; i < EACH; i++)
		ck_assert_uint_eq(winners[i], 1);
	ck_assert_int_eq(number("SELECT count(*) FROM bindings b JOIN credentials c"
				" USING (dimsi, imsi)"),
		EACH);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), EACH);
	for (unsigned l = 0; l < LANES; l++)
		db_free(lanes[l]);
	free(all);
}
END_TEST

START_TEST(release_destroys_and_quarantines)
{
	struct db_binding b;
	struct db_pair pair;

	ck_assert_int_eq(release(D, FAR_AWAY, &b), NO_ROW);
	ck_assert_int_eq(bind(D, I), FINE);
	ck_assert_int_eq(release(D, FAR_AWAY, &b), FINE);
	ck_assert_int_eq(b.imsi, I);
	ck_assert_int_eq(b.state, BINDING_RELEASED);
	ck_assert_int_eq(find(D).state, BINDING_RELEASED);
	ck_assert_int_eq(number("SELECT count(*) FROM bindings WHERE output_1 = ''"), 1);
	ck_assert_int_eq(
		number("SELECT count(*) FROM credentials WHERE sealed = '' AND state = 5"), 1);
	ck_assert_int_eq(number("SELECT until FROM imsi_quarantine"), FAR_AWAY);
	ck_assert_int_eq(db_world_ask(&w, DB_SEND_VECTORS, &(struct db_dimsi){ D }, &pair), NO_ROW);
	/* Asked again after a lost answer it has the same result; asked anew it finds nothing. */
	ck_assert_int_eq(release(D, FAR_AWAY, &b), FINE);
	ck_assert_int_eq(b.imsi, I);
	ck_assert_int_eq(release(D, FAR_AWAY + 1, &b), NO_ROW);
	/* The dIMSI may be bound anew, with another IMSI. */
	ck_assert_int_eq(bind(D, I + 1), FINE);
	ck_assert_int_eq(find(D).imsi, I + 1);
	ck_assert_int_eq(find(D).state, BINDING_READY);
	ck_assert_int_eq(db_world_ask(&w, DB_SEND_VECTORS, &(struct db_dimsi){ D }, &pair), FINE);
	ck_assert_mem_eq(pair.output_1, samples[0].output_1, 16);
	ck_assert_int_eq(
		db_world_ask(&w, DB_FIND_BINDING_BY_IMSI, &(struct db_imsi){ I }, &b), NO_ROW);
}
END_TEST

START_TEST(sending_vectors_moves_a_ready_binding_once)
{
	struct db_pair pair;

	ck_assert_int_eq(db_world_ask(&w, DB_SEND_VECTORS, &(struct db_dimsi){ D }, &pair), NO_ROW);
	ck_assert_int_eq(bind(D, I), FINE);
	for (int i = 0; i < 2; i++) {
		memset(&pair, 0, sizeof(pair));
		ck_assert_int_eq(
			db_world_ask(&w, DB_SEND_VECTORS, &(struct db_dimsi){ D }, &pair), FINE);
		ck_assert_int_eq(pair.dimsi, D);
		ck_assert_int_eq(pair.state, i == 0 ? BINDING_READY : BINDING_VECTORS_SENT);
		ck_assert_mem_eq(pair.output_1, samples[0].output_1, 16);
		ck_assert_mem_eq(pair.output_2, samples[0].output_2, 16);
		ck_assert_int_eq(find(D).state, BINDING_VECTORS_SENT);
	}
	ck_assert(postgres_world_run(postgres, "UPDATE bindings SET state = 2"));
	ck_assert_int_eq(db_world_ask(&w, DB_SEND_VECTORS, &(struct db_dimsi){ D }, &pair), FINE);
	ck_assert_int_eq(find(D).state, BINDING_ATTACHED);
	ck_assert(postgres_world_run(postgres, "UPDATE bindings SET state = 3"));
	ck_assert_int_eq(db_world_ask(&w, DB_SEND_VECTORS, &(struct db_dimsi){ D }, &pair), NO_ROW);
}
END_TEST

/* Many for one dIMSI at once, over several connections and within batches: each gets the pair. */
START_TEST(concurrent_sendings_all_get_the_pair)
{
	static struct db_pair pairs[SAMPLES];
	unsigned count = 0;
	uint8_t output_1[16];

	ck_assert_int_eq(bind(D, I), FINE);
	memcpy(output_1, samples[0].output_1, 16);
	memset(pairs, 0, sizeof(pairs));
	for (unsigned i = 0; i < SAMPLES; i++) {
		db_sample_make(&samples[i], D, I);
		samples[i].count = &count;
		db_sample_submit_patiently(&samples[i], w.db, DB_SEND_VECTORS);
		samples[i].request.result = &pairs[i];
		if (i % 40 == 0)
			db_pump(w.db);
	}
	ck_assert(db_world_run(&w, &count, SAMPLES, WITHIN));
	for (unsigned i = 0; i < SAMPLES; i++) {
		ck_assert_int_eq(samples[i].outcome, FINE);
		ck_assert_mem_eq(pairs[i].output_1, output_1, 16);
	}
	ck_assert_int_eq(find(D).state, BINDING_VECTORS_SENT);
}
END_TEST

START_TEST(bindings_are_listed_by_pages)
{
	struct db_binding rows[4];
	struct db_binding_page page = { .after = -1,
		.limit = 2,
		.dimsis = DB_EVERYTHING,
		.supis = DB_EVERYTHING,
		.plmn = DB_EVERYTHING,
		.state = -1 };

	ck_assert_int_eq(db_world_list(&w, DB_LIST_BINDINGS, &page, rows, sizeof(rows[0]), 4), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(bind(D + 2 - i, I + i), FINE);
	ck_assert_int_eq(db_world_list(&w, DB_LIST_BINDINGS, &page, rows, sizeof(rows[0]), 4), 2);
	ck_assert_int_eq(rows[0].dimsi, D);
	ck_assert_int_eq(rows[1].dimsi, D + 1);
	page.after = D + 1;
	ck_assert_int_eq(db_world_list(&w, DB_LIST_BINDINGS, &page, rows, sizeof(rows[0]), 4), 1);
	ck_assert_int_eq(rows[0].dimsi, D + 2);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_binding_is_bound_and_found,
		binding_again_with_the_same_input_is_fine,
		a_bound_dimsi_is_no_row_and_a_taken_imsi_conflicts,
		a_revoked_dimsi_cannot_be_bound_released_or_sent,
		a_batch_of_256_binds,
		a_poison_row_spoils_no_other,
		of_the_same_dimsi_twice_in_a_batch_the_first_binds,
		concurrent_binds_of_a_dimsi_have_one_winner,
		release_destroys_and_quarantines,
		sending_vectors_moves_a_ready_binding_once,
		concurrent_sendings_all_get_the_pair,
		bindings_are_listed_by_pages,
	};
	struct db_suite suite = {
		.name = "db_bindings",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}

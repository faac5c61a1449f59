#include "tests/integration/db_world.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/migrate.h"

struct asked {
	struct db_request request;
	enum outcome outcome;
	unsigned ended;
	unsigned *all; /* counted up as well, where it is not NULL */
	uint8_t *rows;
	size_t row_size;
	int most, count;
	struct db *db;
};

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	struct db_world *w = prepare->data;

	(void)loop;
	(void)events;
	db_pump(w->db);
}

static void on_wake(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)timer;
	(void)events;
}

bool db_world_again(struct db *db, struct db_request *request, enum outcome outcome)
{
	int64_t now = clock_ms();

	if (outcome != DATABASE_UNAVAILABLE || request->sent ||
		now - request->since_ms < DB_WORLD_QUEUE_MS)
		return false;
	request->deadline_ms = now + DB_WORLD_PATIENCE_MS;
	db_submit(db, request);
	return true;
}

void db_world_sleep(struct db_world *w, int64_t ms)
{
	unsigned nothing = 0;

	ck_assert(!db_world_run(w, &nothing, 1, ms));
}

bool db_world_run(struct db_world *w, const unsigned *count, unsigned enough, int64_t within_ms)
{
	int64_t end = clock_ms() + within_ms;
	ev_timer wake;

	ev_timer_init(&wake, on_wake, (double)within_ms / 1000, 0);
	ev_timer_start(w->loop, &wake);
	while (*count < enough) {
		ev_run(w->loop, EVRUN_ONCE);
		if (clock_ms() >= end)
			break;
	}
	ev_timer_stop(w->loop, &wake);
	return *count >= enough;
}

void db_world_open(struct db_world *w, struct postgres_world *postgres, unsigned connections)
{
	int64_t end = clock_ms() + DB_WORLD_PATIENCE_MS;

	w->postgres = postgres;
	w->actor = NULL;
	w->loop = ev_loop_new(EVFLAG_AUTO);
	w->db = db_new(w->loop, postgres_world_conninfo(postgres), connections);
	ck_assert_ptr_nonnull(w->db);
	ev_prepare_init(&w->pump, on_prepare);
	w->pump.data = w;
	ev_prepare_start(w->loop, &w->pump);
	while (!db_is_ready(w->db) && clock_ms() < end)
		ev_run(w->loop, EVRUN_ONCE);
	ck_assert(db_is_ready(w->db));
}

void db_world_close(struct db_world *w)
{
	ev_prepare_stop(w->loop, &w->pump);
	db_free(w->db);
	ev_loop_destroy(w->loop);
}

int db_suite_run(const struct db_suite *suite, struct postgres_world **postgres)
{
	Suite *all = suite_create(suite->name);
	TCase *tests = tcase_create("all");
	SRunner *runner = srunner_create(all);
	int failed = 1;

	log_start("test", LOG_LEVEL_ERROR);
	*postgres = postgres_world_or_skip(suite->fsync);
	tcase_add_checked_fixture(tests, suite->open, suite->close);
	for (size_t i = 0; i < suite->count; i++)
		tcase_add_test(tests, suite->tests[i]);
	suite_add_tcase(all, tests);
	/* The postmaster is this process's child and ends with it. */
	srunner_set_fork_status(runner, CK_NOFORK);
	if (suite->without_schema ||
		db_migrate(postgres_world_conninfo(*postgres), stderr) == FINE) {
		srunner_run_all(runner, CK_NORMAL);
		failed = srunner_ntests_failed(runner);
	}
	srunner_free(runner);
	postgres_world_free(*postgres);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void on_asked(struct db_request *request, enum outcome outcome)
{
	struct asked *a = (struct asked *)(void *)request;

	if (db_world_again(a->db, request, outcome))
		return;
	a->outcome = outcome;
	a->ended++;
	if (a->all != NULL)
		(*a->all)++;
}

static void on_row(struct db_request *request, const void *row)
{
	struct asked *a = (struct asked *)(void *)request;

	if (a->count < a->most)
		memcpy(a->rows + (size_t)a->count * a->row_size, row, a->row_size);
	a->count++;
}

static void ask(struct db_world *w, struct asked *a)
{
	a->request.deadline_ms = clock_ms() + DB_WORLD_PATIENCE_MS;
	a->request.done = on_asked;
	a->request.each = on_row;
	a->request.actor = w->actor;
	a->db = w->db;
	db_submit(w->db, &a->request);
	ck_assert_uint_eq(a->ended, 0);
	ck_assert(db_world_run(w, &a->ended, 1, 2 * DB_WORLD_PATIENCE_MS));
	ck_assert_uint_eq(a->ended, 1);
}

enum outcome db_world_ask(
	struct db_world *w, enum db_statement statement, const void *row, void *result)
{
	struct asked a = { .request = { .statement = statement, .row = row, .result = result } };

	ask(w, &a);
	return a.outcome;
}

int db_world_list(struct db_world *w, enum db_statement statement, const void *row, void *rows,
	size_t row_size, int most)
{
	struct asked a = {
		.request = { .statement = statement, .row = row },
		.rows = rows,
		.row_size = row_size,
		.most = most,
	};

	ask(w, &a);
	return a.outcome == FINE ? a.count : -1;
}

void db_world_ask_many(struct db_world *w, enum db_statement statement, unsigned count,
	const void *rows, size_t row_size, void *results, size_t result_size,
	enum outcome *outcomes)
{
	static struct asked all[DB_WORLD_MANY];
	unsigned ended = 0;

	ck_assert_uint_le(count, DB_WORLD_MANY);
	for (unsigned i = 0; i < count; i++) {
		all[i] = (struct asked){
			.request = { .statement = statement,
				.row = (const uint8_t *)rows + i * row_size,
				.deadline_ms = clock_ms() + DB_WORLD_PATIENCE_MS,
				.actor = w->actor,
				.done = on_asked },
			.all = &ended,
			.db = w->db,
		};
		if (results != NULL)
			all[i].request.result = (uint8_t *)results + i * result_size;
		db_submit(w->db, &all[i].request);
	}
	ck_assert(db_world_run(w, &ended, count, 2 * DB_WORLD_PATIENCE_MS));
	for (unsigned i = 0; i < count; i++) {
		ck_assert_uint_eq(all[i].ended, 1);
		outcomes[i] = all[i].outcome;
	}
}

static void on_sample(struct db_request *request, enum outcome outcome)
{
	struct db_sample *s =
		(struct db_sample *)(void *)((char *)request - offsetof(struct db_sample, request));

	if (s->db != NULL && db_world_again(s->db, request, outcome))
		return;
	s->outcome = outcome;
	s->ended++;
	if (s->count != NULL)
		(*s->count)++;
}

void db_sample_make(struct db_sample *s, int64_t dimsi, int64_t imsi)
{
	*s = (struct db_sample){ 0 };
	snprintf(s->se_id, sizeof(s->se_id), "SE-%015lld", (long long)dimsi);
	for (size_t i = 0; i < sizeof(s->token_hash); i++)
		s->token_hash[i] = (uint8_t)((uint64_t)dimsi >> (i % 8 * 8) ^ i);
	for (size_t i = 0; i < 16; i++) {
		s->output_1[i] = (uint8_t)((uint64_t)imsi >> (i % 8 * 8) ^ i);
		s->output_2[i] = (uint8_t)(s->output_1[i] ^ 0x5a);
	}
	memcpy(s->sealed, s->output_1, sizeof(s->output_1));
	s->in = (struct db_binding_in){
		.dimsi = dimsi,
		.imsi = imsi,
		.se_id = { s->se_id, strlen(s->se_id) },
		.token_hash = BYTES(s->token_hash),
		.output_1 = BYTES(s->output_1),
		.output_2 = BYTES(s->output_2),
		.sealed = BYTES(s->sealed),
		.endorsed_at = 1700000000,
		.d_ausf_uri = { "https://d-ausf.example", 22 },
	};
}

void db_sample_submit(
	struct db_sample *s, struct db *db, enum db_statement statement, int64_t within_ms)
{
	s->request = (struct db_request){
		.statement = statement,
		.row = &s->in,
		.deadline_ms = clock_ms() + within_ms,
		.done = on_sample,
	};
	db_submit(db, &s->request);
	ck_assert_uint_eq(s->ended, 0);
}

void db_sample_submit_patiently(struct db_sample *s, struct db *db, enum db_statement statement)
{
	s->db = db;
	db_sample_submit(s, db, statement, DB_WORLD_PATIENCE_MS);
}

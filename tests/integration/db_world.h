/* A PostgreSQL with the schema, and a loop with the DB lane on it, driven from a test. */
#ifndef TESTS_INTEGRATION_DB_WORLD_H
#define TESTS_INTEGRATION_DB_WORLD_H

#include <check.h>
#include <ev.h>

#include "db/db.h"
#include "tests/integration/postgres_world.h"

struct db_world {
	struct postgres_world *postgres;
	struct ev_loop *loop;
	struct ev_prepare pump;
	struct db *db;
	const char *actor; /* of what is asked here; NULL, as at first: there is no audit trail */
};

/* A lane of so many connections; waits until one is ready. */
void db_world_open(struct db_world *w, struct postgres_world *postgres, unsigned connections);
void db_world_close(struct db_world *w);
/* However slow a machine is, what has not come within this is not coming. */
#define DB_WORLD_PATIENCE_MS 60000
/* The lane lets nobody wait for longer to be sent (db/db.c). */
#define DB_WORLD_QUEUE_MS 3000

/* Runs the loop until *count is `enough`, at most so long; false where the time was up. */
bool db_world_run(struct db_world *w, const unsigned *count, unsigned enough, int64_t within_ms);
void db_world_sleep(struct db_world *w, int64_t ms);
/*
 * Asks again what was ended for no more than that a slow machine did not send it within the lane's time, and
 * is true then; for a request's done(), first of all. An end before that time is the lane's own fault.
 */
bool db_world_again(struct db *db, struct db_request *request, enum outcome outcome);

/* A program's tests, each between open() and close(), in one process with one PostgreSQL. */
struct db_suite {
	const char *name;
	const TTest *const *tests;
	size_t count;
	void (*open)(void), (*close)(void);
	bool fsync;
	bool without_schema;
};
/* Makes *postgres, or skips; answers what main() does. */
int db_suite_run(const struct db_suite *suite, struct postgres_world **postgres);

/* Submits one request, waits, and says what became of it. */
enum outcome db_world_ask(
	struct db_world *w, enum db_statement statement, const void *row, void *result);
/*
 * The same for a statement that lists; how many rows came, or -1. The first `most` are copied to
 * rows.
 */
int db_world_list(struct db_world *w, enum db_statement statement, const void *row, void *rows,
	size_t row_size, int most);

#define DB_WORLD_MANY 256
/*
 * Submits `count` requests of one statement, which make one batch, and waits. Rows and results (NULL
 * where there are none) are arrays; outcomes[i] is what became of rows[i].
 */
void db_world_ask_many(struct db_world *w, enum db_statement statement, unsigned count,
	const void *rows, size_t row_size, void *results, size_t result_size,
	enum outcome *outcomes);

/*
 * A binding whose bytes are made from its numbers, so that each is another. Valid as long as the
 * structure.
 */
struct db_sample {
	struct db_binding_in in;
	struct db_request request;
	char se_id[32];
	uint8_t token_hash[32], output_1[16], output_2[16], sealed[108];
	enum outcome outcome;
	unsigned ended;
	unsigned *count; /* counted up as well, where it is not NULL */
	struct db *db;   /* whom it is asked of again; NULL: that is not done */
};
void db_sample_make(struct db_sample *s, int64_t dimsi, int64_t imsi);
/* db_sample_submit() has the outcome as it comes; db_sample_submit_patiently() asks as db_world_again() does. */
void db_sample_submit(
	struct db_sample *s, struct db *db, enum db_statement statement, int64_t within_ms);
void db_sample_submit_patiently(struct db_sample *s, struct db *db, enum db_statement statement);

#endif

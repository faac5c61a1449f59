/*
 * The DB lane's other end: libpq connections in pipeline mode on the loop, and the queue of what
 * they are asked.
 *
 * A request is one row of work for one statement of db/statements.h. Requests queue by statement;
 * db_pump() gives what has queued to idle connections, each batch one multi-row statement (arrays
 * of binary parameters through unnest) and one commit; a second batch of a statement goes beside the
 * first only when it is worth it. A statement that fails as a batch of many
 * is tried row by row, so that one bad row spoils no other. A connection that breaks is made again
 * by the loop; a batch that was under way is asked again of another (every statement may be
 * repeated with the same result), and what is not answered by its deadline ends with
 * DATABASE_UNAVAILABLE. Every request is ended exactly once, by done(), never before db_submit()
 * has returned.
 *
 * Belongs to one loop and its thread.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <ev.h>

#include "base/bytes.h"
#include "db/statements.h"

struct db;

struct db_request {
	enum db_statement statement;
	const void *row; /* the statement's input structure; the caller's, until done() */
	void *result;    /* its output structure, filled where it is FINE; NULL where it has none */
	int64_t deadline_ms;
	/* who asks, for the audit trail (at most DB_ACTOR_MAX bytes; kept by pointer until done()); no trail: NULL */
	const char *actor;
	/*
	 * FINE; NO_ROW where a statement found or touched no row; CONFLICT for a unique key;
	 * DATABASE_UNAVAILABLE, after which it is not known whether it was done; BROKEN
	 */
	void (*done)(struct db_request *request, enum outcome outcome);
	/* for statements that list: for each row, before done(); `row` is valid during the call */
	void (*each)(struct db_request *request, const void *row);
	/* the lane's own */
	struct db_request *next;
	uint64_t order;
	int64_t since_ms, until_ms;
	bool sent, alone;
};

/* conninfo "": libpq's environment. Connects in the background. NULL: no memory. */
struct db *db_new(struct ev_loop *loop, const char *conninfo, unsigned connections);
/* Requests that are left are ended with DATABASE_UNAVAILABLE. NULL is allowed. */
void db_free(struct db *db);
void db_submit(struct db *db, struct db_request *request);
/* Sends what has queued; called once an iteration of the loop, after submissions. */
void db_pump(struct db *db);
bool db_is_ready(const struct db *db);
unsigned db_waiting(const struct db *db);
/*
 * LISTENs on a channel, by a connection of its own. `heard` is called on the loop when there were
 * notices, and once whenever listening has begun or begun anew: what changed before was not heard.
 */
enum outcome db_listen(
	struct db *db, const char *channel, void (*heard)(void *context), void *context);

#endif

/*
 * A link in pipeline mode with every statement prepared, and the one batch that is under way on
 * it. Inside db/ only.
 */
#ifndef DB_CONNECTION_H
#define DB_CONNECTION_H

#include "db/link.h"
#include "db/rows.h"

#define BATCH_MAX 256u

struct connection {
	struct db_link link;
	struct db *db;
	char name[16];
	bool is_ready;
	struct db_request *batch; /* linked; NULL: idle */
	unsigned count;
	PGresult *result; /* kept until the commit is confirmed */
	char fault[256];  /* while it becomes ready: why it cannot */
	int64_t give_up_ms, rest_until_ms;
	struct parameters parameters;
};

void connection_start(struct connection *c, struct db *db, struct ev_loop *loop,
	const char *conninfo, unsigned number);
/* Its batch is put back. */
void connection_stop(struct connection *c);
bool connection_is_idle(const struct connection *c, int64_t now_ms);
/* Sends `count` linked requests of one statement, which leave the queue for it. */
void connection_send(struct connection *c, struct db_request *first, unsigned count);
/* Breaks the connection where its batch has not been answered long after it should have been. */
void connection_check(struct connection *c, int64_t now_ms);

/*
 * Of db.c: how a batch comes back. The first ends a request; the second queues a list again, at
 * the front.
 */
void lane_end(struct db *db, struct db_request *request, enum outcome outcome);
void lane_put_back(struct db *db, struct db_request *first);

#endif

/*
 * The audit trail read from first to last for a tool: straight from the database, a page at a time over a
 * session of its own. Synchronous: never for the server's loop. Why something failed is in the log.
 */
#ifndef DB_AUDIT_STORE_H
#define DB_AUDIT_STORE_H

#include "db/statements.h"

struct db_audit_extent {
	int64_t sealed;      /* events that the trees count, from the first wanted on */
	int64_t last;        /* the last tree; 0: there is none */
	int64_t sealed_upto; /* the transaction that it ends before */
	int64_t unsealed;    /* events after that */
	int64_t oldest_ms;   /* of those; 0: none */
};
/* first: the first tree that counts. */
enum outcome db_audit_extent(const char *conninfo, int64_t first, struct db_audit_extent *out);

struct db_audit_event {
	int64_t xid, number, at_ms, subject, related;
	int32_t action, outcome;
	struct bytes actor, detail; /* valid until the next one is asked for */
};

struct db_audit_reader;
/* Trees whose number is greater than `after`, in their order. NULL: no memory, or not reached. */
struct db_audit_reader *db_audit_read_trees(const char *conninfo, int64_t after);
/* Events of the transactions from `from` to before `before`, in the trail's order. */
struct db_audit_reader *db_audit_read_events(const char *conninfo, int64_t from, int64_t before);
/* The next one. NO_ROW: that was the last; DATABASE_UNAVAILABLE; BROKEN: a row that is none. */
enum outcome db_audit_next_tree(struct db_audit_reader *r, struct db_audit_tree *out);
enum outcome db_audit_next_event(struct db_audit_reader *r, struct db_audit_event *out);
/* NULL is allowed. */
void db_audit_read_end(struct db_audit_reader *r);

#endif

/*
 * A row of the table of statements: SQL, and how a request's structures become its parameters and
 * its result's rows become structures. Inside db/ only.
 *
 * Statements for many requests take one array per column and, where requests may differ in what
 * became of them, return the ordinal of the request (from 1) as their first column; the others
 * take plain values and are sent alone.
 */
#ifndef DB_STATEMENT_H
#define DB_STATEMENT_H

#include "db/statements.h"

enum column_type {
	COLUMN_NONE, /* ends a list of columns */
	COLUMN_INT8,
	COLUMN_INT4,
	COLUMN_BOOL,
	COLUMN_TEXT,  /* in: struct db_text; out: char[width], with its NUL */
	COLUMN_BYTES, /* in: struct bytes; out: struct bytes into the result */
	COLUMN_FIXED, /* uint8_t[width] */
	COLUMN_ROOM,  /* out: a uint16_t length, and behind it room for width bytes */
	COLUMN_ACTOR, /* in: the request's actor, of type text; NULL where there is no audit trail */
};

struct column {
	enum column_type type;
	uint16_t at; /* offset in the structure */
	uint16_t width;
};

enum statement_kind {
	MANY_KEYED, /* a request whose ordinal is not returned ends with NO_ROW */
	MANY_PLAIN, /* returns nothing; all end FINE */
	ONE,        /* the first row is the result; none is NO_ROW */
	LIST,       /* each() for each row */
};

#define COLUMNS_MAX 28

struct statement {
	const char *name; /* under which it is prepared, and in logs */
	const char *sql;
	enum statement_kind kind;
	struct column in[COLUMNS_MAX + 1];
	struct column out[COLUMNS_MAX + 1];
};

/*
 * From DB_BIND, DB_KEEP_PAIR, DB_LIST_ANCHORS, DB_ADD_POOL, DB_ADVANCE_SQN, DB_PUT_SESSION, DB_ADD_ATTACH,
 * DB_ADD_DOWNLOAD, DB_LIST_SUBSCRIPTIONS, DB_PUT_JOB, DB_PUT_CRL, DB_RECORD_EVENT on.
 */
extern const struct statement sql_bindings[], sql_hand_over[], sql_trust[], sql_imsis[],
	sql_subscriptions[], sql_companions[], sql_devices[], sql_downloads[], sql_life[],
	sql_jobs[], sql_crls[], sql_audit[];

const struct statement *statement_of(enum db_statement s);

static inline bool statement_takes_many(const struct statement *s)
{
	return s->kind == MANY_KEYED || s->kind == MANY_PLAIN;
}

#endif

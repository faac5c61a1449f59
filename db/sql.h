/*
 * What the files of SQL (db/sql_….c) have in common: how columns of structures are named, and
 * texts that occur in several statements. Inside db/ only.
 */
#ifndef DB_SQL_H
#define DB_SQL_H

#include <assert.h>
#include <stddef.h>

#include "db/statement.h"

#define INT8(s, m)                                    \
	{                                             \
		COLUMN_INT8, offsetof(struct s, m), 0 \
	}
#define INT4(s, m)                                    \
	{                                             \
		COLUMN_INT4, offsetof(struct s, m), 0 \
	}
#define BOOL(s, m)                                    \
	{                                             \
		COLUMN_BOOL, offsetof(struct s, m), 0 \
	}
#define TEXT(s, m)                                                             \
	{                                                                      \
		COLUMN_TEXT, offsetof(struct s, m), sizeof(((struct s *)0)->m) \
	}
#define BYTE(s, m)                                     \
	{                                              \
		COLUMN_BYTES, offsetof(struct s, m), 0 \
	}
#define FIXED(s, m)                                                             \
	{                                                                       \
		COLUMN_FIXED, offsetof(struct s, m), sizeof(((struct s *)0)->m) \
	}

/*
 * Rows of tables that grow are looked up by `key = ANY(array)`, never by a join with the input:
 * plans are made once and kept, perhaps while the table is still empty, and this form goes through
 * the key's index whatever the table's size was then. It also visits keys in their order, so that
 * two batches lock the rows they have in common in the same order.
 *
 * The clock is read by an uncorrelated subquery: once a statement, not once a row.
 */
#define NOW         "(SELECT floor(extract(epoch FROM now()))::bigint)"
#define NOW_MS      "(SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)"
#define NOW_US      "(SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
#define READY       "0"
#define SENT        "1"
#define ATTACHED    "2"
#define RELEASED    "4"
#define REVOKED     "5"
#define ACTIVE      "1"
#define DESTROYED   "5"
#define PUT_PAIR    "0"
#define DELETE_PAIR "1"
#define NO_OUTPUT   "'\\x00000000000000000000000000000000'::bytea"

static_assert(BINDING_READY == 0 && BINDING_VECTORS_SENT == 1 && BINDING_ATTACHED == 2 &&
		      BINDING_RELEASED == 4 && BINDING_REVOKED == 5,
	"the SQL says these as numbers");
static_assert(OUTBOX_PUT_PAIR == 0 && OUTBOX_DELETE_PAIR == 1, "the SQL says these as numbers");

#endif

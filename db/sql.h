/*
 * What the files of SQL (db/sql_….c) have in common: how columns of structures are named, and
 * texts that occur in several statements. Inside db/ only.
 */
#ifndef DB_SQL_H
#define DB_SQL_H

#include <assert.h>
#include <stddef.h>

#include "db/sql_events.h"
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
/* A structure of a uint16_t length and the room behind it. */
#define ROOM(s, m)                                                                \
	{                                                                         \
		COLUMN_ROOM, offsetof(struct s, m), sizeof(((struct s *)0)->m.at) \
	}
static_assert(offsetof(struct db_sealed, at) == sizeof(uint16_t) &&
		      offsetof(struct db_kept, at) == sizeof(uint16_t) &&
		      offsetof(struct db_element, at) == sizeof(uint16_t),
	"rows are read so");

/* The request's actor; its place among the parameters is what $n says. */
#define ACTOR                \
	{                    \
		COLUMN_ACTOR \
	}
/*
 * A part of a statement (", audited AS (…)") that writes an event for each row of `from`, in the statement's
 * own commit. action: one of the EVENT_… of db/sql_events.h; number tells the events of one statement apart:
 * the ordinal of the request, or anything else that is unique in it; actor: an expression, NULL where there
 * is no trail.
 * subject and related are bigints, detail a text.
 */
#define AUDITED(name, action, outcome, number, actor, subject, related, detail, from)             \
	", " name " AS (INSERT INTO audit_events"                                                 \
	" (xid, number, at_ms, action, outcome, subject, related, actor, detail)"                 \
	" SELECT " THIS_XID ", (" number ") * 100 + " action ", " NOW_MS ", " action ", " outcome \
	", " subject ", " related ", " actor ", " detail " FROM " from " WHERE " actor            \
	" IS NOT NULL)"
/* For `from`: of a batch's requests for one key the first, with n and actor; keys and actors are parameters. */
#define FIRST_OF(key, keys, actors)                                                         \
	"(SELECT DISTINCT ON (" key ") * FROM unnest(" keys ", " actors ") WITH ORDINALITY" \
	" AS i (" key ", actor, n) ORDER BY " key ", n) i "
/* The end of a statement that answers nothing; what its parts write is written all the same. */
#define NOTHING  " SELECT WHERE false"
#define THIS_XID "(SELECT pg_current_xact_id()::text::bigint)"

/*
 * Rows of tables that grow are looked up by `key = ANY(array)`, never by a join with the input:
 * plans are made once and kept, perhaps while the table is still empty, and this form goes through
 * the key's index whatever the table's size was then. It also visits keys in their order, so that
 * two batches lock the rows they have in common in the same order.
 *
 * Where an UPDATE takes values from `due`, those of the input that are to be done, it joins with MANY_OF_DUE
 * instead: what has gone through conditions the planner takes for one row, and would look all of a batch's keys
 * up again for each of its rows. This it takes for as many as the input has.
 *
 * The clock is read by an uncorrelated subquery: once a statement, not once a row.
 */
#define MANY_OF_DUE " many AS MATERIALIZED (SELECT due.* FROM input LEFT JOIN due USING (n)),"
#define NOW         "(SELECT floor(extract(epoch FROM now()))::bigint)"
#define NOW_MS      "(SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)"
#define NOW_US      "(SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
#define READY       "0"
#define SENT        "1"
#define ATTACHED    "2"
#define RELEASED    "4"
#define REVOKED     "5"
#define PUT_PAIR    "0"
#define DELETE_PAIR "1"
#define NO_OUTPUT   "'\\x00000000000000000000000000000000'::bytea"

/*
 * Numbers follow the clock, and the rows that are still there where the clock went back: rows of
 * one dIMSI are delivered in their order, and a late report on an old row never meets a newer one. Of a row i.
 */
#define OUTBOX_NUMBER \
	"greatest(" NOW_US ", (SELECT max(o.number) + 1 FROM outbox o WHERE o.dimsi = i.dimsi))"

/*
 * A page of a filtered list looks at so many rows at most, however few of them fit: the key of the last it looks at,
 * behind `after`; NULL where that is to the end. An index alone answers it.
 */
#define LOOKED_AT "10000"
#define UPTO_OF(table, key, after)                                               \
	"(SELECT " key " FROM " table " WHERE " key " > " after " ORDER BY " key \
	" OFFSET " LOOKED_AT " LIMIT 1)"
#define NEVER   "9223372036854775807"
#define NO_HASH "decode(repeat('00', 32), 'hex')"
/*
 * Of a row r of revocations that is there already: under one more key of its issuer. What is revoked under any key
 * (no key) stays so.
 */
#define ADD_ISSUER_KEY                                                       \
	" DO UPDATE SET issuer_keys = r.issuer_keys || excluded.issuer_keys" \
	" WHERE r.issuer_keys <> '' AND position(excluded.issuer_keys IN r.issuer_keys) = 0"

/* A credential's states and kinds, and an Access ID's states. */
#define PRE_ACTIVE "0"
#define ACTIVE     "1"
#define SUSPENDED  "2"
#define RETIRED    "3"
#define DESTROYED  "5"
#define OVERDUE    "6"

#define EK        "0"
#define IMPORTED  "1"
#define COMPANION "2"
#define HEADLESS  "3"
#define PROFILE   "4"

#define ID_PENDING   "0"
#define ID_CONFIRMED "1"
#define ID_REVOKED   "2"
#define ID_EXPIRED   "3"
#define ID_RELEASED  "4"

/*
 * The version of a subscription that serves: the newest that is not destroyed; one that is not yet
 * active does not count. LIMIT and coalesce() keep the planner from making a join of it, and from
 * taking such rows for rare: a row costs a look into the key's index.
 */
#define SERVES(c)                                                                            \
	" " #c ".state NOT IN (" PRE_ACTIVE ", " DESTROYED ")"                               \
	" AND coalesce((SELECT false FROM credentials v WHERE v.imsi = " #c ".imsi"          \
	" AND v.version > " #c ".version AND v.state NOT IN (" PRE_ACTIVE ", " DESTROYED ")" \
	" LIMIT 1), true)"
#define STATE_NOW(c)                                                                               \
	" CASE WHEN " #c ".state IN (" ACTIVE ", " SUSPENDED ") AND " #c ".retire_at <> 0"         \
	" AND " #c ".retire_at <= " NOW " THEN " RETIRED " WHEN " #c ".state = " ACTIVE " AND " #c \
	".not_after <> 0 AND " #c ".not_after <= " NOW " THEN " OVERDUE " ELSE " #c                \
	".state::int4 END "

static_assert(BINDING_READY == 0 && BINDING_VECTORS_SENT == 1 && BINDING_ATTACHED == 2 &&
		      BINDING_RELEASED == 4 && BINDING_REVOKED == 5,
	"the SQL says these as numbers");
static_assert(CREDENTIAL_IS_PRE_ACTIVE == 0 && CREDENTIAL_IS_ACTIVE == 1 &&
		      CREDENTIAL_IS_SUSPENDED == 2 && CREDENTIAL_IS_RETIRED == 3 &&
		      CREDENTIAL_IS_DESTROYED == 5 && CREDENTIAL_IS_OVERDUE == 6,
	"the SQL says these as numbers");
static_assert(CREDENTIAL_EK == 0 && CREDENTIAL_IMPORTED == 1 && CREDENTIAL_COMPANION == 2 &&
		      CREDENTIAL_HEADLESS == 3 && CREDENTIAL_PROFILE == 4,
	"the SQL says these as numbers");
static_assert(ACCESS_PENDING == 0 && ACCESS_CONFIRMED == 1 && ACCESS_REVOKED == 2 &&
		      ACCESS_EXPIRED == 3 && ACCESS_RELEASED == 4,
	"the SQL says these as numbers");
static_assert(OUTBOX_PUT_PAIR == 0 && OUTBOX_DELETE_PAIR == 1, "the SQL says these as numbers");

#endif

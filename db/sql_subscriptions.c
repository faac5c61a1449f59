/* Subscriptions: the numbers and states of their credentials, and those that come from files. */
#include "db/sql.h"

#define FIRST DB_ADVANCE_SQN

#define CREDENTIAL_COLUMNS                                                                 \
	INT8(db_credential, imsi), INT8(db_credential, dimsi), INT8(db_credential, owner), \
		INT8(db_credential, sqn), INT8(db_credential, not_after),                  \
		INT8(db_credential, retire_at), INT4(db_credential, version),              \
		INT4(db_credential, kind), INT4(db_credential, state), ROOM(db_credential, sealed)
#define CREDENTIAL(sqn)                                                                  \
	" c.imsi, c.dimsi, c.owner, " sqn ", c.not_after, c.retire_at, c.version::int4," \
	" c.kind::int4," STATE_NOW(c) ", c.sealed "

/*
 * SQN = SEQ (43 bits) || IND (5 bits), not time-based (TS 33.102 Annex C.1.1.2 and C.3.2): with each
 * number SEQ counts up by one, and IND goes round.
 */
#define COUNTED(sqn, by) "(((" sqn " + 32 * " by ") & -32) | ((" sqn " + " by ") & 31))"
/*
 * How often a batch asks for an IMSI: how many of its sorted IMSIs are not above it, less those that
 * are below it. What each request gets is counted back from the row's new number, which an update
 * makes from the row as it is then, and not as the statement first saw it.
 */
#define REQUESTS                                            \
	"(width_bucket(c.imsi, (SELECT imsis FROM sorted))" \
	" - width_bucket(c.imsi - 1, (SELECT imsis FROM sorted)))"
#define LATER       "(width_bucket(c.imsi, (SELECT imsis FROM sorted)) - a.place)"
#define SQN_IS_LEFT "(c.sqn | 31) + 32 * " REQUESTS " < 281474976710656"
static_assert(SQN_LIMIT == 281474976710656, "the SQL says it as a number");

#define ROW_COLUMNS                                                                     \
	"c.imsi, c.dimsi, c.owner, c.sqn, c.not_after, c.retire_at, c.version, c.kind," \
	" c.state, c.sealed"

/* A column of a record that was destroyed is written anew; of any other it stays. */
#define ANEW(column) \
	column " = CASE c.state WHEN " DESTROYED " THEN excluded." column " ELSE c." column " END"

#define IMPORT_COLUMNS                                                                    \
	FIXED(db_import, file_hash), INT8(db_import, line), INT8(db_import, byte_offset), \
		INT8(db_import, added), INT8(db_import, refused), BOOL(db_import, is_done)

const struct statement sql_subscriptions[] = {
	/*
	 * Rows that were not moved are read with a lock, which shows them as they are: what the
	 * update waited for may have been their suspension.
	 */
	[DB_ADVANCE_SQN - FIRST] = {
		.name = "advance_sqn",
		.kind = MANY_KEYED,
		.sql = "WITH asked AS MATERIALIZED ("
			" SELECT imsi, n, row_number() OVER (ORDER BY imsi, n) AS place"
			" FROM unnest($1) WITH ORDINALITY AS i (imsi, n)),"
			" sorted AS MATERIALIZED ("
			" SELECT array_agg(imsi ORDER BY imsi) AS imsis FROM unnest($1) AS i (imsi)),"
			" moved AS ("
			" UPDATE credentials c SET sqn = " COUNTED("c.sqn", REQUESTS)
			" WHERE c.imsi = ANY($1) AND " STATE_NOW(c) " = " ACTIVE
			" AND " SQN_IS_LEFT " AND" SERVES(c)
			" RETURNING " ROW_COLUMNS "),"
			" others AS MATERIALIZED ("
			" SELECT " ROW_COLUMNS " FROM credentials c WHERE c.imsi = ANY(ARRAY("
			"  SELECT imsi FROM asked WHERE (SELECT count(*) FROM moved)"
			"   < (SELECT count(DISTINCT imsi) FROM asked)"
			"  AND imsi <> ALL(ARRAY(SELECT imsi FROM moved))))"
			" AND" SERVES(c) " FOR SHARE)"
			" SELECT a.n," CREDENTIAL(COUNTED("c.sqn", "-" LATER))
			"FROM asked a JOIN moved c USING (imsi)"
			" UNION ALL"
			" SELECT a.n," CREDENTIAL("CASE" STATE_NOW(c) "WHEN " ACTIVE
				" THEN 0 ELSE c.sqn END")
			"FROM asked a JOIN others c USING (imsi)",
		.in = { INT8(db_imsi, imsi) },
		.out = { CREDENTIAL_COLUMNS },
	},
	[DB_FIND_CREDENTIAL - FIRST] = {
		.name = "find_credential",
		.kind = MANY_KEYED,
		.sql = "WITH c AS MATERIALIZED ("
			" SELECT c.* FROM credentials c WHERE c.imsi = ANY($1) AND" SERVES(c) ")"
			" SELECT i.n," CREDENTIAL("c.sqn")
			"FROM unnest($1) WITH ORDINALITY AS i (imsi, n) JOIN c USING (imsi)",
		.in = { INT8(db_imsi, imsi) },
		.out = { CREDENTIAL_COLUMNS },
	},
	[DB_RESYNC_SQN - FIRST] = {
		.name = "resync_sqn",
		.kind = MANY_KEYED,
		.sql = "WITH i AS MATERIALIZED ("
			" SELECT * FROM unnest($1, $2, $3) WITH ORDINALITY"
			" AS i (imsi, version, sqn_ms, n)),"
			" moved AS ("
			" UPDATE credentials c SET sqn = greatest(c.sqn, (SELECT max(i.sqn_ms) FROM i"
			"  WHERE i.imsi = c.imsi AND i.version = c.version))"
			" WHERE c.imsi = ANY($1) AND c.version = ANY($2)"
			" AND c.state <> " DESTROYED " RETURNING imsi, version)"
			" SELECT i.n FROM i JOIN moved USING (imsi, version)",
		.in = { INT8(db_resync_in, imsi), INT4(db_resync_in, version),
			INT8(db_resync_in, sqn_ms) },
	},
	[DB_RECORD_AUTH_EVENT - FIRST] = {
		.name = "record_auth_event",
		.kind = MANY_KEYED,
		.sql = "WITH i AS MATERIALIZED ("
			" SELECT * FROM unnest($1, $2, $3, $4) WITH ORDINALITY"
			" AS i (imsi, success, ek_lifetime_s, actor, n)),"
			" good AS MATERIALIZED ("
			" SELECT array_agg(imsi) AS imsis FROM i WHERE success),"
			" moved AS ("
			" UPDATE credentials c SET"
			" authenticated_at = CASE WHEN c.imsi = ANY((SELECT imsis FROM good)::bigint[])"
			"  THEN " NOW " ELSE authenticated_at END,"
			" refused_at = CASE WHEN c.imsi = ANY(ARRAY(SELECT imsi FROM i"
			"  WHERE NOT success)) THEN " NOW " ELSE refused_at END,"
			" retire_at = CASE WHEN kind = " EK " AND retire_at = 0"
			"  AND c.imsi = ANY((SELECT imsis FROM good)::bigint[])"
			"  THEN " NOW " + ($3)[array_position($1, c.imsi)] ELSE retire_at END"
			" WHERE c.imsi = ANY($1) AND" SERVES(c) " RETURNING imsi, dimsi),"
			" attached AS ("
			" UPDATE bindings SET state = " ATTACHED ", changed_at = " NOW
			" WHERE dimsi = ANY(ARRAY(SELECT dimsi FROM moved WHERE dimsi <> 0))"
			" AND imsi = ANY((SELECT imsis FROM good)::bigint[])"
			" AND state IN (" READY ", " SENT ") RETURNING dimsi, imsi)"
			AUDITED("audited", EVENT_ATTACHED, "0", "n", "actor", "dimsi", "imsi", "''",
				"(SELECT DISTINCT ON (i.imsi) a.dimsi, i.* FROM attached a"
				" JOIN i ON i.imsi = a.imsi AND i.success ORDER BY i.imsi, i.n) e")
			" SELECT i.n FROM i JOIN moved USING (imsi)",
		.in = { INT8(db_auth_event_in, imsi), BOOL(db_auth_event_in, success),
			INT8(db_auth_event_in, ek_lifetime_s), ACTOR },
	},
	/*
	 * Of two lines for one IMSI in a batch the first is added. Who was imported since then is
	 * who is meant: an import that goes on asks with the time that it began. A row that is there to the
	 * letter was added by an earlier try whose answer was lost, and is left as it is. What
	 * named the IMSI while it was another's names it no more.
	 */
	[DB_ADD_SUBSCRIBER - FIRST] = {
		.name = "add_subscriber",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (imsi) * FROM unnest($1, $2, $3, $4) WITH ORDINALITY"
			" AS i (imsi, sealed, since, actor, n) ORDER BY imsi, n),"
			" added AS ("
			" INSERT INTO credentials AS c"
			" (imsi, dimsi, version, kind, state, sealed, created_at, changed_at)"
			" SELECT imsi, 0, 1, " IMPORTED ", " ACTIVE ", sealed, " NOW ", " NOW
			" FROM input WHERE imsi <> ALL(ARRAY(SELECT v.imsi FROM credentials v"
			"  WHERE v.imsi = ANY($1) AND v.version <> 1 AND v.state <> " DESTROYED "))"
			" ORDER BY imsi"
			" ON CONFLICT (imsi, version) DO UPDATE SET " ANEW("dimsi") ", "
			ANEW("created_at") ", " ANEW("changed_at") ", " ANEW("state") ", "
			ANEW("sealed") ", " ANEW("sqn") ", " ANEW("not_after") ", "
			ANEW("retire_at") ", " ANEW("authenticated_at") ", "
			ANEW("refused_at") ", " ANEW("owner") ", " ANEW("kind")
			" WHERE c.state = " DESTROYED
			" OR (c.kind = " IMPORTED " AND c.sealed = excluded.sealed)"
			" RETURNING imsi, xmax = 0 AS is_new),"
			" nameless AS ("
			" UPDATE access_ids SET imsi = 0, state = " ID_RELEASED ", kdm = ''"
			" WHERE imsi = ANY(ARRAY(SELECT imsi FROM added WHERE NOT is_new))"
			" AND imsi <> 0)"
			AUDITED("audited", EVENT_SUBSCRIBER_ADDED, "0", "i.n", "i.actor", "i.imsi", "1",
				"''", "input i JOIN added a ON a.imsi = i.imsi AND CASE WHEN a.is_new"
				" THEN true ELSE (SELECT count(*) = 0 FROM credentials c"
				"  WHERE c.imsi = i.imsi AND c.version = 1 AND c.state <> " DESTROYED
				" ) END")
			" SELECT i.n, false FROM input i JOIN added USING (imsi)"
			" UNION ALL"
			" SELECT i.n, true FROM input i JOIN"
			" (SELECT imsi, created_at FROM credentials WHERE imsi = ANY(ARRAY("
			"   SELECT imsi FROM input WHERE since <> 0 EXCEPT SELECT imsi FROM added))"
			"  AND version = 1 AND kind = " IMPORTED " AND state <> " DESTROYED
			"  OFFSET 0) c"
			" USING (imsi) WHERE c.created_at >= i.since",
		.in = { INT8(db_subscriber_in, imsi), BYTE(db_subscriber_in, sealed),
			INT8(db_subscriber_in, since), ACTOR },
		.out = { BOOL(db_subscriber, was_there) },
	},
	[DB_FIND_IMPORT - FIRST] = {
		.name = "find_import",
		.kind = ONE,
		.sql = "SELECT file_hash, line, byte_offset, added, refused, is_done, began_at"
			" FROM subscriber_imports WHERE file_hash = $1",
		.in = { FIXED(db_import_key, file_hash) },
		.out = { IMPORT_COLUMNS, INT8(db_import, began_at) },
	},
	[DB_PUT_IMPORT - FIRST] = {
		.name = "put_import",
		.kind = ONE,
		.sql = "INSERT INTO subscriber_imports"
			" (file_hash, line, byte_offset, added, refused, is_done, began_at,"
			" changed_at) VALUES ($1, $2, $3, $4, $5, $6, " NOW ", " NOW ")"
			" ON CONFLICT (file_hash) DO UPDATE SET line = excluded.line,"
			" byte_offset = excluded.byte_offset, added = excluded.added,"
			" refused = excluded.refused, is_done = excluded.is_done,"
			" began_at = CASE WHEN $7 THEN excluded.began_at"
			"  ELSE subscriber_imports.began_at END,"
			" changed_at = excluded.changed_at RETURNING true",
		.in = { IMPORT_COLUMNS, BOOL(db_import, begins) },
	},
};
static_assert(sizeof(sql_subscriptions) / sizeof(sql_subscriptions[0]) == DB_PUT_IMPORT + 1 - FIRST,
	"one row each");

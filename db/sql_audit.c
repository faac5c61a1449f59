/* The audit trail: events of no statement's own, the trees over them, and what the auditor sees. */
#include "db/sql.h"

#define FIRST DB_RECORD_EVENT

#define EVENT                                                                               \
	" e.xid, e.number, e.at_ms, e.action::int4, e.outcome::int4, e.subject, e.related," \
	" e.actor, e.detail "
#define EVENT_COLUMNS                                                                     \
	INT8(db_event, xid), INT8(db_event, number), INT8(db_event, at_ms),               \
		INT4(db_event, action), INT4(db_event, outcome), INT8(db_event, subject), \
		INT8(db_event, related), TEXT(db_event, actor), TEXT(db_event, detail)
#define TREE                                                                                \
	" number, from_xid, to_xid, count, sealed_at, tree_size, leaf_index, root, chain, " \
	"signer_id,"                                                                        \
	" signature, path "
#define TREE_COLUMNS                                                                             \
	INT8(db_audit_tree, number), INT8(db_audit_tree, from_xid), INT8(db_audit_tree, to_xid), \
		INT8(db_audit_tree, count), INT8(db_audit_tree, sealed_at),                      \
		INT8(db_audit_tree, tree_size), INT8(db_audit_tree, leaf_index),                 \
		FIXED(db_audit_tree, root), FIXED(db_audit_tree, chain),                         \
		FIXED(db_audit_tree, signer_id), FIXED(db_audit_tree, signature),                \
		BYTE(db_audit_tree, path)

const struct statement sql_audit[] = {
	[DB_RECORD_EVENT - FIRST] = {
		.name = "record_event",
		.kind = MANY_PLAIN,
		.sql = "INSERT INTO audit_events"
			" (xid, number, at_ms, action, outcome, subject, related, actor, detail)"
			" SELECT " THIS_XID ", n * 100 + action, " NOW_MS ", action, outcome,"
			" subject, related, actor, detail FROM unnest($1, $2, $3, $4, $5, $6)"
			" WITH ORDINALITY AS i (action, outcome, subject, related, detail, actor, n)"
			" WHERE actor IS NOT NULL",
		.in = { INT4(db_event_in, action), INT4(db_event_in, outcome),
			INT8(db_event_in, subject), INT8(db_event_in, related),
			TEXT(db_event_in, detail), ACTOR },
	},
	/* One statement has one snapshot: what is settled was so when this head was the last. */
	[DB_FIND_AUDIT_HEAD - FIRST] = {
		.name = "find_audit_head",
		.kind = ONE,
		.sql = "SELECT coalesce(h.number, 0), coalesce(h.to_xid, 0),"
			" coalesce(h.chain, decode(repeat('00', 32), 'hex')),"
			" pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
			" pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
			" FROM (SELECT 1) one LEFT JOIN (SELECT number, to_xid, chain"
			"  FROM audit_trees ORDER BY number DESC LIMIT 1) h ON true",
		.out = { INT8(db_audit_head, number), INT8(db_audit_head, to_xid),
			FIXED(db_audit_head, chain), INT8(db_audit_head, settled_xid),
			INT8(db_audit_head, begun_xid) },
	},
	[DB_LIST_UNSEALED - FIRST] = {
		.name = "list_unsealed",
		.kind = LIST,
		.sql = "SELECT" EVENT "FROM audit_events e WHERE e.xid >= $1 AND e.xid < $2"
			" AND (e.xid, e.number) > ($3, $4) ORDER BY e.xid, e.number LIMIT $5",
		.in = { INT8(db_unsealed_page, from_xid), INT8(db_unsealed_page, to_xid),
			INT8(db_unsealed_page, after_xid), INT8(db_unsealed_page, after_number),
			INT8(db_unsealed_page, limit) },
		.out = { EVENT_COLUMNS },
	},
	/*
	 * Of two servers that seal the same events one is first; a tree stands on the one before it. A database
	 * that took over meanwhile, and has lost the last transactions, will give out their numbers again.
	 */
	[DB_ADD_AUDIT_TREE - FIRST] = {
		.name = "add_audit_tree",
		.kind = ONE,
		.sql = "INSERT INTO audit_trees (" TREE ")"
			" SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12"
			" WHERE $1 = coalesce((SELECT t.number FROM audit_trees t"
			"  ORDER BY t.number DESC LIMIT 1), 0) + 1"
			" AND $2 = coalesce((SELECT t.to_xid FROM audit_trees t"
			"  ORDER BY t.number DESC LIMIT 1), 0)"
			" AND $3 <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
			" ON CONFLICT (number) DO NOTHING RETURNING true",
		.in = { TREE_COLUMNS },
	},
	/*
	 * A filter looks at so many events at most: where there are more, a row of no action says how
	 * far it came. What lies in a tree that was sealed an hour before `since` is older
	 * than that, whatever the clocks say.
	 */
	[DB_LIST_EVENTS - FIRST] = {
		.name = "list_events",
		.kind = LIST,
		.sql = "WITH oldest AS MATERIALIZED ("
			" SELECT coalesce((SELECT t.to_xid FROM audit_trees t"
			"  WHERE $4 > 0 AND t.sealed_at < $4 / 1000 - 3600"
			"  ORDER BY t.number DESC LIMIT 1), 0) AS xid),"
			" looked AS MATERIALIZED ("
			" SELECT e.xid, e.number FROM audit_events e"
			" WHERE ($3 <> 0 OR $4 <> 0 OR $5 <> 0 OR $7 >= 0 OR $8 <> ''"
			"  OR $9 >= 0)"
			" AND (e.xid, e.number) < ($1, $2) AND e.xid >= (SELECT xid FROM oldest)"
			" ORDER BY e.xid DESC, e.number DESC OFFSET " DB_EVENTS_LOOKED_AT " - 1"
			" LIMIT 1),"
			" found AS ("
			" SELECT" EVENT "FROM audit_events e WHERE (e.xid, e.number) < ($1, $2)"
			" AND e.xid >= (SELECT xid FROM oldest)"
			" AND (e.xid, e.number) >= (coalesce((SELECT xid FROM looked), 0),"
			"  coalesce((SELECT number FROM looked), 0))"
			" AND ($3 = 0 OR e.subject = $3) AND ($4 = 0 OR e.at_ms >= $4)"
			" AND ($5 = 0 OR e.at_ms < $5) AND ($7 < 0 OR e.action = $7)"
			" AND ($8 = '' OR e.actor = $8) AND ($9 < 0 OR e.outcome = $9)"
			" ORDER BY e.xid DESC, e.number DESC LIMIT $6)"
			" SELECT * FROM found UNION ALL"
			" SELECT xid, number, 0, 0, 0, 0, 0, '', '' FROM looked",
		.in = { INT8(db_event_page, before_xid), INT8(db_event_page, before_number),
			INT8(db_event_page, subject), INT8(db_event_page, since_ms),
			INT8(db_event_page, until_ms), INT8(db_event_page, limit),
			INT4(db_event_page, action), TEXT(db_event_page, actor),
			INT4(db_event_page, outcome) },
		.out = { EVENT_COLUMNS },
	},
	[DB_LIST_AUDIT_TREES - FIRST] = {
		.name = "list_audit_trees",
		.kind = LIST,
		.sql = "SELECT" TREE "FROM audit_trees WHERE number > $1 ORDER BY number LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { TREE_COLUMNS },
	},
};
static_assert(sizeof(sql_audit) / sizeof(sql_audit[0]) == DB_LIST_AUDIT_TREES + 1 - FIRST,
	"one row each");

/* The versions and states of credentials. */
#include "db/sql_life.h"

#define FIRST DB_LIST_SUBSCRIPTIONS

#define VERSION                                                                                  \
	" c.imsi, c.dimsi, c.owner, c.kind::int4," STATE_NOW(                                    \
		c) ", c.version::int4,"                                                          \
		   " c.created_at, c.changed_at, c.not_after, c.retire_at, c.authenticated_at, " \
		   "c.sealed <> '' "
#define VERSION_COLUMNS                                                                     \
	INT8(db_version, imsi), INT8(db_version, dimsi), INT8(db_version, owner),           \
		INT4(db_version, kind), INT4(db_version, state), INT4(db_version, version), \
		INT8(db_version, created_at), INT8(db_version, changed_at),                 \
		INT8(db_version, not_after), INT8(db_version, retire_at),                   \
		INT8(db_version, authenticated_at), BOOL(db_version, has_key)

/* What is said of the time bounds the index: of two conditions that begin it only one would. */
#define PAST_ITS_END                                                         \
	" c.state = " ACTIVE " AND c.not_after <> 0 AND c.not_after <= " NOW \
	" AND (c.not_after, c.imsi) > (greatest($1, $7 - 1),"                \
	"  CASE WHEN $1 < $7 THEN " NEVER " ELSE $2 END)"                    \
	" AND c.not_after < CASE WHEN $8 = 0 THEN " NEVER " ELSE $8 END "

/* Its list ends early where few fit, with a row that says how far it looked. */
#define AFTER "greatest($9, $1 - 1)"
#define LAST  "(CASE WHEN $2 < 0 THEN " NEVER " ELSE $2 END)"

const struct statement sql_life[] = {
	[DB_LIST_SUBSCRIPTIONS - FIRST] = {
		.name = "list_subscriptions",
		.kind = LIST,
		.sql = "WITH what AS (SELECT $3::int4 AS kind, $5::bigint AS owner,"
			" $6::bigint AS created_before, $7::bigint AS created_since,"
			" $8::bigint AS expires_before),"
			" looked AS MATERIALIZED (SELECT " UPTO(AFTER) " AS upto),"
			" found AS MATERIALIZED ("
			" SELECT c.*," STATE_NOW(c) "AS state_now FROM credentials c"
			" WHERE c.imsi > " AFTER
			" AND c.imsi <= least((SELECT upto FROM looked), " LAST ")"
			" AND" FITS(c, "(SELECT ", " FROM what)") "AND ($4 < 0 OR" STATE_NOW(c) "= $4)"
			" AND" COUNTS(c) "ORDER BY c.imsi LIMIT $10)"
			" SELECT c.imsi, c.dimsi, c.owner, c.kind::int4, c.state_now::int4, c.version::int4,"
			" (SELECT count(*) FROM credentials v WHERE v.imsi = c.imsi)::int4 AS versions,"
			" c.created_at, c.changed_at, c.not_after, c.retire_at, c.authenticated_at,"
			" c.refused_at, coalesce((SELECT e.eid FROM euicc_subscriptions e"
			"  WHERE e.imsi = c.imsi LIMIT 1), '') FROM found c"
			" UNION ALL"
			" SELECT upto, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '' FROM looked"
			" WHERE upto < " LAST " AND (SELECT count(*) FROM found) < $10 ORDER BY 1, 6 DESC",
		.in = { INT8(db_selection_page, what.first), INT8(db_selection_page, what.last),
			INT4(db_selection_page, what.kind), INT4(db_selection_page, what.state),
			INT8(db_selection_page, what.owner),
			INT8(db_selection_page, what.created_before),
			INT8(db_selection_page, what.created_since),
			INT8(db_selection_page, what.expires_before),
			INT8(db_selection_page, after), INT8(db_selection_page, limit) },
		.out = { INT8(db_subscription, imsi), INT8(db_subscription, dimsi),
			INT8(db_subscription, owner), INT4(db_subscription, kind),
			INT4(db_subscription, state), INT4(db_subscription, version),
			INT4(db_subscription, versions), INT8(db_subscription, created_at),
			INT8(db_subscription, changed_at), INT8(db_subscription, not_after),
			INT8(db_subscription, retire_at), INT8(db_subscription, authenticated_at),
			INT8(db_subscription, refused_at), TEXT(db_subscription, eid) },
	},
	[DB_LIST_VERSIONS - FIRST] = {
		.name = "list_versions",
		.kind = LIST,
		.sql = "SELECT" VERSION "FROM credentials c WHERE c.imsi = $1 ORDER BY c.version DESC",
		.in = { INT8(db_imsi, imsi) },
		.out = { VERSION_COLUMNS },
	},
	[DB_LIST_OVERDUE - FIRST] = {
		.name = "list_overdue",
		.kind = LIST,
		.sql = "WITH looked AS MATERIALIZED ("
			" SELECT c.not_after, c.imsi FROM credentials c WHERE" PAST_ITS_END
			" ORDER BY c.not_after, c.imsi OFFSET " LOOKED_AT " LIMIT 1),"
			" found AS MATERIALIZED ("
			" SELECT" VERSION "AS has_key FROM credentials c WHERE" PAST_ITS_END
			" AND (c.not_after, c.imsi) <= (coalesce((SELECT not_after FROM looked), " NEVER "),"
			"  coalesce((SELECT imsi FROM looked), " NEVER "))"
			" AND" STATE_NOW(c) "= " OVERDUE " AND c.imsi BETWEEN $4 AND $5"
			" AND ($6 < 0 OR c.owner = $6) AND ($9 < 0 OR c.kind = $9)"
			" ORDER BY c.not_after, c.imsi LIMIT $3)"
			" SELECT * FROM found UNION ALL"
			" SELECT imsi, 0, 0, 0, 0, 0, 0, 0, not_after, 0, 0, false FROM looked"
			" WHERE (SELECT count(*) FROM found) < $3 ORDER BY 9, 1, 6 DESC",
		.in = { INT8(db_overdue_page, after_not_after), INT8(db_overdue_page, after_imsi),
			INT8(db_overdue_page, limit), INT8(db_overdue_page, first),
			INT8(db_overdue_page, last), INT8(db_overdue_page, owner),
			INT8(db_overdue_page, expires_since), INT8(db_overdue_page, expires_before),
			INT4(db_overdue_page, kind) },
		.out = { VERSION_COLUMNS },
	},
	/*
	 * Asked again after its answer was lost, it finds the state that it has made, which does not allow it:
	 * nothing tells that from another's request, and it is refused.
	 */
	[DB_CHANGE_STATE - FIRST] = {
		.name = "change_state",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY"
			" AS i (imsi, from_mask, becomes, is_final, until, uri, actor, n)"
			" WHERE " EACH_ONCE("$1") ")"
			LIFE_LOCKED LIFE_DECIDED
			LIFE_DONE("($3)[array_position($1, c.imsi)]",
				"($2)[array_position($1, c.imsi)]")
			LIFE_AUDITED("''")
			" SELECT n, state, outcome = 0, newest::int4 FROM decided"
			" WHERE outcome <> " NOT_FOUND_NOW,
		.in = { INT8(db_change_in, imsi), INT4(db_change_in, from_mask),
			INT4(db_change_in, to), BOOL(db_change_in, is_final),
			INT8(db_change_in, quarantine_until), TEXT(db_change_in, d_ausf_uri),
			ACTOR },
		.out = { INT4(db_changed, state), BOOL(db_changed, is_done),
			INT4(db_changed, version) },
	},
	[DB_REKEY - FIRST] = {
		.name = "rekey",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT * FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY"
			" AS i (imsi, from_mask, sealed, overlap_s, lifetime_s, actor, n)"
			" WHERE " EACH_ONCE("$1") ")"
			LIFE_LOCKED REKEY_DECIDED REKEY_DONE("''")
			" SELECT n, state, outcome = 0,"
			" (newest + (outcome = 0 AND NOT is_repeated)::int4)::int4 FROM decided"
			" WHERE outcome <> " NOT_FOUND_NOW,
		.in = { INT8(db_rekey_in, imsi), INT4(db_rekey_in, from_mask),
			BYTE(db_rekey_in, sealed), INT8(db_rekey_in, overlap_s),
			INT8(db_rekey_in, lifetime_s), ACTOR },
		.out = { INT4(db_changed, state), BOOL(db_changed, is_done),
			INT4(db_changed, version) },
	},
};
static_assert(sizeof(sql_life) / sizeof(sql_life[0]) == DB_REKEY + 1 - FIRST, "one row each");

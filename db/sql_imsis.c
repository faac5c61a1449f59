/* Pools of IMSIs, their leases, and the database's state. */
#include "db/sql.h"

#define FIRST DB_ADD_POOL

#define LEASE_COLUMNS                                                            \
	INT8(db_lease, first), INT8(db_lease, last), BOOL(db_lease, is_adopted), \
		BOOL(db_lease, is_rested)

#define TEXT_OF(number)      TEXT_OF_TOKEN(number)
#define TEXT_OF_TOKEN(token) #token

/* The numbers an IMSI of a PLMN may have; $4 is the PLMN, $5 how many digits it has. */
#define IN_PLMN(imsi) \
	imsi " BETWEEN $4::bigint * 10 ^ (15 - $5) AND ($4::bigint + 1) * 10 ^ (15 - $5) - 1"

/* which: what pools behind $1 are wanted, and how many. */
#define POOLS(which)                                                                \
	"SELECT first, last, least(next, last + 1), plmn, plmn_digits::int4, free," \
	" least(next, last + 1) - first - free - resting, resting"                  \
	" FROM (SELECT *,"                                                          \
	"  (SELECT coalesce(sum(l.last - l.first + 1 -"                             \
	"    (SELECT count(*) FROM (SELECT imsi FROM credentials c"                 \
	"      WHERE c.imsi BETWEEN l.first AND l.last"                             \
	"      UNION SELECT imsi FROM imsi_quarantine q"                            \
	"      WHERE q.imsi BETWEEN l.first AND l.last) taken)), 0)::bigint"        \
	"   FROM imsi_leases l WHERE l.first BETWEEN p.first AND p.last) AS free,"  \
	"  (SELECT count(*) FROM imsi_quarantine q"                                 \
	"   WHERE q.imsi BETWEEN p.first AND p.last) AS resting"                    \
	"  FROM imsi_pools p WHERE first > $1 " which ") p ORDER BY first"
#define POOL_COLUMNS                                                                         \
	INT8(db_pool, first), INT8(db_pool, last), INT8(db_pool, next), INT4(db_pool, plmn), \
		INT4(db_pool, plmn_digits), INT8(db_pool, leased), INT8(db_pool, used),      \
		INT8(db_pool, quarantined)

const struct statement sql_imsis[] = {
	[DB_ADD_POOL - FIRST] = {
		.name = "add_pool",
		.kind = ONE,
		.sql = "WITH added AS ("
			" INSERT INTO imsi_pools (first, last, next, plmn, plmn_digits)"
			" VALUES ($1, $2, $1, $3, $4) RETURNING first, last)"
			AUDITED("audited", EVENT_POOL_ADDED, "0", "1", "$5", "first", "last", "''",
				"added")
			" SELECT true FROM added",
		.in = { INT8(db_pool_in, first), INT8(db_pool_in, last), INT4(db_pool_in, plmn),
			INT4(db_pool_in, plmn_digits), ACTOR },
	},
	/*
	 * What has left the pool is leased and unbound, or rests, or is used: the last need not be
	 * counted.
	 */
	[DB_LIST_POOLS - FIRST] = {
		.name = "list_pools",
		.kind = LIST,
		.sql = POOLS("ORDER BY first LIMIT $2"),
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { POOL_COLUMNS },
	},
	/* There are as many as an operator has added. */
	[DB_SEARCH_POOLS - FIRST] = {
		.name = "search_pools",
		.kind = LIST,
		.sql = POOLS("AND ($3 < 0 OR (plmn = $3 AND plmn_digits = $4)) ORDER BY first LIMIT $2"),
		.in = { INT8(db_pool_page, after), INT8(db_pool_page, limit),
			INT4(db_pool_page, plmn), INT4(db_pool_page, plmn_digits) },
		.out = { POOL_COLUMNS },
	},
	/*
	 * Rested IMSIs stay in quarantine while they are claimed and after they were bound, so
	 * that whoever adopts a lease around them takes them for used, until the claim is over:
	 * then those that were bound leave it, and the others may be claimed again. The records of
	 * the credentials they had go with the claim, and no Access ID or EID names them any more.
	 *
	 * A new block is adopted where subscribers were added within its range.
	 */
	[DB_LEASE_BLOCK - FIRST] = {
		.name = "lease_block",
		.kind = LIST,
		.sql = "WITH dead AS MATERIALIZED ("
			" SELECT first FROM imsi_leases WHERE expires_at < now() AND owner <> $1"
			" AND " IN_PLMN("first")
			" ORDER BY expires_at LIMIT 1 FOR UPDATE SKIP LOCKED),"
			" adopted AS ("
			" UPDATE imsi_leases SET owner = $1,"
			" expires_at = now() + make_interval(secs => $3)"
			" WHERE first = (SELECT first FROM dead) RETURNING first, last),"
			" rested AS MATERIALIZED ("
			" SELECT imsi FROM imsi_quarantine WHERE until <= " NOW
			" AND NOT EXISTS (SELECT FROM dead) AND " IN_PLMN("imsi")
			" ORDER BY until LIMIT least($2, 1024) FOR UPDATE SKIP LOCKED),"
			" bound AS MATERIALIZED ("
			" SELECT imsi FROM credentials"
			" WHERE imsi = ANY(ARRAY(SELECT imsi FROM rested))"
			" AND state <> " DESTROYED "),"
			" gone AS ("
			" DELETE FROM imsi_quarantine"
			" WHERE imsi = ANY(ARRAY(SELECT imsi FROM bound))),"
			" claimed AS ("
			" UPDATE imsi_quarantine SET until = " NOW " + " TEXT_OF(DB_REST_CLAIM_S)
			" WHERE imsi ="
			"  ANY(ARRAY(SELECT imsi FROM rested EXCEPT SELECT imsi FROM bound))"
			" RETURNING imsi),"
			" forgotten AS ("
			" DELETE FROM credentials WHERE imsi = ANY(ARRAY(SELECT imsi FROM claimed))"
			" AND state = " DESTROYED "),"
			" nameless AS ("
			" UPDATE access_ids SET imsi = 0, state = " ID_RELEASED ", kdm = ''"
			" WHERE imsi = ANY(ARRAY(SELECT imsi FROM claimed)) AND imsi <> 0),"
			" left_by_eids AS ("
			" DELETE FROM euicc_subscriptions"
			" WHERE imsi = ANY(ARRAY(SELECT imsi FROM claimed))),"
			" fresh AS ("
			" UPDATE imsi_pools SET next = next + $2 WHERE next <= last AND first = ("
			"  SELECT first FROM imsi_pools WHERE plmn = $4 AND plmn_digits = $5"
			"  AND next <= last AND NOT EXISTS (SELECT FROM dead)"
			"  AND NOT EXISTS (SELECT FROM claimed) ORDER BY first LIMIT 1 FOR UPDATE)"
			" RETURNING next - $2 AS first, least(last, next - 1) AS last),"
			" leased AS ("
			" INSERT INTO imsi_leases (first, last, owner, expires_at)"
			" SELECT first, last, $1, now() + make_interval(secs => $3) FROM fresh"
			" RETURNING first, last)"
			" SELECT first, last, true, false FROM adopted"
			" UNION ALL SELECT imsi, imsi, false, true FROM claimed"
			" UNION ALL SELECT first, last, EXISTS (SELECT FROM credentials c"
			"  WHERE c.imsi BETWEEN leased.first AND leased.last)"
			" OR EXISTS (SELECT FROM imsi_quarantine q"
			"  WHERE q.imsi BETWEEN leased.first AND leased.last), false"
			" FROM leased ORDER BY 1",
		.in = { BYTE(db_lease_in, owner), INT8(db_lease_in, size),
			INT8(db_lease_in, lease_s), INT4(db_lease_in, plmn),
			INT4(db_lease_in, plmn_digits) },
		.out = { LEASE_COLUMNS },
	},
	[DB_LIST_USED - FIRST] = {
		.name = "list_used",
		.kind = LIST,
		.sql = "SELECT imsi FROM credentials WHERE imsi BETWEEN $1 AND $2"
			" UNION SELECT imsi FROM imsi_quarantine WHERE imsi BETWEEN $1 AND $2"
			" ORDER BY 1",
		.in = { INT8(db_range, first), INT8(db_range, last) },
		.out = { INT8(db_imsi, imsi) },
	},
	[DB_RENEW_LEASES - FIRST] = {
		.name = "renew_leases",
		.kind = LIST,
		.sql = "UPDATE imsi_leases SET expires_at = now() + make_interval(secs => $2)"
			" WHERE owner = $1 RETURNING first, last, false, false",
		.in = { BYTE(db_owner, owner), INT8(db_owner, lease_s) },
		.out = { LEASE_COLUMNS },
	},
	[DB_END_LEASE - FIRST] = {
		.name = "end_lease",
		.kind = MANY_PLAIN,
		.sql = "DELETE FROM imsi_leases l USING unnest($1, $2) AS i (owner, first)"
			" WHERE l.first = ANY($2) AND l.owner = i.owner AND l.first = i.first",
		.in = { BYTE(db_lease_key, owner), INT8(db_lease_key, first) },
	},
	[DB_GIVE_BACK_LEASES - FIRST] = {
		.name = "give_back_leases",
		.kind = MANY_PLAIN,
		.sql = "UPDATE imsi_leases SET expires_at = '-infinity' WHERE owner = ANY($1)",
		.in = { BYTE(db_owner, owner) },
	},
	[DB_STATUS - FIRST] = {
		.name = "status",
		.kind = ONE,
		.sql = "SELECT (SELECT max(version) FROM schema_version)::bigint,"
			" (SELECT count(*) FROM outbox), " NOW,
		.out = { INT8(db_status, schema_version), INT8(db_status, outbox_waiting),
			INT8(db_status, server_time) },
	},
};
static_assert(sizeof(sql_imsis) / sizeof(sql_imsis[0]) == DB_STATUS + 1 - FIRST, "one row each");

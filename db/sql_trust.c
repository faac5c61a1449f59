/* Trust anchors, revocations, and the server's own certified keys. */
#include "db/sql.h"

#define FIRST DB_LIST_ANCHORS

#define ANCHOR " number, use::int4, fingerprint, added_at, der "
#define ANCHOR_COLUMNS                                                                \
	INT8(db_anchor, number), INT4(db_anchor, use), FIXED(db_anchor, fingerprint), \
		INT8(db_anchor, added_at), BYTE(db_anchor, der)
#define REVOCATION " number, issuer_hash, revoked_at, serial, issuer_keys "
#define REVOCATION_COLUMNS                                                    \
	INT8(db_revocation, number), FIXED(db_revocation, issuer_hash),       \
		INT8(db_revocation, revoked_at), BYTE(db_revocation, serial), \
		BYTE(db_revocation, issuer_keys)

const struct statement sql_trust[] = {
	[DB_LIST_ANCHORS - FIRST] = {
		.name = "list_anchors",
		.kind = LIST,
		.sql = "SELECT" ANCHOR "FROM trust_anchors WHERE number > $1 ORDER BY number LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { ANCHOR_COLUMNS },
	},
	[DB_ADD_ANCHOR - FIRST] = {
		.name = "add_anchor",
		.kind = ONE,
		.sql = "WITH added AS ("
			" INSERT INTO trust_anchors (use, fingerprint, added_at, der)"
			" VALUES ($1, $2, $3, $4)"
			" ON CONFLICT (fingerprint, use) DO NOTHING RETURNING use, fingerprint)"
			AUDITED("audited", EVENT_ANCHOR_ADDED, "0", "1", "$5", "0", "use",
				"encode(fingerprint, 'hex')", "added")
			" SELECT true FROM added",
		.in = { INT4(db_anchor, use), FIXED(db_anchor, fingerprint),
			INT8(db_anchor, added_at), BYTE(db_anchor, der), ACTOR },
	},
	[DB_REMOVE_ANCHOR - FIRST] = {
		.name = "remove_anchor",
		.kind = ONE,
		.sql = "WITH gone AS ("
			" DELETE FROM trust_anchors WHERE fingerprint = $1"
			" RETURNING use, fingerprint)"
			AUDITED("audited", EVENT_ANCHOR_REMOVED, "0", "use + 1", "$2", "0", "use",
				"encode(fingerprint, 'hex')", "gone")
			" SELECT true FROM gone",
		.in = { BYTE(db_fingerprint, fingerprint), ACTOR },
	},
	[DB_LIST_REVOCATIONS - FIRST] = {
		.name = "list_revocations",
		.kind = LIST,
		.sql = "SELECT" REVOCATION "FROM revocations WHERE number > $1 ORDER BY number LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { REVOCATION_COLUMNS },
	},
	[DB_ADD_REVOCATION - FIRST] = {
		.name = "add_revocation",
		.kind = ONE,
		.sql = "WITH added AS ("
			" INSERT INTO revocations AS r (issuer_hash, serial, issuer_keys, revoked_at)"
			" VALUES ($1, $2, $3, " NOW ")"
			" ON CONFLICT (issuer_hash, serial)" ADD_ISSUER_KEY
			" RETURNING r.issuer_hash, r.serial)"
			AUDITED("audited", EVENT_CERTIFICATE_REVOKED, "0", "1", "$4", "0", "0",
				"left(encode(serial, 'hex') || ' of ' || encode(issuer_hash, 'hex')"
				" || ' key ' || encode($3, 'hex'), 256)", "added")
			" SELECT true FROM added",
		.in = { BYTE(db_revocation_in, issuer_hash), BYTE(db_revocation_in, serial),
			BYTE(db_revocation_in, issuer_key), ACTOR },
	},
	/* There are as many as an operator has added. */
	[DB_SEARCH_ANCHORS - FIRST] = {
		.name = "search_anchors",
		.kind = LIST,
		.sql = "SELECT" ANCHOR "FROM trust_anchors WHERE number > $1"
			" AND ($3 < 0 OR use = $3) ORDER BY number LIMIT $2",
		.in = { INT8(db_anchor_page, after), INT8(db_anchor_page, limit),
			INT4(db_anchor_page, use) },
		.out = { ANCHOR_COLUMNS },
	},
	[DB_SEARCH_REVOCATIONS - FIRST] = {
		.name = "search_revocations",
		.kind = LIST,
		.sql = "WITH looked AS MATERIALIZED ("
			" SELECT CASE WHEN $3 THEN " UPTO_OF("revocations", "number", "$1") " END AS upto),"
			" found AS MATERIALIZED ("
			" SELECT" REVOCATION "FROM revocations WHERE number > $1"
			" AND number <= coalesce((SELECT upto FROM looked), " NEVER ")"
			" AND ($4 = '' OR issuer_hash = decode($4, 'hex'))"
			" AND ($5 = '' OR serial = decode($5, 'hex'))"
			" AND revoked_at >= $6 AND ($7 = 0 OR revoked_at < $7)"
			" ORDER BY number LIMIT $2)"
			" SELECT * FROM found UNION ALL"
			" SELECT upto, " NO_HASH ", 0, ''::bytea, ''::bytea FROM looked"
			" WHERE upto IS NOT NULL AND (SELECT count(*) FROM found) < $2 ORDER BY 1, 3 DESC",
		.in = { INT8(db_revocation_page, after), INT8(db_revocation_page, limit),
			BOOL(db_revocation_page, is_filtered), TEXT(db_revocation_page, issuer_hash),
			TEXT(db_revocation_page, serial), INT8(db_revocation_page, revoked_since),
			INT8(db_revocation_page, revoked_before) },
		.out = { REVOCATION_COLUMNS },
	},
	[DB_LIST_KEYS - FIRST] = {
		.name = "list_keys",
		.kind = LIST,
		.sql = "SELECT number, key_id, use::int4, generation, label, retired, created_at,"
			" certificate, chain FROM arpf_keys WHERE number > $1"
			" ORDER BY number LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { INT8(db_key_row, number), FIXED(db_key_row, key_id), INT4(db_key_row, use),
			INT4(db_key_row, generation), TEXT(db_key_row, label),
			BOOL(db_key_row, retired), INT8(db_key_row, created_at),
			BYTE(db_key_row, certificate), BYTE(db_key_row, chain) },
	},
	[DB_PUT_KEY - FIRST] = {
		.name = "put_key",
		.kind = ONE,
		.sql = "WITH put AS ("
			" INSERT INTO arpf_keys"
			" (key_id, use, generation, label, certificate, chain, created_at)"
			" VALUES ($1, $2, $3, $4, $5, $6, " NOW ")"
			" ON CONFLICT (key_id) DO UPDATE SET use = excluded.use,"
			" generation = excluded.generation, label = excluded.label,"
			" certificate = excluded.certificate, chain = excluded.chain"
			" RETURNING label, generation, key_id)"
			AUDITED("audited", EVENT_KEY_PUT, "0", "1", "$7", "0", "generation",
				"label || ' ' || encode(key_id, 'hex')", "put")
			" SELECT true FROM put",
		.in = { BYTE(db_key_in, key_id), INT4(db_key_in, use), INT4(db_key_in, generation),
			TEXT(db_key_in, label), BYTE(db_key_in, certificate),
			BYTE(db_key_in, chain), ACTOR },
	},
};
static_assert(sizeof(sql_trust) / sizeof(sql_trust[0]) == DB_PUT_KEY + 1 - FIRST, "one row each");

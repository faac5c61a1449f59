/* Trust anchors, revocations, and the server's own certified keys. */
#include "db/sql.h"

#define FIRST DB_LIST_ANCHORS

const struct statement sql_trust[] = {
	[DB_LIST_ANCHORS - FIRST] = {
		.name = "list_anchors",
		.kind = LIST,
		.sql = "SELECT number, use::int4, fingerprint, added_at, der FROM trust_anchors"
			" WHERE number > $1 ORDER BY number LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { INT8(db_anchor, number), INT4(db_anchor, use),
			FIXED(db_anchor, fingerprint), INT8(db_anchor, added_at),
			BYTE(db_anchor, der) },
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
		.sql = "SELECT number, issuer_hash, revoked_at, serial FROM revocations"
			" WHERE number > $1 ORDER BY number LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { INT8(db_revocation, number), FIXED(db_revocation, issuer_hash),
			INT8(db_revocation, revoked_at), BYTE(db_revocation, serial) },
	},
	[DB_ADD_REVOCATION - FIRST] = {
		.name = "add_revocation",
		.kind = ONE,
		.sql = "WITH added AS ("
			" INSERT INTO revocations (issuer_hash, serial, revoked_at)"
			" VALUES ($1, $2, " NOW ")"
			" ON CONFLICT (issuer_hash, serial) DO NOTHING"
			" RETURNING issuer_hash, serial)"
			AUDITED("audited", EVENT_CERTIFICATE_REVOKED, "0", "1", "$3", "0", "0",
				"left(encode(serial, 'hex') || ' of ' || encode(issuer_hash, 'hex'),"
				" 256)", "added")
			" SELECT true FROM added",
		.in = { BYTE(db_revocation_in, issuer_hash), BYTE(db_revocation_in, serial),
			ACTOR },
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

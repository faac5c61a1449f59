/* CRLs. */
#include "db/sql.h"

#define FIRST DB_PUT_CRL

static_assert(DB_SERIAL_LEN == 20, "the SQL says these as numbers");

/*
 * By its number where both have one, else by its date (RFC 5280 section 5.2.3). Only those of one key are compared:
 * another CA of the name, or a CA whose key is new, counts for itself, and may not keep this one's from being heard.
 */
#define IS_NOT_OLDER                                                                     \
	"CASE WHEN excluded.crl_number <> '' AND c.crl_number <> ''"                     \
	" THEN (length(excluded.crl_number), excluded.crl_number, excluded.this_update)" \
	" >= (length(c.crl_number), c.crl_number, c.this_update)"                        \
	" ELSE excluded.this_update >= c.this_update END"

#define CRL                                                                              \
	" number, issuer_hash, crl_number, this_update, next_update, entries, added_at," \
	" signer, scope, is_root "
#define CRL_COLUMNS                                                                          \
	INT8(db_crl, number), FIXED(db_crl, issuer_hash), BYTE(db_crl, crl_number),          \
		INT8(db_crl, this_update), INT8(db_crl, next_update), INT8(db_crl, entries), \
		INT8(db_crl, added_at), FIXED(db_crl, signer), BYTE(db_crl, scope),          \
		BOOL(db_crl, is_root)

const struct statement sql_crls[] = {
	[DB_PUT_CRL - FIRST] = {
		.name = "put_crl",
		.kind = ONE,
		/*
		 * The serials come as one string of bytes: an array of as many would cost more. Zeros
		 * in front are no part of a serial, but zero is one. Sorted, the index takes twice as
		 * many in a second; DISTINCT, for a CRL may say one twice. `before` is the row as it was.
		 */
		.sql = "WITH before AS ("
			" SELECT crl_number, this_update FROM crls"
			" WHERE issuer_hash = $1 AND scope = $2 AND signer = $9),"
			" put AS ("
			" INSERT INTO crls AS c (issuer_hash, scope, signer, crl_number, this_update,"
			" next_update, entries, is_root, added_at)"
			" VALUES ($1, $2, $9, $3, $4, $5, $6, $10, " NOW ")"
			" ON CONFLICT (issuer_hash, scope, signer) DO UPDATE"
			" SET crl_number = excluded.crl_number, this_update = excluded.this_update,"
			" next_update = excluded.next_update, entries = excluded.entries,"
			" is_root = c.is_root OR excluded.is_root, added_at = excluded.added_at"
			" WHERE " IS_NOT_OLDER " RETURNING c.issuer_hash, c.signer, c.entries),"
			" added AS ("
			" INSERT INTO revocations AS r (issuer_hash, serial, issuer_keys, revoked_at)"
			" SELECT DISTINCT p.issuer_hash, coalesce(nullif("
			"ltrim(substring($7 FROM i * 20 + 1 FOR 20), '\\x00'), ''), '\\x00'),"
			" p.signer, " NOW
			" FROM put p, generate_series(0, length($7) / 20 - 1) i ORDER BY 2"
			" ON CONFLICT (issuer_hash, serial)" ADD_ISSUER_KEY " RETURNING 1)"
			AUDITED("audited", EVENT_CRL_ADDED, "0", "1", "$11", "0", "entries",
				"left(encode(issuer_hash, 'hex') || ' ' || $8, 256)", "put")
			" SELECT (SELECT count(*) FROM added),"
			" EXISTS (SELECT 1 FROM before WHERE crl_number = $3 AND this_update = $4)"
			" FROM put",
		.in = { FIXED(db_crl_in, issuer_hash), BYTE(db_crl_in, scope),
			BYTE(db_crl_in, crl_number), INT8(db_crl_in, this_update),
			INT8(db_crl_in, next_update), INT8(db_crl_in, entries),
			BYTE(db_crl_in, serials), TEXT(db_crl_in, issuer_name),
			FIXED(db_crl_in, signer), BOOL(db_crl_in, is_root), ACTOR },
		.out = { INT8(db_crl_put, added), BOOL(db_crl_put, was_there) },
	},
	[DB_LIST_CRLS - FIRST] = {
		.name = "list_crls",
		.kind = LIST,
		.sql = "SELECT" CRL "FROM crls WHERE number > $1 ORDER BY number LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { CRL_COLUMNS },
	},
	/* There is one an issuer, or a few. */
	[DB_SEARCH_CRLS - FIRST] = {
		.name = "search_crls",
		.kind = LIST,
		.sql = "SELECT" CRL "FROM crls WHERE number > $1"
			" AND ($3 = '' OR issuer_hash = decode($3, 'hex'))"
			" AND ($4 = 0 OR next_update < $4) ORDER BY number LIMIT $2",
		.in = { INT8(db_crl_page, after), INT8(db_crl_page, limit),
			TEXT(db_crl_page, issuer_hash), INT8(db_crl_page, next_update_before) },
		.out = { CRL_COLUMNS },
	},
	[DB_REMOVE_CRL - FIRST] = {
		.name = "remove_crl",
		.kind = ONE,
		/* The statement's snapshot still has the one that goes. */
		.sql = "WITH gone AS ("
			" DELETE FROM crls WHERE number = $1 RETURNING issuer_hash, signer),"
			" told AS ("
			" SELECT g.issuer_hash, g.signer, (SELECT count(*) FROM crls c"
			" WHERE c.issuer_hash = g.issuer_hash AND c.signer = g.signer) - 1 AS remaining"
			" FROM gone g)"
			AUDITED("audited", EVENT_CRL_REMOVED, "0", "1", "$2", "0", "remaining",
				"encode(issuer_hash, 'hex') || ' key ' || encode(signer, 'hex')"
				" || CASE WHEN remaining = 0 THEN ' last' ELSE '' END", "told")
			" SELECT issuer_hash, signer, remaining FROM told",
		.in = { INT8(db_crl_key, number), ACTOR },
		.out = { FIXED(db_crl_gone, issuer_hash), FIXED(db_crl_gone, signer),
			INT8(db_crl_gone, left) },
	},
};
static_assert(sizeof(sql_crls) / sizeof(sql_crls[0]) == DB_REMOVE_CRL + 1 - FIRST, "one row each");

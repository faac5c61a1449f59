#include "db/statement.h"

#include <assert.h>
#include <stddef.h>

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

/*
 * Of two requests for one dIMSI in a batch the first binds. A released binding is written over. A
 * binding that is there already, to the letter, was made by an earlier try whose answer was lost:
 * it counts as bound, and so does its credential. A taken IMSI violates the key of credentials and
 * fails the statement.
 */
#define BIND_INPUT                     \
	"WITH input AS MATERIALIZED (" \
	" SELECT DISTINCT ON (dimsi) *"
#define BIND_BODY                                                                                  \
	" ORDER BY dimsi, n),"                                                                     \
	" bound AS ("                                                                              \
	" INSERT INTO bindings AS b (dimsi, imsi, se_id, token_hash, output_1, output_2, state,"   \
	"  endorsed_at, created_at, changed_at)"                                                   \
	" SELECT dimsi, imsi, se_id, token_hash, output_1, output_2, " READY ", endorsed_at, " NOW \
	", " NOW " FROM input"                                                                     \
	" ON CONFLICT (dimsi) DO UPDATE SET imsi = excluded.imsi, se_id = excluded.se_id,"         \
	"  token_hash = excluded.token_hash, output_1 = excluded.output_1,"                        \
	"  output_2 = excluded.output_2, endorsed_at = excluded.endorsed_at,"                      \
	"  state = CASE b.state WHEN " RELEASED " THEN " READY " ELSE b.state END,"                \
	"  created_at = excluded.created_at, changed_at = excluded.changed_at"                     \
	" WHERE b.state = " RELEASED " OR (b.state <> " REVOKED " AND b.imsi = excluded.imsi"      \
	"  AND b.token_hash = excluded.token_hash)"                                                \
	" RETURNING dimsi, xmax = 0 AS is_new),"                                                   \
	" kept AS ("                                                                               \
	" INSERT INTO credentials (imsi, dimsi, version, state, sealed, created_at, changed_at)"   \
	" SELECT i.imsi, i.dimsi, 1, " ACTIVE ", i.sealed, " NOW ", " NOW                          \
	" FROM input i JOIN bound USING (dimsi)"                                                   \
	" WHERE CASE WHEN is_new THEN true ELSE (SELECT count(*) = 0 FROM credentials c"           \
	"  WHERE c.imsi = i.imsi AND c.dimsi = i.dimsi AND c.state <> " DESTROYED ") END"          \
	" RETURNING dimsi)"

/*
 * Numbers follow the clock, and the rows that are still there where the clock went back: rows of
 * one dIMSI are delivered in their order, and a late report on an old row never meets a newer one.
 */
#define OUTBOX_NUMBER \
	"greatest(" NOW_US ", (SELECT max(o.number) + 1 FROM outbox o WHERE o.dimsi = i.dimsi))"

#define BIND_COLUMNS                                                                       \
	INT8(db_binding_in, dimsi), INT8(db_binding_in, imsi), TEXT(db_binding_in, se_id), \
		BYTE(db_binding_in, token_hash), BYTE(db_binding_in, output_1),            \
		BYTE(db_binding_in, output_2), BYTE(db_binding_in, sealed),                \
		INT8(db_binding_in, endorsed_at)

#define BINDING \
	" b.dimsi, b.imsi, b.se_id, b.token_hash, b.state::int4, b.created_at, b.changed_at "
#define BINDING_COLUMNS                                                           \
	INT8(db_binding, dimsi), INT8(db_binding, imsi), TEXT(db_binding, se_id), \
		FIXED(db_binding, token_hash), INT4(db_binding, state),           \
		INT8(db_binding, created_at), INT8(db_binding, changed_at)

/*
 * The same release again, its answer having been lost, is known by the end of the IMSI's rest. A
 * revoked dIMSI stays revoked.
 */
#define RELEASE_BODY                                                                            \
	" ORDER BY dimsi, n),"                                                                  \
	" b AS ("                                                                               \
	" UPDATE bindings SET state = " RELEASED ", output_1 = '', output_2 = '',"              \
	"  changed_at = " NOW " WHERE dimsi = ANY($1) AND state NOT IN (" RELEASED ", " REVOKED \
	") RETURNING *),"                                                                       \
	" destroyed AS ("                                                                       \
	" UPDATE credentials SET state = " DESTROYED ", sealed = '', changed_at = " NOW         \
	" WHERE imsi = ANY(ARRAY(SELECT imsi FROM b)) AND state <> " DESTROYED "),"             \
	" rests AS ("                                                                           \
	" INSERT INTO imsi_quarantine (imsi, until)"                                            \
	" SELECT b.imsi, i.until FROM input i JOIN b USING (dimsi)"                             \
	" ON CONFLICT (imsi) DO UPDATE SET until = excluded.until)"
#define RELEASE_ANSWER                                                                        \
	" SELECT i.n," BINDING "FROM input i JOIN b USING (dimsi)"                            \
	" UNION ALL"                                                                          \
	" SELECT i.n," BINDING "FROM input i JOIN"                                            \
	" (SELECT * FROM bindings WHERE dimsi = ANY($1) AND state = " RELEASED " OFFSET 0) b" \
	" USING (dimsi) WHERE i.until ="                                                      \
	"  (SELECT q.until FROM imsi_quarantine q WHERE q.imsi = b.imsi)"

#define LEASE_COLUMNS                                                            \
	INT8(db_lease, first), INT8(db_lease, last), BOOL(db_lease, is_adopted), \
		BOOL(db_lease, is_rested)

#define TEXT_OF(number)      TEXT_OF_TOKEN(number)
#define TEXT_OF_TOKEN(token) #token

/* The numbers an IMSI of a PLMN may have; $4 is the PLMN, $5 how many digits it has. */
#define IN_PLMN(imsi) \
	imsi " BETWEEN $4::bigint * 10 ^ (15 - $5) AND ($4::bigint + 1) * 10 ^ (15 - $5) - 1"

const struct statement statements[DB_STATEMENT_COUNT] = {
	[DB_BIND] = {
		.name = "bind",
		.kind = MANY_KEYED,
		.sql = BIND_INPUT
			" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) WITH ORDINALITY AS i (dimsi,"
			" imsi, se_id, token_hash, output_1, output_2, sealed, endorsed_at, n)"
			BIND_BODY
			" SELECT i.n FROM input i JOIN bound USING (dimsi)",
		.in = { BIND_COLUMNS },
	},
	[DB_BIND_AND_HAND_OVER] = {
		.name = "bind_and_hand_over",
		.kind = MANY_KEYED,
		.sql = BIND_INPUT
			" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) WITH ORDINALITY AS i ("
			" dimsi, imsi, se_id, token_hash, output_1, output_2, sealed, endorsed_at,"
			" uri, n)"
			BIND_BODY
			", owed AS ("
			" INSERT INTO outbox"
			" (dimsi, number, imsi, due_at, tries, kind, output_1, output_2, uri)"
			" SELECT i.dimsi, " OUTBOX_NUMBER ", i.imsi, " NOW_MS ", 0, " PUT_PAIR
			", i.output_1, i.output_2, i.uri FROM input i JOIN kept USING (dimsi))"
			" SELECT i.n FROM input i JOIN bound USING (dimsi)",
		.in = { BIND_COLUMNS, TEXT(db_binding_in, d_ausf_uri) },
	},
	[DB_FIND_BINDING] = {
		.name = "find_binding",
		.kind = MANY_KEYED,
		.sql = "SELECT i.n," BINDING
			"FROM (SELECT * FROM bindings WHERE dimsi = ANY($1) OFFSET 0) b"
			" JOIN unnest($1) WITH ORDINALITY AS i (dimsi, n) USING (dimsi)",
		.in = { INT8(db_dimsi, dimsi) },
		.out = { BINDING_COLUMNS },
	},
	[DB_FIND_BINDING_BY_IMSI] = {
		.name = "find_binding_by_imsi",
		.kind = MANY_KEYED,
		.sql = "WITH c AS MATERIALIZED ("
			" SELECT DISTINCT ON (imsi) imsi, dimsi FROM credentials"
			" WHERE imsi = ANY($1) ORDER BY imsi, version DESC)"
			" SELECT i.n," BINDING
			"FROM (SELECT * FROM bindings"
			" WHERE dimsi = ANY(ARRAY(SELECT dimsi FROM c)) OFFSET 0) b"
			" JOIN c USING (dimsi, imsi)"
			" JOIN unnest($1) WITH ORDINALITY AS i (imsi, n) USING (imsi)",
		.in = { INT8(db_imsi, imsi) },
		.out = { BINDING_COLUMNS },
	},
	[DB_RELEASE] = {
		.name = "release",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (dimsi) * FROM unnest($1, $2) WITH ORDINALITY"
			" AS i (dimsi, until, n)"
			RELEASE_BODY RELEASE_ANSWER,
		.in = { INT8(db_release_in, dimsi), INT8(db_release_in, quarantine_until) },
		.out = { BINDING_COLUMNS },
	},
	[DB_RELEASE_AND_HAND_OVER] = {
		.name = "release_and_hand_over",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (dimsi) * FROM unnest($1, $2, $3) WITH ORDINALITY"
			" AS i (dimsi, until, uri, n)"
			RELEASE_BODY
			", owed AS ("
			" INSERT INTO outbox"
			" (dimsi, number, imsi, due_at, tries, kind, output_1, output_2, uri)"
			" SELECT i.dimsi, " OUTBOX_NUMBER ", b.imsi, " NOW_MS ", 0, " DELETE_PAIR
			", " NO_OUTPUT ", " NO_OUTPUT ", i.uri FROM input i JOIN b USING (dimsi))"
			RELEASE_ANSWER,
		.in = { INT8(db_release_in, dimsi), INT8(db_release_in, quarantine_until),
			TEXT(db_release_in, d_ausf_uri) },
		.out = { BINDING_COLUMNS },
	},
	[DB_LIST_BINDINGS] = {
		.name = "list_bindings",
		.kind = LIST,
		.sql = "SELECT" BINDING "FROM bindings b WHERE b.dimsi > $1"
			" ORDER BY b.dimsi LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { BINDING_COLUMNS },
	},
	/* Whoever asks gets the pair, also two at once: what moves the state decides nothing. */
	[DB_SEND_VECTORS] = {
		.name = "send_vectors",
		.kind = MANY_KEYED,
		.sql = "WITH found AS MATERIALIZED ("
			" SELECT dimsi, state, output_1, output_2 FROM bindings"
			" WHERE dimsi = ANY($1) AND state IN (" READY ", " SENT ", " ATTACHED ")),"
			" moved AS ("
			" UPDATE bindings SET state = " SENT ", changed_at = " NOW
			" WHERE dimsi = ANY(ARRAY(SELECT dimsi FROM found WHERE state = " READY "))"
			" AND state = " READY "),"
			" handed AS MATERIALIZED ("
			" SELECT dimsi, output_1, output_2 FROM dausf_pairs"
			" WHERE dimsi = ANY(ARRAY(SELECT a FROM unnest($1) a"
			"  WHERE a NOT IN (SELECT dimsi FROM found))))"
			" SELECT i.n, i.dimsi, p.state::int4, p.output_1, p.output_2"
			" FROM unnest($1) WITH ORDINALITY AS i (dimsi, n) JOIN ("
			"  SELECT dimsi, state, output_1, output_2 FROM found UNION ALL"
			"  SELECT dimsi, " READY ", output_1, output_2 FROM handed) p"
			" USING (dimsi)",
		.in = { INT8(db_dimsi, dimsi) },
		.out = { INT8(db_pair, dimsi), INT4(db_pair, state), FIXED(db_pair, output_1),
			FIXED(db_pair, output_2) },
	},
	[DB_KEEP_PAIR] = {
		.name = "keep_pair",
		.kind = MANY_PLAIN,
		.sql = "INSERT INTO dausf_pairs (dimsi, imsi, output_1, output_2, received_at)"
			" SELECT DISTINCT ON (dimsi) dimsi, imsi, output_1, output_2, " NOW
			" FROM unnest($1, $2, $3, $4) WITH ORDINALITY"
			" AS i (dimsi, imsi, output_1, output_2, n) ORDER BY dimsi, n DESC"
			" ON CONFLICT (dimsi) DO UPDATE SET imsi = excluded.imsi,"
			" output_1 = excluded.output_1, output_2 = excluded.output_2,"
			" received_at = excluded.received_at",
		.in = { INT8(db_pair_in, dimsi), INT8(db_pair_in, imsi), BYTE(db_pair_in, output_1),
			BYTE(db_pair_in, output_2) },
	},
	[DB_DROP_PAIR] = {
		.name = "drop_pair",
		.kind = MANY_KEYED,
		.sql = "WITH gone AS ("
			" DELETE FROM dausf_pairs WHERE dimsi = ANY($1) RETURNING dimsi)"
			" SELECT i.n FROM unnest($1) WITH ORDINALITY AS i (dimsi, n)"
			" JOIN gone USING (dimsi)",
		.in = { INT8(db_dimsi, dimsi) },
	},
	[DB_LIST_OUTBOX] = {
		.name = "list_outbox",
		.kind = LIST,
		.sql = "WITH due AS ("
			" SELECT dimsi, number FROM outbox o WHERE due_at <= " NOW_MS
			" AND NOT EXISTS (SELECT FROM outbox earlier"
			"  WHERE earlier.dimsi = o.dimsi AND earlier.number < o.number)"
			" ORDER BY due_at LIMIT $1 FOR UPDATE OF o SKIP LOCKED)"
			" UPDATE outbox o SET due_at = " NOW_MS " + $2 * 1000 FROM due"
			" WHERE o.dimsi = ANY(ARRAY(SELECT dimsi FROM due))"
			" AND o.dimsi = due.dimsi AND o.number = due.number"
			" RETURNING o.dimsi, o.number, o.imsi, o.kind::int4, o.tries, o.output_1,"
			" o.output_2, o.uri",
		.in = { INT8(db_outbox_claim, limit), INT8(db_outbox_claim, claim_s) },
		.out = { INT8(db_outbox_row, dimsi), INT8(db_outbox_row, number),
			INT8(db_outbox_row, imsi), INT4(db_outbox_row, kind),
			INT4(db_outbox_row, tries), FIXED(db_outbox_row, output_1),
			FIXED(db_outbox_row, output_2), TEXT(db_outbox_row, uri) },
	},
	[DB_OUTBOX_TAKEN] = {
		.name = "outbox_taken",
		.kind = MANY_PLAIN,
		.sql = "WITH taken AS ("
			" DELETE FROM outbox o USING unnest($1, $2) AS i (dimsi, number)"
			" WHERE o.dimsi = ANY($1) AND o.dimsi = i.dimsi AND o.number = i.number"
			" RETURNING o.dimsi, o.imsi, o.kind)"
			" UPDATE bindings b SET state = " SENT ", changed_at = " NOW
			" WHERE dimsi = ANY(ARRAY(SELECT dimsi FROM taken)) AND state = " READY
			" AND EXISTS (SELECT FROM taken t WHERE t.kind = " PUT_PAIR
			"  AND t.dimsi = b.dimsi AND t.imsi = b.imsi)",
		.in = { INT8(db_outbox_key, dimsi), INT8(db_outbox_key, number) },
	},
	[DB_OUTBOX_RETRY] = {
		.name = "outbox_retry",
		.kind = MANY_PLAIN,
		.sql = "UPDATE outbox o SET tries = tries + 1,"
			" due_at = " NOW_MS " + i.after_s * 1000"
			" FROM unnest($1, $2, $3) AS i (dimsi, number, after_s)"
			" WHERE o.dimsi = ANY($1) AND o.dimsi = i.dimsi AND o.number = i.number",
		.in = { INT8(db_outbox_retry_in, dimsi), INT8(db_outbox_retry_in, number),
			INT8(db_outbox_retry_in, after_s) },
	},
	[DB_RECORD_ENDORSEMENT] = {
		.name = "record_endorsement",
		.kind = MANY_PLAIN,
		.sql = "INSERT INTO endorsements (token_hash, dimsi, se_id, issued_at)"
			" SELECT * FROM unnest($1, $2, $3, $4)"
			" AS i (token_hash, dimsi, se_id, issued_at)"
			" ORDER BY token_hash ON CONFLICT (token_hash) DO NOTHING",
		.in = { BYTE(db_endorsement_in, token_hash), INT8(db_endorsement_in, dimsi),
			TEXT(db_endorsement_in, se_id), INT8(db_endorsement_in, issued_at) },
	},
	[DB_LIST_ANCHORS] = {
		.name = "list_anchors",
		.kind = LIST,
		.sql = "SELECT number, use::int4, fingerprint, added_at, der FROM trust_anchors"
			" WHERE number > $1 ORDER BY number LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { INT8(db_anchor, number), INT4(db_anchor, use),
			FIXED(db_anchor, fingerprint), INT8(db_anchor, added_at),
			BYTE(db_anchor, der) },
	},
	[DB_ADD_ANCHOR] = {
		.name = "add_anchor",
		.kind = ONE,
		.sql = "INSERT INTO trust_anchors (use, fingerprint, added_at, der)"
			" VALUES ($1, $2, $3, $4)"
			" ON CONFLICT (fingerprint, use) DO NOTHING RETURNING true",
		.in = { INT4(db_anchor, use), FIXED(db_anchor, fingerprint),
			INT8(db_anchor, added_at), BYTE(db_anchor, der) },
	},
	[DB_REMOVE_ANCHOR] = {
		.name = "remove_anchor",
		.kind = ONE,
		.sql = "DELETE FROM trust_anchors WHERE fingerprint = $1 RETURNING true",
		.in = { BYTE(db_fingerprint, fingerprint) },
	},
	[DB_LIST_REVOCATIONS] = {
		.name = "list_revocations",
		.kind = LIST,
		.sql = "SELECT number, issuer_hash, revoked_at, serial FROM revocations"
			" WHERE number > $1 ORDER BY number LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { INT8(db_revocation, number), FIXED(db_revocation, issuer_hash),
			INT8(db_revocation, revoked_at), BYTE(db_revocation, serial) },
	},
	[DB_ADD_REVOCATION] = {
		.name = "add_revocation",
		.kind = ONE,
		.sql = "INSERT INTO revocations (issuer_hash, serial, revoked_at)"
			" VALUES ($1, $2, " NOW ")"
			" ON CONFLICT (issuer_hash, serial) DO NOTHING RETURNING true",
		.in = { BYTE(db_revocation_in, issuer_hash), BYTE(db_revocation_in, serial) },
	},
	[DB_LIST_KEYS] = {
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
	[DB_PUT_KEY] = {
		.name = "put_key",
		.kind = ONE,
		.sql = "INSERT INTO arpf_keys"
			" (key_id, use, generation, label, certificate, chain, created_at)"
			" VALUES ($1, $2, $3, $4, $5, $6, " NOW ")"
			" ON CONFLICT (key_id) DO UPDATE SET use = excluded.use,"
			" generation = excluded.generation, label = excluded.label,"
			" certificate = excluded.certificate, chain = excluded.chain"
			" RETURNING true",
		.in = { BYTE(db_key_in, key_id), INT4(db_key_in, use), INT4(db_key_in, generation),
			TEXT(db_key_in, label), BYTE(db_key_in, certificate),
			BYTE(db_key_in, chain) },
	},
	[DB_ADD_POOL] = {
		.name = "add_pool",
		.kind = ONE,
		.sql = "INSERT INTO imsi_pools (first, last, next, plmn, plmn_digits)"
			" VALUES ($1, $2, $1, $3, $4) RETURNING true",
		.in = { INT8(db_pool_in, first), INT8(db_pool_in, last), INT4(db_pool_in, plmn),
			INT4(db_pool_in, plmn_digits) },
	},
	/*
	 * What has left the pool is leased and unbound, or rests, or is used: the last need not be
	 * counted.
	 */
	[DB_LIST_POOLS] = {
		.name = "list_pools",
		.kind = LIST,
		.sql = "SELECT first, last, least(next, last + 1), plmn, plmn_digits::int4, free,"
			" least(next, last + 1) - first - free - resting, resting"
			" FROM (SELECT *,"
			"  (SELECT coalesce(sum(l.last - l.first + 1 -"
			"    (SELECT count(*) FROM (SELECT imsi FROM credentials c"
			"      WHERE c.imsi BETWEEN l.first AND l.last"
			"      UNION SELECT imsi FROM imsi_quarantine q"
			"      WHERE q.imsi BETWEEN l.first AND l.last) taken)), 0)::bigint"
			"   FROM imsi_leases l WHERE l.first BETWEEN p.first AND p.last) AS free,"
			"  (SELECT count(*) FROM imsi_quarantine q"
			"   WHERE q.imsi BETWEEN p.first AND p.last) AS resting"
			"  FROM imsi_pools p WHERE first > $1 ORDER BY first LIMIT $2) p",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { INT8(db_pool, first), INT8(db_pool, last), INT8(db_pool, next),
			INT4(db_pool, plmn), INT4(db_pool, plmn_digits), INT8(db_pool, leased),
			INT8(db_pool, used), INT8(db_pool, quarantined) },
	},
	/*
	 * Rested IMSIs stay in quarantine while they are claimed and after they were bound, so
	 * that whoever adopts a lease around them takes them for used, until the claim is over:
	 * then those that were bound leave it, and the others may be claimed again. The records of
	 * the credentials they had go with the claim.
	 */
	[DB_LEASE_BLOCK] = {
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
			" UNION ALL SELECT first, last, false, false FROM leased ORDER BY 1",
		.in = { BYTE(db_lease_in, owner), INT8(db_lease_in, size),
			INT8(db_lease_in, lease_s), INT4(db_lease_in, plmn),
			INT4(db_lease_in, plmn_digits) },
		.out = { LEASE_COLUMNS },
	},
	[DB_LIST_USED] = {
		.name = "list_used",
		.kind = LIST,
		.sql = "SELECT imsi FROM credentials WHERE imsi BETWEEN $1 AND $2"
			" UNION SELECT imsi FROM imsi_quarantine WHERE imsi BETWEEN $1 AND $2"
			" ORDER BY 1",
		.in = { INT8(db_range, first), INT8(db_range, last) },
		.out = { INT8(db_imsi, imsi) },
	},
	[DB_RENEW_LEASES] = {
		.name = "renew_leases",
		.kind = LIST,
		.sql = "UPDATE imsi_leases SET expires_at = now() + make_interval(secs => $2)"
			" WHERE owner = $1 RETURNING first, last, false, false",
		.in = { BYTE(db_owner, owner), INT8(db_owner, lease_s) },
		.out = { LEASE_COLUMNS },
	},
	[DB_END_LEASE] = {
		.name = "end_lease",
		.kind = MANY_PLAIN,
		.sql = "DELETE FROM imsi_leases l USING unnest($1, $2) AS i (owner, first)"
			" WHERE l.first = ANY($2) AND l.owner = i.owner AND l.first = i.first",
		.in = { BYTE(db_lease_key, owner), INT8(db_lease_key, first) },
	},
	[DB_GIVE_BACK_LEASES] = {
		.name = "give_back_leases",
		.kind = MANY_PLAIN,
		.sql = "UPDATE imsi_leases SET expires_at = '-infinity' WHERE owner = ANY($1)",
		.in = { BYTE(db_owner, owner) },
	},
	[DB_STATUS] = {
		.name = "status",
		.kind = ONE,
		.sql = "SELECT (SELECT max(version) FROM schema_version)::bigint,"
			" (SELECT count(*) FROM outbox), " NOW,
		.out = { INT8(db_status, schema_version), INT8(db_status, outbox_waiting),
			INT8(db_status, server_time) },
	},
};

const char *binding_state_name(enum binding_state state)
{
	switch (state) {
	case BINDING_READY:
		return "READY";
	case BINDING_VECTORS_SENT:
		return "VECTORS_SENT";
	case BINDING_ATTACHED:
		return "ATTACHED";
	case BINDING_PROVISIONED:
		return "PROVISIONED";
	case BINDING_RELEASED:
		return "RELEASED";
	case BINDING_REVOKED:
		return "REVOKED";
	}
	return "UNKNOWN";
}

/* Bindings and their credentials. */
#include "db/sql.h"

#define FIRST DB_BIND

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
	" RETURNING dimsi)" AUDITED("audited", EVENT_BOUND, "0", "i.n", "i.actor", "i.dimsi",      \
		"i.imsi", "i.se_id", "input i JOIN kept USING (dimsi)")

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

#define AFTER_DIMSI "greatest($1, $4 - 1)"

/*
 * The same release again, its answer having been lost, is known by the end of the IMSI's rest. A
 * revoked dIMSI stays revoked. A version that a download has made meanwhile is not seen: then it is done again.
 */
#define RELEASE_BODY                                                                            \
	" ORDER BY dimsi, n),"                                                                  \
	" b AS ("                                                                               \
	" UPDATE bindings SET state = " RELEASED ", output_1 = '', output_2 = '',"              \
	"  changed_at = " NOW " WHERE dimsi = ANY($1) AND state NOT IN (" RELEASED ", " REVOKED \
	") RETURNING *),"                                                                       \
	" locked AS MATERIALIZED ("                                                             \
	" SELECT imsi FROM credentials WHERE imsi = ANY(ARRAY(SELECT imsi FROM b))"             \
	" ORDER BY imsi, version FOR UPDATE),"                                                  \
	" destroyed AS ("                                                                       \
	" UPDATE credentials SET state = " DESTROYED ", sealed = '', changed_at = " NOW         \
	" WHERE imsi = ANY(ARRAY(SELECT imsi FROM b)) AND kind IN (" EK ", " PROFILE ")"        \
	" AND state <> " DESTROYED " AND (SELECT arpf_all_seen(ARRAY(SELECT imsi FROM b),"      \
	"  (SELECT count(*) FROM locked)))),"                                                   \
	" rests AS ("                                                                           \
	" INSERT INTO imsi_quarantine (imsi, until)"                                            \
	" SELECT b.imsi, i.until FROM input i JOIN b USING (dimsi)"                             \
	" ON CONFLICT (imsi) DO UPDATE SET until = excluded.until)" AUDITED("audited",          \
		EVENT_RELEASED, "0", "i.n", "i.actor", "i.dimsi", "b.imsi", "b.se_id",          \
		"input i JOIN b USING (dimsi)")
#define RELEASE_ANSWER                                                                        \
	" SELECT i.n," BINDING "FROM input i JOIN b USING (dimsi)"                            \
	" UNION ALL"                                                                          \
	" SELECT i.n," BINDING "FROM input i JOIN"                                            \
	" (SELECT * FROM bindings WHERE dimsi = ANY($1) AND state = " RELEASED " OFFSET 0) b" \
	" USING (dimsi) WHERE i.until ="                                                      \
	"  (SELECT q.until FROM imsi_quarantine q WHERE q.imsi = b.imsi)"

const struct statement sql_bindings[] = {
	[DB_BIND - FIRST] = {
		.name = "bind",
		.kind = MANY_KEYED,
		.sql = BIND_INPUT
			" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) WITH ORDINALITY AS i ("
			" dimsi, imsi, se_id, token_hash, output_1, output_2, sealed, endorsed_at,"
			" actor, n)"
			BIND_BODY
			" SELECT i.n FROM input i JOIN bound USING (dimsi)",
		.in = { BIND_COLUMNS, ACTOR },
	},
	[DB_BIND_AND_HAND_OVER - FIRST] = {
		.name = "bind_and_hand_over",
		.kind = MANY_KEYED,
		.sql = BIND_INPUT
			" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) WITH ORDINALITY"
			" AS i (dimsi, imsi, se_id, token_hash, output_1, output_2, sealed,"
			" endorsed_at, uri, actor, n)"
			BIND_BODY
			", owed AS ("
			" INSERT INTO outbox"
			" (dimsi, number, imsi, due_at, tries, kind, output_1, output_2, uri)"
			" SELECT i.dimsi, " OUTBOX_NUMBER ", i.imsi, " NOW_MS ", 0, " PUT_PAIR
			", i.output_1, i.output_2, i.uri FROM input i JOIN kept USING (dimsi))"
			" SELECT i.n FROM input i JOIN bound USING (dimsi)",
		.in = { BIND_COLUMNS, TEXT(db_binding_in, d_ausf_uri), ACTOR },
	},
	[DB_FIND_BINDING - FIRST] = {
		.name = "find_binding",
		.kind = MANY_KEYED,
		.sql = "SELECT i.n," BINDING
			"FROM (SELECT * FROM bindings WHERE dimsi = ANY($1) OFFSET 0) b"
			" JOIN unnest($1) WITH ORDINALITY AS i (dimsi, n) USING (dimsi)",
		.in = { INT8(db_dimsi, dimsi) },
		.out = { BINDING_COLUMNS },
	},
	[DB_FIND_BINDING_BY_IMSI - FIRST] = {
		.name = "find_binding_by_imsi",
		.kind = MANY_KEYED,
		.sql = "WITH c AS MATERIALIZED ("
			" SELECT DISTINCT ON (imsi) imsi, dimsi FROM credentials"
			" WHERE imsi = ANY($1) AND dimsi <> 0 ORDER BY imsi, version DESC)"
			" SELECT i.n," BINDING
			"FROM (SELECT * FROM bindings"
			" WHERE dimsi = ANY(ARRAY(SELECT dimsi FROM c)) OFFSET 0) b"
			" JOIN c USING (dimsi, imsi)"
			" JOIN unnest($1) WITH ORDINALITY AS i (imsi, n) USING (imsi)",
		.in = { INT8(db_imsi, imsi) },
		.out = { BINDING_COLUMNS },
	},
	[DB_RELEASE - FIRST] = {
		.name = "release",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (dimsi) * FROM unnest($1, $2, $3) WITH ORDINALITY"
			" AS i (dimsi, until, actor, n)"
			RELEASE_BODY RELEASE_ANSWER,
		.in = { INT8(db_release_in, dimsi), INT8(db_release_in, quarantine_until), ACTOR },
		.out = { BINDING_COLUMNS },
	},
	[DB_RELEASE_AND_HAND_OVER - FIRST] = {
		.name = "release_and_hand_over",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (dimsi) * FROM unnest($1, $2, $3, $4) WITH ORDINALITY"
			" AS i (dimsi, until, uri, actor, n)"
			RELEASE_BODY
			", owed AS ("
			" INSERT INTO outbox"
			" (dimsi, number, imsi, due_at, tries, kind, output_1, output_2, uri)"
			" SELECT i.dimsi, " OUTBOX_NUMBER ", b.imsi, " NOW_MS ", 0, " DELETE_PAIR
			", " NO_OUTPUT ", " NO_OUTPUT ", i.uri FROM input i JOIN b USING (dimsi))"
			RELEASE_ANSWER,
		.in = { INT8(db_release_in, dimsi), INT8(db_release_in, quarantine_until),
			TEXT(db_release_in, d_ausf_uri), ACTOR },
		.out = { BINDING_COLUMNS },
	},
	[DB_LIST_BINDINGS - FIRST] = {
		.name = "list_bindings",
		.kind = LIST,
		.sql = "WITH looked AS MATERIALIZED ("
			" SELECT CASE WHEN $3 THEN " UPTO_OF("bindings", "dimsi", AFTER_DIMSI) " END AS upto),"
			" found AS MATERIALIZED ("
			" SELECT" BINDING "FROM bindings b WHERE b.dimsi > " AFTER_DIMSI
			" AND b.dimsi <= least((SELECT upto FROM looked), $5)"
			" AND b.imsi BETWEEN $6 AND $7 AND b.imsi BETWEEN $8 AND $9"
			" AND ($10 < 0 OR b.state = $10) AND ($11 = '' OR b.se_id = $11)"
			" AND b.created_at >= $12 AND ($13 = 0 OR b.created_at < $13)"
			" AND b.changed_at >= $14 AND ($15 = 0 OR b.changed_at < $15)"
			" ORDER BY b.dimsi LIMIT $2)"
			" SELECT * FROM found UNION ALL"
			" SELECT upto, 0, '', " NO_HASH ", -1, 0, 0 FROM looked"
			" WHERE upto < $5 AND (SELECT count(*) FROM found) < $2 ORDER BY 1, 5 DESC",
		.in = { INT8(db_binding_page, after), INT8(db_binding_page, limit),
			BOOL(db_binding_page, is_filtered), INT8(db_binding_page, dimsis.first),
			INT8(db_binding_page, dimsis.last), INT8(db_binding_page, supis.first),
			INT8(db_binding_page, supis.last), INT8(db_binding_page, plmn.first),
			INT8(db_binding_page, plmn.last), INT4(db_binding_page, state),
			TEXT(db_binding_page, se_id), INT8(db_binding_page, created_since),
			INT8(db_binding_page, created_before), INT8(db_binding_page, changed_since),
			INT8(db_binding_page, changed_before) },
		.out = { BINDING_COLUMNS },
	},
	/*
	 * Whoever asks gets the pair, also two at once: what moves the state decides nothing, and the event
	 * names all who got it then.
	 */
	[DB_SEND_VECTORS - FIRST] = {
		.name = "send_vectors",
		.kind = MANY_KEYED,
		.sql = "WITH found AS MATERIALIZED ("
			" SELECT dimsi, state, output_1, output_2 FROM bindings"
			" WHERE dimsi = ANY($1) AND state IN (" READY ", " SENT ", " ATTACHED ")),"
			" moved AS ("
			" UPDATE bindings SET state = " SENT ", changed_at = " NOW
			" WHERE dimsi = ANY(ARRAY(SELECT dimsi FROM found WHERE state = " READY "))"
			" AND state = " READY " RETURNING dimsi, imsi)"
			AUDITED("audited", EVENT_VECTORS_SENT, "0", "i.n", "i.actor", "m.dimsi",
				"m.imsi", "''", "unnest($1, $2) WITH ORDINALITY"
				" AS i (dimsi, actor, n) JOIN moved m USING (dimsi)")
			", handed AS MATERIALIZED ("
			" SELECT dimsi, output_1, output_2 FROM dausf_pairs"
			" WHERE dimsi = ANY(ARRAY(SELECT a FROM unnest($1) a"
			"  WHERE a NOT IN (SELECT dimsi FROM found))))"
			" SELECT i.n, i.dimsi, p.state::int4, p.output_1, p.output_2"
			" FROM unnest($1) WITH ORDINALITY AS i (dimsi, n) JOIN ("
			"  SELECT dimsi, state, output_1, output_2 FROM found UNION ALL"
			"  SELECT dimsi, " READY ", output_1, output_2 FROM handed) p"
			" USING (dimsi)",
		.in = { INT8(db_dimsi, dimsi), ACTOR },
		.out = { INT8(db_pair, dimsi), INT4(db_pair, state), FIXED(db_pair, output_1),
			FIXED(db_pair, output_2) },
	},
};
static_assert(sizeof(sql_bindings) / sizeof(sql_bindings[0]) == DB_SEND_VECTORS + 1 - FIRST,
	"one row each");

/* Pairs handed over by other servers, what is owed to remote D-AUSFs, and endorsements. */
#include "db/sql.h"

#define FIRST DB_KEEP_PAIR

const struct statement sql_hand_over[] = {
	[DB_KEEP_PAIR - FIRST] = {
		.name = "keep_pair",
		.kind = MANY_PLAIN,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (dimsi) * FROM unnest($1, $2, $3, $4, $5)"
			" WITH ORDINALITY AS i (dimsi, imsi, output_1, output_2, actor, n)"
			" ORDER BY dimsi, n DESC),"
			" kept AS ("
			" INSERT INTO dausf_pairs (dimsi, imsi, output_1, output_2, received_at)"
			" SELECT dimsi, imsi, output_1, output_2, " NOW " FROM input"
			" ON CONFLICT (dimsi) DO UPDATE SET imsi = excluded.imsi,"
			" output_1 = excluded.output_1, output_2 = excluded.output_2,"
			" received_at = excluded.received_at)"
			AUDITED("audited", EVENT_PAIR_KEPT, "0", "i.n", "i.actor", "i.dimsi",
				"i.imsi", "''", "input i")
			NOTHING,
		.in = { INT8(db_pair_in, dimsi), INT8(db_pair_in, imsi), BYTE(db_pair_in, output_1),
			BYTE(db_pair_in, output_2), ACTOR },
	},
	[DB_DROP_PAIR - FIRST] = {
		.name = "drop_pair",
		.kind = MANY_KEYED,
		.sql = "WITH gone AS ("
			" DELETE FROM dausf_pairs WHERE dimsi = ANY($1) RETURNING dimsi, imsi)"
			AUDITED("audited", EVENT_PAIR_DROPPED, "0", "i.n", "i.actor", "g.dimsi",
				"g.imsi", "''", FIRST_OF("dimsi", "$1", "$2") "JOIN gone g USING (dimsi)")
			" SELECT i.n FROM unnest($1) WITH ORDINALITY AS i (dimsi, n)"
			" JOIN gone USING (dimsi)",
		.in = { INT8(db_dimsi, dimsi), ACTOR },
	},
	[DB_LIST_OUTBOX - FIRST] = {
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
	/* CASE keeps the planner from making a join of IN. */
	[DB_OUTBOX_TAKEN - FIRST] = {
		.name = "outbox_taken",
		.kind = MANY_PLAIN,
		.sql = "WITH taken AS ("
			" DELETE FROM outbox o USING unnest($1, $2) AS i (dimsi, number)"
			" WHERE o.dimsi = ANY($1) AND o.dimsi = i.dimsi AND o.number = i.number"
			" RETURNING o.dimsi, o.imsi, o.kind),"
			" moved AS ("
			" UPDATE bindings b SET state = " SENT ", changed_at = " NOW
			" WHERE dimsi = ANY(ARRAY(SELECT dimsi FROM taken)) AND state = " READY
			" AND CASE WHEN (dimsi, imsi) IN (SELECT dimsi, imsi FROM taken WHERE kind = " PUT_PAIR
			"  ) THEN true END RETURNING b.dimsi, b.imsi)"
			AUDITED("audited", EVENT_VECTORS_SENT, "0", "i.n", "i.actor", "m.dimsi",
				"m.imsi", "''", FIRST_OF("dimsi", "$1", "$3") "JOIN moved m USING (dimsi)")
			NOTHING,
		.in = { INT8(db_outbox_key, dimsi), INT8(db_outbox_key, number), ACTOR },
	},
	[DB_OUTBOX_RETRY - FIRST] = {
		.name = "outbox_retry",
		.kind = MANY_PLAIN,
		.sql = "UPDATE outbox o SET tries = tries + 1,"
			" due_at = " NOW_MS " + i.after_s * 1000"
			" FROM unnest($1, $2, $3) AS i (dimsi, number, after_s)"
			" WHERE o.dimsi = ANY($1) AND o.dimsi = i.dimsi AND o.number = i.number",
		.in = { INT8(db_outbox_retry_in, dimsi), INT8(db_outbox_retry_in, number),
			INT8(db_outbox_retry_in, after_s) },
	},
	[DB_RECORD_ENDORSEMENT - FIRST] = {
		.name = "record_endorsement",
		.kind = MANY_PLAIN,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (token_hash) * FROM unnest($1, $2, $3, $4, $5)"
			" WITH ORDINALITY AS i (token_hash, dimsi, se_id, issued_at, actor, n)"
			" ORDER BY token_hash, n),"
			" added AS ("
			" INSERT INTO endorsements (token_hash, dimsi, se_id, issued_at)"
			" SELECT token_hash, dimsi, se_id, issued_at FROM input"
			" ORDER BY token_hash ON CONFLICT (token_hash) DO NOTHING"
			" RETURNING token_hash)"
			AUDITED("audited", EVENT_ENDORSED, "0", "i.n", "i.actor", "i.dimsi", "0",
				"i.se_id", "input i JOIN added USING (token_hash)")
			NOTHING,
		.in = { BYTE(db_endorsement_in, token_hash), INT8(db_endorsement_in, dimsi),
			TEXT(db_endorsement_in, se_id), INT8(db_endorsement_in, issued_at),
			ACTOR },
	},
};
static_assert(sizeof(sql_hand_over) / sizeof(sql_hand_over[0]) == DB_RECORD_ENDORSEMENT + 1 - FIRST,
	"one row each");

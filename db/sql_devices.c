/* Attaches with device credentials, and the restricted sessions they lead to. */
#include "db/sql.h"
#include "db/sql_events.h"

#define FIRST DB_ADD_ATTACH

#define OFFERED  "0"
#define ACCEPTED "1"
#define REFUSED  "2"
#define OVER     "3"

static_assert(
	ATTACH_OFFERED == 0 && ATTACH_ACCEPTED == 1 && ATTACH_REFUSED == 2 && ATTACH_OVER == 3,
	"the SQL says these as numbers");
/* Sixteen zeros are an identifier that is not given. */
#define NO_ID  NO_OUTPUT
#define NO_SHA "sha256('')"

/* An attach's session: whether it is over, or another of the same EID has come after it. */
#define SESSION_IS_OVER(a)                                            \
	" (" #a ".state <> " ACCEPTED " OR " #a ".expires_at <= " NOW \
	" OR coalesce((SELECT p.is_detached OR p.session_id <> " #a   \
	".session_id FROM pdu_sessions p WHERE p.subject = " #a ".eid), true)) "

const struct statement sql_devices[] = {
	/* One that is there to the letter was added by an earlier try whose answer was lost. */
	[DB_ADD_ATTACH - FIRST] = {
		.name = "add_attach",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (attach_id) * FROM unnest($1, $2, $3, $4, $5, $6, $7)"
			" WITH ORDINALITY AS i (attach_id, eid, server_nonce, device_nonce,"
			" ephemeral, scalar, lifetime_s, n) ORDER BY attach_id, n),"
			" added AS ("
			" INSERT INTO device_attaches AS a (attach_id, created_at, expires_at, state,"
			" eid, server_nonce, device_nonce, ephemeral, scalar, request_hash,"
			" session_id)"
			" SELECT attach_id, " NOW ", " NOW " + lifetime_s, " OFFERED ", eid,"
			" server_nonce, device_nonce, ephemeral, scalar, '', '' FROM input"
			" ORDER BY attach_id"
			" ON CONFLICT (attach_id) DO UPDATE SET state = a.state"
			" WHERE a.state = " OFFERED " AND a.eid = excluded.eid"
			" AND a.ephemeral = excluded.ephemeral RETURNING attach_id)"
			" SELECT i.n FROM input i JOIN added USING (attach_id)",
		.in = { FIXED(db_attach_in, id), TEXT(db_attach_in, eid),
			FIXED(db_attach_in, server_nonce), FIXED(db_attach_in, device_nonce),
			FIXED(db_attach_in, ephemeral), BYTE(db_attach_in, scalar),
			INT8(db_attach_in, lifetime_s) },
	},
	[DB_FIND_ATTACH - FIRST] = {
		.name = "find_attach",
		.kind = MANY_KEYED,
		.sql = "SELECT i.n, a.eid,"
			" CASE WHEN a.state = " OFFERED " AND a.expires_at <= " NOW " THEN " OVER
			" ELSE a.state::int4 END, a.server_nonce, a.device_nonce, a.ephemeral,"
			" CASE WHEN a.expires_at <= " NOW " THEN '' ELSE a.scalar END,"
			" CASE a.request_hash WHEN '' THEN " NO_SHA " ELSE a.request_hash END,"
			" CASE a.session_id WHEN '' THEN " NO_ID " ELSE a.session_id END,"
			" a.expires_at," SESSION_IS_OVER(a)
			"FROM (SELECT * FROM device_attaches WHERE attach_id = ANY($1) OFFSET 0) a"
			" JOIN unnest($1) WITH ORDINALITY AS i (attach_id, n) USING (attach_id)",
		.in = { FIXED(db_exchange_id, id) },
		.out = { TEXT(db_attach, eid), INT4(db_attach, state),
			FIXED(db_attach, server_nonce), FIXED(db_attach, device_nonce),
			FIXED(db_attach, ephemeral), ROOM(db_attach, scalar),
			FIXED(db_attach, request_hash), FIXED(db_attach, session_id),
			INT8(db_attach, session_expires_at), BOOL(db_attach, session_is_over) },
	},
	/* Of two attaches of one EID in a batch the last has the session. */
	[DB_END_ATTACH - FIRST] = {
		.name = "end_attach",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (attach_id) * FROM unnest($1, $2, $3, $4, $5, $6, $7)"
			" WITH ORDINALITY AS i (attach_id, is_accepted, eid, request_hash,"
			" session_id, expires_at, actor, n) ORDER BY attach_id, n),"
			" a AS MATERIALIZED ("
			" SELECT * FROM device_attaches WHERE attach_id = ANY($1) FOR UPDATE),"
			" due AS MATERIALIZED ("
			" SELECT i.* FROM input i JOIN a USING (attach_id, eid)"
			" WHERE a.state = " OFFERED " AND a.expires_at > " NOW "),"
			MANY_OF_DUE
			" ended AS ("
			" UPDATE device_attaches a SET request_hash = m.request_hash,"
			" state = CASE WHEN m.is_accepted THEN " ACCEPTED " ELSE " REFUSED " END,"
			" session_id = CASE WHEN m.is_accepted THEN m.session_id ELSE '' END,"
			" expires_at = CASE WHEN m.is_accepted THEN m.expires_at"
			"  ELSE a.expires_at END,"
			" scalar = CASE WHEN m.is_accepted THEN a.scalar ELSE '' END FROM many m"
			" WHERE a.attach_id = ANY(ARRAY(SELECT attach_id FROM due))"
			" AND a.attach_id = m.attach_id),"
			" begun AS ("
			" INSERT INTO pdu_sessions (subject, session_id, attach_id, created_at,"
			" expires_at, is_detached)"
			" SELECT DISTINCT ON (eid) eid, session_id, attach_id, " NOW ", expires_at,"
			" false FROM due WHERE is_accepted ORDER BY eid, n DESC"
			" ON CONFLICT (subject) DO UPDATE SET session_id = excluded.session_id,"
			" attach_id = excluded.attach_id, created_at = excluded.created_at,"
			" expires_at = excluded.expires_at, is_detached = false)"
			AUDITED("noted", "(CASE WHEN is_accepted THEN " EVENT_ATTACH_ACCEPTED
				" ELSE " EVENT_ATTACH_REFUSED " END)",
				"0", "n", "actor", "0", "0", "eid", "due")
			" SELECT n FROM due"
			" UNION ALL"
			" SELECT i.n FROM input i JOIN a USING (attach_id, request_hash)"
			" WHERE CASE WHEN i.is_accepted"
			"  THEN a.state = " ACCEPTED " AND a.session_id = i.session_id"
			"  ELSE a.state = " REFUSED " END",
		.in = { FIXED(db_attach_end_in, id), BOOL(db_attach_end_in, is_accepted),
			TEXT(db_attach_end_in, eid), FIXED(db_attach_end_in, request_hash),
			FIXED(db_attach_end_in, session_id), INT8(db_attach_end_in, expires_at),
			ACTOR },
	},
	[DB_ADD_PDU_SESSION - FIRST] = {
		.name = "add_pdu_session",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT * FROM unnest($1, $2, $3, $4) WITH ORDINALITY"
			" AS i (session_id, subject, expires_at, actor, n)),"
			" begun AS ("
			" INSERT INTO pdu_sessions AS p (subject, session_id, attach_id,"
			" created_at, expires_at, is_detached)"
			" SELECT DISTINCT ON (subject) subject, session_id, ''::bytea, " NOW
			", expires_at, false FROM input ORDER BY subject, n DESC"
			" ON CONFLICT (subject) DO UPDATE SET session_id = excluded.session_id,"
			" attach_id = '', created_at = excluded.created_at,"
			" expires_at = excluded.expires_at, is_detached = false"
			" WHERE p.session_id <> excluded.session_id RETURNING subject),"
			" made AS MATERIALIZED (SELECT input.* FROM input JOIN begun USING (subject))"
			AUDITED("noted", EVENT_ATTACH_ACCEPTED, "0", "n", "actor", "0", "0",
				"subject", "made")
			" SELECT n FROM input",
		.in = { FIXED(db_pdu_session_in, session_id), TEXT(db_pdu_session_in, subject),
			INT8(db_pdu_session_in, expires_at), ACTOR },
	},
	[DB_FIND_PDU_SESSION - FIRST] = {
		.name = "find_pdu_session",
		.kind = MANY_KEYED,
		.sql = "SELECT i.n, p.subject, p.created_at, p.expires_at,"
			" p.is_detached OR p.expires_at <= " NOW
			" FROM (SELECT * FROM pdu_sessions WHERE session_id = ANY($1) OFFSET 0) p"
			" JOIN unnest($1) WITH ORDINALITY AS i (session_id, n) USING (session_id)",
		.in = { FIXED(db_exchange_id, id) },
		.out = { TEXT(db_pdu_session, subject), INT8(db_pdu_session, created_at),
			INT8(db_pdu_session, expires_at), BOOL(db_pdu_session, is_over) },
	},
	/* Rows are locked in the order of subjects, as where they are made. */
	[DB_END_PDU_SESSION - FIRST] = {
		.name = "end_pdu_session",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (session_id) * FROM unnest($1, $2) WITH ORDINALITY"
			" AS i (session_id, actor, n) ORDER BY session_id, n),"
			" p AS MATERIALIZED ("
			" SELECT subject, session_id FROM pdu_sessions"
			" WHERE subject = ANY(ARRAY("
			"  SELECT subject FROM pdu_sessions WHERE session_id = ANY($1)))"
			" AND session_id = ANY($1) AND NOT is_detached AND expires_at > " NOW
			" FOR UPDATE),"
			" due AS MATERIALIZED (SELECT * FROM input JOIN p USING (session_id)),"
			" ended AS ("
			" UPDATE pdu_sessions SET is_detached = true"
			" WHERE subject = ANY(ARRAY(SELECT subject FROM due)))"
			AUDITED("noted", EVENT_DETACHED, "0", "n", "actor", "0", "0", "subject", "due")
			" SELECT n FROM due",
		.in = { FIXED(db_exchange_id, id), ACTOR },
	},
};
static_assert(sizeof(sql_devices) / sizeof(sql_devices[0]) == DB_END_PDU_SESSION + 1 - FIRST,
	"one row each");

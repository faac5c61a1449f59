/* Companion sessions, Access IDs, headless devices, and the sweep of what is over. */
#include "db/sql_life.h"

#define FIRST DB_PUT_SESSION

/* An Access ID as of now: what is over is over before a sweep comes by. */
#define ACCESS_STATE_NOW                                                                   \
	" CASE WHEN a.state = " ID_PENDING " AND a.expires_at <= " NOW " THEN " ID_EXPIRED \
	" ELSE a.state::int4 END "
#define ACCESS                                                                        \
	" a.access_id, a.imsi, a.owner, a.created_at, a.expires_at," ACCESS_STATE_NOW \
	", a.tries::int4, a.kind::int4, a.device_id, a.b,"                            \
	" CASE WHEN a.expires_at <= " NOW " THEN '' ELSE a.kdm END "
#define ACCESS_COLUMNS                                                                            \
	FIXED(db_access, access_id), INT8(db_access, imsi), INT8(db_access, owner),               \
		INT8(db_access, created_at), INT8(db_access, expires_at), INT4(db_access, state), \
		INT4(db_access, tries), INT4(db_access, kind), TEXT(db_access, device_id),        \
		ROOM(db_access, b), ROOM(db_access, kdm)

/*
 * Whether a subscription's first credential is there to the letter: made by an earlier try whose
 * answer was lost. One of another's with the same IMSI violates the key of credentials.
 */
#define IS_UNMADE(i)                                                          \
	" (SELECT count(*) = 0 FROM credentials c WHERE c.imsi = " #i ".imsi" \
	" AND c.version = 1 AND c.sealed = " #i ".sealed AND c.state <> " DESTROYED ")"
#define NEW_CREDENTIAL                                                                \
	" INSERT INTO credentials (imsi, dimsi, version, kind, owner, state, sealed," \
	" not_after, created_at, changed_at)"

/*
 * The state of a headless device's credential: that of the IMSI which its Access ID still names.
 */
#define HEADLESS_STATE                                                                   \
	" coalesce((SELECT" STATE_NOW(                                                   \
		c) "FROM credentials c WHERE c.imsi ="                                   \
		   " (SELECT a.imsi FROM access_ids a WHERE a.access_id = h.access_id"   \
		   "  AND a.imsi = h.imsi AND a.state IN (" ID_CONFIRMED ", " ID_REVOKED \
		   ")) AND c.state <> " DESTROYED " ORDER BY c.state = " PRE_ACTIVE      \
		   ", c.version DESC LIMIT 1), " DESTROYED ") "

/* What a batch makes of an Access ID's wrong MACs, and whether that is too many. */
#define TRIES   "a.tries + cardinality(array_positions($1, a.access_id))"
#define IS_LAST TRIES " >= ($2)[array_position($1, a.access_id)]"

#define BY_WRONG_MAC "10"
static_assert(MAC_INVALID == 10, "the SQL says it as a number");

/* Nobody asks for these again after so long; what they led to is in the audit trail. */
#define DEVICES_KEPT "least($2, 86400)"
/* The sweep's part of attaches and downloads: a version that such a download has made goes with it. */
#define SWEEP_DEVICES                                                                     \
	", attaches_closed AS ("                                                          \
	" UPDATE device_attaches SET scalar = ''"                                         \
	" WHERE attach_id = ANY(ARRAY(SELECT attach_id FROM device_attaches"              \
	"  WHERE scalar <> '' AND expires_at <= " NOW                                     \
	"  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING 1),"           \
	" attaches_removed AS ("                                                          \
	" DELETE FROM device_attaches"                                                    \
	" WHERE attach_id = ANY(ARRAY(SELECT attach_id FROM device_attaches"              \
	"  WHERE scalar = '' AND expires_at <= " NOW " - " DEVICES_KEPT                   \
	"  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING 1),"           \
	" pdu_sessions_removed AS ("                                                      \
	" DELETE FROM pdu_sessions"                                                       \
	" WHERE subject = ANY(ARRAY(SELECT subject FROM pdu_sessions"                     \
	"  WHERE expires_at <= " NOW " - " DEVICES_KEPT                                   \
	"  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING 1),"           \
	" downloads_closed AS ("                                                          \
	" UPDATE downloads SET scalar = '', kn = '', bound = '', k_opc = ''"              \
	" WHERE download_id = ANY(ARRAY(SELECT download_id FROM downloads"                \
	"  WHERE (scalar <> '' OR kn <> '') AND expires_at <= " NOW                       \
	"  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))"                         \
	" RETURNING imsi, version, state, sealed_hash),"                                  \
	" versions_destroyed AS ("                                                        \
	" UPDATE credentials c SET state = " DESTROYED ", sealed = '', changed_at = " NOW \
	" WHERE c.imsi = ANY(ARRAY(SELECT imsi FROM downloads_closed"                     \
	"  WHERE state = " DOWNLOAD_WAITS ")) AND c.state = " PRE_ACTIVE                  \
	" AND c.active_at = 0 AND CASE WHEN" KEY_OF_DOWNLOAD                              \
	"IN (SELECT imsi, version, sealed_hash"                                           \
	"  FROM downloads_closed WHERE state = " DOWNLOAD_WAITS ") THEN true END),"       \
	" downloads_removed AS ("                                                         \
	" DELETE FROM downloads"                                                          \
	" WHERE download_id = ANY(ARRAY(SELECT download_id FROM downloads"                \
	"  WHERE scalar = '' AND kn = '' AND expires_at <= " NOW " - " DEVICES_KEPT       \
	"  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING 1)"
#define DOWNLOAD_WAITS "1"
/* Within CASE, which keeps the planner from making a join of IN. */
#define KEY_OF_DOWNLOAD " (c.imsi, c.version, sha256(int8send(c.imsi) || c.sealed)) "
static_assert(DOWNLOAD_BOUND == 1, "the SQL says it as a number");

const struct statement sql_companions[] = {
	/*
	 * Rows are locked in one order before anything is written. Of a batch a request counts whose
	 * subscriber and A-KID no later one names. Two
	 * subscribers never have one A-KID, unless two servers are told so at once: then the newer
	 * is found.
	 */
	[DB_PUT_SESSION - FIRST] = {
		.name = "put_session",
		.kind = MANY_PLAIN,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT *, n = max(n) OVER (PARTITION BY akid)"
			"  AND n = max(n) OVER (PARTITION BY imsi) AS is_last"
			" FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY"
			" AS i (akid, imsi, kept, lifetime_s, actor, n)),"
			" locked AS MATERIALIZED ("
			" SELECT imsi FROM companion_sessions WHERE imsi = ANY(ARRAY("
			"  SELECT imsi FROM companion_sessions WHERE akid = ANY($1)"
			"  UNION SELECT unnest($2))) ORDER BY imsi FOR UPDATE),"
			" gone AS ("
			" DELETE FROM companion_sessions WHERE imsi = ANY(ARRAY("
			"  SELECT imsi FROM locked EXCEPT SELECT imsi FROM input WHERE is_last))"
			" AND (akid = ANY($1) OR imsi = ANY($2))),"
			" put AS ("
			" INSERT INTO companion_sessions (imsi, created_at, expires_at, akid, kept)"
			" SELECT imsi, " NOW ", " NOW " + lifetime_s, akid, kept"
			" FROM input WHERE is_last AND (SELECT count(*) FROM locked) >= 0"
			" ORDER BY imsi"
			" ON CONFLICT (imsi) DO UPDATE SET created_at = excluded.created_at,"
			" expires_at = excluded.expires_at, akid = excluded.akid,"
			" kept = excluded.kept)"
			AUDITED("audited", EVENT_SESSION_REGISTERED, "0", "n", "actor", "imsi", "0",
				"''", "(SELECT * FROM input WHERE is_last) i")
			NOTHING,
		.in = { TEXT(db_session_in, akid), INT8(db_session_in, imsi),
			BYTE(db_session_in, kept), INT8(db_session_in, lifetime_s), ACTOR },
	},
	[DB_FIND_SESSION - FIRST] = {
		.name = "find_session",
		.kind = MANY_KEYED,
		.sql = "SELECT i.n, s.imsi, s.expires_at, s.expires_at <= " NOW ","
			" CASE WHEN s.expires_at <= " NOW " THEN '' ELSE s.kept END,"
			" coalesce((SELECT nullif(" STATE_NOW(c) ", " ACTIVE ") FROM credentials c"
			"  WHERE c.imsi = s.imsi AND" COUNTS(c) "), 0)"
			" FROM (SELECT DISTINCT ON (akid) * FROM companion_sessions"
			"  WHERE akid = ANY($1) ORDER BY akid, created_at DESC, imsi) s"
			" JOIN unnest($1) WITH ORDINALITY AS i (akid, n) USING (akid)",
		.in = { TEXT(db_akid, akid) },
		.out = { INT8(db_session, imsi), INT8(db_session, expires_at),
			BOOL(db_session, is_expired), ROOM(db_session, kept),
			INT4(db_session, barred_by) },
	},
	[DB_REMOVE_SESSION - FIRST] = {
		.name = "remove_session",
		.kind = MANY_KEYED,
		.sql = "WITH gone AS ("
			" DELETE FROM companion_sessions WHERE imsi = ANY($1) RETURNING imsi)"
			AUDITED("audited", EVENT_SESSION_REMOVED, "0", "i.n", "i.actor", "i.imsi", "0",
				"''", FIRST_OF("imsi", "$1", "$2") "JOIN gone USING (imsi)")
			" SELECT i.n FROM unnest($1) WITH ORDINALITY AS i (imsi, n)"
			" JOIN gone USING (imsi)",
		.in = { INT8(db_imsi, imsi), ACTOR },
	},
	/*
	 * An Access ID that has expired or was released is written over, and so is one that is there
	 * to the letter, its answer having been lost.
	 */
	[DB_ADD_ACCESS_ID - FIRST] = {
		.name = "add_access_id",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (access_id) * FROM unnest($1, $2, $3, $4, $5, $6, $7,"
			" $8, $9) WITH ORDINALITY AS i (access_id, imsi, owner, device_id, b, kdm,"
			" sealed, confirmation_s, actor, n) ORDER BY access_id, n),"
			" added AS ("
			" INSERT INTO access_ids AS a (access_id, imsi, owner, created_at,"
			" expires_at, state, tries, kind, device_id, b, kdm, sealed)"
			" SELECT access_id, imsi, owner, " NOW ", " NOW " + confirmation_s,"
			" CASE imsi WHEN 0 THEN " ID_PENDING " ELSE " ID_CONFIRMED " END, 0, "
			COMPANION ", device_id, b, kdm, CASE imsi WHEN 0 THEN sealed ELSE '' END"
			" FROM input ORDER BY access_id"
			" ON CONFLICT (access_id) DO UPDATE SET imsi = excluded.imsi,"
			" owner = excluded.owner, created_at = excluded.created_at,"
			" expires_at = excluded.expires_at, state = excluded.state,"
			" tries = excluded.tries, kind = excluded.kind,"
			" device_id = excluded.device_id, b = excluded.b, kdm = excluded.kdm,"
			" sealed = excluded.sealed"
			" WHERE " ACCESS_STATE_NOW " IN (" ID_EXPIRED ", " ID_RELEASED ") OR"
			" (a.state = excluded.state AND a.imsi = excluded.imsi AND a.b = excluded.b)"
			" RETURNING access_id, xmax = 0 AS is_new),"
			" made AS (" NEW_CREDENTIAL
			" SELECT i.imsi, 0, 1, " COMPANION ", i.owner, " ACTIVE ", i.sealed, 0, "
			NOW ", " NOW " FROM input i JOIN added USING (access_id)"
			" WHERE i.imsi <> 0 AND CASE WHEN is_new THEN true ELSE" IS_UNMADE(i) "END)"
			AUDITED("audited", EVENT_ACCESS_ID_ADDED, "0", "i.n", "i.actor", "i.imsi",
				"i.owner", "i.device_id", "input i JOIN added x"
				" ON x.access_id = i.access_id AND CASE WHEN x.is_new THEN true ELSE"
				" (SELECT count(*) = 0 FROM access_ids a WHERE a.access_id = i.access_id"
				"  AND" ACCESS_STATE_NOW "NOT IN (" ID_EXPIRED ", " ID_RELEASED ")) END")
			" SELECT i.n FROM input i JOIN added USING (access_id)",
		.in = { FIXED(db_access_in, access_id), INT8(db_access_in, imsi),
			INT8(db_access_in, owner), TEXT(db_access_in, device_id),
			BYTE(db_access_in, b), BYTE(db_access_in, kdm), BYTE(db_access_in, sealed),
			INT8(db_access_in, confirmation_s), ACTOR },
	},
	[DB_FIND_ACCESS_ID - FIRST] = {
		.name = "find_access_id",
		.kind = MANY_KEYED,
		.sql = "SELECT i.n," ACCESS
			"FROM (SELECT * FROM access_ids WHERE access_id = ANY($1) OFFSET 0) a"
			" JOIN unnest($1) WITH ORDINALITY AS i (access_id, n) USING (access_id)",
		.in = { FIXED(db_access_id, access_id) },
		.out = { ACCESS_COLUMNS },
	},
	/* One that was released may still name an IMSI which another has by now. */
	[DB_FIND_ACCESS_ID_BY_IMSI - FIRST] = {
		.name = "find_access_id_by_imsi",
		.kind = MANY_KEYED,
		.sql = "SELECT i.n," ACCESS
			"FROM (SELECT DISTINCT ON (imsi) * FROM access_ids"
			"  WHERE imsi = ANY($1) AND imsi <> 0"
			"  ORDER BY imsi, state = " ID_RELEASED ", created_at DESC) a"
			" JOIN unnest($1) WITH ORDINALITY AS i (imsi, n) USING (imsi)",
		.in = { INT8(db_imsi, imsi) },
		.out = { ACCESS_COLUMNS },
	},
	/* Rows are locked first: an update does not return what it overwrites. */
	[DB_CONFIRM_ACCESS_ID - FIRST] = {
		.name = "confirm_access_id",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (access_id) * FROM unnest($1, $2, $3) WITH ORDINALITY"
			" AS i (access_id, imsi, actor, n) WHERE imsi <> 0 ORDER BY access_id, n),"
			" a AS MATERIALIZED ("
			" SELECT * FROM access_ids WHERE access_id = ANY($1) FOR UPDATE),"
			" due AS MATERIALIZED ("
			" SELECT i.n, i.access_id, i.imsi, i.actor, a.owner, a.sealed"
			" FROM input i JOIN a USING (access_id)"
			" WHERE" ACCESS_STATE_NOW "= " ID_PENDING "),"
			MANY_OF_DUE
			" confirmed AS ("
			" UPDATE access_ids a SET state = " ID_CONFIRMED ", imsi = m.imsi,"
			" sealed = '' FROM many m"
			" WHERE a.access_id = ANY(ARRAY(SELECT access_id FROM due))"
			" AND a.access_id = m.access_id),"
			" made AS (" NEW_CREDENTIAL
			" SELECT imsi, 0, 1, " COMPANION ", owner, " ACTIVE ", sealed, 0, "
			NOW ", " NOW " FROM due)"
			AUDITED("audited", EVENT_ACCESS_ID_CONFIRMED, "0", "n", "actor", "imsi",
				"owner", "encode(access_id, 'hex')", "due")
			" SELECT n FROM due"
			" UNION ALL"
			" SELECT i.n FROM input i JOIN a USING (access_id, imsi)"
			" WHERE a.state = " ID_CONFIRMED,
		.in = { FIXED(db_confirm_in, access_id), INT8(db_confirm_in, imsi), ACTOR },
	},
	/* Asked again after a lost answer it counts again, and revokes the sooner. */
	[DB_COUNT_WRONG_MAC - FIRST] = {
		.name = "count_wrong_mac",
		.kind = MANY_KEYED,
		.sql = "WITH counted AS ("
			" UPDATE access_ids a SET tries = least(" TRIES ", 32767),"
			" state = CASE WHEN " IS_LAST " THEN " ID_REVOKED " ELSE state END,"
			" kdm = CASE WHEN " IS_LAST " THEN '' ELSE kdm END,"
			" sealed = CASE WHEN " IS_LAST " THEN '' ELSE sealed END"
			" WHERE access_id = ANY($1) AND" ACCESS_STATE_NOW "= " ID_PENDING
			" RETURNING a.*)"
			AUDITED("audited", EVENT_ACCESS_ID_REVOKED, BY_WRONG_MAC, "i.n", "i.actor",
				"c.imsi", "c.owner", "encode(c.access_id, 'hex')",
				FIRST_OF("access_id", "$1", "$3") "JOIN counted c"
				" ON c.access_id = i.access_id AND c.state = " ID_REVOKED)
			", others AS MATERIALIZED ("
			" SELECT * FROM access_ids WHERE access_id = ANY(ARRAY("
			"  SELECT unnest($1) EXCEPT SELECT access_id FROM counted)) FOR SHARE)"
			" SELECT i.n," ACCESS
			"FROM (SELECT * FROM counted UNION ALL SELECT * FROM others) a"
			" JOIN unnest($1) WITH ORDINALITY AS i (access_id, n) USING (access_id)",
		.in = { FIXED(db_wrong_mac_in, access_id), INT8(db_wrong_mac_in, most), ACTOR },
		.out = { ACCESS_COLUMNS },
	},
	/*
	 * A device whose credential is destroyed is written over, if its row is still the one that
	 * was looked at.
	 */
	[DB_ADD_HEADLESS - FIRST] = {
		.name = "add_headless",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (device_hash) * FROM unnest($1, $2, $3, $4, $5, $6, $7,"
			" $8, $9, $10, $11, $12, $13, $14, $15) WITH ORDINALITY AS i (device_hash,"
			" spki_hash, access_id, n1, n2, imsi, owner, issued_at, not_after,"
			" owner_version, device_id, manufacturer, model, sealed, actor, n)"
			" ORDER BY device_hash, n),"
			" dead AS MATERIALIZED ("
			" SELECT device_hash, access_id FROM headless_devices h"
			" WHERE device_hash = ANY($1) AND" HEADLESS_STATE "= " DESTROYED "),"
			" added AS ("
			" INSERT INTO headless_devices AS h (device_hash, imsi, owner,"
			" owner_version, issued_at, not_after, access_id, spki_hash, n1, n2,"
			" device_id, manufacturer, model)"
			" SELECT device_hash, imsi, owner, owner_version, issued_at, not_after,"
			" access_id, spki_hash, n1, n2, device_id, manufacturer, model"
			" FROM input ORDER BY device_hash"
			" ON CONFLICT (device_hash) DO UPDATE SET imsi = excluded.imsi,"
			" owner = excluded.owner, owner_version = excluded.owner_version,"
			" issued_at = excluded.issued_at, not_after = excluded.not_after,"
			" access_id = excluded.access_id, spki_hash = excluded.spki_hash,"
			" n1 = excluded.n1, n2 = excluded.n2, device_id = excluded.device_id,"
			" manufacturer = excluded.manufacturer, model = excluded.model"
			" WHERE h.access_id = (SELECT d.access_id FROM dead d"
			"  WHERE d.device_hash = h.device_hash)"
			" OR (h.access_id = excluded.access_id AND h.imsi = excluded.imsi)"
			" RETURNING device_hash, xmax = 0 AS is_new),"
			" due AS MATERIALIZED ("
			" SELECT i.* FROM input i JOIN added USING (device_hash)"
			" WHERE CASE WHEN is_new THEN true ELSE" IS_UNMADE(i) "END),"
			" named AS ("
			" INSERT INTO access_ids (access_id, imsi, owner, created_at, expires_at,"
			" state, tries, kind, device_id, b, kdm, sealed)"
			" SELECT access_id, imsi, owner, " NOW ", " NOW ", " ID_CONFIRMED ", 0, "
			HEADLESS ", device_id, '', '', '' FROM due),"
			" made AS (" NEW_CREDENTIAL
			" SELECT imsi, 0, 1, " HEADLESS ", owner, " ACTIVE ", sealed, not_after, "
			NOW ", " NOW " FROM due)"
			AUDITED("audited", EVENT_DEVICE_ADDED, "0", "n", "actor", "imsi", "owner",
				"device_id", "due")
			" SELECT i.n FROM input i JOIN added USING (device_hash)",
		.in = { FIXED(db_headless_in, device_hash), FIXED(db_headless_in, spki_hash),
			FIXED(db_headless_in, access_id), FIXED(db_headless_in, n1),
			FIXED(db_headless_in, n2), INT8(db_headless_in, imsi),
			INT8(db_headless_in, owner), INT8(db_headless_in, issued_at),
			INT8(db_headless_in, not_after), INT4(db_headless_in, owner_version),
			TEXT(db_headless_in, device_id), TEXT(db_headless_in, manufacturer),
			TEXT(db_headless_in, model), BYTE(db_headless_in, sealed), ACTOR },
	},
	[DB_FIND_HEADLESS - FIRST] = {
		.name = "find_headless",
		.kind = MANY_KEYED,
		.sql = "SELECT i.n, h.spki_hash, h.access_id, h.n1, h.n2, h.imsi, h.owner,"
			" h.issued_at, h.not_after, h.owner_version," HEADLESS_STATE
			"FROM (SELECT * FROM headless_devices WHERE device_hash = ANY($1)"
			"  OFFSET 0) h"
			" JOIN unnest($1) WITH ORDINALITY AS i (device_hash, n) USING (device_hash)",
		.in = { FIXED(db_device_hash, device_hash) },
		.out = { FIXED(db_headless, spki_hash), FIXED(db_headless, access_id),
			FIXED(db_headless, n1), FIXED(db_headless, n2), INT8(db_headless, imsi),
			INT8(db_headless, owner), INT8(db_headless, issued_at),
			INT8(db_headless, not_after), INT4(db_headless, owner_version),
			INT4(db_headless, credential_state) },
	},
	/* $1 rows of each kind; the conditions are those of the indexes. */
	[DB_SWEEP - FIRST] = {
		.name = "sweep",
		.kind = ONE,
		.sql = "WITH closed AS ("
			" UPDATE access_ids SET kdm = '', sealed = '',"
			" b = CASE state WHEN " ID_PENDING " THEN '' ELSE b END,"
			" state = CASE state WHEN " ID_PENDING " THEN " ID_EXPIRED " ELSE state END"
			" WHERE access_id = ANY(ARRAY(SELECT access_id FROM access_ids"
			"  WHERE (state = " ID_PENDING " OR kdm <> '') AND expires_at <= " NOW
			"  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING 1),"
			" forgotten AS ("
			" DELETE FROM access_ids"
			" WHERE access_id = ANY(ARRAY(SELECT access_id FROM access_ids"
			"  WHERE state = " ID_EXPIRED " AND expires_at <= " NOW " - $2"
			"  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING 1),"
			" emptied AS ("
			" UPDATE companion_sessions SET kept = ''"
			" WHERE imsi = ANY(ARRAY(SELECT imsi FROM companion_sessions"
			"  WHERE kept <> '' AND expires_at <= " NOW
			"  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING 1),"
			" removed AS ("
			" DELETE FROM companion_sessions"
			" WHERE imsi = ANY(ARRAY(SELECT imsi FROM companion_sessions"
			"  WHERE kept = '' AND expires_at <= " NOW " - $2"
			"  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING 1)"
			SWEEP_DEVICES
			" SELECT (SELECT count(*) FROM closed) + (SELECT count(*) FROM forgotten),"
			" (SELECT count(*) FROM emptied) + (SELECT count(*) FROM removed),"
			" (SELECT count(*) FROM attaches_closed)"
			"  + (SELECT count(*) FROM attaches_removed)"
			"  + (SELECT count(*) FROM pdu_sessions_removed),"
			" (SELECT count(*) FROM downloads_closed)"
			"  + (SELECT count(*) FROM downloads_removed)",
		.in = { INT8(db_sweep_in, limit), INT8(db_sweep_in, keep_s) },
		.out = { INT8(db_swept, access_ids), INT8(db_swept, sessions),
			INT8(db_swept, attaches), INT8(db_swept, downloads) },
	},
	[DB_LIST_IBS_IDENTITIES - FIRST] = {
		.name = "list_ibs_identities",
		.kind = LIST,
		.sql = "SELECT number, created_at, not_before, not_after, kek_generation, id, kpak,"
			" pvt, wrapped_ssk FROM ibs_identities WHERE number > $1"
			" ORDER BY number LIMIT $2",
		.in = { INT8(db_page, after), INT8(db_page, limit) },
		.out = { INT8(db_ibs_identity, number), INT8(db_ibs_identity, created_at),
			INT8(db_ibs_identity, not_before), INT8(db_ibs_identity, not_after),
			INT4(db_ibs_identity, kek_generation), TEXT(db_ibs_identity, id),
			FIXED(db_ibs_identity, kpak), FIXED(db_ibs_identity, pvt),
			FIXED(db_ibs_identity, wrapped_ssk) },
	},
};
static_assert(
	sizeof(sql_companions) / sizeof(sql_companions[0]) == DB_LIST_IBS_IDENTITIES + 1 - FIRST,
	"one row each");

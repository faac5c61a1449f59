/* Profile downloads. */
#include "db/sql.h"
#include "db/sql_events.h"

#define FIRST DB_ADD_DOWNLOAD

#define OFFERED   "0"
#define BOUND     "1"
#define INSTALLED "2"
#define FAILED    "3"
#define TOO_LATE  "4"

#define NO_SUBJECT   "1"
#define SUBJECT_OVER "2"
#define NOT_ATTACHED "3"
#define IS_SUSPENDED "4"
#define IS_REVOKED   "5"

#define PROVISIONED "3"
#define KEY_REVOKED "4"

static_assert(DOWNLOAD_OFFERED == 0 && DOWNLOAD_BOUND == 1 && DOWNLOAD_INSTALLED == 2 &&
		      DOWNLOAD_FAILED == 3 && DOWNLOAD_OVER == 4,
	"the SQL says these as numbers");
static_assert(DOWNLOAD_MAY == 0 && DOWNLOAD_NO_SUBJECT == 1 && DOWNLOAD_SUBJECT_OVER == 2 &&
		      DOWNLOAD_NOT_ATTACHED == 3 && DOWNLOAD_IS_SUSPENDED == 4 &&
		      DOWNLOAD_IS_REVOKED == 5,
	"the SQL says these as numbers");
static_assert(
	BINDING_PROVISIONED == 3 && CREDENTIAL_IS_REVOKED == 4, "the SQL says these as numbers");

/* Sixteen zeros are an identifier that is not given. */
#define NO_ID  NO_OUTPUT
#define NO_IV  "'\\x000000000000000000000000'::bytea"
#define NO_SHA "sha256('')"

/*
 * What stands for or against a download: of a subject, an EID where is_eid, or else an IMSI: its session s, the
 * IMSI e that it has, the credentials c and the binding b of that IMSI. An EID keeps its IMSI, also where no
 * profile was installed, until that IMSI is at rest (g): then the EID begins anew. Each is a look into a key's
 * index for each row, which OFFSET keeps the planner from making a join of.
 */
#define NOW_IN(state) " bool_or(" STATE_NOW(c) "= " state ") "
#define SUBJECT_OF(eid, is_eid, number)                                                           \
	" LEFT JOIN LATERAL (SELECT imsi FROM euicc_subscriptions"                                \
	"  WHERE eid = " eid " AND " is_eid " OFFSET 0) e ON true"                                \
	" LEFT JOIN LATERAL (SELECT subject, session_id, attach_id,"                              \
	"  is_detached OR expires_at <= " NOW " AS is_over FROM pdu_sessions"                     \
	"  WHERE subject = " eid " AND " is_eid " OFFSET 0) s ON true"                            \
	" LEFT JOIN LATERAL (SELECT max(c.imsi) AS imsi, max(c.version)::int4 AS newest,"         \
	"  bool_and(c.state = " DESTROYED ") AS is_gone,"                                         \
	"  bool_or(c.state = " PRE_ACTIVE ") AS waits,"                                           \
	"  coalesce(max(c.dimsi) FILTER (WHERE c.state <> " DESTROYED                             \
	"), 0) AS dimsi," NOW_IN(SUSPENDED) "AS is_suspended," NOW_IN(                            \
		KEY_REVOKED) "AS is_revoked,"                                                     \
			     "  coalesce(max(c.version) FILTER (WHERE c.state = " PRE_ACTIVE ")," \
			     "   max(c.version) + 1) AS next FROM credentials c"                  \
			     "  WHERE c.imsi = CASE WHEN " is_eid " THEN e.imsi ELSE " number     \
			     " END) c ON true"                                                    \
			     " LEFT JOIN LATERAL (SELECT imsi FROM imsi_quarantine"               \
			     "  WHERE imsi = c.imsi AND c.is_gone OFFSET 0) g ON true"            \
			     " LEFT JOIN LATERAL (SELECT imsi, se_id, state FROM bindings"        \
			     "  WHERE dimsi = c.dimsi AND imsi = c.imsi OFFSET 0) b ON true"
#define BEGINS_ANEW "(c.imsi IS NULL OR g.imsi IS NOT NULL)"
#define IS_BARRED   "coalesce(c.is_suspended OR c.is_revoked, false)"
/* From its offer on a device must stay attached as it was then. */
#define BINDING_MAY \
	"coalesce(b.state = " ATTACHED " OR (b.state = " PROVISIONED " AND c.waits), false)"
#define IS_LIVE(d)                                                                \
	"(NOT " IS_BARRED " AND CASE " #d ".session_id WHEN '' THEN " BINDING_MAY \
	" ELSE coalesce(s.session_id = " #d ".session_id AND NOT s.is_over, false) END)"

/*
 * Whether the versions that were locked are as the statement first saw them. Where one was suspended, revoked or
 * deleted while it waited, it is done again.
 */
#define NONE_HAS_CHANGED                                                                 \
	"(SELECT CASE WHEN count(*) = 0 THEN true"                                       \
	" ELSE arpf_raise('40001', 'a version was changed meanwhile') END FROM locked l" \
	" WHERE l.state <> (SELECT c.state FROM credentials c WHERE c.imsi = l.imsi"     \
	"  AND c.version = l.version))"
/* Tells a download's key from one that has been written over it. */
#define KEY_HASH(c) "sha256(int8send(" #c ".imsi) || " #c ".sealed)"
#define NEW_VERSION                                                                            \
	" INSERT INTO credentials AS c (imsi, dimsi, version, kind, state, sealed, not_after," \
	" created_at, changed_at)"

/* Of a download d. */
#define STATE_OF_D                                                                   \
	"CASE WHEN d.is_late AND d.state IN (" OFFERED ", " BOUND ") THEN " TOO_LATE \
	" ELSE d.state::int4 END"

const struct statement sql_downloads[] = {
	[DB_ADD_DOWNLOAD - FIRST] = {
		.name = "add_download",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (download_id) * FROM unnest($1, $2, $3, $4, $5, $6, $7,"
			" $8, $9) WITH ORDINALITY AS i (download_id, subject, imsi, attach_id,"
			" server_nonce, device_nonce, ephemeral, scalar, lifetime_s, n)"
			" ORDER BY download_id, n),"
			" judged AS MATERIALIZED ("
			" SELECT i.*, CASE WHEN i.imsi = 0 THEN s.session_id ELSE '' END AS session_id,"
			" CASE WHEN c.is_revoked THEN " IS_REVOKED
			" WHEN c.is_suspended THEN " IS_SUSPENDED
			" WHEN i.imsi = 0 THEN CASE WHEN s.subject IS NULL THEN " NO_SUBJECT
			"  WHEN s.is_over OR i.attach_id NOT IN (s.attach_id, " NO_ID ")"
			"  THEN " SUBJECT_OVER " ELSE 0 END"
			" WHEN b.imsi IS NULL THEN " NO_SUBJECT
			" WHEN " BINDING_MAY " THEN 0 ELSE " NOT_ATTACHED " END AS bar"
			" FROM input i" SUBJECT_OF("i.subject", "i.imsi = 0", "i.imsi") "),"
			" added AS ("
			" INSERT INTO downloads AS d (download_id, created_at, expires_at, imsi,"
			" version, state, subject, session_id, server_nonce, device_nonce,"
			" ephemeral, scalar, kn, request_hash, sealed_hash, iv, bound, k_opc,"
			" issued_at, not_after)"
			" SELECT download_id, " NOW ", " NOW " + lifetime_s, imsi, 0, " OFFERED
			", subject, session_id, server_nonce, device_nonce, ephemeral, scalar,"
			" '', '', '', '', '', '', 0, 0 FROM judged WHERE bar = 0 ORDER BY download_id"
			" ON CONFLICT (download_id) DO UPDATE SET state = d.state"
			" WHERE d.state = " OFFERED " AND d.subject = excluded.subject"
			" AND d.ephemeral = excluded.ephemeral RETURNING download_id)"
			" SELECT n, bar FROM judged WHERE bar <> 0"
			" UNION ALL"
			" SELECT n, bar FROM judged JOIN added USING (download_id)",
		.in = { FIXED(db_download_in, id), TEXT(db_download_in, subject),
			INT8(db_download_in, imsi), FIXED(db_download_in, attach_id),
			FIXED(db_download_in, server_nonce), FIXED(db_download_in, device_nonce),
			FIXED(db_download_in, ephemeral), BYTE(db_download_in, scalar),
			INT8(db_download_in, lifetime_s) },
		.out = { INT4(db_download_made, bar) },
	},
	[DB_FIND_DOWNLOAD - FIRST] = {
		.name = "find_download",
		.kind = MANY_KEYED,
		.sql = "WITH d AS MATERIALIZED ("
			" SELECT *, expires_at <= " NOW " AS is_late, session_id <> '' AS is_eid"
			" FROM downloads WHERE download_id = ANY($1))"
			" SELECT i.n, d.subject, " STATE_OF_D ","
			" CASE WHEN d.imsi <> 0 THEN d.imsi WHEN " BEGINS_ANEW
			" THEN 0 ELSE c.imsi END,"
			" CASE WHEN d.version <> 0 THEN d.version::int4 WHEN " BEGINS_ANEW
			" THEN 0 ELSE c.newest END, d.server_nonce, d.device_nonce, d.ephemeral,"
			" CASE WHEN d.is_late THEN '' ELSE d.scalar END,"
			" CASE WHEN d.is_late THEN '' ELSE d.kn END, coalesce(b.se_id, ''), "
			IS_LIVE(d) ","
			" CASE d.request_hash WHEN '' THEN " NO_SHA " ELSE d.request_hash END,"
			" CASE d.iv WHEN '' THEN " NO_IV " ELSE d.iv END,"
			" CASE WHEN d.is_late THEN '' ELSE d.bound END,"
			" CASE WHEN d.is_late THEN '' ELSE d.k_opc END, d.issued_at, d.not_after"
			" FROM unnest($1) WITH ORDINALITY AS i (download_id, n)"
			" JOIN d USING (download_id)" SUBJECT_OF("d.subject", "d.is_eid", "d.imsi"),
		.in = { FIXED(db_exchange_id, id) },
		.out = { TEXT(db_download, subject), INT4(db_download, state),
			INT8(db_download, imsi), INT4(db_download, version),
			FIXED(db_download, server_nonce), FIXED(db_download, device_nonce),
			FIXED(db_download, ephemeral), ROOM(db_download, scalar),
			ROOM(db_download, kn), TEXT(db_download, se_id),
			BOOL(db_download, subject_is_live), FIXED(db_download, request_hash),
			FIXED(db_download, iv), ROOM(db_download, bound), ROOM(db_download, k_opc),
			INT8(db_download, issued_at), INT8(db_download, not_after) },
	},
	[DB_FIND_KN - FIRST] = {
		.name = "find_kn",
		.kind = MANY_KEYED,
		.sql = "SELECT i.n, " STATE_OF_D ", CASE WHEN d.is_late THEN '' ELSE d.kn END"
			" FROM (SELECT download_id, state, kn, expires_at <= " NOW " AS is_late"
			"  FROM downloads WHERE download_id = ANY($1) OFFSET 0) d"
			" JOIN unnest($1) WITH ORDINALITY AS i (download_id, n) USING (download_id)",
		.in = { FIXED(db_exchange_id, id) },
		.out = { INT4(db_download_kn, state), ROOM(db_download_kn, kn) },
	},
	/*
	 * The first version of an EID that has none violates the key of credentials where the IMSI is
	 * taken, and fails the statement. A version that waits is written over, unless it has been
	 * activated meanwhile; two servers at once also meet there, the last one's key stays, and the
	 * other's download can end no more. In one batch a subject's second download waits for its turn.
	 */
	[DB_BIND_PROFILE - FIRST] = {
		.name = "bind_profile",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (download_id) * FROM unnest($1, $2, $3, $4, $5, $6, $7,"
			" $8, $9, $10, $11, $12, $13) WITH ORDINALITY AS i (download_id, subject, is_eid,"
			" imsi, not_after, request_hash, iv, bound, kn, sealed, k_opc, issued_at, actor, n)"
			" ORDER BY download_id, n),"
			" d AS MATERIALIZED ("
			" SELECT * FROM downloads WHERE download_id = ANY($1) FOR UPDATE),"
			" locked AS MATERIALIZED ("
			" SELECT imsi, version, state FROM credentials WHERE imsi = ANY($4)"
			" ORDER BY imsi, version FOR UPDATE),"
			" due AS MATERIALIZED ("
			" SELECT DISTINCT ON (i.subject) i.*, i.is_eid AND " BEGINS_ANEW " AS is_first, e.imsi AS had,"
			" coalesce(c.dimsi, 0) AS dimsi,"
			" CASE WHEN i.is_eid AND " BEGINS_ANEW " THEN 1 ELSE c.next END AS version"
			" FROM input i JOIN d USING (download_id)"
			SUBJECT_OF("i.subject", "i.is_eid", "i.imsi")
			" WHERE d.state = " OFFERED " AND d.expires_at > " NOW
			" AND d.subject = i.subject AND i.is_eid = (d.session_id <> '')"
			" AND d.imsi IN (0, i.imsi) AND " NONE_HAS_CHANGED
			" AND " IS_LIVE(d)
			" AND CASE WHEN i.is_eid THEN " BEGINS_ANEW " OR c.imsi = i.imsi"
			"  ELSE true END ORDER BY i.subject, i.n),"
			MANY_OF_DUE
			" owned AS ("
			" INSERT INTO euicc_subscriptions AS o (eid, imsi, created_at)"
			" SELECT subject, imsi, " NOW " FROM due WHERE is_first ORDER BY subject"
			" ON CONFLICT (eid) DO UPDATE SET imsi = excluded.imsi,"
			" created_at = excluded.created_at WHERE o.imsi ="
			"  (SELECT had FROM due WHERE due.subject = o.eid LIMIT 1)"
			" RETURNING imsi),"
			" first AS (" NEW_VERSION
			" SELECT imsi, 0, version, " PROFILE ", " PRE_ACTIVE ", sealed, not_after, " NOW
			", " NOW " FROM due"
			" WHERE is_first AND imsi = ANY(ARRAY(SELECT imsi FROM owned)) ORDER BY imsi RETURNING imsi),"
			" later AS (" NEW_VERSION
			" SELECT imsi, dimsi, version, " PROFILE ", " PRE_ACTIVE ", sealed, not_after, "
			NOW ", " NOW " FROM due WHERE NOT is_first ORDER BY imsi"
			" ON CONFLICT (imsi, version) DO UPDATE SET kind = excluded.kind,"
			" sealed = excluded.sealed, not_after = excluded.not_after, sqn = 0,"
			" changed_at = excluded.changed_at WHERE c.state = " PRE_ACTIVE
			" RETURNING imsi),"
			" bound AS ("
			" UPDATE downloads d SET state = " BOUND ", imsi = m.imsi,"
			" version = m.version, request_hash = m.request_hash, iv = m.iv,"
			" bound = m.bound, kn = m.kn, k_opc = m.k_opc,"
			" issued_at = m.issued_at, not_after = m.not_after,"
			" sealed_hash = " KEY_HASH(m) " FROM many m"
			" WHERE d.download_id = ANY(ARRAY(SELECT download_id FROM due"
			"  WHERE imsi = ANY(ARRAY("
			"   SELECT imsi FROM first UNION ALL SELECT imsi FROM later))))"
			" AND d.download_id = m.download_id"
			" RETURNING m.n, m.actor, d.imsi, d.version, d.subject)"
			AUDITED("noted", EVENT_PROFILE_BOUND, "0", "n", "actor", "imsi", "version",
				"subject", "bound")
			" SELECT n FROM bound"
			" UNION ALL"
			" SELECT i.n FROM input i JOIN d USING (download_id, request_hash, bound)"
			" WHERE d.state = " BOUND,
		.in = { FIXED(db_profile_in, id), TEXT(db_profile_in, subject),
			BOOL(db_profile_in, is_eid), INT8(db_profile_in, imsi),
			INT8(db_profile_in, not_after), FIXED(db_profile_in, request_hash),
			FIXED(db_profile_in, iv), BYTE(db_profile_in, bound),
			BYTE(db_profile_in, kn), BYTE(db_profile_in, sealed),
			BYTE(db_profile_in, k_opc), INT8(db_profile_in, issued_at), ACTOR },
	},
	/* The credential stays as it is. Done a second time it finds itself done. */
	[DB_BIND_AGAIN - FIRST] = {
		.name = "bind_again",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT DISTINCT ON (download_id) * FROM unnest($1, $2, $3, $4, $5, $6)"
			" WITH ORDINALITY AS i (download_id, request_hash, iv, bound, kn, actor, n)"
			" ORDER BY download_id, n),"
			" d AS MATERIALIZED ("
			" SELECT *, session_id <> '' AS is_eid FROM downloads"
			" WHERE download_id = ANY($1) FOR UPDATE),"
			" due AS MATERIALIZED ("
			" SELECT i.* FROM input i JOIN d USING (download_id)"
			SUBJECT_OF("d.subject", "d.is_eid", "d.imsi")
			" WHERE d.state = " BOUND " AND d.expires_at > " NOW
			" AND d.bound <> i.bound AND " IS_LIVE(d) "),"
			MANY_OF_DUE
			" again AS ("
			" UPDATE downloads d SET request_hash = m.request_hash, iv = m.iv,"
			" bound = m.bound, kn = m.kn FROM many m"
			" WHERE d.download_id = ANY(ARRAY(SELECT download_id FROM due))"
			" AND d.download_id = m.download_id"
			" RETURNING m.n, m.actor, d.imsi, d.version, d.subject)"
			AUDITED("noted", EVENT_PROFILE_BOUND, "0", "n", "actor", "imsi", "version",
				"subject", "again")
			" SELECT n FROM again"
			" UNION ALL"
			" SELECT i.n FROM input i JOIN d USING (download_id, request_hash, bound)"
			" WHERE d.state = " BOUND,
		.in = { FIXED(db_profile_in, id), FIXED(db_profile_in, request_hash),
			FIXED(db_profile_in, iv), BYTE(db_profile_in, bound),
			BYTE(db_profile_in, kn), ACTOR },
	},
	/*
	 * Credentials are locked, and seen as they are then: a subscription that was suspended or revoked
	 * meanwhile does not become active, nor does a version that a later download has written
	 * over. What waited before the download goes on waiting where that has failed.
	 */
	[DB_END_DOWNLOAD - FIRST] = {
		.name = "end_download",
		.kind = MANY_KEYED,
		.sql = "WITH input AS MATERIALIZED ("
			" SELECT * FROM unnest($1, $2, $3) WITH ORDINALITY"
			" AS i (download_id, is_installed, actor, n)),"
			" d AS MATERIALIZED ("
			" SELECT * FROM downloads WHERE download_id = ANY($1) FOR UPDATE),"
			" open AS MATERIALIZED ("
			" SELECT DISTINCT ON (download_id) i.n, i.is_installed, i.actor, d.*"
			" FROM input i JOIN d USING (download_id)"
			" WHERE d.state = " BOUND " AND d.expires_at > " NOW
			" ORDER BY download_id, i.n),"
			" c AS MATERIALIZED ("
			" SELECT c.imsi, c.version, c.state, c.dimsi, c.sealed,"
			STATE_NOW(c) "AS now FROM credentials c"
			" WHERE c.imsi = ANY(ARRAY(SELECT imsi FROM open))"
			" ORDER BY c.imsi, c.version FOR UPDATE OF c),"
			" b AS MATERIALIZED ("
			" SELECT b.dimsi, b.imsi, b.state FROM bindings b WHERE b.dimsi = ANY(ARRAY("
			"  SELECT c.dimsi FROM c WHERE c.dimsi <> 0 AND c.state <> " DESTROYED "))"
			" AND b.imsi = ANY(ARRAY(SELECT imsi FROM open))"
			" AND b.state IN (" READY ", " SENT ", " ATTACHED ", " PROVISIONED
			") FOR UPDATE OF b),"
			" due AS MATERIALIZED ("
			" SELECT * FROM open WHERE NOT is_installed OR ("
			" sealed_hash = ANY(ARRAY(SELECT " KEY_HASH(c) " FROM c"
			"  WHERE c.state IN (" PRE_ACTIVE ", " ACTIVE ")))"
			" AND imsi <> ALL(ARRAY(SELECT c.imsi FROM c WHERE c.now IN (" SUSPENDED ", "
			KEY_REVOKED ")))"
			" AND CASE session_id WHEN '' THEN imsi = ANY(ARRAY(SELECT b.imsi FROM b))"
			"  ELSE imsi = (SELECT e.imsi FROM euicc_subscriptions e"
			"   WHERE e.eid = open.subject) END)),"
			MANY_OF_DUE
			" moved AS ("
			" UPDATE credentials c SET changed_at = " NOW ", active_at = 0,"
			" state = CASE WHEN c.version < m.version THEN " RETIRED
			"  WHEN m.is_installed THEN " ACTIVE " ELSE " DESTROYED " END,"
			" retire_at = CASE WHEN c.version = m.version THEN 0"
			"  WHEN c.retire_at = 0 THEN " NOW " ELSE least(c.retire_at, " NOW ") END,"
			" sealed = CASE WHEN m.is_installed THEN c.sealed ELSE '' END FROM many m"
			" WHERE c.imsi = ANY(ARRAY(SELECT imsi FROM due)) AND c.imsi = m.imsi"
			" AND CASE WHEN c.version = m.version THEN c.state = " PRE_ACTIVE
			"  AND (m.is_installed OR c.active_at = 0)"
			"  AND " KEY_HASH(c) " = m.sealed_hash"
			"  ELSE m.is_installed AND c.version < m.version"
			"  AND c.state IN (" PRE_ACTIVE ", " ACTIVE ", " SUSPENDED ") END),"
			" provisioned AS ("
			" UPDATE bindings SET state = " PROVISIONED ", changed_at = " NOW
			" WHERE dimsi = ANY(ARRAY(SELECT b.dimsi FROM b JOIN due USING (imsi)"
			"  WHERE due.is_installed AND b.state <> " PROVISIONED "))),"
			" detached AS ("
			" UPDATE pdu_sessions SET is_detached = true WHERE NOT is_detached"
			" AND subject = ANY(ARRAY(SELECT subject FROM due"
			"  WHERE is_installed AND session_id <> ''))"
			" AND session_id = ANY(ARRAY(SELECT session_id FROM due WHERE is_installed))),"
			" ended AS ("
			" UPDATE downloads d SET bound = '', scalar = '', k_opc = '',"
			" state = CASE WHEN m.is_installed THEN " INSTALLED " ELSE " FAILED " END"
			" FROM many m WHERE d.download_id = ANY(ARRAY(SELECT download_id FROM due))"
			" AND d.download_id = m.download_id)"
			AUDITED("noted", "(CASE WHEN is_installed THEN " EVENT_PROFILE_INSTALLED
				" ELSE " EVENT_PROFILE_FAILED " END)",
				"0", "n", "actor", "imsi", "version", "subject", "due")
			" SELECT i.n, i.n <> due.n FROM input i JOIN due USING (download_id, is_installed)"
			" UNION ALL"
			" SELECT i.n, true FROM input i JOIN d USING (download_id)"
			" WHERE d.state = CASE WHEN i.is_installed THEN " INSTALLED " ELSE " FAILED
			" END",
		.in = { FIXED(db_download_end_in, id), BOOL(db_download_end_in, is_installed),
			ACTOR },
		.out = { BOOL(db_download_ended, was_ended) },
	},
};
static_assert(sizeof(sql_downloads) / sizeof(sql_downloads[0]) == DB_END_DOWNLOAD + 1 - FIRST,
	"one row each");

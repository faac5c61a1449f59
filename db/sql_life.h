/*
 * What statements on one subscription have in common with those that work at a job: which of its versions
 * counts, what an operation makes of it, and what goes with it. Part of db/sql.h.
 */
#ifndef DB_SQL_LIFE_H
#define DB_SQL_LIFE_H

#include "db/sql.h"
#include "db/sql_events.h"

#define NOT_FOUND_NOW "16"
#define REFUSED_NOW   "22"
static_assert(USER_NOT_FOUND == 16 && CONFLICT == 22, "the SQL says these as numbers");
#define REVOKED_NOW "4"
static_assert(CREDENTIAL_IS_REVOKED == 4, "the SQL says it as a number");

/* Of credentials c, as words of a longer text. */
#define STATE_OF_C  STATE_NOW(c)
#define COUNTS_OF_C COUNTS(c)

/*
 * The version of a subscription that counts: the one that serves or, where none does, the newest. In the
 * form of SERVES().
 */
#define COUNTS(c)                                                               \
	" coalesce((SELECT false FROM credentials v WHERE v.imsi = " #c ".imsi" \
	" AND (v.state NOT IN (" PRE_ACTIVE ", " DESTROYED "), v.version) >"    \
	" (" #c ".state NOT IN (" PRE_ACTIVE ", " DESTROYED "), " #c ".version) LIMIT 1), true) "

#define UPTO(after) UPTO_OF("credentials", "imsi", after)
/*
 * Whether a version fits a selection (struct db_selection) but for its state; a column of it is said as what
 * stands between the two.
 */
#define FITS(c, said, end)                                                                       \
	" (" said "kind" end " < 0 OR " #c ".kind = " said "kind" end ")"                        \
	" AND (" said "owner" end " < 0 OR " #c ".owner = " said "owner" end ")"                 \
	" AND (" said "created_before" end " = 0"                                                \
	"  OR " #c ".created_at < " said "created_before" end ")"                                \
	" AND " #c ".created_at >= " said "created_since" end " AND (" said "expires_before" end \
	" = 0"                                                                                   \
	"  OR (" #c ".not_after <> 0 AND " #c ".not_after < " said "expires_before" end ")) "

/*
 * All versions of what `input` names, locked in the order of their key; and the one that counts of each. A
 * version that was made meanwhile is not seen, but its maker has held one of these: then the statement is
 * done again.
 */
#define LIFE_LOCKED                                                                      \
	", locked AS MATERIALIZED ("                                                     \
	" SELECT imsi, version, dimsi, owner, kind, state, not_after, retire_at, sealed" \
	" FROM credentials WHERE imsi = ANY(ARRAY(SELECT imsi FROM input))"              \
	" ORDER BY imsi, version FOR UPDATE),"                                           \
	" counting AS MATERIALIZED ("                                                    \
	" SELECT DISTINCT ON (c.imsi) c.imsi, c.version, c.owner, c.kind, c.not_after,"  \
	" max(c.dimsi) OVER of_imsi AS dimsi,"                                           \
	" c.retire_at," STATE_OF_C "AS state, max(c.version) OVER of_imsi AS newest,"    \
	" bool_or(c.state = " PRE_ACTIVE ") OVER of_imsi AS waits,"                      \
	" first_value(c.sealed) OVER (PARTITION BY c.imsi ORDER BY "                     \
	"c.version DESC) AS newest_sealed"                                               \
	" FROM locked c WINDOW of_imsi AS (PARTITION BY c.imsi)"                         \
	" ORDER BY c.imsi, c.state IN (" PRE_ACTIVE ", " DESTROYED "), c.version DESC)"
#define ALL_WERE_SEEN                                             \
	"(SELECT arpf_all_seen(ARRAY(SELECT imsi FROM counting)," \
	" (SELECT count(*) FROM locked)))"
/* Of a batch in which one subscription is named twice nothing is done: its requests are asked one by one. */
#define EACH_ONCE(imsis)                                                                        \
	"(SELECT CASE WHEN count(*) = count(DISTINCT a) THEN true"                              \
	" ELSE arpf_raise('23505', 'one subscription twice in a batch') END FROM unnest(" imsis \
	") a)"

/*
 * What becomes of each of `input` (n, imsi, from_mask, becomes, is_final, until, uri, actor). Of two for one
 * subscription the second meets what the first has made of it.
 */
#define LIFE_DECIDED                                                                        \
	", decided AS MATERIALIZED ("                                                       \
	" SELECT i.*, c.version, c.newest, c.dimsi,"                                        \
	" CASE WHEN c.imsi IS NULL THEN " NOT_FOUND_NOW                                     \
	"  WHEN i.is_first AND (i.from_mask >> c.state) & 1 = 1 THEN 0 ELSE " REFUSED_NOW   \
	"  END AS outcome,"                                                                 \
	" CASE WHEN i.is_first OR (i.from_mask >> c.state) & 1 = 0 THEN c.state"            \
	"  ELSE i.becomes END AS state"                                                     \
	" FROM (SELECT *, row_number() OVER (PARTITION BY imsi ORDER BY n) = 1 AS is_first" \
	"  FROM input) i LEFT JOIN counting c USING (imsi) WHERE " ALL_WERE_SEEN ")"

#define IS_HIT(mask) "(" mask " >> (" STATE_NOW(c) ")) & 1 = 1"
/*
 * It is done: to the versions, and where it is final to all that hangs on them. to and mask: expressions for
 * a row of c. An IMSI that no pool has is nobody's to give out again. A dIMSI that was revoked stays so. All
 * requests of a statement are one server's, and so is their uri. Nothing is joined: a plan that takes the
 * input for small would go through it once a row. Which versions are hit is asked where they are set, not
 * where they are found: an update finds rows as its statement first saw them, and sets them as they are.
 */
#define LIFE_DONE(to, mask)                                                                        \
	", changed AS ("                                                                           \
	" UPDATE credentials c SET"                                                                \
	" state = CASE WHEN " IS_HIT(                                                              \
		mask) " THEN " to " ELSE c.state END,"                                             \
		      " active_at = CASE WHEN " IS_HIT(                                            \
			      mask) " THEN 0 ELSE c.active_at END,"                                \
				    " changed_at = CASE WHEN " IS_HIT(                             \
					    mask) " THEN " NOW " ELSE c.changed_at END,"           \
						  " sealed = CASE WHEN " IS_HIT(                   \
							  mask) " AND " to " = " DESTROYED         \
								" THEN '' ELSE c.sealed END"       \
								" WHERE c.imsi = "                 \
								"ANY(ARRAY(SELECT imsi FROM "      \
								"decided WHERE outcome = 0))),"    \
								" gone AS MATERIALIZED ("          \
								" SELECT * FROM decided WHERE "    \
								"outcome = 0 AND is_final),"       \
								" deleted AS MATERIALIZED ("       \
								" SELECT array_agg(imsi) AS "      \
								"imsis FROM gone WHERE becomes "   \
								"= " DESTROYED "),"                \
								" unbound AS ("                    \
								" UPDATE bindings b SET output_1 " \
								"= '', output_2 = '', changed_at " \
								"= " NOW ","                       \
								" state = CASE WHEN b.imsi = "     \
								"ANY((SELECT imsis FROM "          \
								"deleted)::bigint[])"              \
								"  THEN " RELEASED                 \
								" ELSE " REVOKED " END"            \
								" WHERE b.dimsi = "                \
								"ANY(ARRAY(SELECT dimsi FROM "     \
								"gone WHERE dimsi <> 0))"          \
								" AND b.imsi = ANY(ARRAY(SELECT "  \
								"imsi FROM gone))"                 \
								" AND b.state NOT IN (" RELEASED   \
								", " REVOKED                       \
								") RETURNING b.dimsi, b.imsi),"    \
								" owed AS ("                       \
								" INSERT INTO outbox"              \
								" (dimsi, number, imsi, due_at, "  \
								"tries, kind, output_1, "          \
								"output_2, uri)"                   \
								" SELECT i.dimsi, " OUTBOX_NUMBER  \
								", i.imsi, " NOW_MS                \
								", 0, " DELETE_PAIR ", " NO_OUTPUT \
								", " NO_OUTPUT                     \
								", (SELECT max(uri) FROM gone) "   \
								"FROM unbound i"                   \
								" WHERE (SELECT max(uri) FROM "    \
								"gone) <> ''),"                    \
								" nameless AS ("                   \
								" UPDATE access_ids a SET kdm = "  \
								"'', sealed = '',"                 \
								" state = CASE WHEN a.imsi = "     \
								"ANY((SELECT imsis FROM "          \
								"deleted)::bigint[])"              \
								"  THEN " ID_RELEASED              \
								" ELSE " ID_REVOKED " END"         \
								" WHERE a.imsi = "                 \
								"ANY(ARRAY(SELECT imsi FROM "      \
								"gone)) AND a.imsi <> 0"           \
								" AND a.state <> " ID_RELEASED     \
								"),"                               \
								" left_sessions AS ("              \
								" DELETE FROM companion_sessions " \
								"WHERE imsi = ANY(ARRAY(SELECT "   \
								"imsi FROM "                       \
								"gone))),"                         \
								" detached AS ("                   \
								" UPDATE pdu_sessions SET "        \
								"is_detached = true WHERE "        \
								"subject = ANY(ARRAY("             \
								"  SELECT eid FROM "               \
								"euicc_subscriptions WHERE imsi "  \
								"= ANY(ARRAY(SELECT imsi "         \
								"FROM gone))))"                    \
								" AND NOT is_detached),"           \
								" forgotten AS ("                  \
								" DELETE FROM euicc_subscriptions" \
								" WHERE imsi = ANY((SELECT imsis " \
								"FROM deleted)::bigint[])),"       \
								" rests AS ("                      \
								" INSERT INTO imsi_quarantine "    \
								"(imsi, until)"                    \
								" SELECT g.imsi, g.until FROM "    \
								"gone g WHERE g.becomes "          \
								"= " DESTROYED                     \
								" AND EXISTS (SELECT FROM "        \
								"imsi_pools p WHERE p.first <= "   \
								"g.imsi AND p.last >= "            \
								"g.imsi)"                          \
								" ON CONFLICT (imsi) DO UPDATE "   \
								"SET until = excluded.until)"

/* What it leaves in the trail; detail: an expression. */
#define LIFE_EVENT                                                                                \
	"(CASE becomes WHEN " SUSPENDED " THEN " EVENT_SUSPENDED " WHEN " ACTIVE                  \
	" THEN " EVENT_RESUMED " WHEN " REVOKED_NOW " THEN " EVENT_REVOKED " ELSE " EVENT_DELETED \
	" END)"
#define LIFE_OPERATION                                                 \
	"(CASE becomes WHEN " SUSPENDED " THEN 'suspend' WHEN " ACTIVE \
	" THEN 'resume' WHEN " REVOKED_NOW " THEN 'revoke' ELSE 'delete' END)"
#define LIFE_AUDITED(by)                                                                 \
	AUDITED("done_events", LIFE_EVENT, "0", "n", "actor", "imsi", "version", by,     \
		"(SELECT * FROM decided WHERE outcome = 0) d")                           \
	AUDITED("refused_events", EVENT_CHANGE_REFUSED, "outcome", "n", "actor", "imsi", \
		"coalesce(version, 0)", LIFE_OPERATION " || " by,                        \
		"(SELECT * FROM decided WHERE outcome <> 0) d")

/*
 * Re-keying: what becomes of each of `input` (n, imsi, from_mask, sealed, overlap_s, lifetime_s, actor). A
 * version that has this very key was made by an earlier try whose answer was lost. ends_at: when the one
 * that counts has served.
 */
#define REKEY_DECIDED                                                                              \
	", decided AS MATERIALIZED ("                                                              \
	" SELECT i.*, c.version, c.newest, c.dimsi, c.owner, c.kind, c.not_after,"                 \
	" coalesce(c.newest_sealed = i.sealed, false) AS is_repeated,"                             \
	" CASE WHEN c.imsi IS NULL THEN " NOT_FOUND_NOW "  WHEN c.newest_sealed = i.sealed THEN 0" \
	"  WHEN i.is_first AND NOT c.waits AND (i.from_mask >> c.state) & 1 = 1 THEN 0"            \
	"  ELSE " REFUSED_NOW " END AS outcome,"                                                   \
	" CASE WHEN (c.waits OR NOT i.is_first) AND c.newest_sealed <> i.sealed"                   \
	"  AND (i.from_mask >> c.state) & 1 = 1 THEN " PRE_ACTIVE " ELSE c.state END AS state,"    \
	" least(coalesce(nullif(c.retire_at, 0), " NEVER "), " NOW " + i.overlap_s) AS ends_at"    \
	" FROM (SELECT *, row_number() OVER (PARTITION BY imsi ORDER BY n) = 1 AS is_first"        \
	"  FROM input) i LEFT JOIN counting c USING (imsi) WHERE " ALL_WERE_SEEN "),"              \
	" due AS MATERIALIZED ("                                                                   \
	" SELECT * FROM decided WHERE outcome = 0 AND NOT is_repeated)"
#define REKEY_DONE(by)                                                                           \
	"," MANY_OF_DUE " made AS ("                                                             \
	" INSERT INTO credentials (imsi, dimsi, version, kind, owner, state, sealed, not_after," \
	" active_at, created_at, changed_at)"                                                    \
	" SELECT imsi, dimsi, newest + 1, CASE kind WHEN " EK " THEN " PROFILE " ELSE kind END," \
	" owner, CASE overlap_s WHEN 0 THEN " ACTIVE " ELSE " PRE_ACTIVE " END, sealed,"         \
	" CASE not_after WHEN 0 THEN 0 ELSE " NOW " + lifetime_s END,"                           \
	" CASE overlap_s WHEN 0 THEN 0 ELSE ends_at END, " NOW ", " NOW " FROM due),"            \
	" ending AS ("                                                                           \
	" UPDATE credentials c SET retire_at = m.ends_at,"                                       \
	" state = CASE m.overlap_s WHEN 0 THEN " RETIRED " ELSE c.state END,"                    \
	" changed_at = CASE m.overlap_s WHEN 0 THEN " NOW " ELSE c.changed_at END FROM many m"   \
	" WHERE c.imsi = ANY(ARRAY(SELECT imsi FROM due))"                                       \
	" AND c.imsi = m.imsi AND c.version = m.version)" AUDITED("done_events", EVENT_REKEYED,  \
		"0", "n", "actor", "imsi", "newest + 1", by, "due") AUDITED("refused_events",    \
		EVENT_CHANGE_REFUSED, "outcome", "n", "actor", "imsi", "coalesce(version, 0)",   \
		"'rekey' || " by, "(SELECT * FROM decided WHERE outcome <> 0) d")

#endif

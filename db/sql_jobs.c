/*
 * Operations on many subscriptions. A page of a job is one statement and one commit: what it changes, what
 * it refuses, and how far the job has come. So a crash repeats nothing and loses nothing, and a page that is
 * asked again after its answer was lost is the next page.
 */
#include "db/sql_life.h"

#define FIRST DB_PUT_JOB

#define OPEN      "0"
#define RUNNING   "1"
#define DONE      "2"
#define CANCELLED "3"
static_assert(JOB_OPEN == 0 && JOB_RUNNING == 1 && JOB_DONE == 2 && JOB_CANCELLED == 3,
	"the SQL says these as numbers");

#define TEXT_OF(number)      TEXT_OF_TOKEN(number)
#define TEXT_OF_TOKEN(token) #token

#define JOB(was_there)                                                                        \
	" j.id, j.number, j.operation::int4, j.state::int4, j.has_selection, " was_there      \
	", j.first, j.last, j.kind, j.in_state, j.owner, j.created_before, j.created_since,"  \
	" j.expires_before, j.overlap_s, j.items, j.cursor, j.done, j.refused, j.created_at," \
	" j.changed_at, j.actor "
#define JOB_COLUMNS                                                                            \
	FIXED(db_job, id), INT8(db_job, number), INT4(db_job, operation), INT4(db_job, state), \
		BOOL(db_job, has_selection), BOOL(db_job, was_there),                          \
		INT8(db_job, selection.first), INT8(db_job, selection.last),                   \
		INT4(db_job, selection.kind), INT4(db_job, selection.state),                   \
		INT8(db_job, selection.owner), INT8(db_job, selection.created_before),         \
		INT8(db_job, selection.created_since), INT8(db_job, selection.expires_before), \
		INT8(db_job, overlap_s), INT8(db_job, items), INT8(db_job, cursor),            \
		INT8(db_job, done), INT8(db_job, refused), INT8(db_job, created_at),           \
		INT8(db_job, changed_at), TEXT(db_job, actor)

/* A u64 of a packed row, at so many bytes behind its start. */
#define U64_AT(bytes, at) \
	"('x' || encode(substring(" bytes " FROM " at " FOR 8), 'hex'))::bit(64)::bigint"

/*
 * A job moves from one state to another, noted where it does; in any other state it is answered as it is. to:
 * what is set.
 */
#define KNOWN_JOB JOB("true")
#define JOB_DETAIL                                                                   \
	"encode(id, 'hex') || ' ' || (ARRAY['suspend', 'resume', 'revoke', 'rekey'," \
	" 'delete'])[operation + 1]"
#define JOB_NOTED(event) \
	AUDITED("noted", event, "0", "number", "$2::text", "0", "number", JOB_DETAIL, "moved")
#define MOVE_JOB(from, to, event)                                                    \
	"WITH before AS MATERIALIZED (SELECT * FROM jobs WHERE id = $1 FOR UPDATE)," \
	" moved AS ("                                                                \
	" UPDATE jobs SET changed_at = " NOW ", " to                                 \
	" WHERE id = (SELECT id FROM before WHERE state IN (" from                   \
	")) RETURNING *)" JOB_NOTED(event) " SELECT" KNOWN_JOB "FROM moved j"        \
					   " UNION ALL SELECT" KNOWN_JOB             \
					   "FROM before j WHERE j.state NOT IN (" from ")"

/*
 * What a job works at next, $1 its id and `most` how many: of a file what lies behind the cursor, of a
 * selection what fits among the next rows. A subscription of which nothing is left fits only where that
 * state is asked for.
 */
#define LOOKED_UPTO  UPTO("greatest(cursor, first - 1)")
#define FITS_THE_JOB FITS(c, "(SELECT ", " FROM job)")
#define NEXT_PAGE(most)                                                                        \
	" looked AS MATERIALIZED (SELECT CASE WHEN has_selection THEN " LOOKED_UPTO            \
	" END AS upto,"                                                                        \
	" CASE WHEN last < 0 THEN " NEVER " ELSE last END AS last FROM job),"                  \
	" page AS MATERIALIZED ("                                                              \
	" (SELECT place, imsi FROM job_items WHERE job = $1"                                   \
	"  AND place > (SELECT cursor FROM job WHERE NOT has_selection)"                       \
	"  ORDER BY place LIMIT " most ")"                                                     \
	" UNION ALL"                                                                           \
	" (SELECT c.imsi, c.imsi FROM credentials c"                                           \
	"  WHERE c.imsi > (SELECT greatest(cursor, first - 1) FROM job WHERE has_selection)"   \
	"  AND c.imsi <= (SELECT least(upto, last) FROM looked)"                               \
	"  AND" FITS_THE_JOB                                                                   \
	"  AND CASE (SELECT in_state FROM job) WHEN -1 THEN c.state <> " DESTROYED             \
	"   ELSE" STATE_OF_C "= (SELECT in_state FROM job) END"                                \
	"  AND" COUNTS_OF_C "ORDER BY c.imsi LIMIT " most ")),"                                \
	" reached AS MATERIALIZED (SELECT j.cursor,"                                           \
	"  (SELECT count(*) FROM page) < " most                                                \
	"  AND (l.upto IS NULL OR l.upto >= l.last) AS is_last,"                               \
	" CASE WHEN (SELECT count(*) FROM page) < " most " AND l.upto IS NOT NULL THEN l.upto" \
	"  ELSE coalesce((SELECT max(place) FROM page), j.cursor) END AS next_cursor"          \
	" FROM job j CROSS JOIN looked l)"

/* Who the events of a job's items name: who started it; nobody where there is no trail any more. */
#define BY_JOB(actor)                                                                           \
	"CASE WHEN " actor "::text IS NULL THEN NULL ELSE coalesce(nullif(j.actor, ''), " actor \
	") END"

/* What was refused is kept, and the job has come so far; the statement's end. */
#define JOB_MOVED_ON(next_cursor, is_last, worked_at)                                          \
	", kept AS ("                                                                          \
	" INSERT INTO job_items (job, place, imsi, outcome, state)"                            \
	" SELECT $1, n, imsi, outcome, coalesce(state, -1) FROM decided WHERE outcome <> 0"    \
	" ON CONFLICT (job, place) DO UPDATE SET outcome = excluded.outcome,"                  \
	" state = excluded.state),"                                                            \
	" counts AS MATERIALIZED (SELECT count(*) FILTER (WHERE outcome = 0) AS done,"         \
	" count(*) FILTER (WHERE outcome <> 0) AS refused FROM decided)"                       \
	" UPDATE jobs j SET cursor = " next_cursor ", changed_at = " NOW ","                   \
	" worked_at = " worked_at ", done = j.done + c.done, refused = j.refused + c.refused," \
	" items = j.items + CASE WHEN j.has_selection THEN c.done + c.refused ELSE 0 END,"     \
	" state = CASE WHEN " is_last " THEN " DONE " ELSE j.state END"                        \
	" FROM counts c WHERE j.id = (SELECT id FROM job)"                                     \
	" RETURNING c.done, c.refused, j.state = " DONE

const struct statement sql_jobs[] = {
	[DB_PUT_JOB - FIRST] = {
		.name = "put_job",
		.kind = ONE,
		.sql = "INSERT INTO jobs AS j (id, operation, state, has_selection, first, last, kind,"
			" in_state, owner, created_before, created_since, expires_before, overlap_s,"
			" items, cursor, done, refused, created_at, changed_at, worked_at, actor)"
			" VALUES ($1, $2, " OPEN ", $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0,"
			" CASE WHEN $3 THEN -1 ELSE 0 END, 0, 0, " NOW ", " NOW ", 0, coalesce($13, ''))"
			" ON CONFLICT (id) DO UPDATE SET id = j.id"
			" RETURNING" JOB("xmax <> 0"),
		.in = { FIXED(db_job_in, id), INT4(db_job_in, operation),
			BOOL(db_job_in, has_selection), INT8(db_job_in, selection.first),
			INT8(db_job_in, selection.last), INT4(db_job_in, selection.kind),
			INT4(db_job_in, selection.state), INT8(db_job_in, selection.owner),
			INT8(db_job_in, selection.created_before),
			INT8(db_job_in, selection.created_since),
			INT8(db_job_in, selection.expires_before), INT8(db_job_in, overlap_s), ACTOR },
		.out = { JOB_COLUMNS },
	},
	/* What is there already is left as it is; where it is another's, the statement fails. */
	[DB_ADD_JOB_ITEMS - FIRST] = {
		.name = "add_job_items",
		.kind = ONE,
		.sql = "WITH job AS MATERIALIZED ("
			" SELECT id FROM jobs WHERE id = $1 AND state = " OPEN
			" AND NOT has_selection FOR UPDATE),"
			" given AS MATERIALIZED ("
			" SELECT " U64_AT("$2", "i * 16 + 1") " AS place,"
			" " U64_AT("$2", "i * 16 + 9") " AS imsi"
			" FROM generate_series(0, length($2) / 16 - 1) i),"
			" added AS ("
			" INSERT INTO job_items AS j (job, place, imsi, outcome, state)"
			" SELECT $1, place, imsi, 0, -1 FROM given WHERE EXISTS (SELECT FROM job)"
			" ON CONFLICT (job, place) DO UPDATE SET imsi = j.imsi"
			" WHERE CASE WHEN j.imsi = excluded.imsi THEN false"
			"  ELSE arpf_raise('23505', 'a place of a job is another''s') END"
			" RETURNING 1),"
			" counted AS ("
			" UPDATE jobs SET items = items + (SELECT count(*) FROM added), changed_at = " NOW
			" WHERE id = (SELECT id FROM job))"
			" SELECT (SELECT count(*) FROM added) FROM job",
		.in = { FIXED(db_job_items_in, job), BYTE(db_job_items_in, items) },
		.out = { INT8(db_job_items_added, added) },
	},
	[DB_START_JOB - FIRST] = {
		.name = "start_job",
		.kind = ONE,
		.sql = MOVE_JOB(OPEN, "state = " RUNNING ", actor = coalesce($2, actor)",
			EVENT_JOB_STARTED),
		.in = { FIXED(db_job_key, id), ACTOR },
		.out = { JOB_COLUMNS },
	},
	[DB_CANCEL_JOB - FIRST] = {
		.name = "cancel_job",
		.kind = ONE,
		.sql = MOVE_JOB(OPEN ", " RUNNING, "state = " CANCELLED, EVENT_JOB_CANCELLED),
		.in = { FIXED(db_job_key, id), ACTOR },
		.out = { JOB_COLUMNS },
	},
	[DB_FIND_JOB - FIRST] = {
		.name = "find_job",
		.kind = ONE,
		.sql = "SELECT" JOB("true") "FROM jobs j WHERE j.id = $1",
		.in = { FIXED(db_job_key, id) },
		.out = { JOB_COLUMNS },
	},
	[DB_LIST_JOBS - FIRST] = {
		.name = "list_jobs",
		.kind = LIST,
		.sql = "WITH looked AS MATERIALIZED ("
			" SELECT CASE WHEN $3 THEN " UPTO_OF("jobs", "number", "$1") " END AS upto),"
			" found AS MATERIALIZED ("
			" SELECT * FROM jobs j WHERE j.number > $1"
			" AND j.number <= coalesce((SELECT upto FROM looked), " NEVER ")"
			" AND ($4 < 0 OR j.state = $4) AND ($5 < 0 OR j.operation = $5)"
			" AND j.created_at >= $6 AND ($7 = 0 OR j.created_at < $7)"
			" ORDER BY j.number LIMIT $2)"
			" SELECT" JOB("true") "FROM found j UNION ALL"
			" SELECT" JOB("false") "FROM jobs j WHERE j.number = (SELECT upto FROM looked)"
			" AND (SELECT count(*) FROM found) < $2 ORDER BY 2, 6 DESC",
		.in = { INT8(db_jobs_page, after), INT8(db_jobs_page, limit),
			BOOL(db_jobs_page, is_filtered), INT4(db_jobs_page, state),
			INT4(db_jobs_page, operation), INT8(db_jobs_page, created_since),
			INT8(db_jobs_page, created_before) },
		.out = { JOB_COLUMNS },
	},
	[DB_LIST_JOB_REFUSALS - FIRST] = {
		.name = "list_job_refusals",
		.kind = LIST,
		.sql = "SELECT place, imsi, outcome::int4, state::int4 FROM job_items"
			" WHERE job = $1 AND place > $2 AND outcome <> 0 ORDER BY place LIMIT $3",
		.in = { FIXED(db_job_page, job), INT8(db_job_page, after),
			INT8(db_job_page, limit) },
		.out = { INT8(db_job_item, place), INT8(db_job_item, imsi),
			INT4(db_job_item, outcome), INT4(db_job_item, state) },
	},
	[DB_NEXT_JOB - FIRST] = {
		.name = "next_job",
		.kind = ONE,
		.sql = "UPDATE jobs j SET worked_at = " NOW_MS " WHERE id = (SELECT id FROM jobs"
			" WHERE state = " RUNNING " AND (operation <> $1 OR worked_at <= " NOW_MS
			" - " TEXT_OF(DB_REKEY_CLAIM_MS) ")"
			" ORDER BY worked_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
			" RETURNING" JOB("true"),
		.in = { INT4(db_next_job_in, rekeying) },
		.out = { JOB_COLUMNS },
	},
	[DB_WORK_JOB - FIRST] = {
		.name = "work_job",
		.kind = ONE,
		.sql = "WITH job AS MATERIALIZED ("
			" SELECT * FROM jobs WHERE id = $1 AND state = " RUNNING
			" FOR UPDATE SKIP LOCKED),"
			NEXT_PAGE("$6")
			", input AS MATERIALIZED ("
			" SELECT p.place AS n, p.imsi, $2::int4 AS from_mask, $3::int4 AS becomes,"
			" $4::boolean AS is_final, $5::bigint AS until, $7::text AS uri, "
			BY_JOB("$8") " AS actor FROM page p CROSS JOIN job j)"
			LIFE_LOCKED LIFE_DECIDED LIFE_DONE("$3", "$2")
			LIFE_AUDITED("' ' || encode($1, 'hex')")
			JOB_MOVED_ON("(SELECT next_cursor FROM reached)",
				"(SELECT is_last FROM reached)", NOW_MS),
		.in = { FIXED(db_work_in, job), INT4(db_work_in, from_mask), INT4(db_work_in, to),
			BOOL(db_work_in, is_final), INT8(db_work_in, quarantine_until),
			INT8(db_work_in, limit), TEXT(db_work_in, d_ausf_uri), ACTOR },
		.out = { INT8(db_worked, done), INT8(db_worked, refused),
			BOOL(db_worked, is_over) },
	},
	[DB_LIST_JOB_WORK - FIRST] = {
		.name = "list_job_work",
		.kind = LIST,
		.sql = "WITH job AS MATERIALIZED ("
			" SELECT * FROM jobs WHERE id = $1 AND state = " RUNNING "),"
			NEXT_PAGE("$2")
			" SELECT coalesce(p.place, -1), coalesce(p.imsi, -1), r.cursor, r.next_cursor,"
			" j.overlap_s, r.is_last FROM job j CROSS JOIN reached r"
			" LEFT JOIN page p ON true ORDER BY 1",
		.in = { FIXED(db_work_in, job), INT8(db_work_in, limit) },
		.out = { INT8(db_rekey_item, place), INT8(db_rekey_item, imsi),
			INT8(db_rekey_item, cursor), INT8(db_rekey_item, next_cursor),
			INT8(db_rekey_item, overlap_s), BOOL(db_rekey_item, is_last) },
	},
	/* It is free for whoever comes next. */
	[DB_REKEY_PAGE - FIRST] = {
		.name = "rekey_page",
		.kind = ONE,
		.sql = "WITH job AS MATERIALIZED ("
			" SELECT * FROM jobs WHERE id = $1 AND state = " RUNNING
			" AND cursor = $2 FOR UPDATE),"
			" input AS MATERIALIZED ("
			" SELECT " U64_AT("$7", "i * (16 + $5) + 1") " AS n,"
			" " U64_AT("$7", "i * (16 + $5) + 9") " AS imsi,"
			" substring($7 FROM i * (16 + $5) + 17 FOR $5) AS sealed,"
			" $4::int4 AS from_mask, $6::bigint AS lifetime_s, j.overlap_s, "
			BY_JOB("$9") " AS actor"
			" FROM job j CROSS JOIN generate_series(0, length($7) / (16 + $5) - 1) i)"
			LIFE_LOCKED REKEY_DECIDED REKEY_DONE("' ' || encode($1, 'hex')")
			JOB_MOVED_ON("$3", "$8", NOW_MS " - " TEXT_OF(DB_REKEY_CLAIM_MS)),
		.in = { FIXED(db_rekey_page_in, job), INT8(db_rekey_page_in, cursor),
			INT8(db_rekey_page_in, next_cursor), INT4(db_rekey_page_in, from_mask),
			INT4(db_rekey_page_in, sealed_len), INT8(db_rekey_page_in, lifetime_s),
			BYTE(db_rekey_page_in, items), BOOL(db_rekey_page_in, is_last), ACTOR },
		.out = { INT8(db_worked, done), INT8(db_worked, refused),
			BOOL(db_worked, is_over) },
	},
	/*
	 * $1 rows of each kind. All versions are locked, in the order of their key, as wherever they change.
	 * What was suspended meanwhile stays so in its new version. A new version becomes active some seconds
	 * early: nobody shall find the old one retired, and the new one not yet there.
	 */
	[DB_NOTE_OVERDUE - FIRST] = {
		.name = "note_overdue",
		.kind = ONE,
		.sql = "WITH due AS MATERIALIZED ("
			" SELECT DISTINCT imsi FROM (SELECT imsi FROM credentials"
			"  WHERE state = " PRE_ACTIVE " AND active_at <> 0 AND active_at <= " NOW
			" + " TEXT_OF(DB_ACTIVE_EARLY_S) " ORDER BY active_at LIMIT $1) w),"
			" locked AS MATERIALIZED ("
			" SELECT imsi, version, state, active_at FROM credentials"
			" WHERE imsi = ANY(ARRAY(SELECT imsi FROM due)) ORDER BY imsi, version"
			" FOR UPDATE),"
			" waiting AS MATERIALIZED ("
			" SELECT w.imsi, w.version, coalesce((SELECT max(o.state) FROM locked o"
			"  WHERE o.imsi = w.imsi AND o.state IN (" SUSPENDED ", " REVOKED_NOW ")), " ACTIVE
			"  ) AS becomes FROM locked w"
			" WHERE w.state = " PRE_ACTIVE " AND w.active_at <> 0),"
			" activated AS ("
			" UPDATE credentials c SET changed_at = " NOW ", active_at = 0,"
			" state = CASE WHEN c.state <> " PRE_ACTIVE " THEN " RETIRED
			"  WHEN c.imsi = ANY(ARRAY(SELECT imsi FROM waiting WHERE becomes = " REVOKED_NOW
			"  )) THEN " REVOKED_NOW
			"  WHEN c.imsi = ANY(ARRAY(SELECT imsi FROM waiting WHERE becomes = " SUSPENDED
			"  )) THEN " SUSPENDED " ELSE " ACTIVE " END"
			" WHERE c.imsi = ANY(ARRAY(SELECT imsi FROM waiting))"
			" AND c.state IN (" PRE_ACTIVE ", " ACTIVE ", " SUSPENDED ")"
			" AND (c.state <> " PRE_ACTIVE " OR c.active_at <> 0)),"
			" over AS MATERIALIZED ("
			" SELECT imsi, version, not_after FROM credentials c"
			" WHERE state = " ACTIVE " AND not_after <> 0 AND overdue_at = 0"
			" AND not_after <= " NOW " ORDER BY not_after LIMIT $1 FOR UPDATE SKIP LOCKED),"
			" noted AS ("
			" UPDATE credentials c SET overdue_at = " NOW
			" WHERE c.imsi = ANY(ARRAY(SELECT imsi FROM over)) AND c.state = " ACTIVE
			" AND c.not_after <> 0 AND c.not_after <= " NOW " AND c.overdue_at = 0"
			" AND c.imsi <> ALL(ARRAY(SELECT imsi FROM waiting))"
			" RETURNING c.imsi, c.version," STATE_NOW(c) "AS state)"
			AUDITED("active_events", EVENT_ACTIVATED, "0", "row_number() OVER ()", "$2::text",
				"imsi", "version", "''", "waiting")
			AUDITED("overdue_events", EVENT_OVERDUE, "0", "row_number() OVER ()", "$2::text",
				"imsi", "version", "''",
				"(SELECT * FROM noted WHERE state = " OVERDUE ") o")
			" SELECT (SELECT count(*) FROM noted), (SELECT count(*) FROM waiting)",
		.in = { INT8(db_sweep_in, limit), ACTOR },
		.out = { INT8(db_noted, overdue), INT8(db_noted, activated) },
	},
};
static_assert(
	sizeof(sql_jobs) / sizeof(sql_jobs[0]) == DB_NOTE_OVERDUE + 1 - FIRST, "one row each");

/*
 * Statements are prepared when a connection is made, perhaps while tables are still empty. No plan may
 * then read a whole table of those that grow with the devices, nor read rows in another order than
 * their key's, in which batches lock them.
 */
#include <check.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/rows.h"
#include "tests/integration/db_world.h"

static struct postgres_world *postgres;
static PGconn *pg;

static void open_connection(void)
{
	ck_assert(postgres_world_clear(postgres));
	pg = PQconnectdb(postgres_world_conninfo(postgres));
	/* as db/connection.c greets */
	PGresult *result = PQexec(pg, "SET plan_cache_mode = force_generic_plan;"
				      " SET enable_seqscan = off; SET enable_bitmapscan = off;"
				      " SET jit = off");
	ck_assert_int_eq(PQresultStatus(result), PGRES_COMMAND_OK);
	PQclear(result);
}

static void close_connection(void)
{
	PQfinish(pg);
}

static void prepare(const struct statement *s, int *count)
{
	Oid types[COLUMNS_MAX];
	PGresult *result;

	*count = parameter_types(s, types);
	result = PQprepare(pg, s->name, s->sql, *count, types);
	ck_assert_msg(
		PQresultStatus(result) == PGRES_COMMAND_OK, "%s: %s", s->name, PQerrorMessage(pg));
	PQclear(result);
}

/* Its columns are as many as the table of statements reads. */
static void check_columns(const struct statement *s)
{
	PGresult *result = PQdescribePrepared(pg, s->name);
	int expected = s->kind == MANY_KEYED;

	while (s->out[expected - (s->kind == MANY_KEYED)].type != COLUMN_NONE)
		expected++;
	if (s->out[0].type != COLUMN_NONE || s->kind == MANY_KEYED)
		ck_assert_msg(PQnfields(result) == expected, "%s has %d columns", s->name,
			PQnfields(result));
	PQclear(result);
}

static bool is_of_growing_table(const char *line)
{
	static const char *const tables[] = { "bindings", "credentials", "dausf_pairs",
		"endorsements", "imsi_quarantine", "companion_sessions", "access_ids",
		"headless_devices", "device_attaches", "pdu_sessions", "downloads",
		"euicc_subscriptions", "job_items" };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (strstr(line, tables[i]) != NULL)
			return true;
	return false;
}

/* What reads an index whole, in its order, has no condition on its next line: only lists may. */
static bool reads_whole(const struct statement *s, const char *line, const char *next)
{
	if (!is_of_growing_table(line))
		return false;
	if (strstr(line, "Seq Scan") != NULL || strstr(line, "Bitmap") != NULL)
		return true;
	return s->kind != LIST && strstr(line, "Scan") != NULL && strstr(line, " using ") != NULL &&
	       strstr(next, "Index Cond") == NULL;
}

/* A join that compares all of a batch's keys again for each of its rows: a key is looked up by both. */
static bool looks_up_twice(const char *line)
{
	const char *any = strstr(line, " = ANY (");
	char column[64];
	int len = 0;

	if (strstr(line, "Index Cond: ") == NULL || any == NULL)
		return false;
	while (any - len > line && any[-len - 1] != '(' && any[-len - 1] != ' ')
		len++;
	snprintf(column, sizeof(column), "(%.*s = ", len, any - len);
	const char *first = strstr(line, column);
	return first != NULL && strstr(first + 1, column) != NULL;
}

/* What the list is told of the time bounds its index: as a filter it would let a page read all there is. */
static bool bounds_the_time(const char *line)
{
	return strstr(line, "Index Cond: ") != NULL && strstr(line, "(not_after < CASE") != NULL &&
	       strstr(line, "> ROW(GREATEST(") != NULL;
}

static void check_plan(const struct statement *s, int count)
{
	char sql[200];
	int len = snprintf(sql, sizeof(sql), "EXPLAIN (COSTS OFF) EXECUTE %s", s->name);
	int bounded = 0;

	for (int i = 0; i < count; i++)
		len += snprintf(sql + len, sizeof(sql) - (size_t)len, i > 0 ? ", NULL" : "(NULL");
	snprintf(sql + len, sizeof(sql) - (size_t)len, count > 0 ? ")" : "");
	PGresult *result = PQexec(pg, sql);
	ck_assert_msg(
		PQresultStatus(result) == PGRES_TUPLES_OK, "%s: %s", s->name, PQerrorMessage(pg));
	for (int i = 0; i < PQntuples(result); i++) {
		const char *line = PQgetvalue(result, i, 0);
		const char *next = i + 1 < PQntuples(result) ? PQgetvalue(result, i + 1, 0) : "";

		ck_assert_msg(!reads_whole(s, line, next), "%s: %s", s->name, line);
		ck_assert_msg(!looks_up_twice(line), "%s: %s", s->name, line);
		bounded += bounds_the_time(line);
	}
	if (s == statement_of(DB_LIST_OVERDUE))
		ck_assert_int_eq(bounded, 2); /* where it looks, and what it finds */
	PQclear(result);
}

START_TEST(no_plan_reads_a_table_whole)
{
	int counts[DB_STATEMENT_COUNT];

	for (unsigned i = 0; i < DB_STATEMENT_COUNT; i++) {
		const struct statement *s = statement_of((enum db_statement)i);

		prepare(s, &counts[i]);
		check_columns(s);
		check_plan(s, counts[i]);
	}
	/* The same once there are rows, and the planner knows. */
	ck_assert(postgres_world_run(postgres,
		"INSERT INTO credentials (imsi, dimsi, created_at, changed_at, version, state, "
		"sealed)"
		" SELECT g, g, 0, 0, 1, 1, 'sealed' FROM generate_series(1, 20000) g;"
		"INSERT INTO access_ids SELECT decode(md5(g::text), 'hex'), g, 0, 0, 0, 1, 0, 2, "
		"'',"
		" '', '', '' FROM generate_series(1, 20000) g;"
		"INSERT INTO companion_sessions SELECT g, 0, g, g::text, 'kept'"
		" FROM generate_series(1, 20000) g;"
		"INSERT INTO pdu_sessions SELECT g::text, decode(md5(g::text), 'hex'), '', 0, g, "
		"false"
		" FROM generate_series(1, 20000) g;"
		"INSERT INTO downloads SELECT decode(md5(g::text), 'hex'), 0, g, g, 1, 1, g::text, "
		"'', "
		"'', '', '', '', 'kn', '', '', '', '', '', 0, 0 FROM generate_series(1, 20000) g; "
		"ANALYZE"));
	for (unsigned i = 0; i < DB_STATEMENT_COUNT; i++)
		check_plan(statement_of((enum db_statement)i), counts[i]);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		no_plan_reads_a_table_whole,
	};
	struct db_suite suite = {
		.name = "db_plans",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_connection,
		.close = close_connection,
	};

	return db_suite_run(&suite, &postgres);
}

/* The schema: from empty, step by step, twice at once, and a database newer than the program. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/migrate.h"
#include "db/migrations.h"
#include "tests/integration/db_world.h"

static struct postgres_world *postgres;
static char conninfo[200], other_conninfo[200];

/* All that makes up a schema, as one text. */
static const char catalog[] =
	"SELECT string_agg(line, chr(10) ORDER BY line) FROM ("
	" SELECT format('column %s.%s %s %s %s %s', c.relname, a.attname, a.attnum,"
	"  format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity) ||"
	"  coalesce((SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d"
	"   WHERE d.adrelid = c.oid AND d.adnum = a.attnum), '') AS line"
	"  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
	"  WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped"
	" UNION ALL SELECT format('relation %s %s %s', relname, relkind, reloptions) FROM pg_class"
	"  WHERE relnamespace = 'public'::regnamespace"
	" UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'"
	" UNION ALL SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid))"
	"  FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
	" UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM pg_trigger t"
	"  WHERE NOT tgisinternal"
	" UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc"
	"  WHERE pronamespace = 'public'::regnamespace"
	" UNION ALL SELECT 'version ' || version FROM schema_version) all_lines";

static void make_databases(void)
{
	ck_assert(postgres_world_run(postgres, "CREATE DATABASE one"));
	ck_assert(postgres_world_run(postgres, "CREATE DATABASE other"));
	snprintf(conninfo, sizeof(conninfo), "%s dbname=one", postgres_world_conninfo(postgres));
	snprintf(other_conninfo, sizeof(other_conninfo), "%s dbname=other",
		postgres_world_conninfo(postgres));
}

static void drop_databases(void)
{
	ck_assert(postgres_world_run(postgres, "DROP DATABASE one"));
	ck_assert(postgres_world_run(postgres, "DROP DATABASE other"));
}

static int lines_said(const char *to)
{
	char *text = NULL;
	size_t len = 0;
	int lines = 0;
	FILE *said = open_memstream(&text, &len);

	ck_assert_int_eq(db_migrate(to, said), FINE);
	fclose(said);
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	free(text);
	return lines;
}

START_TEST(from_empty_once_and_again)
{
	ck_assert_int_ge(db_schema_version(), 1);
	ck_assert_int_eq(lines_said(conninfo), db_schema_version());
	ck_assert_int_eq(lines_said(conninfo), 0);
}
END_TEST

static void run(const char *to, const char *sql)
{
	char *done = postgres_world_text_in(to, sql);

	ck_assert_ptr_nonnull(done);
	free(done);
}

/* A database that came up version by version is the same as a fresh one. */
START_TEST(a_fresh_and_a_migrated_schema_are_the_same)
{
	char sql[160];

	ck_assert_int_eq(lines_said(conninfo), db_schema_version());
	run(other_conninfo, "CREATE TABLE schema_version (version integer NOT NULL PRIMARY KEY,"
			    " applied_at timestamptz NOT NULL)");
	for (int i = 0; i < migration_count; i++) {
		run(other_conninfo, migrations[i].sql);
		snprintf(sql, sizeof(sql), "INSERT INTO schema_version VALUES (%d, now())",
			migrations[i].version);
		run(other_conninfo, sql);
	}
	ck_assert_int_eq(lines_said(other_conninfo), 0);
	char *fresh = postgres_world_text_in(conninfo, catalog);
	char *migrated = postgres_world_text_in(other_conninfo, catalog);
	ck_assert_uint_gt(strlen(fresh), 1000);
	ck_assert_str_eq(fresh, migrated);
	free(fresh);
	free(migrated);
}
END_TEST

/* A database of the first version with what it may hold: nothing of it is lost. */
START_TEST(an_old_database_keeps_its_rows)
{
	ck_assert_int_eq(lines_said(conninfo), db_schema_version());
	run(other_conninfo, "CREATE TABLE schema_version (version integer NOT NULL PRIMARY KEY,"
			    " applied_at timestamptz NOT NULL)");
	run(other_conninfo, migrations[0].sql);
	run(other_conninfo, "INSERT INTO schema_version VALUES (1, now())");
	run(other_conninfo,
		"INSERT INTO bindings VALUES (1, 2, 3, 4, 5, 2, 'SE', 'hash', 'one', 'two');"
		"INSERT INTO credentials SELECT g, 1, 2, 3, 1, 1, 'sealed'"
		" FROM generate_series(2, 1001) g");
	ck_assert_int_eq(lines_said(other_conninfo), db_schema_version() - 1);
	char *fresh = postgres_world_text_in(conninfo, catalog);
	char *migrated = postgres_world_text_in(other_conninfo, catalog);
	ck_assert_str_eq(fresh, migrated);
	free(fresh);
	free(migrated);
	char *rows = postgres_world_text_in(other_conninfo,
		"SELECT format('%s %s', (SELECT count(*) FROM bindings), count(*))"
		" FROM credentials WHERE sealed = 'sealed' AND state = 1 AND sqn = 0"
		" AND not_after = 0 AND retire_at = 0 AND authenticated_at = 0"
		" AND refused_at = 0 AND owner = 0 AND kind = 0");
	ck_assert_str_eq(rows, "1 1000");
	free(rows);
}
END_TEST

START_TEST(a_newer_database_is_left_alone)
{
	ck_assert_int_eq(lines_said(conninfo), db_schema_version());
	run(conninfo, "INSERT INTO schema_version VALUES (9999, now())");
	ck_assert_int_eq(db_migrate(conninfo, stderr), CONFLICT);
}
END_TEST

static void *migrate_in_thread(void *outcome)
{
	*(enum outcome *)outcome = db_migrate(conninfo, stderr);
	return NULL;
}

START_TEST(two_at_once)
{
	enum { THREADS = 4 };
	enum outcome outcomes[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, migrate_in_thread, &outcomes[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(outcomes[i], FINE);
	}
	ck_assert_int_eq(lines_said(conninfo), 0);
}
END_TEST

/* A migration that fails leaves nothing of itself. */
START_TEST(a_failed_migration_leaves_nothing)
{
	run(conninfo, "CREATE TABLE imsi_quarantine (x integer)");
	ck_assert_int_eq(db_migrate(conninfo, stderr), BROKEN);
	char *tables = postgres_world_text_in(conninfo,
		"SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables"
		" WHERE schemaname = 'public'");
	ck_assert_str_eq(tables, "imsi_quarantine schema_version");
	free(tables);
}
END_TEST

START_TEST(no_server)
{
	ck_assert_int_eq(db_migrate("host=/nonexistent dbname=x", stderr), DATABASE_UNAVAILABLE);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		from_empty_once_and_again,
		a_fresh_and_a_migrated_schema_are_the_same,
		an_old_database_keeps_its_rows,
		a_newer_database_is_left_alone,
		two_at_once,
		a_failed_migration_leaves_nothing,
		no_server,
	};
	struct db_suite suite = {
		.name = "db_migrate",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = make_databases,
		.close = drop_databases,
		.without_schema = true,
	};

	return db_suite_run(&suite, &postgres);
}

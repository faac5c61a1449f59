#include "db/migrate.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"
#include "db/migrations.h"

/* Any number nobody else takes an advisory lock by in this database; "arpf". */
#define LOCK "1634890854"

static enum outcome fail(PGconn *pg, const char *doing)
{
	char word[200];

	log_error("migration_failed", "doing=%s reason=%s", doing,
		log_value(PQerrorMessage(pg), word, sizeof(word)));
	return PQstatus(pg) == CONNECTION_OK ? BROKEN : DATABASE_UNAVAILABLE;
}

static bool run(PGconn *pg, const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	bool is_fine = PQresultStatus(result) == PGRES_COMMAND_OK ||
		       PQresultStatus(result) == PGRES_TUPLES_OK;

	PQclear(result);
	return is_fine;
}

static bool read_version(PGconn *pg, int *version)
{
	PGresult *result = PQexec(pg, "SELECT coalesce(max(version), 0) FROM schema_version");
	bool is_fine = PQresultStatus(result) == PGRES_TUPLES_OK;

	if (is_fine)
		*version = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	return is_fine;
}

static enum outcome apply(PGconn *pg, const struct migration *m)
{
	char insert[128];

	snprintf(insert, sizeof(insert),
		"INSERT INTO schema_version (version, applied_at) VALUES (%d, now())", m->version);
	if (run(pg, "BEGIN") && run(pg, m->sql) && run(pg, insert) && run(pg, "COMMIT"))
		return FINE;
	return fail(pg, m->name);
}

/* Two at once: the second waits, and finds nothing left to do. */
static enum outcome bring_up_to_date(PGconn *pg, FILE *said)
{
	int version = 0;

	if (!run(pg, "SET client_min_messages = warning; SELECT pg_advisory_lock(" LOCK ")") ||
		!run(pg,
			"CREATE TABLE IF NOT EXISTS schema_version ("
			"version integer NOT NULL PRIMARY KEY, applied_at timestamptz NOT NULL)") ||
		!read_version(pg, &version))
		return fail(pg, "reading_the_version");
	if (version > migration_count) {
		log_error("migration_refused", "database_version=%d program_version=%d", version,
			migration_count);
		return CONFLICT;
	}
	for (int i = version; i < migration_count; i++) {
		enum outcome o = apply(pg, &migrations[i]);

		if (o != FINE)
			return o;
		fprintf(said, "applied migration %s\n", migrations[i].name);
	}
	return FINE;
}

enum outcome db_migrate(const char *conninfo, FILE *said)
{
	PGconn *pg = PQconnectdb(conninfo);
	enum outcome o;

	if (PQstatus(pg) == CONNECTION_OK)
		o = bring_up_to_date(pg, said);
	else
		o = fail(pg, "connecting");
	/* Ending the session releases the lock. */
	PQfinish(pg);
	return o;
}

int db_schema_version(void)
{
	return migration_count;
}

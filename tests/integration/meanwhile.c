#include "tests/integration/meanwhile.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

#define LOOKS   6000
#define LOOK_US 10000

static bool run_sql(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);

	PQclear(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static bool somebody_waits(PGconn *connection)
{
	PGresult *result =
		PQexec(connection, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted");
	bool waits = PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), "t") == 0;

	PQclear(result);
	return waits;
}

static void *commit_when_waited_for(void *meanwhile)
{
	struct meanwhile *m = meanwhile;

	for (int i = 0; i < LOOKS && !m->was_waited_for; i++) {
		usleep(LOOK_US);
		m->was_waited_for = somebody_waits(m->connection);
	}
	m->is_done = run_sql(m->connection, "COMMIT");
	return NULL;
}

void meanwhile_begin(struct meanwhile *m, struct postgres_world *postgres, const char *sql)
{
	*m = (struct meanwhile){ .connection = PQconnectdb(postgres_world_conninfo(postgres)) };
	ck_assert(run_sql(m->connection, "BEGIN"));
	ck_assert_msg(run_sql(m->connection, sql), "%s", PQerrorMessage(m->connection));
	ck_assert_int_eq(pthread_create(&m->thread, NULL, commit_when_waited_for, m), 0);
}

void meanwhile_end(struct meanwhile *m)
{
	pthread_join(m->thread, NULL);
	PQfinish(m->connection);
	ck_assert(m->was_waited_for);
	ck_assert(m->is_done);
}

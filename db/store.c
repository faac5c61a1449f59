#include "db/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static void log_failure(const char *event, const char *message)
{
	char text[300];

	log_error(event, "detail=%s", log_value(message, text, sizeof(text)));
}

PGconn *store_open(const char *conninfo)
{
	PGconn *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) == CONNECTION_OK)
		return conn;
	log_failure("database_not_reached", PQerrorMessage(conn));
	PQfinish(conn);
	return NULL;
}

enum outcome store_look_at(PGresult *result, long *rows)
{
	ExecStatusType status = PQresultStatus(result);
	enum outcome o = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
				 ? FINE
				 : DATABASE_UNAVAILABLE;

	if (o != FINE)
		log_failure("statement_failed", PQresultErrorMessage(result));
	if (rows != NULL)
		*rows = strtol(PQcmdTuples(result), NULL, 10);
	PQclear(result);
	return o;
}

enum outcome store_do(PGconn *conn, const char *sql)
{
	return store_look_at(PQexec(conn, sql), NULL);
}

enum outcome store_record(
	PGconn *conn, const char *actor, enum audit_action action, const char *detail)
{
	static const char record[] =
		"INSERT INTO audit_events"
		" (xid, number, at_ms, action, outcome, subject, related, actor, detail)"
		" SELECT x.id, (SELECT count(*) + 1 FROM audit_events e WHERE e.xid = x.id) * 100"
		" + $1::text::int, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,"
		" $1::text::smallint, 0, 0, 0, $2, left($3, 256)"
		" FROM (SELECT pg_current_xact_id()::text::bigint AS id) x";
	char number[16];
	const char *values[] = { number, actor, detail };

	if (actor == NULL)
		return FINE;
	snprintf(number, sizeof(number), "%d", (int)action);
	return store_look_at(PQexecParams(conn, record, 3, NULL, values, NULL, NULL, 0), NULL);
}

int64_t store_integer(const PGresult *r, int row, int column)
{
	struct bytes field = store_bytes(r, row, column);
	uint32_t narrow = 0;
	uint64_t wide = 0;

	if (field.len == sizeof(narrow)) {
		(void)bytes_take_u32(&field, &narrow);
		return (int32_t)narrow;
	}
	(void)bytes_take_u64(&field, &wide);
	return (int64_t)wide;
}

struct bytes store_bytes(const PGresult *r, int row, int column)
{
	return bytes_of(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column));
}

void store_copy(const PGresult *r, int row, int column, void *to, size_t size)
{
	struct bytes from = store_bytes(r, row, column);

	memcpy(to, from.at, from.len < size ? from.len : size);
}

bool store_copy_whole(const PGresult *r, int row, int column, void *to, size_t size)
{
	store_copy(r, row, column, to, size);
	return store_bytes(r, row, column).len == size;
}

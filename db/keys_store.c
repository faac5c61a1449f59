#include "db/keys_store.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "base/log.h"

static const char store_key[] =
	"INSERT INTO arpf_keys (key_id, use, generation, created_at, label, certificate, chain) "
	"VALUES ($1, $2::text::smallint, $3::text::integer, extract(epoch FROM now())::bigint, $4, "
	"$5, $6) "
	"ON CONFLICT (key_id) DO UPDATE SET use = excluded.use, generation = excluded.generation, "
	"label = excluded.label, certificate = excluded.certificate, chain = excluded.chain";

static const char list_keys[] =
	"SELECT key_id, int4(use), generation, created_at, retired, label, certificate, chain "
	"FROM arpf_keys ORDER BY use, generation DESC";

/* The newest key of a use is what peers are given and what is signed with: it has to have a successor. */
static const char retire_key[] =
	"UPDATE arpf_keys k SET retired = true WHERE key_id = $1 AND EXISTS "
	"(SELECT FROM arpf_keys n WHERE n.use = k.use AND n.generation > k.generation "
	"AND NOT n.retired)";
static const char find_key[] = "SELECT FROM arpf_keys WHERE key_id = $1";

static void log_failure(const char *event, const char *message)
{
	char text[300];

	log_error(event, "detail=%s", log_value(message, text, sizeof(text)));
}

static PGconn *open_database(const char *conninfo)
{
	PGconn *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) == CONNECTION_OK)
		return conn;
	log_failure("database_not_reached", PQerrorMessage(conn));
	PQfinish(conn);
	return NULL;
}

/* Takes the result over; *rows, where it is asked for, is how many were changed or found. */
static enum outcome look_at(PGresult *result, long *rows)
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

static enum outcome do_plainly(PGconn *conn, const char *sql)
{
	return look_at(PQexec(conn, sql), NULL);
}

static enum outcome store_one(PGconn *conn, const struct db_key_in *key)
{
	char use[16], generation[16];
	const char *values[] = { (const char *)key->key_id.at, use, generation, key->label.at,
		(const char *)key->certificate.at,
		key->chain.len > 0 ? (const char *)key->chain.at : "" };
	const int lengths[] = { (int)key->key_id.len, 0, 0, (int)key->label.len,
		(int)key->certificate.len, (int)key->chain.len };
	const int formats[] = { 1, 0, 0, 1, 1, 1 };

	snprintf(use, sizeof(use), "%d", (int)key->use);
	snprintf(generation, sizeof(generation), "%d", (int)key->generation);
	return look_at(PQexecParams(conn, store_key, 6, NULL, values, lengths, formats, 0), NULL);
}

enum outcome db_store_keys(const char *conninfo, const struct db_key_in *keys, size_t count)
{
	PGconn *conn = open_database(conninfo);

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	enum outcome o = do_plainly(conn, "BEGIN");
	for (size_t i = 0; i < count && o == FINE; i++)
		o = store_one(conn, &keys[i]);
	if (o == FINE)
		o = do_plainly(conn, "COMMIT");
	PQfinish(conn);
	return o;
}

enum outcome db_tell_of_keys(const char *conninfo)
{
	PGconn *conn = open_database(conninfo);

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	enum outcome o = do_plainly(conn, "NOTIFY arpf_keys");
	PQfinish(conn);
	return o;
}

static int64_t integer_at(const PGresult *r, int row, int column)
{
	struct bytes field =
		bytes_of(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column));
	uint32_t narrow = 0;
	uint64_t wide = 0;

	if (field.len == sizeof(narrow)) {
		(void)bytes_take_u32(&field, &narrow);
		return (int32_t)narrow;
	}
	(void)bytes_take_u64(&field, &wide);
	return (int64_t)wide;
}

static struct bytes bytes_at(const PGresult *r, int row, int column)
{
	return bytes_of(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column));
}

static void copy_bounded(struct bytes from, void *to, size_t size)
{
	memcpy(to, from.at, from.len < size ? from.len : size);
}

static void show_row(const PGresult *r, int i,
	void (*each)(void *context, const struct db_key_row *row), void *context)
{
	struct db_key_row row = {
		.use = (int32_t)integer_at(r, i, 1),
		.generation = (int32_t)integer_at(r, i, 2),
		.created_at = integer_at(r, i, 3),
		.retired = PQgetvalue(r, i, 4)[0] != 0,
		.certificate = bytes_at(r, i, 6),
		.chain = bytes_at(r, i, 7),
	};

	copy_bounded(bytes_at(r, i, 0), row.key_id, sizeof(row.key_id));
	copy_bounded(bytes_at(r, i, 5), row.label, sizeof(row.label) - 1);
	each(context, &row);
}

enum outcome db_each_key(const char *conninfo,
	void (*each)(void *context, const struct db_key_row *row), void *context)
{
	PGconn *conn = open_database(conninfo);

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	PGresult *r = PQexecParams(conn, list_keys, 0, NULL, NULL, NULL, NULL, 1);
	if (PQresultStatus(r) == PGRES_TUPLES_OK)
		for (int i = 0; i < PQntuples(r); i++)
			show_row(r, i, each, context);
	enum outcome o = look_at(r, NULL);
	PQfinish(conn);
	return o;
}

static enum outcome do_for_key(PGconn *conn, const char *sql, struct bytes key_id, long *rows)
{
	const char *values[] = { (const char *)key_id.at };
	const int lengths[] = { (int)key_id.len };
	const int formats[] = { 1 };

	return look_at(PQexecParams(conn, sql, 1, NULL, values, lengths, formats, 1), rows);
}

enum outcome db_retire_key(const char *conninfo, struct bytes key_id)
{
	PGconn *conn = open_database(conninfo);
	long rows = 0;

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	enum outcome o = do_for_key(conn, retire_key, key_id, &rows);
	bool is_retired = o == FINE && rows > 0;
	if (o == FINE && !is_retired)
		o = do_for_key(conn, find_key, key_id, &rows);
	if (o == FINE && !is_retired)
		o = rows > 0 ? CONFLICT : RESOURCE_NOT_FOUND;
	PQfinish(conn);
	return o;
}

#include "db/keys_store.h"

#include <stdio.h>

#include "db/store.h"

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

static enum outcome record_key(PGconn *conn, const char *actor, enum audit_action action,
	struct db_text label, struct bytes key_id)
{
	char hex[65], detail[DB_DETAIL_MAX + 1];

	hex_write(bytes_of(key_id.at, key_id.len < 32 ? key_id.len : 32), hex);
	snprintf(detail, sizeof(detail), "%.*s%s%s", (int)label.len, label.at,
		label.len > 0 ? " " : "", hex);
	return store_record(conn, actor, action, detail);
}

static enum outcome store_one(PGconn *conn, const char *actor, const struct db_key_in *key)
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
	enum outcome o = store_look_at(
		PQexecParams(conn, store_key, 6, NULL, values, lengths, formats, 0), NULL);

	return o == FINE ? record_key(conn, actor, AUDIT_KEY_PUT, key->label, key->key_id) : o;
}

enum outcome db_store_keys(
	const char *conninfo, const char *actor, const struct db_key_in *keys, size_t count)
{
	PGconn *conn = store_open(conninfo);

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	enum outcome o = store_do(conn, "BEGIN");
	for (size_t i = 0; i < count && o == FINE; i++)
		o = store_one(conn, actor, &keys[i]);
	if (o == FINE)
		o = store_do(conn, "COMMIT");
	PQfinish(conn);
	return o;
}

enum outcome db_can_record(const char *conninfo)
{
	PGconn *conn = store_open(conninfo);

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	enum outcome o = store_do(conn, "SELECT FROM audit_events LIMIT 0");
	PQfinish(conn);
	return o;
}

enum outcome db_record_made_keys(
	const char *conninfo, const char *actor, const char *const *made, size_t count)
{
	PGconn *conn = store_open(conninfo);

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	enum outcome o = store_do(conn, "BEGIN");
	for (size_t i = 0; i < count && o == FINE; i++)
		o = store_record(conn, actor, AUDIT_KEY_MADE, made[i]);
	if (o == FINE)
		o = store_do(conn, "COMMIT");
	PQfinish(conn);
	return o;
}

enum outcome db_tell_of_keys(const char *conninfo)
{
	PGconn *conn = store_open(conninfo);

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	enum outcome o = store_do(conn, "NOTIFY arpf_keys");
	PQfinish(conn);
	return o;
}

static void show_row(const PGresult *r, int i,
	void (*each)(void *context, const struct db_key_row *row), void *context)
{
	struct db_key_row row = {
		.use = (int32_t)store_integer(r, i, 1),
		.generation = (int32_t)store_integer(r, i, 2),
		.created_at = store_integer(r, i, 3),
		.retired = PQgetvalue(r, i, 4)[0] != 0,
		.certificate = store_bytes(r, i, 6),
		.chain = store_bytes(r, i, 7),
	};

	store_copy(r, i, 0, row.key_id, sizeof(row.key_id));
	store_copy(r, i, 5, row.label, sizeof(row.label) - 1);
	each(context, &row);
}

enum outcome db_each_key(const char *conninfo,
	void (*each)(void *context, const struct db_key_row *row), void *context)
{
	PGconn *conn = store_open(conninfo);

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	PGresult *r = PQexecParams(conn, list_keys, 0, NULL, NULL, NULL, NULL, 1);
	if (PQresultStatus(r) == PGRES_TUPLES_OK)
		for (int i = 0; i < PQntuples(r); i++)
			show_row(r, i, each, context);
	enum outcome o = store_look_at(r, NULL);
	PQfinish(conn);
	return o;
}

static enum outcome do_for_key(PGconn *conn, const char *sql, struct bytes key_id, long *rows)
{
	const char *values[] = { (const char *)key_id.at };
	const int lengths[] = { (int)key_id.len };
	const int formats[] = { 1 };

	return store_look_at(PQexecParams(conn, sql, 1, NULL, values, lengths, formats, 1), rows);
}

enum outcome db_retire_key(const char *conninfo, const char *actor, struct bytes key_id)
{
	PGconn *conn = store_open(conninfo);
	long rows = 0;

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	enum outcome o = store_do(conn, "BEGIN");
	if (o == FINE)
		o = do_for_key(conn, retire_key, key_id, &rows);
	bool is_retired = o == FINE && rows > 0;
	if (is_retired)
		o = record_key(conn, actor, AUDIT_KEY_RETIRED, (struct db_text){ "", 0 }, key_id);
	if (is_retired && o == FINE)
		o = store_do(conn, "COMMIT");
	if (o == FINE && !is_retired)
		o = do_for_key(conn, find_key, key_id, &rows);
	if (o == FINE && !is_retired)
		o = rows > 0 ? CONFLICT : RESOURCE_NOT_FOUND;
	PQfinish(conn);
	return o;
}

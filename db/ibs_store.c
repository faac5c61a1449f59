#include "db/ibs_store.h"

#include <stdio.h>

#include "db/store.h"

static const char find_kms[] =
	"SELECT created_at, kek_generation, kpak, wrapped_ksak FROM ibs_kms ORDER BY created_at "
	"LIMIT 1";

/* Two that come at once are kept apart by the lock: there is one KMS, not one of each key. */
static const char lock_kms[] = "LOCK TABLE ibs_kms IN SHARE ROW EXCLUSIVE MODE";
static const char store_kms[] =
	"INSERT INTO ibs_kms (kpak, created_at, kek_generation, wrapped_ksak) "
	"SELECT $1::bytea, extract(epoch FROM now())::bigint, $2::text::integer, $3::bytea "
	"WHERE NOT EXISTS (SELECT FROM ibs_kms)";

static const char store_identity[] =
	"INSERT INTO ibs_identities (id, created_at, not_before, not_after, kek_generation, kpak, "
	"pvt, wrapped_ssk) VALUES ($1, extract(epoch FROM now())::bigint, $2::text::bigint, "
	"$3::text::bigint, $4::text::integer, $5, $6, $7) ON CONFLICT (id) DO NOTHING";

static const char list_identities[] =
	"SELECT number, created_at, not_before, not_after, kek_generation, id, kpak, pvt, "
	"wrapped_ssk FROM ibs_identities ORDER BY number";

enum outcome db_find_ibs_kms(const char *conninfo, struct db_ibs_kms *kms)
{
	PGconn *conn = store_open(conninfo);
	long rows = 0;

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	*kms = (struct db_ibs_kms){ 0 };
	PGresult *r = PQexecParams(conn, find_kms, 0, NULL, NULL, NULL, NULL, 1);
	bool is_whole = true;
	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) > 0) {
		kms->created_at = store_integer(r, 0, 0);
		kms->kek_generation = (int32_t)store_integer(r, 0, 1);
		is_whole = store_copy_whole(r, 0, 2, kms->kpak, sizeof(kms->kpak)) &&
			   store_copy_whole(r, 0, 3, kms->wrapped_ksak, sizeof(kms->wrapped_ksak));
	}
	enum outcome o = store_look_at(r, &rows);
	PQfinish(conn);
	if (o != FINE)
		return o;
	return rows == 0 ? NO_ROW : is_whole ? FINE : BROKEN;
}

static enum outcome insert_kms(PGconn *conn, const struct db_ibs_kms *kms, long *rows)
{
	char generation[16];
	const char *values[] = { (const char *)kms->kpak, generation,
		(const char *)kms->wrapped_ksak };
	const int lengths[] = { sizeof(kms->kpak), 0, sizeof(kms->wrapped_ksak) };
	const int formats[] = { 1, 0, 1 };

	snprintf(generation, sizeof(generation), "%d", (int)kms->kek_generation);
	return store_look_at(
		PQexecParams(conn, store_kms, 3, NULL, values, lengths, formats, 0), rows);
}

/* KPAK is public, and the KMS's name. */
static enum outcome record_kms(PGconn *conn, const char *actor, const struct db_ibs_kms *kms)
{
	char kpak[2 * sizeof(kms->kpak) + 1], detail[DB_DETAIL_MAX + 1];

	hex_write(BYTES(kms->kpak), kpak);
	snprintf(detail, sizeof(detail), "ibs kms %s", kpak);
	return store_record(conn, actor, AUDIT_KEY_MADE, detail);
}

enum outcome db_store_ibs_kms(const char *conninfo, const char *actor, const struct db_ibs_kms *kms)
{
	PGconn *conn = store_open(conninfo);
	long rows = 0;

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	enum outcome o = store_do(conn, "BEGIN");
	if (o == FINE)
		o = store_do(conn, lock_kms);
	if (o == FINE)
		o = insert_kms(conn, kms, &rows);
	if (o == FINE && rows > 0)
		o = record_kms(conn, actor, kms);
	if (o == FINE)
		o = store_do(conn, "COMMIT");
	PQfinish(conn);
	return o == FINE && rows == 0 ? CONFLICT : o;
}

enum outcome db_store_ibs_identity(
	const char *conninfo, const char *actor, const struct db_ibs_identity *identity)
{
	PGconn *conn = store_open(conninfo);
	char not_before[24], not_after[24], generation[16];
	const char *values[] = { identity->id, not_before, not_after, generation,
		(const char *)identity->kpak, (const char *)identity->pvt,
		(const char *)identity->wrapped_ssk };
	const int lengths[] = { 0, 0, 0, 0, sizeof(identity->kpak), sizeof(identity->pvt),
		sizeof(identity->wrapped_ssk) };
	const int formats[] = { 0, 0, 0, 0, 1, 1, 1 };
	long rows = 0;

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	snprintf(not_before, sizeof(not_before), "%lld", (long long)identity->not_before);
	snprintf(not_after, sizeof(not_after), "%lld", (long long)identity->not_after);
	snprintf(generation, sizeof(generation), "%d", (int)identity->kek_generation);
	enum outcome o = store_do(conn, "BEGIN");
	if (o == FINE)
		o = store_look_at(
			PQexecParams(conn, store_identity, 7, NULL, values, lengths, formats, 0),
			&rows);
	if (o == FINE && rows > 0)
		o = store_record(conn, actor, AUDIT_IDENTITY_ADDED, identity->id);
	if (o == FINE)
		o = store_do(conn, "COMMIT");
	PQfinish(conn);
	return o == FINE && rows == 0 ? CONFLICT : o;
}

static bool read_identity(const PGresult *r, int i, struct db_ibs_identity *out)
{
	struct bytes id = store_bytes(r, i, 5);

	*out = (struct db_ibs_identity){
		.number = store_integer(r, i, 0),
		.created_at = store_integer(r, i, 1),
		.not_before = store_integer(r, i, 2),
		.not_after = store_integer(r, i, 3),
		.kek_generation = (int32_t)store_integer(r, i, 4),
	};
	if (id.len >= sizeof(out->id))
		return false;
	memcpy(out->id, id.at, id.len);
	return store_copy_whole(r, i, 6, out->kpak, sizeof(out->kpak)) &&
	       store_copy_whole(r, i, 7, out->pvt, sizeof(out->pvt)) &&
	       store_copy_whole(r, i, 8, out->wrapped_ssk, sizeof(out->wrapped_ssk));
}

enum outcome db_each_ibs_identity(const char *conninfo,
	void (*each)(void *context, const struct db_ibs_identity *identity), void *context)
{
	PGconn *conn = store_open(conninfo);
	struct db_ibs_identity identity;
	bool is_whole = true;

	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	PGresult *r = PQexecParams(conn, list_identities, 0, NULL, NULL, NULL, NULL, 1);
	for (int i = 0; i < PQntuples(r) && is_whole; i++) {
		is_whole = read_identity(r, i, &identity);
		if (is_whole)
			each(context, &identity);
	}
	enum outcome o = store_look_at(r, NULL);
	PQfinish(conn);
	return o == FINE && !is_whole ? BROKEN : o;
}

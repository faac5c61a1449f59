#include "db/audit_store.h"

#include <endian.h>
#include <stdlib.h>

#include "db/store.h"

#define EVENTS_A_PAGE "20000"
#define TREES_A_PAGE  "1000"

static const char set_up[] = "SET default_transaction_read_only = on; SET enable_seqscan = off;"
			     " SET enable_bitmapscan = off; SET jit = off;"
			     " SET client_encoding = 'UTF8'"; /* what was hashed */

static const char read_extent[] =
	"WITH last AS (SELECT number, to_xid FROM audit_trees ORDER BY number DESC LIMIT 1)"
	" SELECT (SELECT coalesce(sum(least(greatest(count, 0), 1 << 30)), 0)::bigint"
	"  FROM audit_trees WHERE number >= $1),"
	" coalesce((SELECT number FROM last), 0), coalesce((SELECT to_xid FROM last), 0),"
	" count(*), coalesce(min(at_ms), 0)"
	" FROM audit_events WHERE xid >= coalesce((SELECT to_xid FROM last), 0)";

static const char read_trees[] =
	"SELECT number, from_xid, to_xid, count, sealed_at, tree_size, leaf_index, root, chain,"
	" signer_id, signature, path FROM audit_trees WHERE number > $1 AND $2::bigint = 0"
	" AND $3::bigint = 0 ORDER BY number LIMIT " TREES_A_PAGE;

static const char read_events[] =
	"SELECT xid, number, at_ms, subject, related, action::int4, outcome::int4, actor, detail"
	" FROM audit_events WHERE (xid, number) > ($1, $2) AND xid < $3"
	" ORDER BY xid, number LIMIT " EVENTS_A_PAGE;

enum { INT8_OID = 20 };

/* A page is shown while the database makes the next. */
struct db_audit_reader {
	PGconn *conn;
	const char *sql;
	int64_t after, after_number, before;
	PGresult *page;
	int row, rows;
	bool is_asked; /* for the next page */
};

static uint64_t number_at(const PGresult *r, int row, int column)
{
	uint64_t v = 0;

	if (PQgetlength(r, row, column) == (int)sizeof(v))
		memcpy(&v, PQgetvalue(r, row, column), sizeof(v));
	return be64toh(v);
}

static PGconn *open_set_up(const char *conninfo)
{
	PGconn *conn = store_open(conninfo);

	if (conn == NULL || store_do(conn, set_up) == FINE)
		return conn;
	PQfinish(conn);
	return NULL;
}

enum outcome db_audit_extent(const char *conninfo, int64_t first, struct db_audit_extent *out)
{
	PGconn *conn = open_set_up(conninfo);
	uint64_t wire = htobe64((uint64_t)first);
	const char *values[] = { (const char *)&wire };
	const Oid types[] = { INT8_OID };

	*out = (struct db_audit_extent){ 0 };
	if (conn == NULL)
		return DATABASE_UNAVAILABLE;
	PGresult *r = PQexecParams(conn, read_extent, 1, types, values,
		(const int[]){ sizeof(wire) }, (const int[]){ 1 }, 1);
	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1)
		*out = (struct db_audit_extent){
			.sealed = (int64_t)number_at(r, 0, 0),
			.last = (int64_t)number_at(r, 0, 1),
			.sealed_upto = (int64_t)number_at(r, 0, 2),
			.unsealed = (int64_t)number_at(r, 0, 3),
			.oldest_ms = (int64_t)number_at(r, 0, 4),
		};
	enum outcome o = store_look_at(r, NULL);
	PQfinish(conn);
	return o;
}

static enum outcome ask_next(struct db_audit_reader *r)
{
	uint64_t wire[] = { htobe64((uint64_t)r->after), htobe64((uint64_t)r->after_number),
		htobe64((uint64_t)r->before) };
	const char *values[] = { (const char *)&wire[0], (const char *)&wire[1],
		(const char *)&wire[2] };
	const int lengths[] = { 8, 8, 8 }, formats[] = { 1, 1, 1 };
	const Oid types[] = { INT8_OID, INT8_OID, INT8_OID };

	r->is_asked =
		PQsendQueryParams(r->conn, r->sql, 3, types, values, lengths, formats, 1) == 1;
	return r->is_asked ? FINE : DATABASE_UNAVAILABLE;
}

static struct db_audit_reader *begin(
	const char *conninfo, const char *sql, int64_t after, int64_t after_number, int64_t before)
{
	struct db_audit_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->conn = open_set_up(conninfo);
	r->sql = sql;
	r->after = after;
	r->after_number = after_number;
	r->before = before;
	if (r->conn != NULL && ask_next(r) == FINE)
		return r;
	db_audit_read_end(r);
	return NULL;
}

struct db_audit_reader *db_audit_read_trees(const char *conninfo, int64_t after)
{
	return begin(conninfo, read_trees, after, 0, 0);
}

struct db_audit_reader *db_audit_read_events(const char *conninfo, int64_t from, int64_t before)
{
	/* Nothing was ever written before 0: what is there all the same is shown. */
	if (from <= 0)
		return begin(conninfo, read_events, INT64_MIN, INT64_MIN, before);
	return begin(conninfo, read_events, from - 1, INT64_MAX, before);
}

void db_audit_read_end(struct db_audit_reader *r)
{
	if (r == NULL)
		return;
	PQclear(r->page);
	PQfinish(r->conn);
	free(r);
}

/* The page that was asked for, and the next one asked for; a page without rows is the end. */
static enum outcome turn_page(struct db_audit_reader *r, bool is_of_events)
{
	PGresult *page = PQgetResult(r->conn);

	PQclear(r->page);
	r->page = NULL;
	r->row = r->rows = 0;
	r->is_asked = false;
	if (PQresultStatus(page) != PGRES_TUPLES_OK)
		return store_look_at(page, NULL) == FINE ? BROKEN : DATABASE_UNAVAILABLE;
	PQclear(PQgetResult(r->conn)); /* its end */
	r->page = page;
	r->rows = PQntuples(page);
	if (r->rows == 0)
		return NO_ROW;
	r->after = (int64_t)number_at(page, r->rows - 1, 0);
	if (is_of_events)
		r->after_number = (int64_t)number_at(page, r->rows - 1, 1);
	return ask_next(r);
}

static enum outcome next_row(struct db_audit_reader *r, bool is_of_events)
{
	if (r->page != NULL && ++r->row < r->rows)
		return FINE;
	return r->is_asked ? turn_page(r, is_of_events) : NO_ROW;
}

/* What is of another length cannot be what was hashed or signed: zeros show that as well. */
static void take_bytes(const struct db_audit_reader *r, int column, uint8_t *to, size_t size)
{
	if (!store_copy_whole(r->page, r->row, column, to, size))
		memset(to, 0, size);
}

enum outcome db_audit_next_tree(struct db_audit_reader *r, struct db_audit_tree *out)
{
	enum outcome o = next_row(r, false);

	if (o != FINE)
		return o;
	*out = (struct db_audit_tree){
		.number = (int64_t)number_at(r->page, r->row, 0),
		.from_xid = (int64_t)number_at(r->page, r->row, 1),
		.to_xid = (int64_t)number_at(r->page, r->row, 2),
		.count = (int64_t)number_at(r->page, r->row, 3),
		.sealed_at = (int64_t)number_at(r->page, r->row, 4),
		.tree_size = (int64_t)number_at(r->page, r->row, 5),
		.leaf_index = (int64_t)number_at(r->page, r->row, 6),
		.path = store_bytes(r->page, r->row, 11),
	};
	take_bytes(r, 7, out->root, sizeof(out->root));
	take_bytes(r, 8, out->chain, sizeof(out->chain));
	take_bytes(r, 9, out->signer_id, sizeof(out->signer_id));
	take_bytes(r, 10, out->signature, sizeof(out->signature));
	return FINE;
}

enum outcome db_audit_next_event(struct db_audit_reader *r, struct db_audit_event *out)
{
	enum outcome o = next_row(r, true);

	if (o != FINE)
		return o;
	out->xid = (int64_t)number_at(r->page, r->row, 0);
	out->number = (int64_t)number_at(r->page, r->row, 1);
	out->at_ms = (int64_t)number_at(r->page, r->row, 2);
	out->subject = (int64_t)number_at(r->page, r->row, 3);
	out->related = (int64_t)number_at(r->page, r->row, 4);
	out->action = (int32_t)store_integer(r->page, r->row, 5);
	out->outcome = (int32_t)store_integer(r->page, r->row, 6);
	out->actor = store_bytes(r->page, r->row, 7);
	out->detail = store_bytes(r->page, r->row, 8);
	return FINE;
}

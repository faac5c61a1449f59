#include "db/rows.h"

#include <endian.h>
#include <stdlib.h>

/* Types' numbers are fixed: pg_type.dat of PostgreSQL. */
enum { BOOL_OID = 16, BYTEA_OID = 17, INT8_OID = 20, INT4_OID = 23, TEXT_OID = 25 };
enum { BOOL_ARRAY = 1000, BYTEA_ARRAY = 1001, INT4_ARRAY = 1007 };
enum { TEXT_ARRAY = 1009, INT8_ARRAY = 1016 };

#define ARRAY_HEADER 20u /* dimensions, flags, element type, length, lower bound */

static Oid element_type(enum column_type type)
{
	switch (type) {
	case COLUMN_INT8:
		return INT8_OID;
	case COLUMN_INT4:
		return INT4_OID;
	case COLUMN_BOOL:
		return BOOL_OID;
	case COLUMN_TEXT:
	case COLUMN_ACTOR:
		return TEXT_OID;
	case COLUMN_BYTES:
	case COLUMN_FIXED:
		return BYTEA_OID;
	case COLUMN_ROOM:
	case COLUMN_NONE:
		break;
	}
	return 0;
}

static Oid array_type(enum column_type type)
{
	switch (type) {
	case COLUMN_INT8:
		return INT8_ARRAY;
	case COLUMN_INT4:
		return INT4_ARRAY;
	case COLUMN_BOOL:
		return BOOL_ARRAY;
	case COLUMN_TEXT:
	case COLUMN_ACTOR:
		return TEXT_ARRAY;
	case COLUMN_BYTES:
	case COLUMN_FIXED:
		return BYTEA_ARRAY;
	case COLUMN_ROOM:
	case COLUMN_NONE:
		break;
	}
	return 0;
}

int parameter_types(const struct statement *s, Oid types[COLUMNS_MAX])
{
	int count = 0;

	for (; s->in[count].type != COLUMN_NONE; count++)
		types[count] = statement_takes_many(s) ? array_type(s->in[count].type)
						       : element_type(s->in[count].type);
	return count;
}

static struct bytes text_or_bytes(const struct column *c, const void *member)
{
	if (c->type == COLUMN_TEXT) {
		const struct db_text *text = member;

		return bytes_of(text->at, text->len);
	}
	if (c->type == COLUMN_BYTES)
		return *(const struct bytes *)member;
	return bytes_of(member, c->width);
}

#define NULL_LEN (-1)

static int value_length(const struct column *c, const struct db_request *r)
{
	switch (c->type) {
	case COLUMN_ACTOR:
		return r->actor != NULL ? (int)strlen(r->actor) : NULL_LEN;
	case COLUMN_INT8:
		return 8;
	case COLUMN_INT4:
		return 4;
	case COLUMN_BOOL:
		return 1;
	case COLUMN_TEXT:
	case COLUMN_BYTES:
	case COLUMN_FIXED:
		return (int)text_or_bytes(c, (const uint8_t *)r->row + c->at).len;
	case COLUMN_ROOM:
	case COLUMN_NONE:
		break;
	}
	return 0;
}

static void put_value(struct buffer *b, const struct column *c, const struct db_request *r)
{
	const void *member = (const uint8_t *)r->row + c->at;
	struct bytes value;

	switch (c->type) {
	case COLUMN_ACTOR:
		if (r->actor != NULL)
			buffer_put(b, r->actor, strlen(r->actor));
		return;
	case COLUMN_INT8:
		buffer_put_u64(b, *(const uint64_t *)member);
		return;
	case COLUMN_INT4:
		buffer_put_u32(b, *(const uint32_t *)member);
		return;
	case COLUMN_BOOL:
		buffer_put_u8(b, *(const bool *)member);
		return;
	case COLUMN_TEXT:
	case COLUMN_BYTES:
	case COLUMN_FIXED:
		value = text_or_bytes(c, member);
		buffer_put(b, value.at, value.len);
		return;
	case COLUMN_ROOM:
	case COLUMN_NONE:
		return;
	}
}

/* NULL_LEN for a value that is NULL as a whole. */
static int column_length(const struct statement *s, const struct column *c,
	const struct db_request *first, unsigned count)
{
	int len = ARRAY_HEADER;

	if (!statement_takes_many(s))
		return value_length(c, first);
	for (const struct db_request *r = first; count > 0; count--, r = r->next) {
		int one = value_length(c, r);

		len += 4 + (one != NULL_LEN ? one : 0);
	}
	return len;
}

static void put_column(struct buffer *b, const struct statement *s, const struct column *c,
	const struct db_request *first, unsigned count)
{
	if (!statement_takes_many(s)) {
		put_value(b, c, first);
		return;
	}
	buffer_put_u32(b, 1);
	buffer_put_u32(b, c->type == COLUMN_ACTOR); /* there may be NULLs */
	buffer_put_u32(b, element_type(c->type));
	buffer_put_u32(b, count);
	buffer_put_u32(b, 1);
	for (const struct db_request *r = first; count > 0; count--, r = r->next) {
		buffer_put_u32(b, (uint32_t)value_length(c, r));
		put_value(b, c, r);
	}
}

bool parameters_write(struct parameters *p, const struct statement *s,
	const struct db_request *first, unsigned count)
{
	size_t total = 0;

	for (p->count = 0; s->in[p->count].type != COLUMN_NONE; p->count++) {
		int len = column_length(s, &s->in[p->count], first, count);

		p->lengths[p->count] = len != NULL_LEN ? len : 0;
		p->formats[p->count] = 1;
		p->is_null[p->count] = len == NULL_LEN;
		total += (size_t)p->lengths[p->count];
	}
	if (total > p->cap) {
		uint8_t *space = realloc(p->space, total);

		if (space == NULL)
			return false;
		p->space = space;
		p->cap = total;
	}
	struct buffer b = buffer_over(p->space, p->cap);
	for (int i = 0; i < p->count; i++) {
		/* A value of no length must not be a NULL. */
		p->values[i] = p->is_null[i]      ? NULL
			       : p->space != NULL ? (const char *)p->space + b.len
						  : "";
		put_column(&b, s, &s->in[i], first, count);
	}
	return !b.full;
}

void parameters_clear(struct parameters *p)
{
	free(p->space);
	*p = (struct parameters){ 0 };
}

int64_t row_ordinal(const PGresult *result, int row)
{
	uint64_t v;

	if (PQnfields(result) < 1 || PQgetisnull(result, row, 0) ||
		PQgetlength(result, row, 0) != (int)sizeof(v))
		return 0;
	memcpy(&v, PQgetvalue(result, row, 0), sizeof(v));
	return (int64_t)be64toh(v);
}

static bool read_text(struct bytes from, const struct column *c, char *out)
{
	if (from.len >= c->width)
		return false;
	memcpy(out, from.at, from.len);
	out[from.len] = '\0';
	return true;
}

static bool read_room(struct bytes from, const struct column *c, void *out)
{
	uint16_t len = (uint16_t)from.len;

	if (from.len > c->width)
		return false;
	memcpy(out, &len, sizeof(len));
	memcpy((uint8_t *)out + sizeof(len), from.at, from.len);
	return true;
}

static bool read_value(struct bytes from, const struct column *c, void *out)
{
	void *member = (uint8_t *)out + c->at;

	switch (c->type) {
	case COLUMN_INT8:
		return bytes_take_u64(&from, member) && from.len == 0;
	case COLUMN_INT4:
		return bytes_take_u32(&from, member) && from.len == 0;
	case COLUMN_BOOL:
		*(bool *)member = from.len == 1 && from.at[0] != 0;
		return from.len == 1;
	case COLUMN_TEXT:
		return read_text(from, c, member);
	case COLUMN_BYTES:
		*(struct bytes *)member = from;
		return true;
	case COLUMN_FIXED:
		if (from.len == c->width)
			memcpy(member, from.at, from.len);
		return from.len == c->width;
	case COLUMN_ROOM:
		return read_room(from, c, member);
	case COLUMN_ACTOR:
	case COLUMN_NONE:
		break;
	}
	return false;
}

bool row_read(const PGresult *result, int row, const struct statement *s, void *out)
{
	int from = s->kind == MANY_KEYED ? 1 : 0;

	for (int i = 0; s->out[i].type != COLUMN_NONE; i++) {
		int field = from + i;

		if (field >= PQnfields(result) || PQgetisnull(result, row, field))
			return false;
		struct bytes value = bytes_of(
			PQgetvalue(result, row, field), (size_t)PQgetlength(result, row, field));
		if (!read_value(value, &s->out[i], out))
			return false;
	}
	return true;
}

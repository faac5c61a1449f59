/*
 * Requests' structures as a statement's binary parameters, and the rows of its result as
 * structures. Inside db/ only.
 */
#ifndef DB_ROWS_H
#define DB_ROWS_H

#include <libpq-fe.h>

#include "db/db.h"
#include "db/statement.h"

/* Reused from batch to batch; all zero at first. */
struct parameters {
	uint8_t *space;
	size_t cap;
	int count;
	const char *values[COLUMNS_MAX];
	int lengths[COLUMNS_MAX];
	int formats[COLUMNS_MAX];
	bool is_null[COLUMNS_MAX];
};

/* The types of a statement's parameters; returns how many. */
int parameter_types(const struct statement *s, Oid types[COLUMNS_MAX]);
/* Writes the rows of `count` linked requests; false where there is no memory. */
bool parameters_write(struct parameters *p, const struct statement *s,
	const struct db_request *first, unsigned count);
void parameters_clear(struct parameters *p);

/* The ordinal a row of a MANY_KEYED statement begins with; 0 where it is none. */
int64_t row_ordinal(const PGresult *result, int row);
/*
 * Fills the statement's output structure; false where the row is not as the table of statements
 * says.
 */
bool row_read(const PGresult *result, int row, const struct statement *s, void *out);

#endif

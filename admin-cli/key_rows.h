/*
 * The server's own keys as JSON has them ({"label","use","generation","keyId","certificate","chain"}) and
 * as the database has them. One thread.
 */
#ifndef ADMIN_CLI_KEY_ROWS_H
#define ADMIN_CLI_KEY_ROWS_H

#include <jansson.h>

#include "base/arena.h"
#include "db/statements.h"

/* An array of keys; what the rows point at is the arena's and the JSON's. INVALID_PARAMETER, NO_MEMORY. */
enum outcome key_rows_from_json(
	const json_t *keys, struct arena *arena, struct db_key_in **rows, size_t *count);
/* NULL: no memory. */
json_t *key_row_to_json(const struct db_key_row *row);

#endif

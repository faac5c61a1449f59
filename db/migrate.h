/*
 * The schema: the files of migrations/, compiled into the programs, applied forward only and each
 * in a transaction of its own. Synchronous: for arpfctl and tests, never for the server's loop.
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include <stdio.h>

#include "base/outcome.h"

/*
 * Brings the schema up to date and writes a line for each migration applied; CONFLICT where the
 * database is newer.
 */
enum outcome db_migrate(const char *conninfo, FILE *said);
/* The version this program needs. */
int db_schema_version(void);

#endif

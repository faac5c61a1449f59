/*
 * One session with the database for a tool: opened, asked statement by statement, closed.
 * Synchronous: never for the server's loop. Why something failed is in the log. Inside db/ only.
 */
#ifndef DB_STORE_H
#define DB_STORE_H

#include <libpq-fe.h>

#include "db/statements.h"

/* NULL: it was not reached. */
PGconn *store_open(const char *conninfo);
/* Takes the result over; *rows, where it is asked for, is how many were changed or found. */
enum outcome store_look_at(PGresult *result, long *rows);
/* A statement without parameters or rows. */
enum outcome store_do(PGconn *conn, const char *sql);

/*
 * An event of the audit trail in the session's present transaction: the caller begins and commits one. actor NULL:
 * there is no trail, and nothing is written.
 */
enum outcome store_record(
	PGconn *conn, const char *actor, enum audit_action action, const char *detail);

/* Fields of a row in binary; an integer is of 4 or 8 bytes. */
int64_t store_integer(const PGresult *r, int row, int column);
struct bytes store_bytes(const PGresult *r, int row, int column);
/* At most so many bytes. */
void store_copy(const PGresult *r, int row, int column, void *to, size_t size);
/* Exactly so many; false where the field has another length. */
bool store_copy_whole(const PGresult *r, int row, int column, void *to, size_t size);

#endif

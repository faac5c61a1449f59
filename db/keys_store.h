/*
 * The certificates of the server's own keys, for arpfctl where no server runs: straight to the
 * database, which tells the servers there are (a trigger's notice on arpf_keys). Synchronous: never
 * for the server's loop. Why something failed is in the log.
 */
#ifndef DB_KEYS_STORE_H
#define DB_KEYS_STORE_H

#include "db/statements.h"

/*
 * Adds or replaces by key id, all or none. DATABASE_UNAVAILABLE, also where there is no schema yet. actor: who
 * does so, for the audit trail; NULL: there is none.
 */
enum outcome db_store_keys(
	const char *conninfo, const char *actor, const struct db_key_in *keys, size_t count);
/* Newest generation first. */
enum outcome db_each_key(const char *conninfo,
	void (*each)(void *context, const struct db_key_row *row), void *context);
/* For keys that leave no row: the servers look at the HSM anew. made: the label of a new one; NULL: none is. */
enum outcome db_tell_of_keys(const char *conninfo, const char *actor, const char *made);
/* RESOURCE_NOT_FOUND: no such key; CONFLICT: there is no newer one of its use in its place. */
enum outcome db_retire_key(const char *conninfo, const char *actor, struct bytes key_id);

#endif

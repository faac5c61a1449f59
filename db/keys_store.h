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
/* Whether what is made now can be recorded: DATABASE_UNAVAILABLE also where there is no schema yet. */
enum outcome db_can_record(const char *conninfo);
/* Keys that were made, each as its label, a blank and its id; all or none. actor NULL: there is no trail. */
enum outcome db_record_made_keys(
	const char *conninfo, const char *actor, const char *const *made, size_t count);
/* For keys that leave no row: the servers look at the HSM anew. */
enum outcome db_tell_of_keys(const char *conninfo);
/* RESOURCE_NOT_FOUND: no such key; CONFLICT: there is no newer one of its use in its place. */
enum outcome db_retire_key(const char *conninfo, const char *actor, struct bytes key_id);

#endif

/*
 * The KMS of one's own and the identities of ECCSI (RFC 6507), for arpfctl: straight to the
 * database, which tells the servers there are of new identities (a trigger's notice). Secrets are
 * wrapped by the HSM's KEK. Synchronous: never for the server's loop. Why something failed is in
 * the log.
 */
#ifndef DB_IBS_STORE_H
#define DB_IBS_STORE_H

#include "db/statements.h"

struct db_ibs_kms {
	int64_t created_at;
	int32_t kek_generation;
	uint8_t kpak[65], wrapped_ksak[40];
};

/* NO_ROW: there is none. DATABASE_UNAVAILABLE also where there is no schema yet, in all of these. */
enum outcome db_find_ibs_kms(const char *conninfo, struct db_ibs_kms *kms);
/*
 * created_at is set by the database. CONFLICT: there is one, which stays. actor: who does so, for the audit
 * trail; NULL: there is none.
 */
enum outcome db_store_ibs_kms(
	const char *conninfo, const char *actor, const struct db_ibs_kms *kms);
/* number and created_at are set by the database. CONFLICT: the identity is there, and stays. */
enum outcome db_store_ibs_identity(
	const char *conninfo, const char *actor, const struct db_ibs_identity *identity);
/* In the order of their issue. BROKEN: a row of other sizes. */
enum outcome db_each_ibs_identity(const char *conninfo,
	void (*each)(void *context, const struct db_ibs_identity *identity), void *context);

#endif

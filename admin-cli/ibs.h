/*
 * What the commands of ECCSI (RFC 6507) share: the identities there are, and the issue of one by the
 * KMS. Straight to the database and the HSM, whether a server runs or not. One thread.
 */
#ifndef ADMIN_CLI_IBS_H
#define ADMIN_CLI_IBS_H

#include "admin-cli/cli.h"
#include "admin-cli/ibs_id.h"
#include "db/ibs_store.h"

struct ibs_identities {
	struct db_ibs_identity *at;
	size_t count, cap;
	bool failed; /* no memory: one is missing */
};

/* In the order of their issue; the caller frees all->at where it is CLI_DONE. The reason has been said. */
enum cli_end ibs_read_identities(const struct cli *cli, struct ibs_identities *all);
/*
 * Has the KMS issue it, and stores it. *is_new: false where it was there already. What went wrong has been
 * said.
 */
enum cli_end ibs_issue(struct cli *cli, const char *id, const struct ibs_period *period,
	struct db_ibs_identity *identity, bool *is_new);
enum cli_end ibs_refuse_reading(enum outcome o);

/* {"id","notBefore","notAfter"}, the latter its last second. NULL: no memory. */
json_t *ibs_identity_to_json(const struct db_ibs_identity *identity);
/* A line on stdout. */
void ibs_print_identity(const char *what, const json_t *identity);

#endif

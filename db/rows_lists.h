/*
 * Pages of lists as an operator asks for them, with what the rows shall fit; part of db/statements.h. What is not
 * asked for is -1, of times 0, of texts empty; of a range it is DB_EVERYTHING.
 *
 * is_filtered: the page looks at a bounded number of rows, and a last one without state (jobs: was_there false;
 * revocations: revoked_at 0) then says up to which key.
 */
#ifndef DB_ROWS_LISTS_H
#define DB_ROWS_LISTS_H

#include "db/statements.h"

#define DB_EVERYTHING ((struct db_range){ -1, INT64_MAX })

struct db_binding_page {
	int64_t after, limit;
	bool is_filtered;
	struct db_range dimsis;
	struct db_range supis, plmn; /* IMSIs */
	int32_t state;               /* enum binding_state */
	struct db_text se_id;
	int64_t created_since, created_before, changed_since, changed_before;
};
struct db_jobs_page {
	int64_t after, limit;
	bool is_filtered;
	int32_t state, operation; /* enum job_state, enum credential_operation */
	int64_t created_since, created_before;
};
struct db_anchor_page {
	int64_t after, limit;
	int32_t use; /* enum trust_use */
};
struct db_revocation_page {
	int64_t after, limit;
	bool is_filtered;
	struct db_text issuer_hash, serial; /* hexadecimal */
	int64_t revoked_since, revoked_before;
};
struct db_crl_page {
	int64_t after, limit;
	struct db_text issuer_hash; /* hexadecimal */
	int64_t next_update_before;
};
struct db_pool_page {
	int64_t after, limit;
	int32_t plmn, plmn_digits;
};

#endif

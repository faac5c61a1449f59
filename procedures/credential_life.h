/*
 * The life of a credential (docs/protocol.md section 11; NIST SP 800-57 Part 1): every state × every operation in one
 * table, which the procedures use and a test walks.
 */
#ifndef PROCEDURES_CREDENTIAL_LIFE_H
#define PROCEDURES_CREDENTIAL_LIFE_H

#include "db/statements.h"

/* What an operator does to a subscription; the numbers are in the database (jobs). */
enum credential_operation {
	OPERATION_SUSPEND,
	OPERATION_RESUME,
	OPERATION_REVOKE,
	OPERATION_REKEY,
	OPERATION_DELETE,
	OPERATION_COUNT,
};
const char *credential_operation_name(enum credential_operation operation); /* suspend, … */
bool credential_operation_read(const char *text, enum credential_operation *operation);

/* What a state becomes; -1 where the operation is refused in it (CONFLICT). Re-keying leaves the old version's. */
int credential_after(enum credential_state state, enum credential_operation operation);
/* Bits of the states that allow it; those that have become what it makes are not among them. */
int32_t credential_from_mask(enum credential_operation operation);
/* What all of them become. */
enum credential_state credential_to(enum credential_operation operation);
/* Whether bindings, Access IDs and sessions go with it. */
bool credential_is_final(enum credential_operation operation);

#endif

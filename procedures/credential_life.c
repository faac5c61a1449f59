#include "procedures/credential_life.h"

#include <string.h>

#define BIT(state) (1 << CREDENTIAL_IS_##state)

/*
 * The one place that says it. What an operation makes of a state, by operation and state; a state that is not
 * in its row refuses it. One that is overdue has not been suspended by anybody, and need not be: nothing
 * serves it. Re-keying leaves the state of the version it replaces, which serves an overlap.
 */
struct life_row {
	const char *name;
	enum credential_state to;
	int32_t from_mask;
	bool is_final;
};
static const struct life_row rows[OPERATION_COUNT] = {
	[OPERATION_SUSPEND] = { "suspend", CREDENTIAL_IS_SUSPENDED, BIT(ACTIVE), false },
	[OPERATION_RESUME] = { "resume", CREDENTIAL_IS_ACTIVE, BIT(SUSPENDED), false },
	[OPERATION_REVOKE] = { "revoke", CREDENTIAL_IS_REVOKED,
		BIT(PRE_ACTIVE) | BIT(ACTIVE) | BIT(SUSPENDED) | BIT(RETIRED) | BIT(OVERDUE),
		true },
	[OPERATION_REKEY] = { "rekey", CREDENTIAL_IS_ACTIVE, BIT(ACTIVE) | BIT(OVERDUE), false },
	[OPERATION_DELETE] = { "delete", CREDENTIAL_IS_DESTROYED,
		BIT(PRE_ACTIVE) | BIT(ACTIVE) | BIT(SUSPENDED) | BIT(RETIRED) | BIT(REVOKED) |
			BIT(OVERDUE),
		true },
};

const char *credential_operation_name(enum credential_operation operation)
{
	return operation < OPERATION_COUNT ? rows[operation].name : "unknown";
}

bool credential_operation_read(const char *text, enum credential_operation *operation)
{
	for (unsigned i = 0; i < OPERATION_COUNT; i++)
		if (strcmp(rows[i].name, text) == 0) {
			*operation = (enum credential_operation)i;
			return true;
		}
	return false;
}

int credential_after(enum credential_state state, enum credential_operation operation)
{
	if ((rows[operation].from_mask >> state & 1) == 0)
		return -1;
	return operation == OPERATION_REKEY ? (int)state : (int)rows[operation].to;
}

int32_t credential_from_mask(enum credential_operation operation)
{
	return rows[operation].from_mask;
}

enum credential_state credential_to(enum credential_operation operation)
{
	return rows[operation].to;
}

bool credential_is_final(enum credential_operation operation)
{
	return rows[operation].is_final;
}

#include "db/statement.h"

/* The parts stand in the order of the enum, each without a gap. */
const struct statement *statement_of(enum db_statement s)
{
	if (s >= DB_RECORD_EVENT)
		return &sql_audit[s - DB_RECORD_EVENT];
	if (s >= DB_PUT_CRL)
		return &sql_crls[s - DB_PUT_CRL];
	if (s >= DB_PUT_JOB)
		return &sql_jobs[s - DB_PUT_JOB];
	if (s >= DB_LIST_SUBSCRIPTIONS)
		return &sql_life[s - DB_LIST_SUBSCRIPTIONS];
	if (s >= DB_ADD_DOWNLOAD)
		return &sql_downloads[s - DB_ADD_DOWNLOAD];
	if (s >= DB_ADD_ATTACH)
		return &sql_devices[s - DB_ADD_ATTACH];
	if (s >= DB_PUT_SESSION)
		return &sql_companions[s - DB_PUT_SESSION];
	if (s >= DB_ADVANCE_SQN)
		return &sql_subscriptions[s - DB_ADVANCE_SQN];
	if (s >= DB_ADD_POOL)
		return &sql_imsis[s - DB_ADD_POOL];
	if (s >= DB_LIST_ANCHORS)
		return &sql_trust[s - DB_LIST_ANCHORS];
	if (s >= DB_KEEP_PAIR)
		return &sql_hand_over[s - DB_KEEP_PAIR];
	return &sql_bindings[s - DB_BIND];
}

const char *binding_state_name(enum binding_state state)
{
	switch (state) {
	case BINDING_READY:
		return "READY";
	case BINDING_VECTORS_SENT:
		return "VECTORS_SENT";
	case BINDING_ATTACHED:
		return "ATTACHED";
	case BINDING_PROVISIONED:
		return "PROVISIONED";
	case BINDING_RELEASED:
		return "RELEASED";
	case BINDING_REVOKED:
		return "REVOKED";
	}
	return "UNKNOWN";
}

const char *credential_kind_name(enum credential_kind kind)
{
	switch (kind) {
	case CREDENTIAL_EK:
		return "EK";
	case CREDENTIAL_IMPORTED:
		return "IMPORTED";
	case CREDENTIAL_COMPANION:
		return "COMPANION";
	case CREDENTIAL_HEADLESS:
		return "HEADLESS";
	case CREDENTIAL_PROFILE:
		return "PROFILE";
	}
	return "UNKNOWN";
}

const char *credential_state_name(enum credential_state state)
{
	switch (state) {
	case CREDENTIAL_IS_PRE_ACTIVE:
		return "PRE_ACTIVE";
	case CREDENTIAL_IS_ACTIVE:
		return "ACTIVE";
	case CREDENTIAL_IS_SUSPENDED:
		return "SUSPENDED";
	case CREDENTIAL_IS_RETIRED:
		return "RETIRED";
	case CREDENTIAL_IS_REVOKED:
		return "REVOKED";
	case CREDENTIAL_IS_DESTROYED:
		return "DESTROYED";
	case CREDENTIAL_IS_OVERDUE:
		return "OVERDUE";
	}
	return "UNKNOWN";
}

const char *access_state_name(enum access_state state)
{
	switch (state) {
	case ACCESS_PENDING:
		return "PENDING";
	case ACCESS_CONFIRMED:
		return "CONFIRMED";
	case ACCESS_REVOKED:
		return "REVOKED";
	case ACCESS_EXPIRED:
		return "EXPIRED";
	case ACCESS_RELEASED:
		return "RELEASED";
	}
	return "UNKNOWN";
}

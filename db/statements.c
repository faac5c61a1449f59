#include "db/statement.h"

/* The parts stand in the order of the enum, each without a gap. */
const struct statement *statement_of(enum db_statement s)
{
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

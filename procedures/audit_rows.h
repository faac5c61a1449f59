/* Rows of the audit trail as what their hashes are made of. */
#ifndef PROCEDURES_AUDIT_ROWS_H
#define PROCEDURES_AUDIT_ROWS_H

#include <assert.h>

#include "crypto/audit_chain.h"
#include "db/statements.h"

static_assert(DB_ACTOR_MAX == AUDIT_ACTOR_MAX && DB_DETAIL_MAX == AUDIT_DETAIL_MAX,
	"whatever is written can be hashed");

/* BROKEN where the path is none of so many hashes. */
enum outcome audit_tree_from_row(const struct db_audit_tree *row, struct audit_tree *out);
/* The row's path points into the tree. */
struct db_audit_tree audit_tree_to_row(const struct audit_tree *t);
/* The event's texts point into the row. */
struct audit_event audit_event_from_row(const struct db_event *row);

#endif

/*
 * Refusals that matter become events of the audit trail: who was turned away for want of trust, proof or
 * right, and who wanted what another has. They are written behind the answer's back: nobody waits for them.
 * A bounded number waits for the database, and of callers without a certificate a bounded number a second is
 * recorded; of the others only their count is written, once there is room.
 * One loop.
 */
#ifndef PROCEDURES_REFUSALS_H
#define PROCEDURES_REFUSALS_H

#include "procedures/procedure.h"

struct refusals;

/* lost: called on the loop for each refusal that is not recorded by itself. NULL: no memory. */
struct refusals *refusals_new(struct db *db, void (*lost)(void *context), void *context);
/* The database must have been freed before. NULL is allowed. */
void refusals_free(struct refusals *r);
/*
 * For a request that was refused at its head or has ended: recorded where its outcome matters and there is a
 * trail.
 */
void refusals_note(struct refusals *r, const struct txn *t);

#endif

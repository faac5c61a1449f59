/*
 * Refusals that matter become events of the audit trail: who was turned away for want of trust, proof or
 * right, and who wanted what another has. They are written behind the answer's back: nobody waits for them.
 * A bounded number waits for the database, and of each caller a bounded number a second is recorded
 * (refusal_bounds.h); of the others only their count is written, within a second and again while there are more.
 * One loop.
 */
#ifndef PROCEDURES_REFUSALS_H
#define PROCEDURES_REFUSALS_H

#include "procedures/procedure.h"

struct refusals;

struct refusals_settings {
	struct db *db;
	double tell_every_s;         /* what is not recorded one by one */
	void (*lost)(void *context); /* on the loop, for each of those */
	void *context;
};

/* NULL: no memory. */
struct refusals *refusals_new(struct ev_loop *loop, const struct refusals_settings *settings);
/* The database must have been freed before. NULL is allowed. */
void refusals_free(struct refusals *r);
/*
 * For a request that was refused at its head or has ended: recorded where its outcome matters and there is a
 * trail.
 */
void refusals_note(struct refusals *r, const struct txn *t);
/* For shutdown, to be asked again until it is true: all is in the database, and their count as well. */
bool refusals_are_written(struct refusals *r);

#endif

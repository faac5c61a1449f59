/*
 * An IMSI that a transaction has taken from the leases for a subscription it is about to make. It
 * goes back to the leases whatever ends the transaction, unless the database may have bound it: an
 * answered error leaves no IMSI behind, and no IMSI is given out twice.
 */
#ifndef PROCEDURES_HELD_IMSI_H
#define PROCEDURES_HELD_IMSI_H

#include "procedures/procedure.h"

struct held_imsi {
	uint64_t number;
	bool is_held;        /* taken, and bound to nothing */
	bool is_being_bound; /* the DB lane has been asked for it and has not yet brought anything */
};

/* For finish of an IMSI step. */
enum outcome held_imsi_take(struct txn *t, struct held_imsi *h, enum outcome brought);
/* For run of the DB step that binds it: from here on it may be bound, whatever is heard of it. */
void held_imsi_bind(struct held_imsi *h);
/*
 * For finish of that step: it is held again where it was certainly not bound. NO_ROW: it goes back.
 * CONFLICT: it is somebody's after all, and the leases are told.
 */
void held_imsi_bound(struct txn *t, struct held_imsi *h, enum outcome brought);
/* For undo, and where it turns out not to be needed. */
void held_imsi_give_back(struct txn *t, struct held_imsi *h);

#endif

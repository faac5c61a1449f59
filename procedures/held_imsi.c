#include "procedures/held_imsi.h"

enum outcome held_imsi_take(struct txn *t, struct held_imsi *h, enum outcome brought)
{
	if (brought != FINE)
		return brought;
	*h = (struct held_imsi){ .number = t->ask.imsi.imsi, .is_held = true };
	return FINE;
}

void held_imsi_bind(struct held_imsi *h)
{
	h->is_being_bound = h->is_held;
	h->is_held = false;
}

void held_imsi_bound(struct txn *t, struct held_imsi *h, enum outcome brought)
{
	if (!h->is_being_bound)
		return;
	h->is_being_bound = false;
	h->is_held = brought == DATABASE_UNAVAILABLE && !t->ask.db.sent;
	if (brought == NO_ROW)
		imsi_give_back(t->services->leases, h->number);
	else if (brought == CONFLICT)
		imsi_was_taken(t->services->leases, h->number);
}

void held_imsi_give_back(struct txn *t, struct held_imsi *h)
{
	if (t->waiting_in == LANE_IMSI && t->outcome == FINE) /* it came too late */
		(void)!held_imsi_take(t, h, FINE);
	if (t->waiting_in == LANE_DB) /* so did what became of its binding */
		held_imsi_bound(t, h, t->outcome);
	if (h->is_held)
		imsi_give_back(t->services->leases, h->number);
	h->is_held = false;
}

/*
 * LANE_ITEMS: a batch request is a transaction whose items are transactions of their own. The batch goes on when
 * all of them have ended. One loop's thread.
 */
#ifndef SERVER_ITEMS_H
#define SERVER_ITEMS_H

#include "server/engine.h"

/* Makes t->item_count transactions, has the step fill them in, and begins them; all or none. */
enum outcome items_begin(struct engine *e, struct txn *t, const struct step *step);

#endif

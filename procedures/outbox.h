/*
 * Step 2 of Solution #5.x where the D-AUSF is another server: the pair RAND, AUTN is owed to it from the moment
 * the binding commits, as a row of the outbox, and is handed over until it is taken, across restarts
 * of either side. A released dIMSI is taken back the same way.
 *
 * Every server delivers what is due, rows being claimed for a while by whoever reads them. One loop.
 */
#ifndef PROCEDURES_OUTBOX_H
#define PROCEDURES_OUTBOX_H

#include <ev.h>

#include "procedures/services.h"

struct outbox *outbox_new(struct ev_loop *loop, struct services *services);
/* The HTTP client and the database must have been freed before: nothing is under way then. */
void outbox_free(struct outbox *o);
/* Something new is due. */
void outbox_kick(struct outbox *o);

#endif

/*
 * Removes what is over, in the background: Access IDs that were not confirmed in time, companion
 * sessions past their lifetime, and the secrets of both. Whatever is over counts as over from that
 * second on, swept or not; this only keeps the tables small and the secrets few.
 *
 * Any number of servers may sweep: one reactor of a process is enough. One loop.
 */
#ifndef PROCEDURES_SWEEPER_H
#define PROCEDURES_SWEEPER_H

#include <ev.h>

#include "procedures/services.h"

struct sweeper;

/* Sweeps about every so many seconds, and at once again while there is more. NULL: no memory. */
struct sweeper *sweeper_new(struct ev_loop *loop, struct services *services, double every_s);
/* The database must have been freed before: nothing is under way then. NULL is allowed. */
void sweeper_free(struct sweeper *s);

#endif

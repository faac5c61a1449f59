/*
 * Removes what is over, in the background: Access IDs that were not confirmed in time, companion
 * sessions, attaches and downloads past their lifetime, the secrets of them all, and the keys of
 * profiles that were not installed. Whatever is over counts as over from that second on, swept or
 * not; this only keeps the tables small and the secrets few.
 *
 * Any number of servers may sweep: one reactor of a process is enough. One loop.
 */
#ifndef PROCEDURES_SWEEPER_H
#define PROCEDURES_SWEEPER_H

#include <ev.h>

#include "procedures/services.h"

struct sweeper;

struct sweeper_settings {
	double sweep_every_s;
	double note_every_s; /* looks for overdue and for re-keyed credentials; less than DB_ACTIVE_EARLY_S */
};
/* Each about every so many seconds, and at once again while there is more. NULL: no memory. */
struct sweeper *sweeper_new(
	struct ev_loop *loop, struct services *services, const struct sweeper_settings *settings);
/* The database must have been freed before: nothing is under way then. NULL is allowed. */
void sweeper_free(struct sweeper *s);

#endif

/*
 * Looks after the end of the ECCSI identities this server signs by: keeps the gauge of it, and
 * warns once a day from a week before, where no successor takes over. The same of the CRLs, where it
 * warns once one is out of date, and of the listener's files. Belongs to one loop; one reactor of a process is enough.
 */
#ifndef SERVER_IDENTITY_WATCH_H
#define SERVER_IDENTITY_WATCH_H

#include <ev.h>

#include "procedures/services.h"
#include "server/metrics.h"
#include "server/tls.h"

struct identity_watch;

/* tls: NULL where the listener is plain. NULL: no memory. */
struct identity_watch *identity_watch_new(struct ev_loop *loop, const struct services *services,
	struct metrics *metrics, struct tls *tls);
/* NULL is allowed. */
void identity_watch_free(struct identity_watch *w);

/*
 * The event to warn of at `now`, NULL: none. *end: when no identity is valid any more; 0 where there
 * is none at all, or only later ones.
 */
const char *identity_watch_look(const struct own_keys *k, int64_t now, int64_t *end);

#endif

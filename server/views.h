/*
 * A reactor's picture of what the database says of trust and of the server's own keys and
 * identities: read at start, after each notice of a change, and after each reconnection. What was
 * read last stays in force while it cannot be read anew.
 *
 * Belongs to one loop and its thread.
 */
#ifndef SERVER_VIEWS_H
#define SERVER_VIEWS_H

#include <ev.h>

#include "procedures/services.h"

struct txn;
struct views;

/* brought(context, t, outcome): a transaction that waited for a reading begun after it came. */
struct views *views_new(struct ev_loop *loop, struct services *services,
	void (*brought)(void *context, struct txn *t, enum outcome outcome), void *context);
void views_free(struct views *v);
/* Reads everything anew, for this transaction's sake. */
void views_refresh(struct views *v, struct txn *t);
bool views_are_ready(const struct views *v);

#endif

/* The connection that hears notices (LISTEN). Inside db/ only. */
#ifndef DB_LISTENER_H
#define DB_LISTENER_H

#include "base/outcome.h"
#include "db/link.h"

struct listener;

/* conninfo is kept by pointer. NULL: no memory. */
struct listener *listener_new(struct ev_loop *loop, const char *conninfo);
void listener_free(struct listener *l);
enum outcome listener_add(
	struct listener *l, const char *channel, void (*heard)(void *context), void *context);

#endif

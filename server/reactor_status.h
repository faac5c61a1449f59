/* What a reactor says of itself, its lanes and workers: the server's own part of GET /admin/v1/status. */
#ifndef SERVER_REACTOR_STATUS_H
#define SERVER_REACTOR_STATUS_H

#include "server/engine.h"
#include "server/metrics.h"

struct reactor_status {
	const struct services *services;
	struct engine *engine;
	struct metrics *const *all_metrics; /* one a reactor */
	size_t reactors;
	unsigned number;
};

/* Members of the object that is open in o. On the reactor's own thread. */
void reactor_status_write(const struct reactor_status *s, struct json_out *o);

#endif

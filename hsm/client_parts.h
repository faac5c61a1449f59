/*
 * What hsm/client.c (the queues) and hsm/supervise.c (the workers) share; nothing else includes this.
 */
#ifndef HSM_CLIENT_PARTS_H
#define HSM_CLIENT_PARTS_H

#include "hsm/worker.h"

#define MOST_TRIES 2u

struct queue {
	struct key_request *first, **last;
	unsigned count;
};

/* A ping is a request of the client's own. */
struct ping {
	struct key_request request;
	struct key_ping in, out;
	bool is_under_way;
};

struct key_client {
	struct ev_loop *loop;
	struct key_client_settings settings;
	ev_timer look;
	struct queue queues[KEY_OPERATION_COUNT];
	unsigned waiting;
	uint64_t next_batch;
	int64_t looked_ms;     /* when the workers were last looked after */
	int64_t none_since_ms; /* no worker has been ready since; 0: one is */
	int64_t refresh_ms;    /* workers started before this are to be replaced */
	struct key_found keys[KEY_FOUND_MAX];
	unsigned key_count;
	void (*keys_changed)(void *context);
	void *keys_context;
	struct ping *pings;
	unsigned slots; /* settings.workers, and one for a replacement */
	struct worker workers[];
};

/* What a worker had when it was lost: asked once more of another, then refused. */
void client_take_back(struct key_client *c, struct key_request *first);

/* Starts a process in this slot. */
bool supervise_start(struct key_client *c, struct worker *w);
/* The worker is lost: killed, and to be replaced. */
void supervise_lose(struct worker *w, const char *why);
/* Looks after all workers: the silent, the idle, the old, the missing. */
void supervise_look(struct key_client *c, int64_t now);

#endif

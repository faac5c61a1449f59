/*
 * One arpf-keyd process as its parent sees it: made, spoken to, watched, ended. For hsm/client.c.
 */
#ifndef HSM_WORKER_H
#define HSM_WORKER_H

#include <ev.h>
#include <sys/types.h>

#include "hsm/client.h"

#define WORKER_MOST_BATCHES 65u

/* What a worker was asked and has not answered. */
struct worker_batch {
	uint64_t number; /* 0: this place is free */
	enum key_operation operation;
	unsigned count;
	int64_t sent_ms;
	struct key_request *first; /* linked by next */
};

struct worker {
	struct key_client *client;
	unsigned index;
	pid_t pid;     /* 0: none */
	pid_t leaving; /* one before it, given up while it started; 0: none */
	int64_t left_ms;
	int fd;
	bool is_ready, is_retiring;
	struct worker *replaces; /* that one retires when this one is ready */
	int64_t started_ms, last_heard_ms, start_after_ms;
	uint64_t operations;
	uint32_t restarts, failed_starts;
	unsigned places; /* how many batches it may have */
	struct worker_batch batches[WORKER_MOST_BATCHES];
	ev_io io;
	struct key_hello hello;
};

/* The client, as its workers see it. */
const struct key_client_settings *key_client_settings_of(const struct key_client *c);
struct ev_loop *key_client_loop(const struct key_client *c);

/* fork, exec. False, and logged, where the system does not let us. */
bool worker_start(struct worker *w);
/*
 * For the client's end: waits until a worker that is being started has opened its token, for a bounded
 * time. SoftHSM writes the token's own record anew at every login; a process that is killed in the middle
 * of that leaves no token behind.
 */
void worker_await_start(const struct worker *w);
/* Kills and reaps; what it had is given to take_back, linked by next. */
void worker_end(
	struct worker *w, void (*take_back)(struct key_client *c, struct key_request *first));
/* Whether one that was given up while it started has ended: until then its slot takes no other. */
bool worker_has_left(struct worker *w);
unsigned worker_free_places(const struct worker *w);
bool worker_is_idle(const struct worker *w);
/* False where the message could not be sent: the requests are still the caller's. */
bool worker_send(struct worker *w, enum key_operation operation, struct key_request *first,
	unsigned count, uint64_t number);

#endif

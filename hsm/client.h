/*
 * The KEY lane's other end: arpf-keyd workers, supervised, and the queue of what they are asked.
 *
 * Requests queue by operation; key_pump() hands what has queued to workers with room as batches of
 * at most KEY_BATCH_MAX. A worker that dies, or leaves a batch unanswered for timeout_ms, is
 * killed and replaced; its batch is asked once more of another worker, then refused with
 * HSM_UNAVAILABLE. A request past its deadline is not begun. Every request is ended exactly once, by
 * done(), never before key_submit() has returned.
 *
 * Belongs to one loop and its thread.
 */
#ifndef HSM_CLIENT_H
#define HSM_CLIENT_H

#include <ev.h>

#include "hsm/messages.h"

struct key_client;

struct key_request {
	enum key_operation operation;
	const void *in;      /* the operation's item; the caller's, until done() */
	void *out;           /* receives its result where the outcome is FINE */
	int64_t deadline_ms; /* by clock_ms() */
	void (*done)(struct key_request *request, enum outcome outcome);
	/* the client's own */
	struct key_request *next;
	unsigned tries;
};

struct key_client_settings {
	const char *keyd_path;   /* the arpf-keyd program */
	const char *config_path; /* handed on to it; NULL: defaults */
	bool takes_subscribers; /* the workers do KEY_SEAL_SUBSCRIBER: a tool's, never a server's */
	const char *log_level;  /* the workers'; NULL: the configuration's */
	unsigned workers;
	unsigned threads; /* of each worker: so many batches at once */
	uint32_t timeout_ms;
	uint32_t worker_operations; /* a worker is drained and replaced after so many; 0: never */
	uint32_t largest_tree;
};

struct key_worker_state {
	int pid; /* 0: being started */
	bool ready;
	uint64_t operations;
	uint32_t restarts;
};

/* Starts the workers; they become ready by and by. NULL: no memory or no process could be made. */
struct key_client *key_client_new(struct ev_loop *loop, const struct key_client_settings *settings);
/* Ends the workers; requests that are left are ended with HSM_UNAVAILABLE. NULL is allowed. */
void key_client_free(struct key_client *c);
/* timeout_ms and worker_operations may change while it runs. */
void key_client_set(struct key_client *c, uint32_t timeout_ms, uint32_t worker_operations);

void key_submit(struct key_client *c, struct key_request *request);
/* Hands out what has queued; called once an iteration of the loop, after submissions. */
void key_pump(struct key_client *c);
/* Replaces all workers one after the other, so that they find keys made since; requests go on. */
void key_client_refresh(struct key_client *c);

/* The keys that every ready worker knows; count 0 while there is none. Valid until the loop goes on. */
const struct key_found *key_client_keys(const struct key_client *c, unsigned *count);
/* Called on the loop whenever a worker's hello brings a list of keys that differs from the last. */
void key_client_on_keys(struct key_client *c, void (*changed)(void *context), void *context);
bool key_client_is_ready(const struct key_client *c);
unsigned key_client_waiting(const struct key_client *c);
void key_client_worker(const struct key_client *c, unsigned i, struct key_worker_state *state);

#endif

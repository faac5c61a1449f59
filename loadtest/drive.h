/*
 * Sends requests for a row of items, in one of two ways:
 *
 *   closed loop  a number of requests are always under way; latency counts from when one was sent.
 *   open loop    requests are due at fixed times, whatever the server does; latency counts from when a
 *                request was due, so that one that had to wait for its turn does not look fast.
 *
 * The procedure's own part is two functions: one writes a request, one judges its answer. Where a procedure
 * takes several requests one after the other, each is a step of one flight: the latency is that of the whole,
 * and that of each step is measured besides. Belongs to one loop and its thread.
 */
#ifndef LOADTEST_DRIVE_H
#define LOADTEST_DRIVE_H

#include "loadtest/exchange.h"
#include "loadtest/histogram.h"

struct drive;

#define DRIVE_STEPS_MOST 8

enum flight_verdict {
	FLIGHT_ENDED,
	FLIGHT_AGAIN,   /* should be sent again; not where it was the last try */
	FLIGHT_GOES_ON, /* with the next step */
};

/* One request on its way. */
struct flight {
	struct http_request request;
	struct drive *drive;
	uint64_t first; /* the items it is for */
	size_t count;
	unsigned step;      /* from 0 */
	void *state;        /* state_size bytes of the procedure's own, zeroed before step 0 */
	int64_t due_us;     /* what its latency counts from */
	int64_t step_us;    /* when the step was sent first */
	int64_t give_up_ms; /* no repeating after this */
	struct ev_timer again;
	struct flight *next; /* of those free */
	char url[URL_MAX + 128];
	char *body;
};

struct drive_settings {
	struct server *server;
	uint64_t items;
	size_t batch;     /* items a request */
	size_t body_size; /* of the room for a request's body */
	size_t state_size;
	uint64_t rate;        /* items a second; 0: closed loop */
	unsigned concurrency; /* requests under way, at most */
	int64_t duration_ms;  /* no new requests after this; 0: until the items are through */
	int64_t timeout_ms;   /* of a request */
	int64_t repeat_ms;    /* how long one that is not answered is repeated; 0: never */
	/*
	 * Sets method, url, content type and body of flight->request for flight->step. false: it cannot
	 * be written, which has been counted, and the flight ends.
	 */
	bool (*write)(void *context, struct flight *f);
	/* Judges what came of it. last: FLIGHT_AGAIN would be FLIGHT_ENDED. */
	enum flight_verdict (*judge)(
		void *context, struct flight *f, enum outcome outcome, bool last);
	void *context;
};

struct drive_result {
	uint64_t requests, repeated, items; /* ended requests, repetitions, items of ended ones */
	int64_t wall_us, cpu_us;            /* this process's CPU time, user and system */
	bool interrupted;
	struct histogram latency;
	struct histogram steps[DRIVE_STEPS_MOST]; /* where there is more than one */
};

/* Until all have ended; SIGINT and SIGTERM end it early. BROKEN: no memory. */
enum outcome drive_run(const struct drive_settings *settings, struct drive_result *result);

#endif

/*
 * One event loop with everything that belongs to it: listener, lanes, workers, connections. Reactors
 * share the issuer cache and read each other's metrics, and nothing else.
 */
#ifndef SERVER_REACTOR_H
#define SERVER_REACTOR_H

#include "base/settings.h"
#include "peers/http_identity.h"
#include "pki/chain.h"
#include "server/metrics.h"
#include "server/tls.h"

#define ARPF_VERSION "0.1.0"

struct reactor;

struct reactor_settings {
	const char *config_path; /* NULL: defaults */
	struct issuer_cache *issuers;
	struct metrics *const *all_metrics; /* one a reactor */
	size_t all_metrics_count;
	struct tls *tls;                /* of the TCP listener; NULL: plain HTTP */
	struct http_identity *identity; /* towards other servers; a reference of its own is taken */
	unsigned number;
	int listen_fd; /* taken over */
	int admin_fd;  /* taken over; -1: none */
};

/*
 * Makes everything and starts the thread. `own` is the reactor's copy of the settings, taken over whatever
 * happens. NULL, and logged, where something cannot be had.
 */
struct reactor *reactor_start(const struct reactor_settings *given, struct settings *own);
/* From any thread: no new connections, what is under way is ended within drain_ms, then the loop ends. */
void reactor_drain(struct reactor *r);
/* From any thread: ends as soon as it can. */
void reactor_stop(struct reactor *r);
/* From any thread: takes over what may change; `fresh` is taken over. */
void reactor_reload(struct reactor *r, struct settings *fresh);
/* From any thread: shows itself to other servers as this one, whose reference is taken over. */
void reactor_set_identity(struct reactor *r, struct http_identity *identity);
/* Its loop has ended. */
bool reactor_is_over(const struct reactor *r);
/* Waits for the thread and frees all. */
void reactor_join(struct reactor *r);

#endif

/*
 * HTTP for one listener of one reactor: libmicrohttpd driven by the loop through its epoll descriptor.
 *
 * A request is read, its connection suspended while its transaction is under way, and resumed with others
 * in one go. In external-epoll mode libmicrohttpd 0.9.75 stalls where another thread resumes a
 * connection or MHD_run() is not called afterwards; here ended requests are collected on a list
 * and http_flush(), called on the loop's own thread, resumes them all and calls MHD_run() once.
 *
 * Belongs to one loop and its thread.
 */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <ev.h>

#include "server/engine.h"
#include "server/metrics.h"
#include "server/tls.h"

struct http;

struct http_settings {
	struct engine *engine;
	struct metrics *metrics;            /* this reactor's */
	struct metrics *const *all_metrics; /* every reactor's, for GET /metrics */
	size_t all_metrics_count;
	int listen_fd;   /* listening already; closed by http_free() */
	unsigned roles;  /* what every caller on this listener may do */
	bool is_unix;    /* callers must be root or of this process's user */
	struct tls *tls; /* NULL: plain HTTP */
	unsigned connection_limit, connection_timeout_s, request_timeout_s;
};

/* NULL, and logged, where the daemon cannot be started. */
struct http *http_new(struct ev_loop *loop, const struct http_settings *settings);
/* No new connections; those there are go on. */
void http_quiesce(struct http *h);
/* Requests whose answers have not been sent. */
unsigned http_under_way(const struct http *h);
/* From here on requests are answered 503 at once, none becomes a transaction. */
void http_stop(struct http *h);
/* After http_stop(), when every transaction has ended. NULL is allowed. */
void http_free(struct http *h);
/* Resumes what has ended and lets the daemon work; true where it had work. */
bool http_flush(struct http *h);

#endif

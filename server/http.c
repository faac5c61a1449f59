#include "server/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "server/http_connection.h"

/* A connection's own memory: headers and what is being read. Bodies lie in their transaction's arena. */
#define CONNECTION_MEMORY (8u * 1024u)

/* Those of every daemon. */
#define DAEMON_OPTIONS(h, s)                                                                       \
	MHD_OPTION_EXTERNAL_LOGGER, log_daemon, h, MHD_OPTION_LISTEN_SOCKET, (s)->listen_fd,       \
		MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, h,                             \
		MHD_OPTION_NOTIFY_CONNECTION, http_connection_on_notice, h,                        \
		MHD_OPTION_CONNECTION_LIMIT, (s)->connection_limit, MHD_OPTION_CONNECTION_TIMEOUT, \
		(s)->connection_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,                     \
		(size_t)CONNECTION_MEMORY

/* Resumed connections are called again by MHD_run(), which is when their answers are queued. */
bool http_flush(struct http *h)
{
	if (h->ended == NULL && !h->has_work)
		return false;
	while (h->ended != NULL) {
		struct exchange *x = h->ended;

		h->ended = x->next;
		MHD_resume_connection(x->connection);
	}
	h->ended_last = &h->ended;
	h->has_work = false;
	MHD_run(h->daemon);
	http_handshake_rest(h);
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (MHD_get_timeout(h->daemon, &timeout_ms) == MHD_YES) {
		h->has_work = timeout_ms == 0;
		ev_timer_stop(h->loop, &h->timeout);
		ev_timer_set(&h->timeout, (double)timeout_ms / 1000 + 0.001, 0);
		ev_timer_start(h->loop, &h->timeout);
	}
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	((struct http *)watcher->data)->has_work = true;
}

static void on_timeout(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	((struct http *)watcher->data)->has_work = true;
}

static void log_daemon(void *context, const char *format, va_list args)
{
	char text[256], word[256];

	(void)context;
	vsnprintf(text, sizeof(text), format, args);
	log_debug("http_library_says", "text=%s", log_value(text, word, sizeof(word)));
}

static struct MHD_Daemon *start_daemon(struct http *h)
{
	const struct http_settings *s = &h->settings;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

	if (s->tls == NULL)
		return MHD_start_daemon(flags, 0, NULL, NULL, exchange_on_request, h,
			DAEMON_OPTIONS(h, s), MHD_OPTION_END);
	return MHD_start_daemon(flags | MHD_USE_TLS, 0, NULL, NULL, exchange_on_request, h,
		DAEMON_OPTIONS(h, s), MHD_OPTION_HTTPS_CERT_CALLBACK, tls_without_certificate,
		MHD_OPTION_END);
}

struct http *http_new(struct ev_loop *loop, const struct http_settings *settings)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->loop = loop;
	h->settings = *settings;
	h->ended_last = &h->ended;
	h->daemon = start_daemon(h);
	const union MHD_DaemonInfo *info =
		h->daemon != NULL ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;

	if (info == NULL) {
		log_error("http_not_started", "listen_fd=%d", settings->listen_fd);
		if (h->daemon != NULL)
			MHD_stop_daemon(h->daemon);
		free(h);
		return NULL;
	}
	ev_io_init(&h->readable, on_readable, info->epoll_fd, EV_READ);
	h->readable.data = h;
	ev_io_start(loop, &h->readable);
	ev_timer_init(&h->timeout, on_timeout, 0, 0);
	h->timeout.data = h;
	h->has_work = true;
	return h;
}

void http_quiesce(struct http *h)
{
	MHD_socket fd = MHD_quiesce_daemon(h->daemon);

	h->is_quiesced = true;
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

unsigned http_under_way(const struct http *h)
{
	return h->under_way;
}

void http_stop(struct http *h)
{
	h->is_stopping = true;
}

void http_free(struct http *h)
{
	if (h == NULL)
		return;
	http_handshake_resume_all(h);
	(void)http_flush(h);
	ev_io_stop(h->loop, &h->readable);
	ev_timer_stop(h->loop, &h->timeout);
	MHD_stop_daemon(h->daemon);
	free(h);
}

#include "server/http_handshake.h"

#include <stdlib.h>
#include <sys/socket.h>

/* From a connection's beginning; who has not shown who he is until then is cut off. */
#define STRANGER_MOST_S 10.

struct http_handshake {
	struct http *http;
	struct MHD_Connection *connection;
	struct tls_connection *tls;
	struct http_reading *reading;
	int fd;
	ev_io readable; /* while it is suspended */
	ev_timer late;  /* until it is known who calls */
	bool waits, is_suspended;
	struct http_handshake *next, *previous; /* among those that wait, or are suspended */
};

static void put(struct http_handshake **list, struct http_handshake *s)
{
	s->previous = NULL;
	s->next = *list;
	if (s->next != NULL)
		s->next->previous = s;
	*list = s;
}

static void take_out(struct http_handshake **list, struct http_handshake *s)
{
	if (s->previous != NULL)
		s->previous->next = s->next;
	else
		*list = s->next;
	if (s->next != NULL)
		s->next->previous = s->previous;
}

static void resume(struct http_handshake *s)
{
	ev_io_stop(s->http->loop, &s->readable);
	take_out(&s->http->suspended, s);
	s->is_suspended = false;
	s->http->has_work = true;
	MHD_resume_connection(s->connection);
}

static void on_socket(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	resume(watcher->data);
}

/* The library finds the socket at its end, and closes. */
static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct http_handshake *s = timer->data;

	(void)loop;
	(void)events;
	shutdown(s->fd, SHUT_RDWR);
	if (s->is_suspended)
		resume(s);
}

static void on_wait(void *context)
{
	struct http_handshake *s = context;

	if (s->waits)
		return;
	s->waits = true;
	put(&s->http->waiting, s);
}

/*
 * A stranger has what is left of the time for his 401: else he could keep his connection for good by a byte a
 * minute, and with some thousands of them all others out.
 */
static void on_shaken(void *context)
{
	struct http_handshake *s = context;
	const struct tls_caller *caller;

	if (tls_who_calls(s->tls, &caller) != UNAUTHENTICATED)
		ev_timer_stop(s->http->loop, &s->late);
	http_reading_expect(s->reading);
}

void http_handshake_rest(struct http *h)
{
	while (h->waiting != NULL) {
		struct http_handshake *s = h->waiting;

		take_out(&h->waiting, s);
		s->waits = false;
		if (h->is_stopping)
			continue;
		MHD_suspend_connection(s->connection);
		s->is_suspended = true;
		put(&h->suspended, s);
		ev_io_start(h->loop, &s->readable);
	}
}

void http_handshake_resume_all(struct http *h)
{
	while (h->suspended != NULL)
		resume(h->suspended);
}

struct http_handshake *http_handshake_begin(
	struct http *h, struct MHD_Connection *connection, struct http_reading *reading)
{
	const union MHD_ConnectionInfo *session =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	void *tls_session = session != NULL ? session->tls_session : NULL;
	const union MHD_ConnectionInfo *socket =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_handshake *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->http = h;
	s->connection = connection;
	s->reading = reading;
	s->fd = socket->connect_fd;
	ev_io_init(&s->readable, on_socket, s->fd, EV_READ);
	ev_timer_init(&s->late, on_late, STRANGER_MOST_S, 0.);
	s->readable.data = s->late.data = s;
	s->tls = tls_begin(h->settings.tls, &(struct tls_transport){
						    .session = tls_session,
						    .fd = s->fd,
						    .on_wait = on_wait,
						    .on_shaken = on_shaken,
						    .context = s,
					    });
	if (s->tls != NULL) {
		ev_timer_start(h->loop, &s->late);
		return s;
	}
	free(s);
	return NULL;
}

void http_handshake_end(struct http_handshake *s)
{
	if (s == NULL)
		return;
	struct http *h = s->http;

	ev_io_stop(h->loop, &s->readable);
	ev_timer_stop(h->loop, &s->late);
	if (s->waits)
		take_out(&h->waiting, s);
	if (s->is_suspended)
		take_out(&h->suspended, s);
	tls_end(s->tls);
	free(s);
}

struct tls_connection *http_handshake_tls(struct http_handshake *s)
{
	return s->tls;
}

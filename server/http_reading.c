#include "server/http_reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "server/http_connection.h"
#include "server/problem.h"

/* For a caller to find his answer: what he sends to a socket that is closed would have his system drop it. */
#define LINGER_S 1.
#define HEAD_MAX 512u

struct http_reading {
	struct http *http;
	struct MHD_Connection *connection;
	int fd;
	ev_io first;               /* while a request may come */
	ev_timer late;             /* while one is coming */
	struct exchange *exchange; /* once its head has come */
	bool is_answered;
};

static void start_timer(struct http_reading *r, double after_s)
{
	ev_timer_stop(r->http->loop, &r->late);
	ev_timer_set(&r->late, after_s, 0.);
	ev_timer_start(r->http->loop, &r->late);
}

static void on_first_byte(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct http_reading *r = watcher->data;

	(void)events;
	ev_io_stop(loop, &r->first);
	start_timer(r, r->http->settings.request_timeout_s);
}

static void write_past(struct http_reading *r, struct bytes text)
{
	struct http_connection *c = http_connection_of(r->connection);

	if (c->handshake != NULL)
		tls_write_last(http_handshake_tls(c->handshake), text);
	else
		(void)!send(r->fd, text.at, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(r->fd, SHUT_WR);
}

/*
 * Libmicrohttpd takes no answer while a body is coming, so this one goes past it, on a connection that has had nothing
 * to send and will not have.
 */
static void answer_late(struct http_reading *r)
{
	struct txn *t = r->exchange->txn;
	char text[HEAD_MAX + 2048];

	r->is_answered = r->exchange->is_late = true;
	t->outcome = REQUEST_TIMEOUT;
	problem_answer(t);
	metrics_count_refusal(r->http->settings.metrics, t->outcome);
	int len = snprintf(text, sizeof(text),
		"HTTP/1.1 %d Request Timeout\r\nConnection: close\r\nContent-Type: %s\r\n"
		"Content-Length: %zu\r\nX-Request-Id: %s\r\n\r\n%.*s",
		t->answer.status, t->answer.content_type, t->answer.len,
		t->request_id != NULL ? t->request_id : "unknown", (int)t->answer.len,
		t->answer.body);

	if (len > 0 && (size_t)len < sizeof(text))
		write_past(r, bytes_of(text, (size_t)len));
}

/* The library finds the socket at its end, and closes. */
static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct http_reading *r = timer->data;

	(void)loop;
	(void)events;
	if (r->exchange == NULL || r->is_answered) {
		shutdown(r->fd, SHUT_RDWR);
		return;
	}
	answer_late(r);
	start_timer(r, LINGER_S);
}

struct http_reading *http_reading_new(struct http *h, struct MHD_Connection *connection)
{
	struct http_reading *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->http = h;
	r->connection = connection;
	r->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	ev_io_init(&r->first, on_first_byte, r->fd, EV_READ);
	ev_timer_init(&r->late, on_late, 0., 0.);
	r->first.data = r->late.data = r;
	return r;
}

void http_reading_free(struct http_reading *r)
{
	if (r == NULL)
		return;
	ev_io_stop(r->http->loop, &r->first);
	ev_timer_stop(r->http->loop, &r->late);
	free(r);
}

void http_reading_expect(struct http_reading *r)
{
	r->exchange = NULL;
	if (!r->is_answered)
		ev_io_start(r->http->loop, &r->first);
}

void http_reading_begin(struct http_reading *r, struct exchange *x)
{
	ev_io_stop(r->http->loop, &r->first);
	r->exchange = x;
	/* Its first byte may have come together with what was before it. */
	if (!ev_is_active(&r->late))
		start_timer(r, r->http->settings.request_timeout_s);
}

void http_reading_end(struct http_reading *r)
{
	if (r->is_answered)
		return;
	r->exchange = NULL;
	ev_timer_stop(r->http->loop, &r->late);
}

#include "server/http_reading.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "server/http_connection.h"
#include "server/problem.h"

/* For a caller to find his answer: what he sends to a socket that is closed would have his system drop it. */
#define LINGER_S 1.
#define HEAD_MAX 512u
#define LOOKS    4 /* in the time that a request has: so much later at most is its beginning noticed */

struct http_reading {
	struct http *http;
	struct MHD_Connection *connection;
	int fd;
	ev_timer timer;  /* while a request may come: till the next look; then: till it is late */
	uint64_t before; /* of the bytes received, those that are no part of it */
	struct exchange *exchange; /* once its head has come */
	bool is_coming, is_answered;
};

static void start_timer(struct http_reading *r, double after_s)
{
	ev_timer_stop(r->http->loop, &r->timer);
	ev_timer_set(&r->timer, after_s, 0.);
	ev_timer_start(r->http->loop, &r->timer);
}

/* Bytes that the socket has brought; 0 where it does not say, as a Unix one. */
static uint64_t count_received(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_bytes_received
								       : 0;
}

/*
 * A watcher would not do: the library polls by itself, and would often have read a request's first bytes before the
 * loop saw any. The system has counted them.
 */
static void look_whether_one_comes(struct http_reading *r)
{
	double time_s = r->http->settings.request_timeout_s;

	r->is_coming = count_received(r->fd) > r->before;
	start_timer(r, r->is_coming ? time_s : time_s / LOOKS);
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

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct http_reading *r = timer->data;

	(void)loop;
	(void)events;
	if (!r->is_coming) {
		look_whether_one_comes(r);
	} else if (r->exchange == NULL || r->is_answered) {
		shutdown(r->fd, SHUT_RDWR); /* the library finds it at its end, and closes */
	} else {
		answer_late(r);
		start_timer(r, LINGER_S);
	}
}

struct http_reading *http_reading_new(struct http *h, struct MHD_Connection *connection)
{
	struct http_reading *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->http = h;
	r->connection = connection;
	r->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	ev_timer_init(&r->timer, on_timer, 0., 0.);
	r->timer.data = r;
	return r;
}

void http_reading_free(struct http_reading *r)
{
	if (r == NULL)
		return;
	ev_timer_stop(r->http->loop, &r->timer);
	free(r);
}

void http_reading_expect(struct http_reading *r)
{
	int unread = 0;

	r->exchange = NULL;
	if (r->is_answered)
		return;
	r->before = count_received(r->fd);
	/* What nobody has read yet is the next one's: it may have come with the last word of the handshake. */
	if (ioctl(r->fd, FIONREAD, &unread) == 0 && (uint64_t)unread <= r->before)
		r->before -= (uint64_t)unread;
	r->is_coming = false;
	start_timer(r, (double)r->http->settings.request_timeout_s / LOOKS);
}

void http_reading_begin(struct http_reading *r, struct exchange *x)
{
	r->exchange = x;
	if (r->is_coming)
		return;
	r->is_coming = true;
	start_timer(r, r->http->settings.request_timeout_s);
}

void http_reading_end(struct http_reading *r)
{
	if (r->is_answered)
		return;
	r->exchange = NULL;
	ev_timer_stop(r->http->loop, &r->timer);
}

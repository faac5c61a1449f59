#include "loadtest/certificate_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 4096
#define HEAD_MAX    256
#define BACKLOG     128

struct connection {
	struct certificate_server *server;
	struct connection *next, **link;
	struct ev_io readable, writable;
	int fd;
	size_t in_len, out_len, out_done;
	char in[REQUEST_MAX];
	char out[HEAD_MAX + CERTIFICATE_ANSWER_MAX];
};

struct certificate_server {
	struct ev_loop *loop;
	struct ev_io acceptable;
	int fd;
	uint16_t port;
	uint64_t served;
	struct connection *connections;
	bool (*find)(void *context, struct bytes device_id, struct buffer *pem);
	void *context;
};

static void close_connection(struct connection *c)
{
	ev_io_stop(c->server->loop, &c->readable);
	ev_io_stop(c->server->loop, &c->writable);
	close(c->fd);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	free(c);
}

static void put_answer(struct connection *c, const char *status, struct bytes pem)
{
	int head = snprintf(c->out, HEAD_MAX,
		"HTTP/1.1 %s\r\nContent-Type: application/pem-certificate-chain\r\n"
		"Cache-Control: max-age=3600\r\nContent-Length: %zu\r\n\r\n",
		status, pem.len);

	if (pem.len > 0)
		memcpy(c->out + head, pem.at, pem.len);
	c->out_len = (size_t)head + pem.len;
	c->out_done = 0;
}

/* The first line of a head that is whole: GET /DeviceID=<id> HTTP/1.1 */
static void answer(struct connection *c)
{
	static const char begin[] = "GET /DeviceID=";
	struct certificate_server *s = c->server;
	uint8_t room[CERTIFICATE_ANSWER_MAX];
	struct buffer pem = buffer_over(room, sizeof(room));
	const char *id = c->in + sizeof(begin) - 1;

	if (strncmp(c->in, begin, sizeof(begin) - 1) == 0) {
		struct bytes device_id = bytes_of(id, strcspn(id, " \r"));

		if (s->find(s->context, device_id, &pem) && !pem.full) {
			s->served++;
			put_answer(c, "200 OK", buffer_bytes(&pem));
			return;
		}
	}
	put_answer(c, "404 Not Found", bytes_of(NULL, 0));
}

/* Answers what is whole. false: the connection is at its end. */
static bool go_on(struct connection *c)
{
	for (;;) {
		while (c->out_done < c->out_len) {
			ssize_t n = send(c->fd, c->out + c->out_done, c->out_len - c->out_done,
				MSG_NOSIGNAL);

			if (n < 0)
				return errno == EAGAIN || errno == EINTR;
			c->out_done += (size_t)n;
		}
		c->in[c->in_len] = '\0';
		char *end = strstr(c->in, "\r\n\r\n");

		if (end == NULL)
			return c->in_len + 1 < sizeof(c->in);
		answer(c);
		size_t used = (size_t)(end + 4 - c->in);

		memmove(c->in, c->in + used, c->in_len - used);
		c->in_len -= used;
	}
}

static void step(struct connection *c)
{
	struct ev_loop *loop = c->server->loop;

	if (!go_on(c)) {
		close_connection(c);
	} else if (c->out_done < c->out_len) {
		/* One answer after the other: nothing more is read until this one is gone. */
		ev_io_stop(loop, &c->readable);
		ev_io_start(loop, &c->writable);
	} else {
		ev_io_stop(loop, &c->writable);
		ev_io_start(loop, &c->readable);
	}
}

static void on_readable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct connection *c = w->data;
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - 1 - c->in_len, 0);

	(void)loop;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_connection(c);
		return;
	}
	c->in_len += (size_t)n;
	step(c);
}

static void on_writable(struct ev_loop *loop, struct ev_io *w, int events)
{
	(void)loop;
	(void)events;
	step(w->data);
}

static void on_acceptable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct certificate_server *s = w->data;
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct connection *c = fd >= 0 ? calloc(1, sizeof(*c)) : NULL;

	(void)events;
	if (c == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	c->next = s->connections;
	c->link = &s->connections;
	if (c->next != NULL)
		c->next->link = &c->next;
	s->connections = c;
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	c->readable.data = c->writable.data = c;
	ev_io_start(loop, &c->readable);
}

/* 127.0.0.1 only. */
static bool listen_on(struct certificate_server *s, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int on = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		bind(s->fd, (struct sockaddr *)&at, len) != 0 || listen(s->fd, BACKLOG) != 0 ||
		getsockname(s->fd, (struct sockaddr *)&at, &len) != 0)
		return false;
	s->port = ntohs(at.sin_port);
	return true;
}

struct certificate_server *certificate_server_new(struct ev_loop *loop, uint16_t port,
	bool (*find)(void *context, struct bytes device_id, struct buffer *pem), void *context)
{
	struct certificate_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct certificate_server){
		.loop = loop, .fd = -1, .find = find, .context = context
	};
	if (!listen_on(s, port)) {
		fprintf(stderr, "arpfload: the devices' certificates on 127.0.0.1:%u: %s\n", port,
			strerror(errno));
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		return NULL;
	}
	ev_io_init(&s->acceptable, on_acceptable, s->fd, EV_READ);
	s->acceptable.data = s;
	ev_io_start(loop, &s->acceptable);
	return s;
}

void certificate_server_free(struct certificate_server *s)
{
	if (s == NULL)
		return;
	while (s->connections != NULL)
		close_connection(s->connections);
	ev_io_stop(s->loop, &s->acceptable);
	close(s->fd);
	free(s);
}

bool certificate_server_url(
	const struct certificate_server *s, const char *device_id, char *out, size_t size)
{
	int len = snprintf(out, size, "http://127.0.0.1:%u/DeviceID=%s", s->port, device_id);

	return len > 0 && (size_t)len < size;
}

uint64_t certificate_server_served(const struct certificate_server *s)
{
	return s->served;
}

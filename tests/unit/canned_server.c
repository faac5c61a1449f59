#include "tests/unit/canned_server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct canned_server {
	const struct canned_page *pages;
	int fd;
	uint16_t port;
	pthread_t thread;
	atomic_int connections;
	atomic_bool must_end;
	char request[8192];
};

static void need(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

static int send_all(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return 0;
		at += n;
		len -= (size_t)n;
	}
	return 1;
}

static void read_request(struct canned_server *s, int fd)
{
	size_t len = 0;
	ssize_t n = 1;

	s->request[0] = '\0';
	while (n > 0 && len < sizeof(s->request) - 1 && strstr(s->request, "\r\n\r\n") == NULL) {
		n = recv(fd, s->request + len, sizeof(s->request) - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
		s->request[len] = '\0';
	}
}

static const struct canned_page *find_page(const struct canned_server *s)
{
	static const struct canned_page none = { "",
		"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n", 0, 0 };
	size_t len;

	for (const struct canned_page *p = s->pages; p->path != NULL; p++) {
		len = strlen(p->path);
		if (strncmp(s->request, "GET ", 4) == 0 &&
			strncmp(s->request + 4, p->path, len) == 0 &&
			strncmp(s->request + 4 + len, " HTTP/1.1\r\n", 11) == 0)
			return p;
	}
	return &none;
}

static int send_page(const struct canned_server *s, int fd, const struct canned_page *p)
{
	char port[8];

	snprintf(port, sizeof(port), "%u", s->port);
	for (const char *at = p->bytes; *at != '\0'; at += *at == '@') {
		size_t len = strcspn(at, "@");

		if (!send_all(fd, at, len))
			return 0;
		at += len;
		if (*at == '@' && !send_all(fd, port, strlen(port)))
			return 0;
	}
	return 1;
}

static void repeat(struct canned_server *s, int fd, const struct canned_page *p)
{
	char last[1024];

	if (p->repeated == 0)
		return;
	memset(last, p->bytes[strlen(p->bytes) - 1], sizeof(last));
	for (size_t left = p->repeated; left > 0 && !s->must_end;) {
		size_t some = p->pause_ms > 0 ? 1 : left < sizeof(last) ? left : sizeof(last);

		if (p->pause_ms > 0)
			nanosleep(&(struct timespec){ 0, p->pause_ms * 1000000L }, NULL);
		if (!send_all(fd, last, some))
			return;
		left -= p->repeated == SIZE_MAX ? 0 : some;
	}
}

static void *serve(void *context)
{
	struct canned_server *s = context;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		s->connections++;
		read_request(s, fd);
		const struct canned_page *p = find_page(s);

		if (send_page(s, fd, p))
			repeat(s, fd, p);
		close(fd);
	}
	return NULL;
}

struct canned_server *canned_server_start(const struct canned_page *pages)
{
	struct canned_server *s = calloc(1, sizeof(*s));
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(any);

	need(s != NULL, "memory");
	s->pages = pages;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(bind(s->fd, (struct sockaddr *)&any, len) == 0 && listen(s->fd, 16) == 0 &&
			getsockname(s->fd, (struct sockaddr *)&any, &len) == 0,
		"listen");
	s->port = ntohs(any.sin_port);
	need(pthread_create(&s->thread, NULL, serve, s) == 0, "thread");
	return s;
}

void canned_server_end(struct canned_server *s)
{
	s->must_end = 1;
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	free(s);
}

uint16_t canned_server_port(const struct canned_server *s)
{
	return s->port;
}

int canned_server_connections(const struct canned_server *s)
{
	return s->connections;
}

const char *canned_server_request(const struct canned_server *s)
{
	return s->request;
}

#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* A literal address and a port; names are not resolved. */
static bool read_address(const char *text, union address *to, socklen_t *len)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t host_len = colon != NULL ? (size_t)(colon - text) : 0;
	char *end;
	unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;

	if (colon == NULL || end == colon + 1 || *end != '\0' || port > 65535 || host_len == 0 ||
		host_len >= sizeof(host))
		return false;
	memset(to, 0, sizeof(*to));
	memcpy(host, text, host_len);
	host[host_len] = '\0';
	if (inet_pton(AF_INET, host, &to->v4.sin_addr) == 1) {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons((uint16_t)port);
		*len = sizeof(to->v4);
		return true;
	}
	if (host[0] != '[' || host[host_len - 1] != ']')
		return false;
	host[host_len - 1] = '\0';
	to->v6.sin6_family = AF_INET6;
	to->v6.sin6_port = htons((uint16_t)port);
	*len = sizeof(to->v6);
	return inet_pton(AF_INET6, host + 1, &to->v6.sin6_addr) == 1;
}

static bool is_loopback(const union address *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

int listener_open(const char *address, bool shared, bool has_tls, char *error, size_t error_size)
{
	union address a;
	socklen_t len;
	int on = 1;

	if (!read_address(address, &a, &len)) {
		snprintf(error, error_size, "'%s' is not address:port", address);
		return -1;
	}
	if (!has_tls && !is_loopback(&a)) {
		snprintf(error, error_size,
			"%s is not a loopback address: without [tls] certificate_file plain HTTP "
			"is spoken, and that on loopback only",
			address);
		return -1;
	}
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		(!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
		bind(fd, &a.any, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	snprintf(error, error_size, "%s: %s", address, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Whether somebody listens at this path: a socket that was left behind refuses. */
static bool is_answered(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answered = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0;

	if (fd >= 0)
		close(fd);
	return answered;
}

int listener_open_unix(const char *path, char *error, size_t error_size)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path)) {
		snprintf(error, error_size, "%s: longer than the path of a Unix socket may be",
			path);
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (is_answered(&a)) {
		snprintf(error, error_size, "%s: another server listens there", path);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t before = umask(0177);
	bool good = fd >= 0 && (unlink(path) == 0 || errno == ENOENT) &&
		    bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 64) == 0;
	int why = errno;

	umask(before);
	if (good)
		return fd;
	snprintf(error, error_size, "%s: %s", path, strerror(why));
	if (fd >= 0)
		close(fd);
	return -1;
}

#include "tests/unit/tcp_queue.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOKS   3000
#define LOOK_US 20000

static unsigned port_of(int fd, int (*name)(int fd, struct sockaddr *address, socklen_t *len))
{
	struct sockaddr_in address = { 0 };
	socklen_t len = sizeof(address);

	return name(fd, (struct sockaddr *)&address, &len) == 0 ? ntohs(address.sin_port) : 0;
}

/* The line of the other end, which says how much of what has come lies there. */
static bool is_read(unsigned own_port, unsigned other_port)
{
	FILE *all = fopen("/proc/net/tcp", "r");
	char line[512];
	bool found = false;

	while (all != NULL && !found && fgets(line, sizeof(line), all) != NULL) {
		unsigned at, to, unread;

		found = sscanf(line, " %*u: %*x:%x %*x:%x %*x %*x:%x", &at, &to, &unread) == 3 &&
			at == other_port && to == own_port && unread == 0;
	}
	if (all != NULL)
		fclose(all);
	return found;
}

bool tcp_wait_until_read(int fd)
{
	unsigned own_port = port_of(fd, getsockname), other_port = port_of(fd, getpeername);

	for (unsigned i = 0; i < LOOKS; i++) {
		usleep(LOOK_US);
		if (is_read(own_port, other_port))
			return true;
	}
	return false;
}

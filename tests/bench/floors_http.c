#include "tests/bench/floors.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 64
#define HTTP_ROUNDS 300
#define ANSWER                                                                                    \
	"{\"authType\":\"5G_AKA\",\"authenticationVector\":{\"avType\":\"5G_HE_AKA\",\"rand\":\"" \
	"00000000000000000000000000000000\",\"autn\":\"00000000000000000000000000000000\","       \
	"\"xresStar\":\""                                                                         \
	"00000000000000000000000000000000\",\"kausf\":"                                           \
	"\"0000000000000000000000000000000000000000000000000000000000000000"                      \
	"\"},\"supi\":\"imsi-001010000000001\"}"
#define BODY                                                                               \
	"{\"servingNetworkName\":\"5G:mnc001.mcc001.3gppnetwork.org\",\"ausfInstanceId\":" \
	"\"1b3c1f2e\"}"

static enum MHD_Result answer(void *context, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **state)
{
	static int seen;

	(void)context, (void)url, (void)method, (void)version, (void)data;
	if (*state == NULL) {
		*state = &seen;
		return MHD_YES;
	}
	if (*size > 0) {
		*size = 0;
		return MHD_YES;
	}
	struct MHD_Response *r = MHD_create_response_from_buffer(
		strlen(ANSWER), (void *)ANSWER, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result queued = MHD_queue_response(c, 200, r);

	MHD_destroy_response(r);
	return queued;
}

struct server {
	struct MHD_Daemon *daemon;
	atomic_bool is_over;
	double us;
};

/* External epoll, as the server has it; the CPU time is this thread's. */
static void *serve(void *at)
{
	struct server *s = at;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int fd = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN };

	must(info != NULL && fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, info->epoll_fd, &e) == 0,
		"epoll");
	while (!atomic_load(&s->is_over)) {
		epoll_wait(fd, &e, 1, 10);
		MHD_run(s->daemon);
	}
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	s->us = (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
	close(fd);
	return NULL;
}

static int connect_to(unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
	return fd;
}

void measure_http(void)
{
	struct server s = { .daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, NULL,
				    MHD_OPTION_CONNECTION_LIMIT, 2 * CONNECTIONS, MHD_OPTION_END) };
	char request[512], room[2048];
	int fds[CONNECTIONS];
	pthread_t thread;

	must(s.daemon != NULL, "MHD_start_daemon");
	unsigned port = MHD_get_daemon_info(s.daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	int len = snprintf(request, sizeof(request),
		"POST /nudm-ueau/v1/imsi-001010000000001/security-information/generate-auth-data "
		"HTTP/1.1\r\n"
		"Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
		"%zu\r\n\r\n%s",
		strlen(BODY), BODY);

	must(pthread_create(&thread, NULL, serve, &s) == 0, "thread");
	for (unsigned i = 0; i < CONNECTIONS; i++)
		fds[i] = connect_to(port);
	for (unsigned round = 0; round < HTTP_ROUNDS; round++) {
		for (unsigned i = 0; i < CONNECTIONS; i++)
			must(send(fds[i], request, (size_t)len, 0) == len, "send");
		for (unsigned i = 0; i < CONNECTIONS; i++)
			must(recv(fds[i], room, sizeof(room), 0) > 0, "recv");
	}
	atomic_store(&s.is_over, true);
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	MHD_stop_daemon(s.daemon);
	say("http_exchange", s.us / (CONNECTIONS * HTTP_ROUNDS));
}

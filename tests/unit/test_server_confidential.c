/*
 * What a dump of the server's memory shows of the keys that pass through it (docs/protocol.md sections 5
 * and 6): a server over fake lanes in a process of its own serves registrations and vectors, over connections
 * that stay and that end, and then its memory is read.
 *
 * Keys are made of eight bytes again and again, computed and nowhere spelled out; so a piece of a key is
 * found as well.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "procedures/body.h"
#include "server/http.h"
#include "server/routes.h"
#include "tests/unit/fake_lanes.h"
#include "tests/unit/suite.h"
#include "tests/unit/tcp_queue.h"

#define MARK_LEN 8
/* What stands before the key in a body, so that an answer's head does not happen to be written over it. */
#define MORE_LEN    2000
#define TEXT_MAX    8192
#define ROUNDS      200
#define REGION_MOST (UINT64_C(1) << 30) /* a sanitizer's shadow is greater, and holds no bytes */
#define PIECE       (1u << 20)
#define IMSI_TEXT   "imsi-001010000000001"
#define NETWORK     "5G:mnc001.mcc001.3gppnetwork.org"
#define VECTOR_PATH "/nudm-ueau/v1/" IMSI_TEXT "/security-information/generate-auth-data"

enum mark { MARK_CONTROL, MARK_K_AKMA, MARK_K_AUSF, MARK_XRES, MARK_COUNT };
static const char *const mark_names[MARK_COUNT] = { "control", "K_AKMA", "K_AUSF", "XRES*" };

static void make_mark(enum mark mark, uint8_t *out, size_t len)
{
	volatile unsigned step = 37u + 2u * (unsigned)mark;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(0x91u + (i % MARK_LEN) * step);
}

/* ---- the server, in a process of its own */

static struct settings settings;
static struct services services = { .settings = &settings };
static struct engine *engine;
static struct http *http;
static uint8_t control[MARK_LEN];

static enum outcome answer_key(void *request)
{
	struct key_request *r = request;
	struct key_vector *v = r->out;

	if (r->operation != KEY_MAKE_VECTOR)
		return FINE;
	make_mark(MARK_K_AUSF, v->kausf, sizeof(v->kausf));
	make_mark(MARK_XRES, v->xres_star, sizeof(v->xres_star));
	return FINE;
}

static enum outcome answer_db(void *request)
{
	struct db_request *r = request;

	if (r->statement == DB_ADVANCE_SQN)
		*(struct db_credential *)r->result = (struct db_credential){
			.state = CREDENTIAL_IS_ACTIVE, .sqn = 33, .sealed = { 92, { 2, 16 } }
		};
	return FINE;
}

static const struct procedure *no_procedure(unsigned i)
{
	(void)i;
	return NULL;
}

static void on_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
	do
		engine_run(engine);
	while (http_flush(http));
}

static void serve(int listen_fd)
{
	char error[256];
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct metrics *metrics = metrics_new(no_procedure);
	ev_prepare prepare;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	make_mark(MARK_CONTROL, control, sizeof(control));
	body_start();
	log_start("arpfd", LOG_LEVEL_DEBUG);
	if (!settings_read(NULL, &settings, error, sizeof(error)))
		abort();
	fake_lanes_reset();
	fake_lane_answers(LANE_KEY, answer_key);
	fake_lane_answers(LANE_DB, answer_db);
	engine = engine_new(loop, &(struct engine_settings){ &services, metrics, 2 });
	services.engine = engine;
	http = http_new(loop, &(struct http_settings){
				      .engine = engine,
				      .metrics = metrics,
				      .listen_fd = listen_fd,
				      .roles = ROLE_EVERY,
				      .connection_limit = 64,
				      .connection_timeout_s = 60,
				      .request_timeout_s = 60,
			      });
	if (http == NULL)
		abort();
	ev_prepare_init(&prepare, on_prepare);
	ev_prepare_start(loop, &prepare);
	ev_run(loop, 0);
}

static pid_t server;
static struct sockaddr_in address;

static void start_server(void)
{
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		serve(fd);
		_exit(0);
	}
	close(fd);
}

static void stop_server(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

/* ---- its clients */

static int open_connection(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text, size_t len)
{
	ck_assert_int_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads one answer and nothing behind it; its status. */
static int hear(int fd)
{
	char head[2048] = "", body[2048];
	size_t len = 0;

	while (strstr(head, "\r\n\r\n") == NULL) {
		ck_assert_uint_lt(len, sizeof(head) - 1);
		ck_assert_int_eq(recv(fd, head + len++, 1, 0), 1);
		head[len] = '\0';
	}
	const char *stated = strcasestr(head, "content-length: ");
	size_t body_len = stated != NULL ? strtoul(stated + 16, NULL, 10) : 0;

	ck_assert_uint_le(body_len, sizeof(body));
	ck_assert_int_eq(recv(fd, body, body_len, MSG_WAITALL), (ssize_t)body_len);
	return (int)strtol(head + strlen("HTTP/1.1 "), NULL, 10);
}

static size_t write_body(enum mark mark, char *out, size_t size)
{
	uint8_t k[32];
	char hex[2 * sizeof(k) + 1];

	make_mark(mark, k, sizeof(k));
	hex_write(BYTES(k), hex);
	return (size_t)snprintf(out, size,
		"{\"supi\":\"" IMSI_TEXT "\",\"aKId\":\"a@b\",\"more\":\"%0*d\",\"kAkma\":\"%s\"}",
		MORE_LEN, 0, hex);
}

static size_t write_request(
	char *out, size_t size, const char *path, const char *more, const char *body)
{
	return (size_t)snprintf(out, size,
		"POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
		"%sContent-Length: %zu\r\n\r\n%s",
		path, more, strlen(body), body);
}

static void register_key(int fd, const char *more, bool in_pieces)
{
	char body[TEXT_MAX], text[TEXT_MAX];

	write_body(MARK_K_AKMA, body, sizeof(body));
	size_t len =
		write_request(text, sizeof(text), "/naanf-akma/v1/register-anchorkey", more, body);
	size_t first = in_pieces ? len - 40 : len;

	say(fd, text, first);
	if (in_pieces) {
		usleep(2000);
		say(fd, text + first, len - first);
	}
	ck_assert_int_eq(hear(fd), 200);
}

static void get_vector(int fd, const char *more)
{
	char text[TEXT_MAX];
	size_t len = write_request(text, sizeof(text), VECTOR_PATH, more,
		"{\"servingNetworkName\":\"" NETWORK "\",\"ausfInstanceId\":\"a\"}");

	say(fd, text, len);
	ck_assert_int_eq(hear(fd), 200);
}

static void register_in_chunks(int fd)
{
	char body[TEXT_MAX], text[TEXT_MAX];
	size_t len = write_body(MARK_K_AKMA, body, sizeof(body)), half = len / 2;

	len = (size_t)snprintf(text, sizeof(text),
		"POST /naanf-akma/v1/register-anchorkey HTTP/1.1\r\nHost: a\r\n"
		"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
		"%zx\r\n%.*s\r\n%zx\r\n%s\r\n0\r\n\r\n",
		half, (int)half, body, len - half, body + half);
	say(fd, text, len);
	ck_assert_int_eq(hear(fd), 200);
}

/* Two requests in one breath: the second lies behind the first in the server's buffer. */
static void register_two_at_once(int fd)
{
	char body[TEXT_MAX], text[TEXT_MAX];

	write_body(MARK_K_AKMA, body, sizeof(body));
	size_t len =
		write_request(text, sizeof(text), "/naanf-akma/v1/register-anchorkey", "", body);

	memcpy(text + len, text, len);
	say(fd, text, 2 * len);
	ck_assert_int_eq(hear(fd), 200);
	ck_assert_int_eq(hear(fd), 200);
}

/* A client that goes away before its body's end: there will be no answer. */
static void leave_in_the_middle(void)
{
	char body[TEXT_MAX], text[TEXT_MAX];
	int fd = open_connection();

	write_body(MARK_K_AKMA, body, sizeof(body));
	size_t len =
		write_request(text, sizeof(text), "/naanf-akma/v1/register-anchorkey", "", body);

	say(fd, text, len - 1);
	/* The library overlooks an end that comes with the data, until its time-out. */
	ck_assert(tcp_wait_until_read(fd));
	close(fd);
}

/* What the server refuses may hold a key as well. */
static void send_refused(int fd, const char *path, const char *body, int status)
{
	char text[TEXT_MAX];

	say(fd, text, write_request(text, sizeof(text), path, "", body));
	ck_assert_int_eq(hear(fd), status);
}

static void send_wrong_requests(int fd)
{
	char body[TEXT_MAX];

	size_t len = write_body(MARK_K_AKMA, body, sizeof(body));
	send_refused(fd, "/naanf-akma/v1/register-anchorkeys", body, 404);
	body[len - 1] = ' ';
	send_refused(fd, "/naanf-akma/v1/register-anchorkey", body, 400);
	body[len - 2] = ' ';
	send_refused(fd, "/naanf-akma/v1/register-anchorkey", body, 400);
}

/* ---- its memory */

static unsigned count_in(const uint8_t *at, size_t len, const void *what, size_t what_len)
{
	unsigned count = 0;

	for (const uint8_t *found; (found = memmem(at, len, what, what_len)) != NULL; count++) {
		len -= (size_t)(found + 1 - at);
		at = found + 1;
	}
	return count;
}

/* How often a mark stands in a region, in its bytes or in hex. */
static void count_marks(int memory, uint64_t from, uint64_t to, unsigned counts[MARK_COUNT])
{
	static uint8_t piece[PIECE + 2 * MARK_LEN];

	for (; from < to; from += PIECE) {
		size_t want = to - from < sizeof(piece) ? (size_t)(to - from) : sizeof(piece);
		ssize_t len = pread(memory, piece, want, (off_t)from);

		for (int mark = 0; len > 0 && mark < MARK_COUNT; mark++) {
			uint8_t bytes[MARK_LEN];
			char hex[2 * MARK_LEN + 1];

			make_mark((enum mark)mark, bytes, sizeof(bytes));
			hex_write(BYTES(bytes), hex);
			counts[mark] += count_in(piece, (size_t)len, bytes, sizeof(bytes)) +
					count_in(piece, (size_t)len, hex, 2 * MARK_LEN);
		}
	}
}

static void search_memory(unsigned counts[MARK_COUNT])
{
	char path[64], line[512];

	memset(counts, 0, MARK_COUNT * sizeof(counts[0]));
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)server);
	FILE *maps = fopen(path, "r");

	ck_assert_ptr_nonnull(maps);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)server);
	int memory = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(memory, 0);
	while (fgets(line, sizeof(line), maps) != NULL) {
		char *end;
		uint64_t from = strtoull(line, &end, 16), to = strtoull(end + 1, &end, 16);

		if (end[1] == 'r' && end[2] == 'w' && to - from < REGION_MOST)
			count_marks(memory, from, to, counts);
	}
	close(memory);
	fclose(maps);
}

static void check_memory(void)
{
	unsigned counts[MARK_COUNT];

	/* The last answer may be here before the server has done with it. */
	for (unsigned tries = 0; tries < 1000; tries++) {
		unsigned all = 0;

		search_memory(counts);
		for (int mark = MARK_CONTROL + 1; mark < MARK_COUNT; mark++)
			all += counts[mark];
		if (all == 0)
			break;
		usleep(20000);
	}
	ck_assert_msg(counts[MARK_CONTROL] > 0, "the search finds nothing at all");
	for (int mark = MARK_CONTROL + 1; mark < MARK_COUNT; mark++)
		ck_assert_msg(counts[mark] == 0, "%u pieces of %s", counts[mark], mark_names[mark]);
}

START_TEST(test_no_key_is_left)
{
	start_server();
	int kept = open_connection(), other = open_connection();

	for (unsigned i = 0; i < ROUNDS; i++) {
		register_key(kept, "", i % 16 == 0);
		get_vector(kept, "");
		get_vector(other, "");
		if (i % 16 == 0)
			register_in_chunks(other);
	}
	check_memory(); /* the connections are open */
	for (unsigned i = 0; i < 20; i++) {
		const char *more = i % 2 == 0 ? "Connection: close\r\n" : "";
		int fd = open_connection();

		get_vector(fd, more);
		close(fd);
		fd = open_connection();
		register_key(fd, more, false);
		close(fd);
	}
	close(other);
	get_vector(kept, "");
	check_memory();
	stop_server();
	close(kept);
}
END_TEST

START_TEST(test_no_key_is_left_of_what_is_odd)
{
	start_server();
	int fd = open_connection();

	send_wrong_requests(fd);
	check_memory();
	register_two_at_once(fd);
	check_memory();
	for (unsigned i = 0; i < 8; i++)
		leave_in_the_middle();
	get_vector(fd, "");
	check_memory();
	close(fd);
	stop_server();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_no_key_is_left,
		test_no_key_is_left_of_what_is_odd,
	};

	return suite_run("server_confidential", tests, sizeof(tests) / sizeof(tests[0]));
}

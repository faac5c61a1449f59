/* The HTTP client against libmicrohttpd in a thread of its own. */
#include "peers/http_client.h"

#include <check.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/suite.h"

/*
 * The helpers of other tests have stand-ins of these names. A weak reference takes nothing out of their
 * archive, so that the client's own are linked, which http_client_new brings with it.
 */
#pragma weak http_send
#pragma weak http_request_clear

#define LARGE       100000u
#define SOON_MS     100
#define PATIENCE_MS 120000
#define BODY_MAX    (1u << 20)
#define ANSWER_MAX  (1u << 20)

static struct MHD_Daemon *daemon_under_test;
static uint16_t port;
static atomic_int connections, open_now, open_most;
static atomic_bool answers_late; /* what has come for /late is answered */
static struct ev_loop *loop;
static struct http_client *client;

struct got {
	size_t len;
	char at[BODY_MAX];
};

static enum MHD_Result answer(
	struct MHD_Connection *c, unsigned status, const char *type, const char *at, size_t len)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(len, (void *)(uintptr_t)at, MHD_RESPMEM_MUST_COPY);

	if (type != NULL)
		MHD_add_response_header(r, "Content-Type", type);
	if (status == 302)
		MHD_add_response_header(r, "Location", "/echo");
	enum MHD_Result queued = MHD_queue_response(c, status, r);

	MHD_destroy_response(r);
	return queued;
}

/* "METHOD|Content-Type|Expect|body" */
static enum MHD_Result echo(struct MHD_Connection *c, const char *method, const struct got *got)
{
	size_t size = got->len + 200;
	char *text = malloc(size);
	const char *type = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Type");
	const char *expect = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Expect");
	int len = snprintf(text, size, "%s|%s|%s|%.*s", method, type != NULL ? type : "",
		expect != NULL ? expect : "", (int)got->len, got->at);
	enum MHD_Result queued = answer(c, 200, "text/plain; charset=utf-8", text, (size_t)len);

	free(text);
	return queued;
}

static enum MHD_Result serve(void *context, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_len, void **own)
{
	static char large[LARGE];
	struct got *got = *own;

	(void)context;
	(void)version;
	if (got == NULL) {
		*own = got = calloc(1, sizeof(*got));
		return MHD_YES;
	}
	if (*upload_len > 0) {
		memcpy(got->at + got->len, upload, *upload_len);
		got->len += *upload_len;
		*upload_len = 0;
		return MHD_YES;
	}
	if (strcmp(url, "/redirect") == 0)
		return answer(c, 302, NULL, "", 0);
	if (strcmp(url, "/large") == 0)
		return answer(c, 200, NULL, large, sizeof(large));
	while (strcmp(url, "/late") == 0 && !answers_late)
		usleep(1000);
	if (strcmp(url, "/refused") == 0)
		return answer(c, 403, "application/problem+json", "{}", 2);
	return echo(c, method, got);
}

static void on_completed(
	void *context, struct MHD_Connection *c, void **own, enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)c;
	(void)code;
	free(*own);
}

static void on_connection(void *context, struct MHD_Connection *c, void **own,
	enum MHD_ConnectionNotificationCode code)
{
	(void)context;
	(void)c;
	(void)own;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		open_now--;
		return;
	}
	connections++;
	int now = ++open_now;

	if (now > open_most)
		open_most = now;
}

static void begin(unsigned most_connections)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	daemon_under_test = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL, NULL,
		serve, NULL, MHD_OPTION_SOCK_ADDR, &any, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL, MHD_OPTION_END);
	ck_assert_ptr_nonnull(daemon_under_test);
	answers_late = false;
	port = MHD_get_daemon_info(daemon_under_test, MHD_DAEMON_INFO_BIND_PORT)->port;
	/* A proxy must not be asked, whatever the environment says. */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	http_client_start();
	loop = ev_loop_new(EVFLAG_AUTO);
	client = http_client_new(
		loop, &(struct http_client_settings){ .most_connections = most_connections });
	ck_assert_ptr_nonnull(client);
}

static void end(void)
{
	http_client_free(client);
	ev_loop_destroy(loop);
	http_client_stop();
	answers_late = true;
	MHD_stop_daemon(daemon_under_test);
}

struct asked {
	struct http_request request;
	char url[100];
	int done;
	enum outcome outcome;
	int again; /* how often it is to be sent once more */
};

static void on_done(struct http_request *r, enum outcome o)
{
	struct asked *a = (struct asked *)(void *)r;

	a->done++;
	a->outcome = o;
	if (a->again > 0) {
		a->again--;
		http_send(client, r);
	}
}

static void ask(struct asked *a, const char *method, const char *path, const char *body)
{
	*a = (struct asked){ .again = a->again };
	snprintf(a->url, sizeof(a->url), "http://127.0.0.1:%u%s", port, path);
	a->request = (struct http_request){ .method = method,
		.url = a->url,
		.content_type = body != NULL ? "application/json" : NULL,
		.body = body != NULL ? bytes_of_text(body) : bytes_of(NULL, 0),
		.deadline_ms = clock_ms() + PATIENCE_MS,
		.most = ANSWER_MAX,
		.done = on_done };
}

static void send_and_wait(struct asked *a)
{
	int wanted = 1 + a->again;

	http_send(client, &a->request);
	ck_assert_int_eq(a->done, 0);
	while (a->done < wanted)
		ev_run(loop, EVRUN_ONCE);
}

static void expect_text(const struct asked *a, const char *text)
{
	ck_assert_int_eq(a->outcome, FINE);
	ck_assert_int_eq(a->request.status, 200);
	ck_assert_msg(bytes_equal(a->request.answer, bytes_of_text(text)), "%.*s",
		(int)a->request.answer.len, (const char *)a->request.answer.at);
}

START_TEST(test_methods)
{
	struct asked a = { 0 };

	begin(1);
	ask(&a, "GET", "/echo", NULL);
	send_and_wait(&a);
	expect_text(&a, "GET|||");
	ck_assert_str_eq(a.request.answer_type, "text/plain; charset=utf-8");
	http_request_clear(&a.request);
	ask(&a, "POST", "/echo", "{\"a\":1}");
	send_and_wait(&a);
	expect_text(&a, "POST|application/json||{\"a\":1}");
	http_request_clear(&a.request);
	ask(&a, "PUT", "/echo", "x");
	send_and_wait(&a);
	expect_text(&a, "PUT|application/json||x");
	http_request_clear(&a.request);
	ask(&a, "DELETE", "/echo", NULL);
	send_and_wait(&a);
	expect_text(&a, "DELETE|||");
	http_request_clear(&a.request);
	ask(&a, "GET", "/refused", NULL);
	send_and_wait(&a);
	ck_assert_int_eq(a.outcome, FINE);
	ck_assert_int_eq(a.request.status, 403);
	http_request_clear(&a.request);
	/* One connection has served them all. */
	ck_assert_int_eq(connections, 1);
	end();
}
END_TEST

START_TEST(test_redirect_is_not_followed)
{
	struct asked a = { 0 };

	begin(1);
	ask(&a, "GET", "/redirect", NULL);
	send_and_wait(&a);
	ck_assert_int_eq(a.outcome, FINE);
	ck_assert_int_eq(a.request.status, 302);
	http_request_clear(&a.request);
	end();
}
END_TEST

START_TEST(test_long_bodies)
{
	static char body[500001];
	struct asked a = { 0 };

	begin(1);
	memset(body, 'b', sizeof(body) - 1);
	ask(&a, "POST", "/echo", body);
	send_and_wait(&a);
	ck_assert_uint_eq(a.request.answer.len, sizeof(body) - 1 + 23);
	http_request_clear(&a.request);
	ask(&a, "GET", "/large", NULL);
	a.request.most = LARGE;
	send_and_wait(&a);
	ck_assert_int_eq(a.outcome, FINE);
	ck_assert_uint_eq(a.request.answer.len, LARGE);
	http_request_clear(&a.request);
	ask(&a, "GET", "/large", NULL);
	a.request.most = LARGE - 1;
	send_and_wait(&a);
	ck_assert_int_eq(a.outcome, PEER_FAILED);
	http_request_clear(&a.request);
	end();
}
END_TEST

START_TEST(test_failures)
{
	struct asked a = { 0 };

	begin(1);
	ask(&a, "GET", "/late", NULL);
	a.request.deadline_ms = clock_ms() + SOON_MS;
	send_and_wait(&a); /* the server has not answered yet */
	ck_assert_int_eq(a.outcome, PEER_TIMEOUT);
	ck_assert_int_ge(clock_ms(), a.request.deadline_ms);
	answers_late = true;
	ask(&a, "GET", "/echo", NULL);
	a.request.deadline_ms = clock_ms() - 1;
	send_and_wait(&a);
	ck_assert_int_ne(a.outcome, PEER_FAILED);
	http_request_clear(&a.request);
	static const char *const urls[] = { "http://127.0.0.1:1/", "ftp://127.0.0.1/",
		"file:///etc/passwd", "", "http://[", "no.such.host.invalid" };
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		ask(&a, "GET", "/", NULL);
		a.request.url = urls[i];
		send_and_wait(&a);
		ck_assert_msg(a.outcome == PEER_FAILED, "%s", urls[i]);
		http_request_clear(&a.request);
	}
	end();
}
END_TEST

/* Twenty at once over four connections; each is sent again from its own done(). */
START_TEST(test_many)
{
	enum { MANY = 20, CONNECTIONS = 4 };
	struct asked a[MANY] = { 0 };
	char body[MANY][16], wanted[MANY][64];

	begin(CONNECTIONS);
	for (int i = 0; i < MANY; i++) {
		snprintf(body[i], sizeof(body[i]), "%d", i);
		snprintf(wanted[i], sizeof(wanted[i]), "POST|application/json||%d", i);
		a[i].again = 5;
		ask(&a[i], "POST", "/echo", body[i]);
		http_send(client, &a[i].request);
	}
	for (int i = 0; i < MANY; i++)
		while (a[i].done < 6)
			ev_run(loop, EVRUN_ONCE);
	for (int i = 0; i < MANY; i++) {
		expect_text(&a[i], wanted[i]);
		http_request_clear(&a[i].request);
	}
	ck_assert_int_le(open_most, CONNECTIONS);
	ck_assert_int_eq(connections, CONNECTIONS);
	end();
}
END_TEST

START_TEST(test_freed_while_under_way)
{
	struct asked a = { 0 }, waiting = { 0 }, wrong = { 0 };

	begin(1);
	ask(&a, "GET", "/late", NULL);
	ask(&waiting, "GET", "/echo", NULL);
	ask(&wrong, "GET", "/echo", NULL);
	wrong.request.content_type = "a/type-so-long-that-the-client-does-not-take-it-"
				     "0123456789012345678901234567890123456789";
	http_send(client, &a.request);
	http_send(client, &waiting.request);
	ev_run(loop, EVRUN_ONCE);
	http_send(client, &wrong.request);
	ck_assert_int_eq(a.done + waiting.done + wrong.done, 0);
	http_client_free(client);
	client = NULL;
	ck_assert(a.done == 1 && waiting.done == 1 && wrong.done == 1);
	ck_assert_int_eq(a.outcome, PEER_FAILED);
	ck_assert_int_eq(waiting.outcome, PEER_FAILED);
	ck_assert_int_eq(wrong.outcome, PEER_FAILED);
	http_request_clear(&a.request);
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_methods,
		test_redirect_is_not_followed,
		test_long_bodies,
		test_failures,
		test_many,
		test_freed_while_under_way,
	};

	return suite_run("peers http client", tests, sizeof(tests) / sizeof(tests[0]));
}

/* Certificates fetched from servers that mean well, and from others. */
#include "peers/certificate_fetch.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/canned_server.h"
#include "tests/unit/pki_maker.h"
#include "tests/unit/suite.h"

/*
 * The helpers of other tests have stand-ins of these names. A weak reference takes nothing out of their
 * archive, so that the client's own are linked, which http_client_new brings with it.
 */
#pragma weak http_send
#pragma weak http_request_clear

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PATIENCE_MS  120000
#define OK           "HTTP/1.1 200 OK\r\n"
#define LENGTH(n)    "Content-Length: " #n "\r\n"
#define DER          "Content-Type: application/pkix-cert\r\n"

static const struct canned_page pages[] = {
	{ "/plain", OK DER LENGTH(4) "\r\nabcd", 0, 0 },
	{ "/typed",
		OK
		"Content-Type: Application/PKCS7-Mime ; smime-type=certs-only\r\n" LENGTH(0) "\r\n",
		0, 0 },
	{ "/chunked", OK DER "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", 0,
		0 },
	{ "/until-close", OK DER "\r\nabcd", 0, 0 },
	{ "/fresh", OK DER LENGTH(4) "Cache-Control: max-age=60\r\n\r\nabcd", 0, 0 },
	{ "/gzip", OK DER LENGTH(4) "Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x01", 0, 0 },
	{ "/1", "HTTP/1.1 301 M\r\nLocation: /plain\r\nSet-Cookie: a=b\r\n\r\n", 0, 0 },
	{ "/2", "HTTP/1.1 302 M\r\nLocation: http://127.0.0.1:@/1\r\n\r\n", 0, 0 },
	{ "/3", "HTTP/1.1 307 M\r\nLocation: 2\r\n\r\n", 0, 0 },
	{ "/4", "HTTP/1.1 308 M\r\nLocation: /3\r\n\r\n", 0, 0 },
	{ "/fresh-1", "HTTP/1.1 303 M\r\nLocation: /fresh\r\nCache-Control: max-age=5\r\n\r\n", 0,
		0 },
	{ "/fresh-2", "HTTP/1.1 303 M\r\nLocation: /fresh\r\n\r\n", 0, 0 },
	{ "/loop", "HTTP/1.1 302 M\r\nLocation: /loop\r\n\r\n", 0, 0 },
	{ "/none", "HTTP/1.1 302 M\r\n\r\n", 0, 0 },
	{ "/empty", "HTTP/1.1 302 M\r\nLocation:\r\n\r\n", 0, 0 },
	{ "/long-location", "HTTP/1.1 302 M\r\nLocation: /xxx", 4000, 0 },
	{ "/away", "HTTP/1.1 302 M\r\nLocation: http://localhost:@/plain\r\n\r\n", 0, 0 },
	{ "/to-file", "HTTP/1.1 302 M\r\nLocation: file:///etc/passwd\r\n\r\n", 0, 0 },
	{ "/to-user", "HTTP/1.1 302 M\r\nLocation: http://u:p%40x@127.0.0.1/\r\n\r\n", 0, 0 },
	{ "/300", "HTTP/1.1 300 M\r\nLocation: /plain\r\n\r\n", 0, 0 },
	{ "/204", "HTTP/1.1 204 N\r\n\r\n", 0, 0 },
	{ "/206", "HTTP/1.1 206 P\r\n" DER LENGTH(4) "\r\nabcd", 0, 0 },
	{ "/304", "HTTP/1.1 304 N\r\n\r\n", 0, 0 },
	{ "/500", "HTTP/1.1 500 E\r\n" DER LENGTH(4) "\r\nabcd", 0, 0 },
	{ "/short", OK DER LENGTH(5) "\r\nabcd", 0, 0 },
	{ "/broken-chunk", OK DER "Transfer-Encoding: chunked\r\n\r\n9\r\nab", 0, 0 },
	{ "/nothing", "", 0, 0 },
	{ "/not-http", "SSH-2.0-x\r\n", 0, 0 },
	{ "/http-0.9", "abcd", 0, 0 },
	{ "/most", OK DER "\r\nx", 65535, 0 },
	{ "/too-much", OK DER "\r\nx", 65536, 0 },
	{ "/said-too-much", OK DER LENGTH(65537) "\r\nx", 65536, 0 },
	{ "/endless", OK DER "\r\nx", SIZE_MAX, 0 },
	{ "/endless-header", OK "X: x", SIZE_MAX, 0 },
	{ "/drip", OK DER "\r\nx", SIZE_MAX, 20 },
	{ "/drip-header", OK "X: x", SIZE_MAX, 20 },
	{ "/silent", OK DER LENGTH(9999) "\r\nx", SIZE_MAX, 900 },
	{ 0 },
};

static struct canned_server *server;
static struct ev_loop *loop;
static struct http_client *client;
static struct fetch_rules rules;
static char hosts[128];

/* What became of the fetch that was last. */
static struct {
	struct certificate_fetch fetch;
	struct http_request request;
	bool is_over;
	enum outcome outcome;
	enum fetch_turn turn;
	bool was_checked; /* each hop was within the rules */
	int for_ms;       /* the time it is given */
} got;

static void begin(const char *host)
{
	server = canned_server_start(pages);
	snprintf(hosts, sizeof(hosts), "http://%s:%u", host, canned_server_port(server));
	rules = (struct fetch_rules){ hosts, "", "" };
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	http_client_start();
	loop = ev_loop_new(EVFLAG_AUTO);
	client = http_client_new(loop, &(struct http_client_settings){ .most_connections = 4 });
	ck_assert_ptr_nonnull(client);
	memset(&got, 0, sizeof(got));
	got.for_ms = PATIENCE_MS;
}

static void end(void)
{
	http_request_clear(&got.request);
	http_client_free(client);
	ev_loop_destroy(loop);
	http_client_stop();
	canned_server_end(server);
}

static void on_done(struct http_request *r, enum outcome o)
{
	ck_assert_ptr_eq(r, &got.request);
	got.is_over = true;
	got.outcome = o;
}

static void send_hop(void)
{
	http_request_clear(&got.request);
	certificate_fetch_ask(&got.fetch, &got.request);
	if (got.fetch.redirects == 0)
		got.fetch.policy.until_ms = clock_ms() + got.for_ms;
	got.request.deadline_ms = clock_ms() + PATIENCE_MS;
	got.request.done = on_done;
	got.is_over = false;
	http_send(client, &got.request);
	while (!got.is_over)
		ev_run(loop, EVRUN_ONCE);
	got.turn = certificate_fetch_have(&got.fetch, &got.request, got.outcome);
}

/* Where it ends without having been asked, was_checked is false. */
static enum fetch_turn fetch_url(const char *url)
{
	got.turn = FETCH_FAILED;
	got.was_checked = certificate_fetch_start(&got.fetch, url);
	while (got.was_checked) {
		got.was_checked = certificate_fetch_check(&got.fetch, &rules);
		if (!got.was_checked)
			return FETCH_FAILED;
		send_hop();
		if (got.turn != FETCH_REDIRECTED)
			break;
	}
	return got.turn;
}

static enum fetch_turn fetch(const char *path)
{
	char url[300];

	snprintf(url, sizeof(url), "%s%s", hosts, path);
	return fetch_url(url);
}

static void expect_body(const char *path, const char *body)
{
	ck_assert_msg(fetch(path) == FETCH_DONE, "%s: %s", path, got.fetch.reason);
	ck_assert_msg(bytes_equal(got.request.answer, bytes_of_text(body)), "%s", path);
}

START_TEST(test_fetched)
{
	begin("127.0.0.1");
	expect_body("/plain", "abcd");
	ck_assert_str_eq(got.request.answer_type, "application/pkix-cert");
	ck_assert_int_eq(got.fetch.fresh_s, 0);
	const char *request = canned_server_request(server);
	ck_assert_ptr_nonnull(strstr(request, "\r\nAccept: application/pem-certificate-chain, "
					      "application/pkix-cert, application/pkcs7-mime\r\n"));
	ck_assert_ptr_null(strcasestr(request, "authorization"));
	ck_assert_ptr_null(strcasestr(request, "accept-encoding"));
	expect_body("/chunked", "abcd");
	expect_body("/until-close", "abcd");
	expect_body("/gzip", "\x1f\x8b\x08\x01");
	expect_body("/typed", "");
	ck_assert_str_eq(got.request.answer_type, "Application/PKCS7-Mime ; smime-type=certs-only");
	expect_body("/fresh", "abcd");
	ck_assert_int_eq(got.fetch.fresh_s, 60);
	ck_assert(fetch("/most") == FETCH_DONE);
	ck_assert_uint_eq(got.request.answer.len, FETCH_MOST_BYTES);
	/* each over a connection of its own */
	ck_assert_int_eq(canned_server_connections(server), 7);
	end();
}
END_TEST

START_TEST(test_redirects)
{
	static const char *const refused[] = { "/4", "/loop", "/none", "/empty", "/long-location",
		"/300", "/away", "/to-file", "/to-user" };

	begin("127.0.0.1");
	expect_body("/1", "abcd");
	ck_assert_ptr_null(strcasestr(canned_server_request(server), "cookie"));
	expect_body("/2", "abcd");
	expect_body("/3", "abcd");
	ck_assert_uint_eq(got.fetch.redirects, 3);
	/* the least of the hops, and nothing where one says nothing */
	expect_body("/fresh-1", "abcd");
	ck_assert_int_eq(got.fetch.fresh_s, 5);
	expect_body("/fresh-2", "abcd");
	ck_assert_int_eq(got.fetch.fresh_s, 0);
	for (size_t i = 0; i < COUNT(refused); i++) {
		ck_assert_msg(fetch(refused[i]) == FETCH_FAILED, "%s", refused[i]);
		ck_assert_ptr_nonnull(got.fetch.reason);
		ck_assert_uint_le(got.fetch.redirects, FETCH_MOST_REDIRECTS);
		/* the last three are stopped at their target */
		ck_assert(got.was_checked == (i < COUNT(refused) - 3));
	}
	end();
}
END_TEST

START_TEST(test_bad_answers)
{
	static const char *const paths[] = { "/absent", "/204", "/206", "/304", "/500", "/short",
		"/broken-chunk", "/nothing", "/not-http", "/http-0.9", "/too-much",
		"/said-too-much", "/endless", "/endless-header" };

	begin("127.0.0.1");
	for (size_t i = 0; i < COUNT(paths); i++) {
		ck_assert_msg(fetch(paths[i]) == FETCH_FAILED, "%s", paths[i]);
		ck_assert(got.was_checked && got.fetch.reason != NULL);
	}
	ck_assert_int_eq(canned_server_connections(server), (int)COUNT(paths));
	canned_server_end(server);
	ck_assert(fetch("/plain") == FETCH_FAILED && got.was_checked);
	server = canned_server_start(pages);
	end();
}
END_TEST

/* However the time is spent: byte by byte, in headers, or in silence. */
START_TEST(test_slow)
{
	static const char *const paths[] = { "/drip", "/drip-header", "/silent" };

	begin("127.0.0.1");
	for (size_t i = 0; i < COUNT(paths); i++) {
		int64_t took_ms = INT64_MAX;

		got.for_ms = 300;
		/* A slow machine may need longer now and then, but not always. */
		for (int tries = 0; tries < 20 && took_ms >= 800; tries++) {
			int64_t began_ms = clock_ms();

			ck_assert_msg(fetch(paths[i]) == FETCH_FAILED, "%s", paths[i]);
			ck_assert_ptr_nonnull(strstr(got.fetch.reason, "too slow"));
			took_ms = clock_ms() - began_ms;
			ck_assert_int_ge(took_ms, 250);
		}
		ck_assert_int_lt(took_ms, 800);
	}
	/* the time is that of all hops together, and FETCH_MOST_MS unless a test says otherwise */
	got.for_ms = 1;
	ck_assert(fetch("/3") == FETCH_FAILED);
	int64_t began_ms = clock_ms();

	ck_assert(certificate_fetch_start(&got.fetch, hosts) &&
		  certificate_fetch_check(&got.fetch, &rules));
	ck_assert_int_le(got.fetch.policy.until_ms, clock_ms() + FETCH_MOST_MS);
	ck_assert_int_ge(got.fetch.policy.until_ms, began_ms + FETCH_MOST_MS);
	end();
}
END_TEST

/* The name is listed; what it resolves to is looked at when it is connected to. */
START_TEST(test_address_of_a_name)
{
	begin("localhost");
	ck_assert(fetch("/plain") == FETCH_FAILED);
	ck_assert(got.was_checked);
	ck_assert_int_eq(canned_server_connections(server), 0);
	rules.networks = "10.0.0.0/8 127.0.0.0/8";
	expect_body("/plain", "abcd");
	end();
}
END_TEST

/* A connection that a peer's request has left open must not carry what could not have opened it. */
START_TEST(test_no_connection_is_shared)
{
	struct http_request r = { .method = "GET", .most = 100, .done = on_done };
	static const struct canned_page kept[] = {
		{ "/plain", OK DER LENGTH(4) "\r\nabcd", 1, 700 },
		{ 0 },
	};
	char url[200];

	begin("localhost");
	canned_server_end(server);
	server = canned_server_start(kept);
	snprintf(hosts, sizeof(hosts), "http://localhost:%u", canned_server_port(server));
	snprintf(url, sizeof(url), "%s/plain", hosts);
	r.url = url;
	r.deadline_ms = clock_ms() + PATIENCE_MS;
	got.request = r;
	http_send(client, &got.request);
	while (!got.is_over)
		ev_run(loop, EVRUN_ONCE);
	ck_assert_int_eq(got.outcome, FINE);
	ck_assert_int_eq(canned_server_connections(server), 1);
	http_request_clear(&got.request);
	ck_assert(fetch("/plain") == FETCH_FAILED);
	ck_assert_int_eq(canned_server_connections(server), 1);
	end();
}
END_TEST

static enum MHD_Result serve(void *context, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_len, void **own)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(4, (void *)"abcd", MHD_RESPMEM_PERSISTENT);

	(void)context, (void)url, (void)method, (void)version, (void)upload, (void)upload_len,
		(void)own;
	enum MHD_Result queued = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return queued;
}

/* A server certificate for 127.0.0.1 as PEM, with its key; made anew each time. */
static void make_tls(char *certificate, char *key, size_t size)
{
	static const char *const extensions[] = { "basicConstraints=critical,CA:TRUE",
		"subjectAltName=IP:127.0.0.1", NULL };
	EVP_PKEY *pair = pki_key("P-256");
	struct pki_recipe recipe = {
		.subject = "CN=ca", .key = pair, .signer = pair, .extensions = extensions
	};
	struct pki_made made;
	BIO *text = BIO_new(BIO_s_mem());
	const unsigned char *at = made.der;

	pki_make(&recipe, &made);
	X509 *x = d2i_X509(NULL, &at, (long)made.len);
	ck_assert_int_eq(PEM_write_bio_X509(text, x), 1);
	certificate[BIO_read(text, certificate, (int)size - 1)] = '\0';
	ck_assert_int_eq(PEM_write_bio_PrivateKey(text, pair, NULL, NULL, 0, NULL, NULL), 1);
	key[BIO_read(text, key, (int)size - 1)] = '\0';
	BIO_free(text);
	X509_free(x);
	EVP_PKEY_free(pair);
}

static void write_file(char *path, const char *text)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* By the operator's CAs, and by none beside them. */
START_TEST(test_tls)
{
	char certificate[2048], key[2048], other[2048], other_key[2048];
	char paths[2][32] = { "/tmp/arpf-test-XXXXXX", "/tmp/arpf-test-XXXXXX" };
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	begin("127.0.0.1");
	make_tls(certificate, key, sizeof(key));
	make_tls(other, other_key, sizeof(other_key));
	write_file(paths[0], other);
	write_file(paths[1], certificate);
	struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS,
		0, NULL, NULL, serve, NULL, MHD_OPTION_SOCK_ADDR, &any, MHD_OPTION_HTTPS_MEM_CERT,
		certificate, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_END);
	ck_assert_ptr_nonnull(daemon);
	snprintf(hosts, sizeof(hosts), "https://127.0.0.1:%u",
		MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	ck_assert(fetch("/") == FETCH_FAILED && got.was_checked);
	rules.ca_file = paths[0];
	ck_assert(fetch("/") == FETCH_FAILED && got.was_checked);
	rules.ca_file = paths[1];
	expect_body("/", "abcd");
	unlink(paths[0]);
	unlink(paths[1]);
	MHD_stop_daemon(daemon);
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_fetched, test_redirects, test_bad_answers, test_slow,
		test_address_of_a_name, test_no_connection_is_shared, test_tls };

	return suite_run("peers certificate fetch", tests, COUNT(tests));
}

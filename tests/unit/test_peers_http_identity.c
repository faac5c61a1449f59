/* Who a client shows itself as, and whom it trusts: the files, and connections to a server that asks. */
#include <check.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "peers/http_client.h"
#include "tests/unit/pki_maker.h"
#include "tests/unit/suite.h"

#pragma weak http_send
#pragma weak http_request_clear

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PATIENCE_MS  120000

enum { CA, STRANGER, SERVER, FIRST, SECOND, HOLDERS };

static const struct {
	const char *subject, *issuer;
	int signer;
	const char *extensions[2];
} holders[HOLDERS] = {
	[CA] = { "CN=CA", NULL, CA, { "basicConstraints=critical,CA:TRUE" } },
	[STRANGER] = { "CN=Stranger", NULL, STRANGER, { "basicConstraints=critical,CA:TRUE" } },
	[SERVER] = { "CN=localhost", "CN=CA", CA, { "subjectAltName=IP:127.0.0.1" } },
	[FIRST] = { "CN=first", "CN=CA", CA, { NULL } },
	[SECOND] = { "CN=second", "CN=CA", CA, { NULL } },
};

static char folder[] = "/tmp/arpf-test-XXXXXX";
static char certificates[HOLDERS][64], keys[HOLDERS][64];
static char error[256];
static struct MHD_Daemon *daemon_under_test;
static struct ev_loop *loop;
static struct http_client *client;
static char url[64];
static atomic_bool late_has_come, answers_late; /* to the path /late */

static void write_pem(
	const char *path, const struct pki_made *made, EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	if (made != NULL) {
		const unsigned char *at = made->der;
		X509 *x = d2i_X509(NULL, &at, (long)made->len);

		ck_assert_int_eq(PEM_write_X509(out, x), 1);
		X509_free(x);
	} else {
		ck_assert_int_eq(PEM_write_PKCS8PrivateKey(out, key, cipher,
					 cipher != NULL ? "word" : NULL, 4, NULL, NULL),
			1);
	}
	fclose(out);
}

static void make_files(void)
{
	EVP_PKEY *pairs[HOLDERS];
	struct pki_made made;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	for (int i = 0; i < HOLDERS; i++)
		pairs[i] = pki_key("P-256");
	for (int i = 0; i < HOLDERS; i++) {
		pki_make(&(struct pki_recipe){ .subject = holders[i].subject,
				 .issuer = holders[i].issuer,
				 .key = pairs[i],
				 .signer = pairs[holders[i].signer],
				 .extensions = holders[i].extensions },
			&made);
		snprintf(certificates[i], sizeof(certificates[i]), "%s/%d.pem", folder, i);
		snprintf(keys[i], sizeof(keys[i]), "%s/%d.key", folder, i);
		write_pem(certificates[i], &made, NULL, NULL);
		write_pem(keys[i], NULL, pairs[i], NULL);
	}
	for (int i = 0; i < HOLDERS; i++)
		EVP_PKEY_free(pairs[i]);
}

static void remove_files(void)
{
	for (int i = 0; i < HOLDERS; i++) {
		unlink(certificates[i]);
		unlink(keys[i]);
	}
	ck_assert_int_eq(rmdir(folder), 0);
}

static struct http_identity *read_identity(const char *ca, const char *certificate, const char *key)
{
	return http_identity_read(
		&(struct http_identity_files){ ca, certificate, key }, error, sizeof(error));
}

static void expect_refused(
	const char *ca, const char *certificate, const char *key, const char *path, const char *why)
{
	ck_assert_ptr_null(read_identity(ca, certificate, key));
	ck_assert_msg(strncmp(error, path, strlen(path)) == 0, "%s", error);
	ck_assert_msg(strstr(error, why) != NULL, "%s", error);
}

START_TEST(test_files)
{
	make_files();
	struct http_identity *i = read_identity(NULL, "", NULL);

	ck_assert_ptr_nonnull(i);
	ck_assert_uint_eq(i->ca.len + i->certificate.len + i->key.len, 0);
	http_identity_give_back(i);
	i = read_identity(certificates[CA], certificates[FIRST], keys[FIRST]);
	ck_assert_ptr_nonnull(i);
	ck_assert_ptr_eq(http_identity_take(i), i);
	http_identity_give_back(i);
	ck_assert_uint_gt(i->key.len, 100);
	http_identity_give_back(i);

	expect_refused(NULL, certificates[FIRST], keys[SECOND], keys[SECOND], "not the key");
	expect_refused(NULL, certificates[FIRST], NULL, certificates[FIRST], "go together");
	expect_refused(NULL, NULL, keys[FIRST], keys[FIRST], "go together");
	expect_refused(keys[CA], NULL, NULL, keys[CA], "no PEM");
	expect_refused(NULL, keys[FIRST], keys[FIRST], keys[FIRST], "no PEM");
	expect_refused(
		NULL, certificates[FIRST], certificates[FIRST], certificates[FIRST], "no PEM");
	expect_refused("/nothing/here", NULL, NULL, "/nothing/here", "No such file");
	expect_refused(folder, NULL, NULL, folder, "");
	EVP_PKEY *key = pki_key("P-256");

	write_pem(keys[FIRST], NULL, key, EVP_aes_128_cbc());
	expect_refused(NULL, certificates[FIRST], keys[FIRST], keys[FIRST], "no PEM");
	EVP_PKEY_free(key);
	fclose(fopen(certificates[CA], "w"));
	expect_refused(certificates[CA], NULL, NULL, certificates[CA], "empty");
	remove_files();
}
END_TEST

/* The CN of the caller's certificate, "none" where there is none. */
static enum MHD_Result serve(void *context, struct MHD_Connection *c, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_len, void **own)
{
	void *session = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	char name[64] = "none";
	size_t len = sizeof(name);
	gnutls_x509_crt_t crt;

	(void)context;
	(void)method;
	(void)version;
	(void)upload;
	(void)upload_len;
	if (*own == NULL) {
		*own = &loop;
		return MHD_YES;
	}
	if (strcmp(path, "/late") == 0)
		late_has_come = true;
	while (strcmp(path, "/late") == 0 && !answers_late)
		usleep(1000);
	if (chain != NULL && gnutls_x509_crt_init(&crt) == 0) {
		gnutls_x509_crt_import(crt, chain, GNUTLS_X509_FMT_DER);
		gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len);
		gnutls_x509_crt_deinit(crt);
	}
	struct MHD_Response *r =
		MHD_create_response_from_buffer(strlen(name), name, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result queued = MHD_queue_response(c, 200, r);

	MHD_destroy_response(r);
	return queued;
}

static char *read_text(const char *path)
{
	static char texts[3][4096];
	static unsigned next;
	char *text = texts[next++ % 3];
	FILE *in = fopen(path, "r");
	size_t len = fread(text, 1, sizeof(texts[0]) - 1, in);

	text[len] = '\0';
	fclose(in);
	return text;
}

static void begin(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	make_files();
	daemon_under_test = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_TLS, 0,
		NULL, NULL, serve, NULL, MHD_OPTION_SOCK_ADDR, &any, MHD_OPTION_HTTPS_MEM_CERT,
		read_text(certificates[SERVER]), MHD_OPTION_HTTPS_MEM_KEY, read_text(keys[SERVER]),
		MHD_OPTION_HTTPS_MEM_TRUST, read_text(certificates[CA]), MHD_OPTION_END);
	ck_assert_ptr_nonnull(daemon_under_test);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/",
		MHD_get_daemon_info(daemon_under_test, MHD_DAEMON_INFO_BIND_PORT)->port);
	http_client_start();
	loop = ev_loop_new(EVFLAG_AUTO);
}

static void end(void)
{
	http_client_free(client);
	ev_loop_destroy(loop);
	http_client_stop();
	MHD_stop_daemon(daemon_under_test);
	remove_files();
}

static enum outcome result;

static void on_done(struct http_request *request, enum outcome outcome)
{
	(void)request;
	result = outcome;
	ev_break(loop, EVBREAK_ONE);
}

static struct http_request request_to(const char *to)
{
	return (struct http_request){ .method = "GET",
		.url = to,
		.deadline_ms = clock_ms() + PATIENCE_MS,
		.most = 1000,
		.done = on_done };
}

static void expect_named(const char *name)
{
	struct http_request r = request_to(url);

	http_send(client, &r);
	ev_run(loop, 0);
	ck_assert_int_eq(result, FINE);
	ck_assert_uint_eq(r.answer.len, strlen(name));
	ck_assert_mem_eq(r.answer.at, name, strlen(name));
	http_request_clear(&r);
}

static void show_as(const char *ca, int holder)
{
	struct http_identity *i = holder < 0
					  ? read_identity(ca, NULL, NULL)
					  : read_identity(ca, certificates[holder], keys[holder]);

	ck_assert_msg(i != NULL, "%s", error);
	if (client == NULL)
		client = http_client_new(loop,
			&(struct http_client_settings){ .identity = i, .most_connections = 4 });
	else
		http_client_set_identity(client, i);
	http_identity_give_back(i);
}

/* A connection that was made as another is not taken again. */
START_TEST(test_shown)
{
	begin();
	show_as(certificates[CA], FIRST);
	expect_named("first");
	expect_named("first");
	show_as(certificates[CA], SECOND);
	expect_named("second");
	show_as(certificates[CA], -1);
	expect_named("none");
	show_as(certificates[CA], FIRST);
	expect_named("first");
	end();
}
END_TEST

START_TEST(test_changed_under_way)
{
	char late[96];

	begin();
	snprintf(late, sizeof(late), "%slate", url);
	show_as(certificates[CA], FIRST);
	expect_named("first");
	struct http_request r = request_to(late);

	http_send(client, &r);
	while (!late_has_come) {
		ev_run(loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	show_as(certificates[CA], SECOND);
	answers_late = true;
	ev_run(loop, 0);
	ck_assert_int_eq(result, FINE);
	ck_assert_mem_eq(r.answer.at, "first", 5);
	http_request_clear(&r);
	expect_named("second");
	end();
}
END_TEST

START_TEST(test_trust)
{
	begin();
	show_as(certificates[STRANGER], FIRST);
	struct http_request r = request_to(url);

	http_send(client, &r);
	ev_run(loop, 0);
	ck_assert_int_eq(result, PEER_FAILED);
	http_request_clear(&r);
	show_as(NULL, FIRST); /* nor by the system's */
	http_send(client, &r);
	ev_run(loop, 0);
	ck_assert_int_eq(result, PEER_FAILED);
	http_request_clear(&r);
	show_as(certificates[CA], FIRST);
	expect_named("first");
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_files, test_shown, test_changed_under_way, test_trust };

	return suite_run("peers http identity", tests, COUNT(tests));
}

#include "loadtest/exchange.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "loadtest/json_scan.h"

#define DEADLINE_MS 10000
#define ANSWER_MOST (1u << 20)

/* Which of the server's callers a path belongs to (docs/protocol.md section 12). */
static const struct {
	const char *path, *role;
} callers[] = {
	{ "/nausf-initial-attach/", "service-provider" },
	{ "/narpf-ek/", "ausf" },
	{ "/ndausf-auth/", "access-network" },
	{ "/nudm-ueau/", "ausf" },
	{ "/naanf-akma/", "ausf" },
	{ "/narpf-companion/", "companion-gateway" },
	{ "/nsm-device/", "companion-gateway" },
	{ "/ncp-attach/", "device-gateway" },
	{ "/nsmdp-profile/", "device-gateway" },
	{ "/metrics", "metrics" },
	{ "", "admin" },
};

#define CALLER_COUNT (sizeof(callers) / sizeof(callers[0]))
static_assert(CALLER_COUNT <= SERVER_CLIENTS);

static const char *option(const char *given, const char *variable)
{
	return given != NULL ? given : getenv(variable);
}

static struct http_client *open_client(
	struct server *s, const struct http_identity_files *files, unsigned connections)
{
	char error[512];
	struct http_identity *identity = http_identity_read(files, error, sizeof(error));
	struct http_client *client = NULL;

	if (identity == NULL)
		fprintf(stderr, "arpfload: %s\n", error);
	else
		client = http_client_new(
			s->loop, &(struct http_client_settings){
					 .identity = identity, .most_connections = connections });
	http_identity_give_back(identity);
	return client;
}

/* One certificate for all, or a folder with one for each role. */
static bool open_clients(struct server *s, const struct server_options *o, unsigned connections)
{
	const char *folder = o->certificate_file == NULL
				     ? option(o->certificate_folder, "ARPF_CERTIFICATE_FOLDER")
				     : NULL;
	const char *ca = option(o->ca_file, "ARPF_CA_FILE");

	if (strncmp(s->url, "https:", 6) != 0 || folder == NULL) {
		s->clients[0] = open_client(s,
			&(struct http_identity_files){
				.ca = ca,
				.certificate = option(o->certificate_file, "ARPF_CERTIFICATE_FILE"),
				.key = option(o->key_file, "ARPF_KEY_FILE"),
			},
			connections);
		return s->clients[0] != NULL;
	}
	s->has_roles = true;
	for (size_t i = 0; i < CALLER_COUNT; i++) {
		char certificate[PATH_MAX], key[PATH_MAX];
		int len = snprintf(
			certificate, sizeof(certificate), "%s/%s.pem", folder, callers[i].role);

		snprintf(key, sizeof(key), "%s/%s.key", folder, callers[i].role);
		if (len >= (int)sizeof(certificate))
			return false;
		s->clients[i] = open_client(
			s, &(struct http_identity_files){ ca, certificate, key }, connections);
		if (s->clients[i] == NULL)
			return false;
	}
	return true;
}

void server_send(struct server *s, struct http_request *request)
{
	const char *path = request->url + strlen(s->url);
	size_t i = 0;

	while (s->has_roles && strncmp(path, callers[i].path, strlen(callers[i].path)) != 0)
		i++;
	http_send(s->clients[i], request);
}

bool server_open(struct server *s, const struct server_options *options, unsigned connections)
{
	const char *url = options->url != NULL ? options->url : getenv("ARPF_URL");
	size_t len = url != NULL ? strlen(url) : 0;

	*s = (struct server){ 0 };
	if (len == 0 || len >= sizeof(s->url)) {
		fprintf(stderr, "arpfload: no server: give --url or set ARPF_URL\n");
		return false;
	}
	memcpy(s->url, url, len + 1);
	if (s->url[len - 1] == '/')
		s->url[len - 1] = '\0';
	http_client_start();
	s->loop = ev_loop_new(EVFLAG_AUTO);
	if (s->loop == NULL || !open_clients(s, options, connections)) {
		fprintf(stderr, "arpfload: no HTTP client could be made\n");
		server_close(s);
		return false;
	}
	return true;
}

void server_close(struct server *s)
{
	for (size_t i = 0; i < CALLER_COUNT; i++)
		http_client_free(s->clients[i]);
	if (s->loop != NULL)
		ev_loop_destroy(s->loop);
	http_client_stop();
	*s = (struct server){ 0 };
}

struct waited {
	struct http_request request;
	struct ev_loop *loop;
	enum outcome outcome;
};

static void on_waited(struct http_request *request, enum outcome outcome)
{
	struct waited *w = (struct waited *)(void *)request;

	w->outcome = outcome;
	ev_break(w->loop, EVBREAK_ONE);
}

enum outcome exchange(struct server *s, const char *method, const char *path, struct bytes body,
	struct http_request *request)
{
	char url[2 * URL_MAX];
	struct waited w = { .loop = s->loop };

	*request = w.request;
	if (snprintf(url, sizeof(url), "%s%s", s->url, path) >= (int)sizeof(url))
		return INVALID_PARAMETER;
	w.request = (struct http_request){
		.method = method,
		.url = url,
		.content_type = body.len > 0 ? "application/json" : NULL,
		.body = body,
		.deadline_ms = clock_ms() + DEADLINE_MS,
		.most = ANSWER_MOST,
		.done = on_waited,
	};
	server_send(s, &w.request);
	ev_run(s->loop, 0);
	*request = w.request;
	return w.outcome;
}

bool exchange_expects(struct server *s, const char *method, const char *path, struct bytes body,
	struct http_request *request)
{
	char cause[64];
	enum outcome o = exchange(s, method, path, body, request);

	if (o == FINE && request->status / 100 == 2)
		return true;
	problem_cause(o == FINE ? request->answer : bytes_of(NULL, 0), cause, sizeof(cause));
	if (o == FINE)
		fprintf(stderr, "arpfload: %s %s%s: answered %d %s\n", method, s->url, path,
			request->status, cause);
	else
		fprintf(stderr, "arpfload: %s %s%s: %s\n", method, s->url, path, outcome_name(o));
	return false;
}

void problem_cause(struct bytes answer, char *cause, size_t size)
{
	struct json_scan scan;
	struct json_member m;
	struct bytes text;

	cause[0] = '\0';
	if (!json_scan_object(answer, &scan))
		return;
	while (json_scan_member(&scan, &m))
		if (json_is(&m, "cause") && json_scan_text(m.value, &text) && text.len < size) {
			memcpy(cause, text.at, text.len);
			cause[text.len] = '\0';
		}
}

void offer_trust_anchor(struct server *s, const char *use, struct bytes cert_ci, const char *file)
{
	char body[BASE64_LEN(CERTIFICATE_MAX) + 64], base64[BASE64_LEN(CERTIFICATE_MAX) + 1];
	struct http_request r;

	base64_write(cert_ci, base64);
	int len = snprintf(
		body, sizeof(body), "{\"use\":\"%s\",\"certificate\":\"%s\"}", use, base64);
	enum outcome o =
		exchange(s, "POST", "/admin/v1/trust-anchors", bytes_of(body, (size_t)len), &r);

	if (o != FINE || r.status / 100 != 2)
		fprintf(stderr,
			"arpfload: whether the server agrees on this fleet's root is for its "
			"operator: arpfctl trust add --use %s %s\n",
			use, file);
	http_request_clear(&r);
}

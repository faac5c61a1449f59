#include "loadtest/exchange.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "loadtest/json_scan.h"

#define DEADLINE_MS 10000
#define ANSWER_MOST (1u << 20)

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
	if (s->loop != NULL)
		s->client = http_client_new(
			s->loop, &(struct http_client_settings){ .ca_file = options->ca_file,
					 .certificate_file = options->certificate_file,
					 .key_file = options->key_file,
					 .most_connections = connections });
	if (s->client == NULL) {
		fprintf(stderr, "arpfload: no memory for an HTTP client\n");
		server_close(s);
		return false;
	}
	return true;
}

void server_close(struct server *s)
{
	http_client_free(s->client);
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
	http_send(s->client, &w.request);
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

#include "loadtest/exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/kdf.h"
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

struct certificates {
	uint8_t key_id[32];
	bool has_key_id;
	struct bytes ecka, sign, chain[CHAIN_MOST];
	size_t chain_count;
	uint8_t room[(2 + CHAIN_MOST) * ARPF_CERT_MAX];
	size_t used;
};

static bool read_certificate(struct certificates *c, struct bytes value, struct bytes *der)
{
	struct bytes text;
	size_t len;

	if (!json_scan_text(value, &text) || text.len > BASE64_LEN(ARPF_CERT_MAX) - 4 ||
		c->used + ARPF_CERT_MAX > sizeof(c->room) ||
		!base64_read((const char *)text.at, text.len, c->room + c->used, &len))
		return false;
	*der = bytes_of(c->room + c->used, len);
	c->used += len;
	return true;
}

static bool read_chain(struct certificates *c, struct bytes value)
{
	struct json_scan scan;
	struct json_member m;

	if (!json_scan_array(value, &scan))
		return false;
	while (json_scan_member(&scan, &m))
		if (c->chain_count == CHAIN_MOST ||
			!read_certificate(c, m.value, &c->chain[c->chain_count++]))
			return false;
	return !scan.broken;
}

static bool read_certificates(struct bytes answer, struct certificates *c)
{
	struct json_scan scan;
	struct json_member m;
	bool fine = json_scan_object(answer, &scan);

	while (fine && json_scan_member(&scan, &m)) {
		if (json_is(&m, "keyId"))
			fine = c->has_key_id = json_scan_hex(m.value, c->key_id, sizeof(c->key_id));
		else if (json_is(&m, "certEcka"))
			fine = read_certificate(c, m.value, &c->ecka);
		else if (json_is(&m, "certSign"))
			fine = read_certificate(c, m.value, &c->sign);
		else if (json_is(&m, "chain"))
			fine = read_chain(c, m.value);
	}
	return fine && !scan.broken && c->has_key_id && c->ecka.len > 0 && c->sign.len > 0;
}

static enum outcome verify_certificates(
	const struct certificates *c, struct bytes anchor, struct arpf_certificates *out)
{
	struct certificate signer;
	int64_t now = clock_unix();
	enum outcome o = se_verify_arpf(c->ecka, c->chain, c->chain_count, anchor, now, &out->ecka);

	if (o == FINE && memcmp(out->ecka.key_id, c->key_id, sizeof(c->key_id)) != 0)
		o = CERTIFICATE_UNTRUSTED;
	if (o == FINE)
		o = se_verify_signer(c->sign, c->chain, c->chain_count, anchor, now, &signer);
	if (o != FINE)
		return o;
	memcpy(out->signer_point, signer.public_key.at, sizeof(out->signer_point));
	return sha256(&c->sign, 1, out->signer_id);
}

enum outcome fetch_arpf_certificates(
	struct server *s, struct bytes anchor, struct arpf_certificates *out)
{
	static const char path[] = "/narpf-ek/v1/certificate";
	struct http_request r;
	struct certificates c = { 0 };
	char cause[64];
	enum outcome o = exchange(s, "GET", path, bytes_of(NULL, 0), &r);

	if (o != FINE) {
		fprintf(stderr, "arpfload: %s%s: %s\n", s->url, path, outcome_name(o));
	} else if (r.status != 200) {
		problem_cause(r.answer, cause, sizeof(cause));
		fprintf(stderr, "arpfload: %s%s: answered %d %s\n", s->url, path, r.status, cause);
		o = PEER_FAILED;
	} else if (!read_certificates(r.answer, &c)) {
		fprintf(stderr, "arpfload: %s%s: not the answer of an ARPF\n", s->url, path);
		o = PEER_FAILED;
	} else {
		o = verify_certificates(&c, anchor, out);
		if (o != FINE)
			fprintf(stderr, "arpfload: the ARPF's certificates: %s\n", outcome_name(o));
	}
	http_request_clear(&r);
	return o;
}

void offer_trust_anchor(struct server *s, struct bytes cert_ci, const char *file)
{
	char body[BASE64_LEN(CERTIFICATE_MAX) + 64], base64[BASE64_LEN(CERTIFICATE_MAX) + 1];
	struct http_request r;

	base64_write(cert_ci, base64);
	int len = snprintf(body, sizeof(body), "{\"use\":\"se\",\"certificate\":\"%s\"}", base64);
	enum outcome o =
		exchange(s, "POST", "/admin/v1/trust-anchors", bytes_of(body, (size_t)len), &r);

	if (o != FINE || r.status / 100 != 2)
		fprintf(stderr,
			"arpfload: whether the server agrees on this fleet's CERT.CI is for "
			"its operator: arpfctl trust add --use se %s\n",
			file);
	http_request_clear(&r);
}

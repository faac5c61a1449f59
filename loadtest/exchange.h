/*
 * The server under load, and single requests to it that are waited for: before and after a measurement,
 * and in a walk through the steps. One thread.
 */
#ifndef LOADTEST_EXCHANGE_H
#define LOADTEST_EXCHANGE_H

#include "device/certificate_maker.h"
#include "loadtest/options.h"
#include "peers/http_client.h"

#define URL_MAX        512
#define SERVER_CLIENTS 12

struct server_options {
	const char *url; /* NULL: $ARPF_URL */
	const char *ca_file, *certificate_file, *key_file, *certificate_folder;
};

/* Rows for the table of a command whose structure has its server_options at `at`. */
#define SERVER_TLS_ROWS(at)                                                                      \
	{ "ca-file", "FILE", "TLS: whom to trust; $ARPF_CA_FILE unless given", OPTION_TEXT,      \
		(at) + offsetof(struct server_options, ca_file) },                               \
		{ "certificate-file", "FILE",                                                    \
			"TLS: this client's certificate; else $ARPF_CERTIFICATE_FILE",           \
			OPTION_TEXT, (at) + offsetof(struct server_options, certificate_file) }, \
		{ "key-file", "FILE", "TLS: its private key; else $ARPF_KEY_FILE", OPTION_TEXT,  \
			(at) + offsetof(struct server_options, key_file) },                      \
	{                                                                                        \
		"certificate-folder", "FOLDER",                                                  \
			"TLS: one for each role; else $ARPF_CERTIFICATE_FOLDER", OPTION_TEXT,    \
			(at) + offsetof(struct server_options, certificate_folder)               \
	}
#define SERVER_ROWS(at)                                                    \
	{ "url", "URL", "the server; $ARPF_URL unless given", OPTION_TEXT, \
		(at) + offsetof(struct server_options, url) },             \
		SERVER_TLS_ROWS(at)

struct server {
	struct ev_loop *loop;
	struct http_client *clients[SERVER_CLIENTS]; /* one, or one for each kind of path */
	bool has_roles;
	char url[URL_MAX]; /* without a slash at its end */
};

/* false, and said on stderr, where there is no URL or no loop. */
bool server_open(struct server *s, const struct server_options *options, unsigned connections);
void server_close(struct server *s);
/* As the caller that the request's path belongs to. */
void server_send(struct server *s, struct http_request *request);
/*
 * One request, waited for. path begins with '/'. The answer is in *request until http_request_clear().
 * What the HTTP client says; any status is FINE.
 */
enum outcome exchange(struct server *s, const char *method, const char *path, struct bytes body,
	struct http_request *request);
/* The same, and anything but a 2xx is said on stderr and false. The answer is to be cleared either way. */
bool exchange_expects(struct server *s, const char *method, const char *path, struct bytes body,
	struct http_request *request);
/* A problem's `cause` as it stands, "" where there is none. */
void problem_cause(struct bytes answer, char *cause, size_t size);

/*
 * Has the server agree on a root as an anchor of this use, by its administration: a test bed's server grants that to everyone on
 * the loopback. Where it does not, this says on stderr what its operator is to do.
 */
void offer_trust_anchor(struct server *s, const char *use, struct bytes cert_ci, const char *file);

#endif

/*
 * HTTP requests to others, by libcurl's multi interface on the loop: another operator's ARPF, a remote
 * D-AUSF, a server under load. Connections are kept alive and reused; names are resolved off the
 * loop (libcurl's threaded resolver); redirects are not followed.
 *
 * A request is ended exactly once, by done(), never before http_send() has returned. Belongs to one loop and
 * its thread.
 */
#ifndef PEERS_HTTP_CLIENT_H
#define PEERS_HTTP_CLIENT_H

#include <ev.h>

#include "peers/http_identity.h"

struct http_client;

/*
 * What a request is held to whose URL is not an operator's own: it goes to addresses that are public or
 * listed (peers/address_policy.h), over a connection that nobody had before or has after, without
 * proxies, client certificates or anything else this server has for its peers, and takes headers of
 * bounded length. The texts are the caller's, until done().
 */
struct fetch_policy {
	const char *host;     /* the URL's, which is listed */
	const char *networks; /* blocks beside the public addresses */
	const char *ca_file;  /* NULL: the system's */
	const char *accept;   /* media types */
	int64_t until_ms;     /* beside the request's deadline */
};

struct http_request {
	const char *method;       /* "GET", "POST", "PUT", "DELETE" */
	const char *url;          /* http or https; the caller's, until done() */
	const char *content_type; /* of the body; NULL where there is none */
	struct bytes body;        /* the caller's, until done() */
	int64_t deadline_ms;
	size_t most;                       /* a longer answer is PEER_FAILED */
	const struct fetch_policy *policy; /* NULL: the URL is to be trusted. Until done() */
	/* the answer: valid during done() and until the request is sent again or http_request_clear() */
	int status;
	struct bytes answer;
	char answer_type[256]; /* empty where it is longer */
	/* with a policy */
	char *location;  /* the absolute URL a redirect leads to, else NULL */
	int64_t fresh_s; /* how long the answer may be used again */
	/* FINE: an HTTP answer of whatever status; PEER_TIMEOUT; PEER_FAILED */
	void (*done)(struct http_request *request, enum outcome outcome);
	void *work; /* the client's own */
};

/* The texts are the caller's, until http_client_free(). */
struct http_client_settings {
	const char *unix_socket;        /* NULL: by the URL's host */
	struct http_identity *identity; /* a reference is taken; NULL: none, and the system's CAs */
	unsigned most_connections;      /* to one host; further requests wait */
};

struct http_client *http_client_new(
	struct ev_loop *loop, const struct http_client_settings *settings);
/* Once a process, before other threads begin and after they have ended. */
void http_client_start(void);
void http_client_stop(void);
/* For requests from now on; those under way go on as what they began as. A reference is taken. */
void http_client_set_identity(struct http_client *c, struct http_identity *identity);
/* Requests under way are ended with PEER_FAILED. NULL is allowed. */
void http_client_free(struct http_client *c);
void http_send(struct http_client *c, struct http_request *request);
/* How many requests that are held to a policy are under way. */
unsigned http_client_guarded(const struct http_client *c);
/* Frees the answer of a request that has ended. */
void http_request_clear(struct http_request *request);

#endif

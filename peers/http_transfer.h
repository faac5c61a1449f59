/*
 * One easy handle of libcurl's, kept for further requests when one has ended: what does not change is
 * set only once. Private to peers/.
 */
#ifndef PEERS_HTTP_TRANSFER_H
#define PEERS_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "peers/http_client.h"

struct transfer {
	struct transfer *next, *previous; /* the client's lists */
	struct http_client *client;
	struct http_request *request;
	CURL *easy; /* its private pointer is this */
	struct curl_slist *headers;
	char content_type[64];          /* that the headers are for */
	size_t headers_len;             /* so many bytes of headers have come */
	struct http_identity *identity; /* the client's when it was made; a reference of its own */
};

/* NULL: no memory. */
struct transfer *transfer_new(struct http_client *c, const struct http_client_settings *settings);
/* For one request that is held to this policy. NULL: no memory. */
struct transfer *transfer_new_held(struct http_client *c, const struct fetch_policy *policy);
/* NULL is allowed. */
void transfer_free(struct transfer *t);
/* Everything but the beginning; false where libcurl refuses something: the transfer is of no more use. */
bool transfer_set_request(struct transfer *t, struct http_request *request);
/* What became of it; on FINE the request's status and type are set. */
enum outcome transfer_result(struct transfer *t, CURLcode result);

#endif

/*
 * How long one request may be in coming. Libmicrohttpd's own limit begins anew with every byte; here the time from a
 * request's first byte to its last is bounded. A connection that waits for a request is left to the other limit, and so
 * is one that had the beginning of a request together with the one before, as long as no more of it comes.
 * For server/http*.c; belongs to one loop.
 */
#ifndef SERVER_HTTP_READING_H
#define SERVER_HTTP_READING_H

#include "server/http_exchange.h"

struct http_reading;

/* No request is waited for before http_reading_expect(). NULL: no memory. */
struct http_reading *http_reading_new(struct http *h, struct MHD_Connection *connection);
/* Before the socket is closed. NULL is allowed. */
void http_reading_free(struct http_reading *r);
/* A request may come: its time begins with its first byte, or a quarter of it later. */
void http_reading_expect(struct http_reading *r);
/* Its head has come. */
void http_reading_begin(struct http_reading *r, struct exchange *x);
/* All of it has come, or what comes is not waited for. */
void http_reading_end(struct http_reading *r);

#endif

/*
 * TLS handshakes under libmicrohttpd. Version 0.9.75 keeps a connection whose handshake waits for its other side
 * among those that are ready, and would have the loop spin until more comes: a stranger could have that with half
 * a handshake. So such a connection is suspended, its socket watched by the loop itself, and resumed when there is
 * something to read, or when the time for strangers is over. For server/http*.c.
 */
#ifndef SERVER_HTTP_HANDSHAKE_H
#define SERVER_HTTP_HANDSHAKE_H

#include "server/http_reading.h"

struct http_handshake;

/* Requests are expected by `reading` once it is over. NULL: it cannot be begun. */
struct http_handshake *http_handshake_begin(
	struct http *h, struct MHD_Connection *connection, struct http_reading *reading);
/* When the connection ends. NULL is allowed. */
void http_handshake_end(struct http_handshake *s);
/* After MHD_run(): suspends those that wait. */
void http_handshake_rest(struct http *h);
/* Before the daemon is stopped, which must find none suspended. */
void http_handshake_resume_all(struct http *h);
struct tls_connection *http_handshake_tls(struct http_handshake *s);

#endif

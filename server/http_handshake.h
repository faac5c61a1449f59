/*
 * TLS handshakes under libmicrohttpd. Version 0.9.75 keeps a connection whose handshake waits for its other side
 * among those that are ready, and would have the loop spin until more comes: a stranger could have that with half
 * a handshake. So such a connection is suspended, its socket watched by the loop itself, and resumed when there is
 * something to read, or when the time for strangers is over. For server/http*.c.
 */
#ifndef SERVER_HTTP_HANDSHAKE_H
#define SERVER_HTTP_HANDSHAKE_H

#include "server/http_exchange.h"

struct http_handshake;

/* libmicrohttpd's notice of a TLS connection's beginning and end; the context is a struct http_handshake. */
void http_handshake_on_connection(void *http, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code);
/* After MHD_run(): suspends those that wait. */
void http_handshake_rest(struct http *h);
/* Before the daemon is stopped, which must find none suspended. */
void http_handshake_resume_all(struct http *h);
/* NULL: it could not be begun. */
struct tls_connection *http_handshake_tls(struct http_handshake *s);

#endif

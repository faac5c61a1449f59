/* What a connection of libmicrohttpd's has of ours, from its beginning to its end. For server/http*.c. */
#ifndef SERVER_HTTP_CONNECTION_H
#define SERVER_HTTP_CONNECTION_H

#include "server/http_handshake.h"
#include "server/http_reading.h"

struct http_connection {
	struct http_reading *reading;
	struct http_handshake *handshake; /* NULL: plain HTTP */
};

/* Libmicrohttpd's notice of a connection's beginning and end; the context is a struct http_connection. */
void http_connection_on_notice(void *http, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code);
/* NULL: it could not be begun, and is being closed. */
struct http_connection *http_connection_of(struct MHD_Connection *connection);

#endif

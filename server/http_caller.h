/*
 * Who a connection's caller is and what he may do: by his certificate over TLS, by the kernel's word on a Unix
 * socket, everybody everything on a plain loopback listener. For server/http*.c.
 */
#ifndef SERVER_HTTP_CALLER_H
#define SERVER_HTTP_CALLER_H

#include "server/http_exchange.h"

struct http_caller {
	enum outcome refusal; /* UNAUTHENTICATED or ROLE_NOT_PERMITTED, whatever is asked for */
	unsigned roles;
	char name[TLS_CALLER_NAME]; /* "<role>:<CN>", "loopback", "unix:<uid>"; empty: unknown */
};

void http_caller_find(
	const struct http *h, struct MHD_Connection *connection, struct http_caller *out);

#endif

/*
 * A request's head, where two readers could disagree on it: a proxy before this server that finds another end of the
 * request, or another host in it, than libmicrohttpd does lets its callers put words into each other's mouths (RFC 9112
 * section 11.2). For server/http*.c.
 */
#ifndef SERVER_HTTP_HEAD_H
#define SERVER_HTTP_HEAD_H

#include <microhttpd.h>

/* NULL: there is no doubt. Otherwise why the connection cannot be read on, as a sentence. */
const char *http_head_find_fault(struct MHD_Connection *connection, const char *version);
/* The path of a request's target, which may be in absolute form (RFC 9112 section 3.2.2). */
const char *http_head_path(const char *target);

#endif

/*
 * Origins (RFC 6454): where a URL leads, and the lists of them that an operator writes. Read strictly, so
 * that what is checked here is what libcurl connects to. Pure; slices point into the text given.
 */
#ifndef PEERS_ORIGINS_H
#define PEERS_ORIGINS_H

#include "base/bytes.h"

struct origin {
	bool is_https;
	struct bytes host; /* an IPv6 address without its brackets */
	bool is_ipv6;
	uint16_t port; /* the scheme's where the text has none */
	bool any_port; /* in a list: a port of * */
	size_t len;    /* of scheme://host:port; what follows is the path */
};

/* False where the text does not begin with http or https and a host, or has user information. */
bool origin_read(const char *url, struct origin *out);
/* Scheme, host (its letters in either case) and port are those of one in the blank-separated list. */
bool origin_is_listed(const char *list, const struct origin *origin);

#endif

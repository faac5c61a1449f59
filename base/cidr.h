/*
 * IP addresses and blocks of them as text: 10.1.0.0/16, fd00::/8 (RFC 4632, RFC 4291 section 2.3); an address
 * alone is a block of its own. What comes behind the prefix is not looked at. Pure.
 */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include "base/bytes.h"

/* Its bytes in network order: 4 of them or 16. */
struct cidr_address {
	uint8_t at[16];
	size_t len;
};

struct cidr {
	struct cidr_address first;
	unsigned bits;
};

bool cidr_read_address(const char *text, struct cidr_address *out);
bool cidr_read(struct bytes text, struct cidr *out);
bool cidr_has(const struct cidr *block, const struct cidr_address *a);
/* Whether the first so many bits are the same. */
bool cidr_begins(const struct cidr_address *a, const uint8_t *prefix, unsigned bits);

/* The next entry of a blank-separated list, which moves on behind it; false at its end. */
bool cidr_next(const char **list, struct bytes *entry);

#endif

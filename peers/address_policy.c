#include "peers/address_policy.h"

#include <netinet/in.h>

#include "base/cidr.h"

struct block {
	uint8_t at[16];
	unsigned bits;
};

static const struct block special_ipv4[] = {
	{ { 0 }, 8 },             /* this network */
	{ { 10 }, 8 },            /* RFC 1918 */
	{ { 100, 64 }, 10 },      /* shared, RFC 6598 */
	{ { 127 }, 8 },           /* loopback */
	{ { 169, 254 }, 16 },     /* link-local */
	{ { 172, 16 }, 12 },      /* RFC 1918 */
	{ { 192, 0, 0 }, 24 },    /* IETF protocol assignments */
	{ { 192, 0, 2 }, 24 },    /* documentation */
	{ { 192, 88, 99 }, 24 },  /* relays of 6to4 */
	{ { 192, 168 }, 16 },     /* RFC 1918 */
	{ { 198, 18 }, 15 },      /* benchmarks */
	{ { 198, 51, 100 }, 24 }, /* documentation */
	{ { 203, 0, 113 }, 24 },  /* documentation */
	{ { 224 }, 4 },           /* multicast */
	{ { 240 }, 4 },           /* reserved, and broadcast */
};

/* Of IPv6 only global unicast is public, and of that not these. */
static const struct block global_unicast = { { 0x20 }, 3 };
static const struct block special_ipv6[] = {
	{ { 0x20, 0x01 }, 23 },             /* IETF protocol assignments, Teredo among them */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x3f, 0xff }, 20 },             /* documentation */
};

/* Where an IPv6 address holds an IPv4 address. */
static const struct {
	struct block block;
	size_t at;
} embedding[] = {
	{ { { [10] = 0xff, 0xff }, 96 }, 12 },      /* IPv4-mapped */
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96 }, 12 }, /* NAT64, RFC 6052 */
	{ { { 0x20, 0x02 }, 16 }, 2 },              /* 6to4 */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool read_sockaddr(const struct sockaddr *from, struct cidr_address *out)
{
	if (from->sa_family == AF_INET) {
		out->len = 4;
		memcpy(out->at, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
		return true;
	}
	if (from->sa_family == AF_INET6) {
		out->len = 16;
		memcpy(out->at, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
		return true;
	}
	return false;
}

/* The IPv4 address inside, where there is one; false for every other. */
static bool take_embedded(const struct cidr_address *a, struct cidr_address *inside)
{
	for (size_t i = 0; a->len == 16 && i < COUNT(embedding); i++) {
		if (!cidr_begins(a, embedding[i].block.at, embedding[i].block.bits))
			continue;
		*inside = (struct cidr_address){ .len = 4 };
		memcpy(inside->at, a->at + embedding[i].at, 4);
		return true;
	}
	return false;
}

static bool is_public_ipv4(const struct cidr_address *a)
{
	for (size_t i = 0; i < COUNT(special_ipv4); i++)
		if (cidr_begins(a, special_ipv4[i].at, special_ipv4[i].bits))
			return false;
	return true;
}

static bool is_public(const struct cidr_address *a)
{
	struct cidr_address inside;

	if (a->len == 4)
		return is_public_ipv4(a);
	if (take_embedded(a, &inside))
		return is_public_ipv4(&inside);
	for (size_t i = 0; i < COUNT(special_ipv6); i++)
		if (cidr_begins(a, special_ipv6[i].at, special_ipv6[i].bits))
			return false;
	return cidr_begins(a, global_unicast.at, global_unicast.bits);
}

bool address_is_public(const struct sockaddr *address)
{
	struct cidr_address a;

	return read_sockaddr(address, &a) && is_public(&a);
}

static bool is_in_list(const struct cidr_address *a, const char *networks)
{
	struct bytes entry;
	struct cidr block;

	while (cidr_next(&networks, &entry))
		if (cidr_read(entry, &block) && cidr_has(&block, a))
			return true;
	return false;
}

bool address_is_allowed(const struct sockaddr *address, const char *host, const char *networks)
{
	struct cidr_address a, literal, inside;

	if (!read_sockaddr(address, &a))
		return false;
	if (is_public(&a) || is_in_list(&a, networks))
		return true;
	if (cidr_read_address(host, &literal) && literal.len == a.len &&
		memcmp(literal.at, a.at, a.len) == 0)
		return true;
	return take_embedded(&a, &inside) && is_in_list(&inside, networks);
}

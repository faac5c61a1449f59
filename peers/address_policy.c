#include "peers/address_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

#define TEXT_MAX 64u

/* An address as its bytes in network order: 4 of them or 16. */
struct address {
	uint8_t at[16];
	size_t len;
};

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

static bool is_in(const struct address *a, const uint8_t *block, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	return memcmp(a->at, block, whole) == 0 &&
	       (rest == 0 || ((a->at[whole] ^ block[whole]) & mask) == 0);
}

static bool read_sockaddr(const struct sockaddr *from, struct address *out)
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

static bool read_text(const char *text, struct address *out)
{
	out->len = strchr(text, ':') != NULL ? 16 : 4;
	return inet_pton(out->len == 16 ? AF_INET6 : AF_INET, text, out->at) == 1;
}

/* The IPv4 address inside, where there is one; false for every other. */
static bool take_embedded(const struct address *a, struct address *inside)
{
	for (size_t i = 0; a->len == 16 && i < COUNT(embedding); i++) {
		if (!is_in(a, embedding[i].block.at, embedding[i].block.bits))
			continue;
		*inside = (struct address){ .len = 4 };
		memcpy(inside->at, a->at + embedding[i].at, 4);
		return true;
	}
	return false;
}

static bool is_public_ipv4(const struct address *a)
{
	for (size_t i = 0; i < COUNT(special_ipv4); i++)
		if (is_in(a, special_ipv4[i].at, special_ipv4[i].bits))
			return false;
	return true;
}

static bool is_public(const struct address *a)
{
	struct address inside;

	if (a->len == 4)
		return is_public_ipv4(a);
	if (take_embedded(a, &inside))
		return is_public_ipv4(&inside);
	for (size_t i = 0; i < COUNT(special_ipv6); i++)
		if (is_in(a, special_ipv6[i].at, special_ipv6[i].bits))
			return false;
	return is_in(a, global_unicast.at, global_unicast.bits);
}

bool address_is_public(const struct sockaddr *address)
{
	struct address a;

	return read_sockaddr(address, &a) && is_public(&a);
}

static bool read_bits(const char *text, unsigned most, unsigned *bits)
{
	*bits = 0;
	if (*text == '\0' || strlen(text) > 3)
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		*bits = *bits * 10 + (unsigned)(*text - '0');
	return *text == '\0' && *bits <= most;
}

/* entry: one block of the list; an address alone is a block of its own. */
static bool is_in_entry(const struct address *a, struct bytes entry)
{
	char text[TEXT_MAX];
	struct address block;
	unsigned bits;

	if (entry.len >= sizeof(text))
		return false;
	memcpy(text, entry.at, entry.len);
	text[entry.len] = '\0';
	char *slash = strchr(text, '/');
	if (slash != NULL)
		*slash = '\0';
	if (!read_text(text, &block) || block.len != a->len)
		return false;
	bits = (unsigned)block.len * 8;
	return (slash == NULL || read_bits(slash + 1, bits, &bits)) && is_in(a, block.at, bits);
}

static bool is_in_list(const struct address *a, const char *networks)
{
	for (networks += strspn(networks, " \t"); *networks != '\0';
		networks += strspn(networks, " \t")) {
		size_t len = strcspn(networks, " \t");

		if (is_in_entry(a, bytes_of(networks, len)))
			return true;
		networks += len;
	}
	return false;
}

bool address_is_allowed(const struct sockaddr *address, const char *host, const char *networks)
{
	struct address a, literal, inside;

	if (!read_sockaddr(address, &a))
		return false;
	if (is_public(&a) || is_in_list(&a, networks))
		return true;
	if (read_text(host, &literal) && literal.len == a.len &&
		memcmp(literal.at, a.at, a.len) == 0)
		return true;
	return take_embedded(&a, &inside) && is_in_list(&inside, networks);
}

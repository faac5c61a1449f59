#include "base/cidr.h"

#include <arpa/inet.h>

#define TEXT_MAX 64u
#define BLANKS   " \t"

bool cidr_read_address(const char *text, struct cidr_address *out)
{
	out->len = strchr(text, ':') != NULL ? 16 : 4;
	return inet_pton(out->len == 16 ? AF_INET6 : AF_INET, text, out->at) == 1;
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

bool cidr_read(struct bytes from, struct cidr *out)
{
	char text[TEXT_MAX];

	if (from.len >= sizeof(text))
		return false;
	memcpy(text, from.at, from.len);
	text[from.len] = '\0';
	char *slash = strchr(text, '/');
	if (slash != NULL)
		*slash = '\0';
	if (!cidr_read_address(text, &out->first))
		return false;
	out->bits = (unsigned)out->first.len * 8;
	return slash == NULL || read_bits(slash + 1, out->bits, &out->bits);
}

bool cidr_begins(const struct cidr_address *a, const uint8_t *prefix, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	return memcmp(a->at, prefix, whole) == 0 &&
	       (rest == 0 || ((a->at[whole] ^ prefix[whole]) & mask) == 0);
}

bool cidr_has(const struct cidr *block, const struct cidr_address *a)
{
	return block->first.len == a->len && cidr_begins(a, block->first.at, block->bits);
}

bool cidr_next(const char **list, struct bytes *entry)
{
	*list += strspn(*list, BLANKS);
	*entry = bytes_of(*list, strcspn(*list, BLANKS));
	*list += entry->len;
	return entry->len > 0;
}

#include "peers/origins.h"

#include <strings.h>

#define HTTP_PORT  80
#define HTTPS_PORT 443

static bool take_prefix(struct bytes *in, const char *prefix)
{
	size_t len = strlen(prefix);

	if (in->len < len || strncasecmp((const char *)in->at, prefix, len) != 0)
		return false;
	*in = bytes_of(in->at + len, in->len - len);
	return true;
}

static bool is_letter_or_digit(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_in_name(uint8_t c)
{
	return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
}

static bool is_in_ipv6(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') || c == ':' ||
	       c == '.';
}

static bool take_host(struct bytes *in, struct origin *out)
{
	size_t n = 0;

	out->is_ipv6 = in->len > 0 && in->at[0] == '[';
	if (out->is_ipv6)
		*in = bytes_of(in->at + 1, in->len - 1);
	while (n < in->len && (out->is_ipv6 ? is_in_ipv6 : is_in_name)(in->at[n]))
		n++;
	out->host = bytes_of(in->at, n);
	*in = bytes_of(in->at + n, in->len - n);
	return n > 0 && (!out->is_ipv6 || take_prefix(in, "]"));
}

/* in: the digits alone. */
static bool read_port(struct bytes in, uint16_t *port)
{
	uint32_t v = 0;

	if (in.len == 0 || in.len > 5)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		if (in.at[i] < '0' || in.at[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(in.at[i] - '0');
	}
	*port = (uint16_t)v;
	return v > 0 && v <= UINT16_MAX;
}

/* text: scheme://authority and nothing else. */
static bool read_all(struct bytes text, bool in_list, struct origin *out)
{
	struct bytes rest = text;

	*out = (struct origin){ .len = text.len, .port = HTTP_PORT };
	if (take_prefix(&rest, "https://")) {
		out->is_https = true;
		out->port = HTTPS_PORT;
	} else if (!take_prefix(&rest, "http://")) {
		return false;
	}
	if (!take_host(&rest, out))
		return false;
	if (rest.len == 0)
		return true;
	if (!take_prefix(&rest, ":"))
		return false;
	out->any_port = in_list && bytes_equal(rest, bytes_of_text("*"));
	return out->any_port || read_port(rest, &out->port);
}

bool origin_read(const char *url, struct origin *out)
{
	const char *authority = strstr(url, "://");

	if (authority == NULL)
		return false;
	authority += 3;
	return read_all(
		bytes_of(url, (size_t)(authority - url) + strcspn(authority, "/?#")), false, out);
}

static bool is_same(const struct origin *listed, const struct origin *o)
{
	return listed->is_https == o->is_https && listed->is_ipv6 == o->is_ipv6 &&
	       listed->host.len == o->host.len &&
	       strncasecmp((const char *)listed->host.at, (const char *)o->host.at, o->host.len) ==
		       0 &&
	       (listed->any_port || listed->port == o->port);
}

bool origin_is_listed(const char *list, const struct origin *origin)
{
	struct origin listed;

	for (list += strspn(list, " \t"); *list != '\0'; list += strspn(list, " \t")) {
		size_t len = strcspn(list, " \t");

		if (read_all(bytes_of(list, len), true, &listed) && is_same(&listed, origin))
			return true;
		list += len;
	}
	return false;
}

#include "procedures/radius_reply.h"

#include <arpa/inet.h>
#include <stdio.h>

#define ADDRESS_MAX 45 /* an IPv6 address that ends in an IPv4 one */
#define RULE_MAX    (2 * ADDRESS_MAX + 64)

struct destination {
	char address[ADDRESS_MAX + 1];
	int port;
};

/* An attribute up to its values; op: ":=" for one, "+=" for several. */
static void open_values(struct json_out *o, const char *name, const char *op)
{
	json_key(o, name);
	json_open(o, '{');
	json_member_text(o, "op", op);
	json_key(o, "do_xlat");
	json_bool(o, false);
	json_key(o, "value");
	json_open(o, '[');
}

static void close_values(struct json_out *o)
{
	json_close(o, ']');
	json_close(o, '}');
}

static void write_text(struct json_out *o, const char *name, const char *text)
{
	open_values(o, name, ":=");
	json_text(o, text);
	close_values(o);
}

static bool read_port(const char *at, size_t len, int *port)
{
	*port = 0;
	for (size_t i = 0; i < len && *port <= 65535; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		*port = *port * 10 + (at[i] - '0');
	}
	return len > 0 && *port >= 1 && *port <= 65535;
}

/* False where it is no address with a port. */
static bool read_destination(struct bytes text, struct destination *d)
{
	const char *at = (const char *)text.at;
	const char *colon = memrchr(at, ':', text.len);
	uint8_t binary[sizeof(struct in6_addr)];

	if (colon == NULL)
		return false;
	size_t host_len = (size_t)(colon - at);
	bool has_brackets = host_len >= 2 && at[0] == '[' && colon[-1] == ']';

	if (!read_port(colon + 1, text.len - host_len - 1, &d->port))
		return false;
	if (has_brackets) {
		at++;
		host_len -= 2;
	}
	if (host_len > ADDRESS_MAX)
		return false;
	memcpy(d->address, at, host_len);
	d->address[host_len] = '\0';
	return inet_pton(has_brackets ? AF_INET6 : AF_INET, d->address, binary) == 1;
}

/* The next of a blank-separated list; false at its end. */
static bool next_destination(const char **at, struct bytes *text)
{
	*at += strspn(*at, " ");
	*text = bytes_of(*at, strcspn(*at, " "));
	*at += text->len;
	return text->len > 0;
}

static bool are_addresses(const char *list)
{
	struct destination d;
	struct bytes text;
	bool has_any = false;

	for (; next_destination(&list, &text); has_any = true)
		if (!read_destination(text, &d))
			return false;
	return has_any;
}

/* RFC 6733 section 4.3.1: what no rule names is dropped, because the last one permits. */
static void write_rules(struct json_out *o, const char *list)
{
	struct destination d;
	struct bytes text;
	char rule[RULE_MAX];

	open_values(o, "reply:NAS-Filter-Rule", "+=");
	while (next_destination(&list, &text) && read_destination(text, &d)) {
		snprintf(rule, sizeof(rule), "permit in tcp from assigned to %s %d", d.address,
			d.port);
		json_text(o, rule);
		snprintf(rule, sizeof(rule), "permit out tcp from %s %d to assigned", d.address,
			d.port);
		json_text(o, rule);
	}
	close_values(o);
}

void radius_reply_write(struct json_out *o, const struct radius_session *s)
{
	json_open(o, '{');
	write_text(o, "reply:User-Name", s->subject);
	open_values(o, "reply:Class", ":=");
	json_hex(o, s->id);
	close_values(o);
	open_values(o, "reply:Session-Timeout", ":=");
	json_number(o, s->lifetime_s);
	close_values(o);
	write_text(o, "reply:Framed-Pool", s->dnn);
	/* Not both: RFC 4849 leaves open what a NAS makes of that. */
	if (are_addresses(s->destinations))
		write_rules(o, s->destinations);
	else
		write_text(o, "reply:Filter-Id", s->dnn);
	json_close(o, '}');
}

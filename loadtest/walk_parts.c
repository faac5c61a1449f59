#include "loadtest/walk_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "crypto/kdf.h"

#define HEX_SHOWN 65 /* bytes: a point */
#define HEX_BEGIN 24 /* of what is longer */

void walk_heading(const char *number, const char *what)
{
	printf("(%s) %s\n", number, what);
}

void walk_line(const char *name, const char *format, ...)
{
	va_list rest;

	printf("      %-16s ", name);
	va_start(rest, format);
	vprintf(format, rest);
	va_end(rest);
	putchar('\n');
}

void walk_hex(const char *name, struct bytes bytes)
{
	char text[2 * HEX_SHOWN + 1];

	if (bytes.len <= HEX_SHOWN) {
		hex_write(bytes, text);
		walk_line(name, "%s", text);
	} else {
		hex_write(bytes_of(bytes.at, HEX_BEGIN), text);
		walk_line(name, "%s... (%zu bytes)", text, bytes.len);
	}
}

void walk_fingerprint(const char *name, struct bytes key)
{
	uint8_t hash[SHA256_LEN];
	char text[17];

	if (sha256(&key, 1, hash) != FINE)
		return;
	hex_write(bytes_of(hash, 8), text);
	walk_line(name, "fingerprint %s", text);
}

void walk_signature(const char *name, const struct batch_signature *s)
{
	walk_line(name, "%s by %.64s, leaf %" PRIu64 " of %" PRIu64, batch_suite_name(s->suite),
		s->signer_id, s->leaf_index, s->tree_size);
}

bool walk_failed(const char *step, const char *why)
{
	fprintf(stderr, "arpfload: step %s: %s\n", step, why);
	return false;
}

bool walk_post(struct walk *w, const char *path, struct bytes body, struct http_request *r)
{
	walk_line("POST", "%s, %zu bytes", path, body.len);
	return exchange_expects(&w->server, "POST", path, body, r);
}

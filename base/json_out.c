#include "base/json_out.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

#define FIRST_CAP 1024u

/* Room for len more bytes and a NUL, or NULL. */
static char *room(struct json_out *o, size_t len)
{
	if (o->failed)
		return NULL;
	if (len < o->cap - o->len)
		return o->at + o->len;
	size_t cap = o->cap > 0 ? o->cap : FIRST_CAP;

	while (cap - o->len <= len && cap < SIZE_MAX / 4)
		cap *= 2;
	char *grown = arena_alloc(o->arena, cap);

	if (grown == NULL) {
		o->failed = true;
		return NULL;
	}
	if (o->len > 0)
		memcpy(grown, o->at, o->len);
	o->at = grown;
	o->cap = cap;
	return o->at + o->len;
}

static void put(struct json_out *o, const char *at, size_t len)
{
	char *to = room(o, len);

	if (to == NULL)
		return;
	memcpy(to, at, len);
	o->len += len;
}

/* The comma that is due before a value or key. */
static void separate(struct json_out *o)
{
	if (o->comma)
		put(o, ",", 1);
	o->comma = true;
}

struct json_out json_start(struct arena *arena)
{
	return (struct json_out){ .arena = arena };
}

void json_open(struct json_out *o, char bracket)
{
	separate(o);
	put(o, &bracket, 1);
	o->comma = false;
}

void json_close(struct json_out *o, char bracket)
{
	put(o, &bracket, 1);
	o->comma = true;
}

void json_key(struct json_out *o, const char *key)
{
	separate(o);
	put(o, "\"", 1);
	put(o, key, strlen(key));
	put(o, "\":", 2);
	o->comma = false;
}

/* The length of the UTF-8 character at the front (RFC 3629), 0 where there is none. */
static size_t utf8_length(struct bytes text)
{
	uint8_t first = text.at[0];
	size_t len = first < 0x80                    ? 1
		     : first >= 0xc2 && first < 0xe0 ? 2
		     : (first & 0xf0) == 0xe0        ? 3
		     : first >= 0xf0 && first < 0xf5 ? 4
						     : 0;

	if (len == 0 || len > text.len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((text.at[i] & 0xc0) != 0x80)
			return 0;
	uint8_t second = len > 1 ? text.at[1] : 0;

	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
		(first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
		return 0;
	return len;
}

static void put_character(struct json_out *o, struct bytes text, size_t len)
{
	char escaped[8];
	uint8_t c = text.at[0];

	if (len == 0) {
		put(o, "\xef\xbf\xbd", 3);
	} else if (c == '"' || c == '\\') {
		put(o, (char[]){ '\\', (char)c }, 2);
	} else if (c < 0x20) {
		int n = snprintf(escaped, sizeof(escaped), "\\u%04x", c);

		put(o, escaped, (size_t)n);
	} else {
		put(o, (const char *)text.at, len);
	}
}

void json_text_of(struct json_out *o, struct bytes text)
{
	separate(o);
	put(o, "\"", 1);
	while (text.len > 0) {
		size_t plain = 0;

		while (plain < text.len && text.at[plain] >= 0x20 && text.at[plain] < 0x80 &&
			text.at[plain] != '"' && text.at[plain] != '\\')
			plain++;
		if (plain > 0) {
			put(o, (const char *)text.at, plain);
		} else {
			size_t len = utf8_length(text);

			put_character(o, text, len);
			plain = len > 0 ? len : 1;
		}
		text = bytes_of(text.at + plain, text.len - plain);
	}
	put(o, "\"", 1);
}

void json_text(struct json_out *o, const char *text)
{
	json_text_of(o, bytes_of_text(text));
}

void json_base64(struct json_out *o, struct bytes bytes)
{
	separate(o);
	char *to = room(o, BASE64_LEN(bytes.len) + 3);

	if (to == NULL)
		return;
	*to++ = '"';
	to += base64_write(bytes, to);
	*to = '"';
	o->len += BASE64_LEN(bytes.len) + 2;
}

void json_hex(struct json_out *o, struct bytes bytes)
{
	separate(o);
	char *to = room(o, 2 * bytes.len + 3);

	if (to == NULL)
		return;
	*to = '"';
	hex_write(bytes, to + 1);
	to[2 * bytes.len + 1] = '"';
	o->len += 2 * bytes.len + 2;
}

void json_number(struct json_out *o, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, v);

	json_raw(o, text, (size_t)n);
}

void json_bool(struct json_out *o, bool v)
{
	json_raw(o, v ? "true" : "false", v ? 4 : 5);
}

void json_time(struct json_out *o, int64_t unix_seconds)
{
	char text[CLOCK_TEXT_LEN];

	clock_write(unix_seconds, text);
	json_text(o, text);
}

void json_raw(struct json_out *o, const char *json, size_t len)
{
	separate(o);
	put(o, json, len);
}

void json_member_text(struct json_out *o, const char *key, const char *text)
{
	json_key(o, key);
	json_text(o, text);
}

void json_member_base64(struct json_out *o, const char *key, struct bytes bytes)
{
	json_key(o, key);
	json_base64(o, bytes);
}

void json_member_hex(struct json_out *o, const char *key, struct bytes bytes)
{
	json_key(o, key);
	json_hex(o, bytes);
}

void json_member_number(struct json_out *o, const char *key, int64_t v)
{
	json_key(o, key);
	json_number(o, v);
}

const char *json_end(struct json_out *o, size_t *len)
{
	char *end = room(o, 0);

	if (end == NULL)
		return NULL;
	*end = '\0';
	*len = o->len;
	return o->at;
}

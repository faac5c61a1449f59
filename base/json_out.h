/*
 * Writes JSON text into an arena: commas and escapes are its business, nesting the caller's. Once memory
 * is at its end everything further is dropped and json_end() answers NULL. One thread.
 *
 *     struct json_out o = json_start(arena);
 *     json_open(&o, '{');
 *     json_key(&o, "dimsi");
 *     json_text(&o, dimsi);
 *     json_close(&o, '}');
 *     body = json_end(&o, &len);
 */
#ifndef BASE_JSON_OUT_H
#define BASE_JSON_OUT_H

#include "base/arena.h"
#include "base/bytes.h"

struct json_out {
	struct arena *arena;
	char *at;
	size_t len, cap;
	bool failed;
	bool comma; /* a value stands before */
};

struct json_out json_start(struct arena *arena);
void json_open(struct json_out *o, char bracket);
void json_close(struct json_out *o, char bracket);
/* A key of our own: never escaped. */
void json_key(struct json_out *o, const char *key);
/* Escaped; bytes that are not UTF-8 become U+FFFD. */
void json_text(struct json_out *o, const char *text);
void json_text_of(struct json_out *o, struct bytes text);
void json_base64(struct json_out *o, struct bytes bytes);
void json_hex(struct json_out *o, struct bytes bytes);
void json_number(struct json_out *o, int64_t v);
void json_bool(struct json_out *o, bool v);
void json_time(struct json_out *o, int64_t unix_seconds); /* RFC 3339 */
/* JSON made elsewhere, put in as a value. */
void json_raw(struct json_out *o, const char *json, size_t len);
/* A key and its value. */
void json_member_text(struct json_out *o, const char *key, const char *text);
void json_member_base64(struct json_out *o, const char *key, struct bytes bytes);
void json_member_hex(struct json_out *o, const char *key, struct bytes bytes);
void json_member_number(struct json_out *o, const char *key, int64_t v);
/* The text with a NUL behind it; NULL where memory was at its end. */
const char *json_end(struct json_out *o, size_t *len);

#endif

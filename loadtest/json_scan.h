/*
 * Reads JSON in place, a member at a time: what a simulated device needs of an answer, at the cost of looking
 * once at each of its bytes. Values nest without recursion; texts with escapes are not read, because
 * nothing a device looks for has any.
 *
 *     struct json_scan s;
 *     struct json_member m;
 *     if (!json_scan_object(answer, &s)) ...
 *     while (json_scan_member(&s, &m))
 *             if (json_is(&m, "supi")) ...
 *     if (s.broken) ...
 *
 * Pure; slices of what was given.
 */
#ifndef LOADTEST_JSON_SCAN_H
#define LOADTEST_JSON_SCAN_H

#include "base/bytes.h"

struct json_scan {
	struct bytes rest;
	uint8_t close; /* '}' or ']' */
	bool first, ended, broken;
};

struct json_member {
	struct bytes key;   /* without its quotes; empty in an array */
	struct bytes value; /* whole, with quotes, brackets */
};

bool json_scan_object(struct bytes in, struct json_scan *s);
bool json_scan_array(struct bytes in, struct json_scan *s);
/* The next member or element; false at the end, and where s->broken says that it is not JSON. */
bool json_scan_member(struct json_scan *s, struct json_member *m);

bool json_is(const struct json_member *m, const char *key);
/* A string without escapes; false for anything else. */
bool json_scan_text(struct bytes value, struct bytes *text);
bool json_scan_number(struct bytes value, uint64_t *number);
/* base64 and hex of exactly len bytes; base64 may be no longer than 512 characters. */
bool json_scan_base64(struct bytes value, uint8_t *out, size_t len);
bool json_scan_hex(struct bytes value, uint8_t *out, size_t len);
/* base64 of any length; cap is at least 3/4 of the text's. */
bool json_scan_base64_any(struct bytes value, uint8_t *out, size_t cap, size_t *len);
/* A text that is not empty, with a NUL behind it. */
bool json_scan_copy(struct bytes value, char *out, size_t size);
/* A problem's `cause`; BROKEN: none that is known. */
enum outcome json_scan_cause(struct bytes value);

#endif

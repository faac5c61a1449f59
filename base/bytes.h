/*
 * Byte strings that somebody else owns, and bounded writers.
 *
 * struct bytes points into memory whose owner is named where it is handed out; it is passed by
 * value. struct buffer writes into an array of fixed size: a write that does not fit sets `full`
 * and changes nothing, so a run of writes is checked once, at its end. Big-endian throughout.
 * No thread ties.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/outcome.h"

struct bytes {
	const uint8_t *at;
	size_t len;
};

/* An array (not a pointer) as a byte string. */
#define BYTES(array) ((struct bytes){ (const uint8_t *)(array), sizeof(array) })

static inline struct bytes bytes_of(const void *at, size_t len)
{
	return (struct bytes){ (const uint8_t *)at, len };
}

static inline struct bytes bytes_of_text(const char *text)
{
	return bytes_of(text, strlen(text));
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* A copy of its own, malloc'ed and never NULL where it succeeds; freed with bytes_free(). */
bool bytes_duplicate(struct bytes from, struct bytes *to);
void bytes_free(struct bytes b);

struct buffer {
	uint8_t *at;
	size_t len;
	size_t cap;
	bool full;
};

static inline struct buffer buffer_over(void *at, size_t cap)
{
	return (struct buffer){ .at = (uint8_t *)at, .cap = cap };
}

static inline struct bytes buffer_bytes(const struct buffer *b)
{
	return bytes_of(b->at, b->len);
}

void buffer_put(struct buffer *b, const void *at, size_t len);
void buffer_put_u8(struct buffer *b, uint8_t v);
void buffer_put_u16(struct buffer *b, uint16_t v);
void buffer_put_u32(struct buffer *b, uint32_t v);
void buffer_put_u64(struct buffer *b, uint64_t v);

/* Reads from the front of *b and moves it on; false, and nothing moved, where too little is left. */
bool bytes_take(struct bytes *b, size_t len, struct bytes *out);
bool bytes_take_u16(struct bytes *b, uint16_t *out);
bool bytes_take_u32(struct bytes *b, uint32_t *out);
bool bytes_take_u64(struct bytes *b, uint64_t *out);

/* Lower-case hex, out holds 2 * len + 1 characters. */
void hex_write(struct bytes in, char *out);
/* Exactly 2 * len hex digits of either case; anything else is refused. */
bool hex_read(const char *text, size_t text_len, uint8_t *out, size_t len);

/* Characters that base64_write makes of len bytes, without the terminating NUL. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)
/* RFC 4648 section 4 with padding; out holds BASE64_LEN(in.len) + 1 characters. Returns its length. */
size_t base64_write(struct bytes in, char *out);
/*
 * Strict: canonical padding, no white space, unused bits zero. out holds at least
 * text_len / 4 * 3 bytes; *len receives how many were written.
 */
bool base64_read(const char *text, size_t text_len, uint8_t *out, size_t *len);

#endif

#include "base/bytes.h"

#include <stdlib.h>

bool bytes_duplicate(struct bytes from, struct bytes *to)
{
	uint8_t *at = malloc(from.len > 0 ? from.len : 1);

	if (at == NULL)
		return false;
	if (from.len > 0)
		memcpy(at, from.at, from.len);
	*to = bytes_of(at, from.len);
	return true;
}

void bytes_free(struct bytes b)
{
	free((void *)(uintptr_t)b.at);
}

void buffer_put(struct buffer *b, const void *at, size_t len)
{
	if (b->full || len > b->cap - b->len) {
		b->full = true;
		return;
	}
	if (len > 0)
		memcpy(b->at + b->len, at, len);
	b->len += len;
}

void buffer_put_u8(struct buffer *b, uint8_t v)
{
	buffer_put(b, &v, 1);
}

void buffer_put_u16(struct buffer *b, uint16_t v)
{
	buffer_put(b, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

void buffer_put_u32(struct buffer *b, uint32_t v)
{
	buffer_put(b,
		(uint8_t[]){
			(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v },
		4);
}

void buffer_put_u64(struct buffer *b, uint64_t v)
{
	uint8_t at[8];

	for (int i = 7; i >= 0; i--, v >>= 8)
		at[i] = (uint8_t)v;
	buffer_put(b, at, sizeof(at));
}

bool bytes_take(struct bytes *b, size_t len, struct bytes *out)
{
	if (len > b->len)
		return false;
	*out = bytes_of(b->at, len);
	b->at += len;
	b->len -= len;
	return true;
}

static bool take_number(struct bytes *b, size_t len, uint64_t *out)
{
	struct bytes part;

	if (!bytes_take(b, len, &part))
		return false;
	*out = 0;
	for (size_t i = 0; i < len; i++)
		*out = *out << 8 | part.at[i];
	return true;
}

bool bytes_take_u16(struct bytes *b, uint16_t *out)
{
	uint64_t v;

	if (!take_number(b, 2, &v))
		return false;
	*out = (uint16_t)v;
	return true;
}

bool bytes_take_u32(struct bytes *b, uint32_t *out)
{
	uint64_t v;

	if (!take_number(b, 4, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

bool bytes_take_u64(struct bytes *b, uint64_t *out)
{
	return take_number(b, 8, out);
}

void hex_write(struct bytes in, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < in.len; i++) {
		*out++ = digits[in.at[i] >> 4];
		*out++ = digits[in.at[i] & 15];
	}
	*out = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_read(const char *text, size_t text_len, uint8_t *out, size_t len)
{
	if (text_len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static const char base64_alphabet[64] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_write(struct bytes in, char *out)
{
	char *start = out;
	size_t i = 0;

	for (; i + 2 < in.len; i += 3) {
		uint32_t v = (uint32_t)in.at[i] << 16 | (uint32_t)in.at[i + 1] << 8 | in.at[i + 2];

		*out++ = base64_alphabet[v >> 18];
		*out++ = base64_alphabet[v >> 12 & 63];
		*out++ = base64_alphabet[v >> 6 & 63];
		*out++ = base64_alphabet[v & 63];
	}
	if (i < in.len) {
		uint32_t v = (uint32_t)in.at[i] << 16;

		if (i + 1 < in.len)
			v |= (uint32_t)in.at[i + 1] << 8;
		*out++ = base64_alphabet[v >> 18];
		*out++ = base64_alphabet[v >> 12 & 63];
		*out++ = i + 1 < in.len ? base64_alphabet[v >> 6 & 63] : '=';
		*out++ = '=';
	}
	*out = '\0';
	return (size_t)(out - start);
}

/* One more than the value of each base64 character, so that 0 marks what is none. */
/* clang-format off */
static const uint8_t base64_values[256] = {
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
		24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
		48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['+'] = 63, ['/'] = 64,
};
/* clang-format on */

/* Above 63 for what is no base64 character. */
static uint32_t base64_value(uint8_t c)
{
	return base64_values[c] - 1u;
}

bool base64_read(const char *text, size_t text_len, uint8_t *out, size_t *len)
{
	const uint8_t *in = (const uint8_t *)text;
	uint8_t *start = out;
	size_t pad = 0;

	*len = 0;
	if (text_len == 0)
		return true;
	if (text_len % 4 != 0)
		return false;
	if (in[text_len - 1] == '=')
		pad = in[text_len - 2] == '=' ? 2 : 1;
	size_t whole = text_len / 4 - (pad > 0 ? 1 : 0);
	uint32_t bad = 0;

	for (size_t i = 0; i < whole; i++, in += 4) {
		uint32_t a = base64_value(in[0]), b = base64_value(in[1]);
		uint32_t c = base64_value(in[2]), d = base64_value(in[3]);

		bad |= a | b | c | d;
		*out++ = (uint8_t)(a << 2 | b >> 4);
		*out++ = (uint8_t)(b << 4 | c >> 2);
		*out++ = (uint8_t)(c << 6 | d);
	}
	if (pad > 0) {
		uint32_t a = base64_value(in[0]), b = base64_value(in[1]);
		uint32_t c = pad == 1 ? base64_value(in[2]) : 0;

		bad |= a | b | c;
		if ((pad == 2 ? b & 15 : c & 3) != 0)
			return false;
		*out++ = (uint8_t)(a << 2 | b >> 4);
		if (pad == 1)
			*out++ = (uint8_t)(b << 4 | c >> 2);
	}
	if (bad > 63)
		return false;
	*len = (size_t)(out - start);
	return true;
}

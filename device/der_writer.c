#include "device/der_writer.h"

#include <stdio.h>
#include <time.h>

struct der_writer der_start(void *at, size_t cap)
{
	return (struct der_writer){ .at = at, .front = cap, .cap = cap };
}

void der_put_raw(struct der_writer *w, struct bytes whole)
{
	if (w->full || whole.len > w->front) {
		w->full = true;
		return;
	}
	w->front -= whole.len;
	if (whole.len > 0)
		memcpy(w->at + w->front, whole.at, whole.len);
}

static void put_head(struct der_writer *w, uint8_t tag, size_t len)
{
	uint8_t head[2 + sizeof(len)];
	size_t at = sizeof(head);

	if (len < 0x80) {
		head[--at] = (uint8_t)len;
	} else {
		uint8_t count = 0;

		for (; len > 0; len >>= 8, count++)
			head[--at] = (uint8_t)len;
		head[--at] = 0x80 | count;
	}
	head[--at] = tag;
	der_put_raw(w, bytes_of(head + at, sizeof(head) - at));
}

void der_put(struct der_writer *w, uint8_t tag, struct bytes content)
{
	der_put_raw(w, content);
	put_head(w, tag, content.len);
}

void der_put_bits(struct der_writer *w, struct bytes content)
{
	size_t end = der_open(w);

	der_put_raw(w, content);
	der_put_raw(w, bytes_of("\0", 1));
	der_close(w, DER_BIT_STRING, end);
}

void der_put_integer(struct der_writer *w, struct bytes number)
{
	size_t end = der_open(w);

	while (number.len > 1 && number.at[0] == 0)
		number = bytes_of(number.at + 1, number.len - 1);
	der_put_raw(w, number);
	if (number.len == 0 || number.at[0] >= 0x80)
		der_put_raw(w, bytes_of("\0", 1));
	der_close(w, DER_INTEGER, end);
}

void der_put_time(struct der_writer *w, int64_t unix_seconds)
{
	time_t t = (time_t)unix_seconds;
	struct tm tm = { 0 };
	char text[32];

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < 50 || tm.tm_year > 9999 - 1900) {
		w->full = true;
		return;
	}
	bool is_short = tm.tm_year < 150;
	size_t len =
		strftime(text, sizeof(text), is_short ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &tm);

	der_put(w, is_short ? DER_UTC_TIME : DER_GENERALIZED_TIME, bytes_of(text, len));
}

size_t der_open(const struct der_writer *w)
{
	return w->front;
}

void der_close(struct der_writer *w, uint8_t tag, size_t end)
{
	put_head(w, tag, end - w->front);
}

bool der_end(const struct der_writer *w, struct bytes *out)
{
	*out = bytes_of(w->at + w->front, w->cap - w->front);
	return !w->full;
}

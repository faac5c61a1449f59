#include "crypto/transcript.h"

struct transcript transcript_start(void *at, size_t cap, const char *label)
{
	struct transcript t = { .out = buffer_over(at, cap) };

	buffer_put(&t.out, label, strlen(label) + 1);
	return t;
}

void transcript_add(struct transcript *t, struct bytes field)
{
	if (field.len > UINT16_MAX) {
		t->out.full = true;
		return;
	}
	buffer_put_u16(&t->out, (uint16_t)field.len);
	buffer_put(&t->out, field.at, field.len);
}

void transcript_add_text(struct transcript *t, const char *text)
{
	transcript_add(t, bytes_of_text(text));
}

void transcript_add_u32(struct transcript *t, uint32_t v)
{
	buffer_put_u16(&t->out, sizeof(v));
	buffer_put_u32(&t->out, v);
}

void transcript_add_u64(struct transcript *t, uint64_t v)
{
	buffer_put_u16(&t->out, sizeof(v));
	buffer_put_u64(&t->out, v);
}

bool transcript_end(const struct transcript *t, struct bytes *out)
{
	*out = t->out.full ? bytes_of(NULL, 0) : buffer_bytes(&t->out);
	return !t->out.full;
}

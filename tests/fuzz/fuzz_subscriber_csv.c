/*
 * A file of subscribers, cut into lines in one piece and byte by byte: the same lines, and what is
 * taken of one is written as it was read. Its first byte chooses what the columns hold.
 */
#include <stdio.h>
#include <stdlib.h>

#include "admin-cli/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM (CSV_LINE_MAX + 3)

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* One of two readers of the same bytes. */
struct feed {
	struct bytes rest;
	size_t part;
	struct csv_reader reader;
	uint8_t room[ROOM];
};

static enum csv_step next(struct feed *f, struct csv_line *line)
{
	enum csv_step step;
	uint8_t *at;

	while ((step = csv_next(&f->reader, line)) == CSV_MORE) {
		size_t len = csv_room(&f->reader, &at);

		must(len > 0);
		len = len < f->part ? len : f->part;
		len = len < f->rest.len ? len : f->rest.len;
		memcpy(at, f->rest.at, len);
		f->rest = bytes_of(f->rest.at + len, f->rest.len - len);
		csv_fill(&f->reader, len);
	}
	return step;
}

static void start(struct feed *f, struct bytes content, size_t part)
{
	memset(f, 0, sizeof(*f));
	f->rest = content;
	f->part = part;
	f->reader = (struct csv_reader){ .at = f->room, .cap = ROOM };
}

/* The line once more, from what was taken of it. */
static void look_at(struct bytes line, const struct csv_form *form)
{
	char hex[CSV_LINE_MAX + 1], text[CSV_LINE_MAX + 1], imsi_text[IMSI_DIGITS + 1];
	struct key_seal_subscriber_in s;
	uint64_t imsi;

	if (csv_read_subscriber(line, form, &imsi, &s) != NULL)
		return;
	size_t k_len = s.k_len + (s.is_wrapped ? 8u : 0);

	must(imsi < IMSI_LIMIT && k_len <= sizeof(s.k) && (s.k_len == 16 || s.k_len == 32));
	must(s.is_wrapped == form->is_wrapped && s.is_op == form->is_op);
	imsi_write(imsi, imsi_text);
	hex_write(bytes_of(s.k, k_len), hex);
	int n = snprintf(text, sizeof(text), "imsi-%s,%s,", imsi_text, hex);

	hex_write(BYTES(s.opc), hex);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "%s", hex);
	must((size_t)n == line.len);
	for (size_t i = 0; i < line.len; i++)
		must((line.at[i] >= 'A' ? line.at[i] | 0x20 : line.at[i]) == (uint8_t)text[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct feed whole, bytewise;
	struct csv_line a, b;
	struct csv_form form = { .home = { 101, 5 } };
	enum csv_step step;

	if (size == 0)
		return 0;
	form.is_wrapped = (data[0] & 1) != 0;
	form.transport_key = form.is_wrapped ? "transport" : NULL;
	start(&whole, bytes_of(data + 1, size - 1), size);
	start(&bytewise, bytes_of(data + 1, size - 1), 1);
	do {
		step = next(&whole, &a);
		must(next(&bytewise, &b) == step);
		if (step != CSV_LINE)
			break;
		must(a.number == b.number && a.end == b.end && a.is_too_long == b.is_too_long);
		must(bytes_equal(a.content, b.content) && a.content.len <= CSV_LINE_MAX);
		if (a.number == 1 && !a.is_too_long)
			(void)csv_read_header(a.content, &form);
		if (a.content.len > 0)
			look_at(a.content, &form);
	} while (step == CSV_LINE);
	must(whole.reader.offset == (int64_t)size - 1 && whole.reader.line == bytewise.reader.line);
	return 0;
}

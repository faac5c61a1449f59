/*
 * A file of SUPIs: lines are numbered one after the other to its end, and what is taken of a good one stands in it as
 * it would be written.
 */
#include <stdlib.h>

#include "admin-cli/supi_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool holds_text(struct bytes line, const char *text)
{
	size_t len = strlen(text);

	for (size_t at = 0; at + len <= line.len; at++)
		if (memcmp(line.at + at, text, len) == 0)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct supi_lines f = { .rest = bytes_of(data, size) };
	char supi[5 + IMSI_DIGITS + 1] = "imsi-";
	int64_t lines = 0, ends = 0;
	enum supi_line kind;

	for (size_t i = 0; i < size; i++)
		ends += data[i] == '\n';
	for (;;) {
		const uint8_t *from = f.rest.at;
		uint64_t imsi = IMSI_LIMIT;

		kind = supi_lines_next(&f, &imsi);
		if (kind == SUPI_LINES_END)
			break;
		must(f.number == ++lines && f.rest.at > from);
		must((kind == SUPI_LINE_GOOD) == (imsi < IMSI_LIMIT));
		if (kind != SUPI_LINE_GOOD)
			continue;
		imsi_write(imsi, supi + 5);
		must(holds_text(bytes_of(from, (size_t)(f.rest.at - from)), supi));
	}
	must(f.rest.at == data + size);
	must(lines == ends + (size > 0 && data[size - 1] != '\n'));
	return 0;
}

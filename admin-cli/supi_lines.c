#include "admin-cli/supi_lines.h"

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes cut_line(struct bytes *rest)
{
	const uint8_t *end = memchr(rest->at, '\n', rest->len);
	struct bytes line = bytes_of(rest->at, end != NULL ? (size_t)(end - rest->at) : rest->len);
	size_t taken = line.len + (end != NULL);

	*rest = bytes_of(rest->at + taken, rest->len - taken);
	return line;
}

static struct bytes trim(struct bytes line)
{
	const uint8_t *comment = line.len > 0 ? memchr(line.at, '#', line.len) : NULL;

	if (comment != NULL)
		line.len = (size_t)(comment - line.at);
	while (line.len > 0 && is_blank(line.at[0]))
		line = bytes_of(line.at + 1, line.len - 1);
	while (line.len > 0 && is_blank(line.at[line.len - 1]))
		line.len--;
	return line;
}

enum supi_line supi_lines_next(struct supi_lines *f, uint64_t *imsi)
{
	static const uint8_t mark[] = { 0xef, 0xbb,
		0xbf }; /* of UTF-8, as some editors begin a file */

	if (f->rest.len == 0)
		return SUPI_LINES_END;
	struct bytes line = cut_line(&f->rest);

	if (++f->number == 1 && line.len >= sizeof(mark) &&
		memcmp(line.at, mark, sizeof(mark)) == 0)
		line = bytes_of(line.at + sizeof(mark), line.len - sizeof(mark));
	line = trim(line);
	if (line.len == 0)
		return SUPI_LINE_NONE;
	return imsi_read_supi((const char *)line.at, line.len, imsi) ? SUPI_LINE_GOOD
								     : SUPI_LINE_BAD;
}

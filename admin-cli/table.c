#include "admin-cli/table.h"

#include <stdlib.h>
#include <string.h>

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

struct table table_start(const char *const *headings)
{
	struct table t = { 0 };

	for (; headings[t.columns] != NULL && t.columns < TABLE_COLUMNS_MAX; t.columns++) {
		t.headings[t.columns] = headings[t.columns];
		t.widths[t.columns] = width_of(headings[t.columns]);
	}
	return t;
}

static bool grow(struct table *t)
{
	size_t cap = t->cap > 0 ? 2 * t->cap : 64;
	char **cells = reallocarray(t->cells, cap, sizeof(*cells));

	if (cells == NULL)
		return false;
	t->cells = cells;
	t->cap = cap;
	return true;
}

/* What others have named must not steer the terminal: U+0080 to U+009F can, as the controls of ASCII do. */
static void disarm(char *text)
{
	char *to = text;

	for (const char *c = text; *c != '\0'; c++) {
		unsigned char byte = (unsigned char)*c, next = (unsigned char)c[1];
		bool is_wide = byte == 0xc2 && next >= 0x80 && next < 0xa0;

		*to++ = is_wide || byte < 0x20 || byte == 0x7f ? '?' : *c;
		c += is_wide ? 1 : 0;
	}
	*to = '\0';
}

void table_add(struct table *t, const char *cell)
{
	char *copy = strdup(cell != NULL ? cell : "");

	if (copy == NULL || (t->count == t->cap && !grow(t))) {
		free(copy);
		t->failed = true;
		return;
	}
	disarm(copy);
	unsigned column = (unsigned)(t->count % t->columns);
	int width = width_of(copy);

	t->cells[t->count++] = copy;
	if (t->widths[column] < width)
		t->widths[column] = width;
}

static void print_row(const struct table *t, const char *const *cells, FILE *out)
{
	fprintf(out, "%*s", t->indent, "");
	for (unsigned i = 0; i < t->columns; i++) {
		bool is_last = i + 1 == t->columns;
		int blanks = is_last ? 0 : t->widths[i] - width_of(cells[i]) + 2;

		fprintf(out, "%s%*s", cells[i], blanks, "");
	}
	fputc('\n', out);
}

static void forget_rows(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	t->count = 0;
}

bool table_print(struct table *t, FILE *out)
{
	size_t rows = t->count / t->columns;

	if (!t->has_heading)
		print_row(t, t->headings, out);
	t->has_heading = true;
	for (size_t i = 0; i < rows; i++)
		print_row(t, (const char *const *)t->cells + i * t->columns, out);
	forget_rows(t);
	return !t->failed;
}

void table_free(struct table *t)
{
	forget_rows(t);
	free(t->cells);
	t->cells = NULL;
}

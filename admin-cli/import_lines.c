#include "admin-cli/import_lines.h"

bool import_lines_are_full(const struct import_lines *l)
{
	return l->tail - l->head == IMPORT_LINES;
}

struct import_line *import_lines_add(
	struct import_lines *l, int64_t number, int64_t end, uint64_t imsi, uint64_t *tag)
{
	struct import_line *line = import_lines_at(l, l->tail);

	*tag = l->tail++;
	*line = (struct import_line){ .number = number, .end = end, .imsi = imsi };
	l->busy[imsi % IMPORT_BUSY]++;
	return line;
}

struct import_line *import_lines_at(struct import_lines *l, uint64_t tag)
{
	return &l->lines[tag % IMPORT_LINES];
}

void import_lines_settle(struct import_lines *l, struct import_line *line, enum line_fate fate)
{
	line->fate = fate;
	l->busy[line->imsi % IMPORT_BUSY]--;
}

bool import_lines_next(struct import_lines *l, struct import_line *line)
{
	if (l->head == l->tail || import_lines_at(l, l->head)->fate == LINE_UNDER_WAY)
		return false;
	*line = *import_lines_at(l, l->head++);
	return true;
}

bool import_lines_has(const struct import_lines *l, uint64_t imsi)
{
	if (l->busy[imsi % IMPORT_BUSY] == 0)
		return false;
	for (uint64_t i = l->head; i < l->tail; i++) {
		const struct import_line *line = &l->lines[i % IMPORT_LINES];

		if (line->fate == LINE_UNDER_WAY && line->imsi == imsi)
			return true;
	}
	return false;
}

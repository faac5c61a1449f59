/*
 * The lines of an import from their reading until all before them are at their end as well, in the
 * order of the file: how far it has come, and which IMSIs are under way. One thread.
 */
#ifndef ADMIN_CLI_IMPORT_LINES_H
#define ADMIN_CLI_IMPORT_LINES_H

#include "admin-cli/csv.h"
#include "admin-cli/intake.h"

#define IMPORT_LINES INTAKE_PLACES
#define IMPORT_BUSY  16384u

enum line_fate { LINE_UNDER_WAY, LINE_ADDED, LINE_ALREADY_THERE, LINE_REFUSED, LINE_FATES };

struct import_line {
	int64_t number, end;
	uint64_t imsi; /* of one that is under way; 0: it has none */
	enum line_fate fate;
};

/* All zero at first. */
struct import_lines {
	struct import_line lines[IMPORT_LINES];
	uint64_t head, tail;        /* the first whose end is to come, and behind the last */
	uint16_t busy[IMPORT_BUSY]; /* how many IMSIs of this remainder are under way */
};

bool import_lines_are_full(const struct import_lines *l);
/* Under way from now on; *tag is by which it is found again. */
struct import_line *import_lines_add(
	struct import_lines *l, int64_t number, int64_t end, uint64_t imsi, uint64_t *tag);
struct import_line *import_lines_at(struct import_lines *l, uint64_t tag);
void import_lines_settle(struct import_lines *l, struct import_line *line, enum line_fate fate);
/* Takes the first line out where it is at its end; false where it is not, or there is none. */
bool import_lines_next(struct import_lines *l, struct import_line *line);
bool import_lines_has(const struct import_lines *l, uint64_t imsi);

#endif

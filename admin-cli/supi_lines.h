/*
 * A file that names subscriptions, one SUPI a line: blank lines are nothing, and so is what stands behind a '#';
 * lines end with LF or CR LF. Pure; reads the caller's memory in place.
 */
#ifndef ADMIN_CLI_SUPI_LINES_H
#define ADMIN_CLI_SUPI_LINES_H

#include "base/bytes.h"
#include "base/imsi.h"

struct supi_lines {
	struct bytes rest; /* the file, at first */
	int64_t number;    /* of the last line; the first is 1 */
};

enum supi_line { SUPI_LINE_NONE, SUPI_LINE_GOOD, SUPI_LINE_BAD, SUPI_LINES_END };

/* The next line; *imsi where it is good. */
enum supi_line supi_lines_next(struct supi_lines *f, uint64_t *imsi);

#endif

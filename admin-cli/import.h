/*
 * The import of a file of subscribers (admin-cli/csv.h): in constant memory, with a journal in the
 * database of how far it has come, so that a file that was begun is gone on with.
 *
 * The journal names the line up to which every line is stored or reported, and never falls further
 * behind than IMPORT_WINDOW lines: on resuming, a subscriber within that window who was
 * imported since this import began was stored before the interruption, and is no duplicate.
 */
#ifndef ADMIN_CLI_IMPORT_H
#define ADMIN_CLI_IMPORT_H

#include "admin-cli/cli.h"
#include "admin-cli/csv.h"

#define IMPORT_WINDOW 65536

struct import_settings {
	const char *path;
	const char *transport_key; /* label; NULL: K is not wrapped */
	bool restart;              /* what the journal says does not count */
};

struct import_counts {
	int64_t lines; /* read so far, the header and empty ones as well; 0: none was begun with */
	int64_t added, already_there, refused;
	bool is_done; /* false: to be gone on with */
};

/*
 * CLI_DONE: every line is in. CLI_REFUSED: some were refused, or it was stopped; the reasons have been
 * said, and *counts is to be told.
 */
enum cli_end import_run(
	struct cli *cli, const struct import_settings *settings, struct import_counts *counts);

#endif

/*
 * The file of an import: what it is known by, its header, and its lines from where the import has come to.
 * What is read lies in locked memory. One thread.
 */
#ifndef ADMIN_CLI_IMPORT_FILE_H
#define ADMIN_CLI_IMPORT_FILE_H

#include "admin-cli/cli.h"
#include "admin-cli/csv.h"

#define IMPORT_HASH_LEN 32

struct import_file {
	int fd;
	int64_t size;
	uint8_t hash[IMPORT_HASH_LEN]; /* SHA-256 of its first 64 KiB and its size */
	struct secret *room;
	struct csv_reader reader;
};

/* Opens it, holds it against other imports, hashes it, reads its header. The reason has been said. */
enum cli_end import_file_open(struct import_file *f, const char *path, struct csv_form *form);
void import_file_close(struct import_file *f);
/* Goes on behind this line, which ends at this offset. False: the file has no such place. */
bool import_file_seek(struct import_file *f, int64_t line, int64_t offset);
/* CSV_LINE or CSV_END; CSV_MORE: it could not be read, which errno explains. */
enum csv_step import_file_next(struct import_file *f, struct csv_line *line);

#endif

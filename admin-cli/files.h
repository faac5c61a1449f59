/* Files that commands are given, and bytes as JSON has them. */
#ifndef ADMIN_CLI_FILES_H
#define ADMIN_CLI_FILES_H

#include "admin-cli/cli.h"
#include "base/bytes.h"

#define FILE_MOST (64u * 1024u * 1024u)

/* "-" is standard input. The reason of a failure has been said. The caller frees (void *)out->at. */
enum cli_end file_read(const char *path, struct bytes *out);
/* The same of at most so many bytes: PAYLOAD_TOO_LARGE, before it has been read, where its size is known. */
enum cli_end file_read_at_most(const char *path, size_t most, struct bytes *out);
/* Each certificate of a file: one in DER, or all in PEM. Where there is none, that is said. */
enum cli_end file_each_certificate(
	const char *path, enum cli_end (*each)(void *context, struct bytes der), void *context);

/* Base64; NULL: no memory. */
json_t *json_of_bytes(struct bytes bytes);

#endif

/*
 * An operation on many subscriptions as a job of the server's: made, given its items, started, and watched to its
 * end. A job that was begun before, under the same id, is gone on with wherever it has come to. One thread.
 */
#ifndef ADMIN_CLI_JOB_RUN_H
#define ADMIN_CLI_JOB_RUN_H

#include "admin-cli/cli.h"
#include "base/bytes.h"

#define JOB_ID_SIZE 33 /* 32 hex digits and a NUL */

struct job_plan {
	char id[JOB_ID_SIZE];
	const char *operation;
	json_int_t overlap_s; /* of re-keying; -1: the server's setting */
	json_t *selection;    /* the caller's; NULL: of a file */
	struct bytes file;    /* struct supi_lines, each bad line already told of */
	size_t items;         /* of the file */
	bool waits;           /* for its end */
};

/*
 * The id of a file's job: the same operation on the same file is the same job. The caller may change it by
 * `salt`, such as an overlap.
 */
enum outcome job_id_of_file(
	const char *operation, json_int_t salt, struct bytes file, char id[JOB_ID_SIZE]);
enum outcome job_id_random(char id[JOB_ID_SIZE]);
bool job_id_is_good(const char *id);

/* CLI_REFUSED: it, or any of its items, was refused; the reasons have been said. */
enum cli_end job_run(struct cli *cli, const struct job_plan *plan);

/* A job's items that were refused, as a table. */
enum cli_end job_list_refusals(struct cli *cli, const char *id);

#endif

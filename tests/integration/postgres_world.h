/*
 * A PostgreSQL of the test's own: a fresh cluster in a temporary folder, reached only through a
 * Unix socket in that folder. Run by root it belongs to the user postgres or nobody, since
 * PostgreSQL refuses root. It ends with the process that made it.
 */
#ifndef TESTS_INTEGRATION_POSTGRES_WORLD_H
#define TESTS_INTEGRATION_POSTGRES_WORLD_H

#include <stdbool.h>
#include <sys/types.h>

struct postgres_world;

enum postgres_stop {
	POSTGRES_FAST,      /* sessions are ended, then a checkpoint */
	POSTGRES_IMMEDIATE, /* as after a crash, but tidy: SIGQUIT */
	POSTGRES_KILL,      /* SIGKILL to the postmaster; its children notice and end */
};

/*
 * Makes the cluster and starts it. NULL: *why_not says what is missing, for the skip's reason.
 * Without `fsync` it is faster and survives all but the machine's own crash.
 */
struct postgres_world *postgres_world_new(bool fsync, const char **why_not);
/*
 * The same for a test's main(): ends the process with a skip and its reason, or, where CI is set,
 * a failure.
 */
struct postgres_world *postgres_world_or_skip(bool fsync);
/* Stops it and removes its folder. NULL is allowed. */
void postgres_world_free(struct postgres_world *w);
/* A superuser's, of the database postgres. The world's, and the same for its life. */
const char *postgres_world_conninfo(const struct postgres_world *w);
/* Waits until connections are accepted. */
bool postgres_world_start(struct postgres_world *w);
/* Waits until its last process is gone. */
void postgres_world_stop(struct postgres_world *w, enum postgres_stop how);
bool postgres_world_restart(struct postgres_world *w, enum postgres_stop how);
/* Runs SQL in a session of its own; prints the error and returns false where it fails. */
bool postgres_world_run(struct postgres_world *w, const char *sql);
/* The first column of the first row as a number; -1 where it is none. */
long long postgres_world_number(struct postgres_world *w, const char *sql);
/* The same as text, to be freed; NULL where there is none. */
char *postgres_world_text(struct postgres_world *w, const char *sql);
/* The same in another of its databases. */
char *postgres_world_text_in(const char *conninfo, const char *sql);
/* All tables emptied, as after the migrations. */
bool postgres_world_clear(struct postgres_world *w);

#endif

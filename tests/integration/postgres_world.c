#include "tests/integration/postgres_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TRIES 1200
#define TRY_US      100000

struct postgres_world {
	char folder[64];
	char data[80];
	char log[80];
	char conninfo[160];
	char *bin;                  /* the folder of postgres and initdb */
	const struct passwd *owner; /* NULL: ourselves */
	bool fsync;
	pid_t postmaster; /* 0: stopped */
};

static bool has_programs(const char *folder)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/initdb", folder);
	if (access(path, X_OK) != 0)
		return false;
	snprintf(path, sizeof(path), "%s/postgres", folder);
	return access(path, X_OK) == 0;
}

static char *find_programs(void)
{
	char *path = strdup(getenv("PATH") != NULL ? getenv("PATH") : "");
	char *found = NULL, *rest = path;
	glob_t folders = { 0 };

	for (char *folder; found == NULL && (folder = strsep(&rest, ":")) != NULL;)
		if (has_programs(folder))
			found = strdup(folder);
	free(path);
	if (found == NULL && glob("/usr/lib/postgresql/*/bin", 0, NULL, &folders) == 0)
		for (size_t i = folders.gl_pathc; found == NULL && i > 0; i--)
			if (has_programs(folders.gl_pathv[i - 1]))
				found = strdup(folders.gl_pathv[i - 1]);
	globfree(&folders);
	return found;
}

/*
 * The child's part: becomes the owner, says what it says into the log, ends when its parent does.
 */
static void become(struct postgres_world *w, const char *program, char *const arguments[])
{
	char path[512];
	int log = open(w->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

	snprintf(path, sizeof(path), "%s/%s", w->bin, program);
	if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(126);
	if (w->owner != NULL && (setgroups(0, NULL) != 0 || setgid(w->owner->pw_gid) != 0 ||
					setuid(w->owner->pw_uid) != 0))
		_exit(126);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (chdir(w->folder) == 0)
		execv(path, arguments);
	_exit(127);
}

static bool make_cluster(struct postgres_world *w)
{
	char *const arguments[] = { "initdb", "-D", w->data, "-U", "arpf", "-A", "trust", "-E",
		"UTF8", "--locale=C", "--no-sync", NULL };
	pid_t pid = fork();
	int status;

	if (pid == 0)
		become(w, "initdb", arguments);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

bool postgres_world_start(struct postgres_world *w)
{
	char sockets[96];
	char *const arguments[] = { "postgres", "-D", w->data, "-c", "listen_addresses=", "-c",
		sockets, "-c", w->fsync ? "fsync=on" : "fsync=off", "-c", "shared_buffers=256MB",
		"-c", "max_wal_size=4GB", "-c", "jit=off", "-c", "log_min_messages=fatal", NULL };

	snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s", w->folder);
	pid_t pid = fork();
	if (pid == 0)
		become(w, "postgres", arguments);
	if (pid < 0)
		return false;
	w->postmaster = pid;
	for (int i = 0; i < START_TRIES; i++) {
		if (PQping(w->conninfo) == PQPING_OK)
			return true;
		if (waitpid(pid, NULL, WNOHANG) != 0) {
			w->postmaster = 0;
			break;
		}
		usleep(TRY_US);
	}
	fprintf(stderr, "PostgreSQL did not start; see %s\n", w->log);
	return false;
}

/* Whether a process of the cluster is left: they stand in its data folder. */
static bool has_processes(const struct postgres_world *w)
{
	DIR *proc = opendir("/proc");
	bool found = false;
	char path[300], cwd[300];

	for (struct dirent *e; proc != NULL && !found && (e = readdir(proc)) != NULL;) {
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/cwd", e->d_name);
		ssize_t len = readlink(path, cwd, sizeof(cwd) - 1);
		if (len > 0) {
			cwd[len] = '\0';
			found = strcmp(cwd, w->data) == 0;
		}
	}
	if (proc != NULL)
		closedir(proc);
	return found;
}

void postgres_world_stop(struct postgres_world *w, enum postgres_stop how)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGKILL };
	char path[128];

	if (w->postmaster == 0)
		return;
	kill(w->postmaster, signals[how]);
	waitpid(w->postmaster, NULL, 0);
	w->postmaster = 0;
	for (int i = 0; i < START_TRIES && has_processes(w); i++)
		usleep(TRY_US / 10);
	/* Its number may have gone to another process by the next start. */
	snprintf(path, sizeof(path), "%s/postmaster.pid", w->data);
	unlink(path);
}

bool postgres_world_restart(struct postgres_world *w, enum postgres_stop how)
{
	postgres_world_stop(w, how);
	return postgres_world_start(w);
}

static const struct passwd *find_owner(void)
{
	const struct passwd *owner = getpwnam("postgres");

	return owner != NULL ? owner : getpwnam("nobody");
}

static bool make_folder(struct postgres_world *w)
{
	const char *tmp = getenv("TMPDIR");

	/* A socket's path has room for 107 characters. */
	if (tmp == NULL || strlen(tmp) > 40)
		tmp = "/tmp";
	snprintf(w->folder, sizeof(w->folder), "%s/arpf-pg.XXXXXX", tmp);
	if (mkdtemp(w->folder) == NULL)
		return false;
	snprintf(w->data, sizeof(w->data), "%s/data", w->folder);
	snprintf(w->log, sizeof(w->log), "%s/log", w->folder);
	snprintf(w->conninfo, sizeof(w->conninfo), "host=%s user=arpf dbname=postgres", w->folder);
	return w->owner == NULL || chown(w->folder, w->owner->pw_uid, w->owner->pw_gid) == 0;
}

struct postgres_world *postgres_world_new(bool fsync, const char **why_not)
{
	struct postgres_world *w = calloc(1, sizeof(*w));

	w->fsync = fsync;
	w->bin = find_programs();
	w->owner = geteuid() == 0 ? find_owner() : NULL;
	if (w->bin == NULL)
		*why_not = "PostgreSQL's server programs are not installed";
	else if (geteuid() == 0 && w->owner == NULL)
		*why_not = "there is no user postgres or nobody to run PostgreSQL as";
	else if (!make_folder(w) || !make_cluster(w) || !postgres_world_start(w))
		*why_not = "PostgreSQL did not start";
	else
		return w;
	postgres_world_free(w);
	return NULL;
}

struct postgres_world *postgres_world_or_skip(bool fsync)
{
	const char *why_not = "";
	struct postgres_world *w = postgres_world_new(fsync, &why_not);

	if (w != NULL)
		return w;
	printf("skipped: %s\n0 passed, 0 failed\n", why_not);
	exit(getenv("CI") != NULL ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st;
	(void)kind;
	(void)place;
	return remove(path);
}

void postgres_world_free(struct postgres_world *w)
{
	if (w == NULL)
		return;
	postgres_world_stop(w, POSTGRES_IMMEDIATE);
	if (w->folder[0] != '\0')
		nftw(w->folder, remove_one, 32, FTW_DEPTH | FTW_PHYS);
	free(w->bin);
	free(w);
}

const char *postgres_world_conninfo(const struct postgres_world *w)
{
	return w->conninfo;
}

char *postgres_world_text_in(const char *conninfo, const char *sql)
{
	PGconn *pg = PQconnectdb(conninfo);
	PGresult *result = PQexec(pg, sql);
	char *text = NULL;

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0 &&
		PQnfields(result) > 0)
		text = strdup(PQgetvalue(result, 0, 0));
	else if (PQresultStatus(result) == PGRES_COMMAND_OK ||
		 PQresultStatus(result) == PGRES_TUPLES_OK)
		text = strdup("");
	else
		fprintf(stderr, "%s: %s", sql, PQerrorMessage(pg));
	PQclear(result);
	PQfinish(pg);
	return text;
}

char *postgres_world_text(struct postgres_world *w, const char *sql)
{
	return postgres_world_text_in(w->conninfo, sql);
}

bool postgres_world_run(struct postgres_world *w, const char *sql)
{
	char *text = postgres_world_text(w, sql);

	free(text);
	return text != NULL;
}

long long postgres_world_number(struct postgres_world *w, const char *sql)
{
	char *text = postgres_world_text(w, sql);
	char *end = text;
	long long v = text != NULL ? strtoll(text, &end, 10) : -1;

	if (end == text)
		v = -1;
	free(text);
	return v;
}

bool postgres_world_clear(struct postgres_world *w)
{
	return postgres_world_run(w,
		"DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(tablename, ', ')"
		" FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_version');"
		" END $$");
}

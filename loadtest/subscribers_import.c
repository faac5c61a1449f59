#include "loadtest/subscribers_import.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loadtest/subscribers.h"

static bool is_at_hand(const char *url)
{
	const char *here = getenv("ARPF_URL");

	return getenv("ARPF_CONFIG") != NULL && here != NULL && strcmp(here, url) == 0;
}

static bool spawn(char *const *words, int errors, pid_t *pid)
{
	posix_spawn_file_actions_t actions;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return false;
	bool done = posix_spawn_file_actions_addopen(
			    &actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
		    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO) == 0 &&
		    posix_spawnp(pid, words[0], &actions, NULL, words, environ) == 0;

	posix_spawn_file_actions_destroy(&actions);
	return done;
}

/* What it says on stderr; its counts are nobody's business here. Whether it ended well. */
static bool run_arpfctl(char *const *words, char *said, size_t size)
{
	int status = -1, ends[2];
	pid_t pid;

	said[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	bool started = spawn(words, ends[1], &pid);

	close(ends[1]);
	FILE *errors = fdopen(ends[0], "r");
	if (errors == NULL) {
		close(ends[0]);
	} else {
		said[fread(said, 1, size - 1, errors)] = '\0';
		fclose(errors);
	}
	while (started && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return started && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* That a file was imported before is no failure. */
void subscribers_import(const char *url, const char *folder)
{
	char file[PATH_MAX], said[512];
	char *const words[] = { "arpfctl", "subscriber", "import", file, NULL };

	if (!is_at_hand(url) || !path_in(folder, SUBSCRIBERS_FILE, file, sizeof(file)))
		return;
	if (!run_arpfctl(words, said, sizeof(said)) && strstr(said, "has been imported") == NULL)
		fprintf(stderr, "arpfload: %s was not imported: %s\n", file,
			said[0] != '\0' ? said : "arpfctl does not run");
}

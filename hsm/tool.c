#include "hsm/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_WORDS  8
#define OUTPUT_MOST (4u << 20)

bool keyd_find(struct settings *s)
{
	static const char name[] = "arpf-keyd";
	char path[PATH_MAX];

	if (s->keyd_path[0] != '\0')
		return true;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof(name));

	if (len <= 0)
		return false;
	path[len] = '\0';
	memcpy(strrchr(path, '/') + 1, name, sizeof(name));
	free(s->keyd_path);
	s->keyd_path = strdup(path);
	return s->keyd_path != NULL;
}

static void become_keyd(
	const char *keyd_path, const char *config_path, const char *const *words, int out)
{
	const char *all[MOST_WORDS + 4] = { keyd_path };
	unsigned n = 1;

	if (config_path != NULL) {
		all[n++] = "--config";
		all[n++] = config_path;
	}
	for (unsigned i = 0; i < MOST_WORDS && words[i] != NULL; i++)
		all[n++] = words[i];
	dup2(out, STDOUT_FILENO);
	execv(keyd_path, (char *const *)(uintptr_t)all);
	_exit(127);
}

/* All of it as one string; NULL where there is no memory or too much came. */
static char *read_all(int fd)
{
	size_t len = 0, cap = 16384;
	char *text = malloc(cap);

	while (text != NULL) {
		ssize_t n = read(fd, text + len, cap - len - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (len + 1 < cap)
			continue;
		char *grown = cap < OUTPUT_MOST ? realloc(text, cap *= 2) : NULL;

		if (grown == NULL)
			free(text);
		text = grown;
	}
	if (text != NULL)
		text[len] = '\0';
	return text;
}

int keyd_tool_run(
	const char *keyd_path, const char *config_path, const char *const *words, char **out)
{
	int pipes[2], status;

	*out = NULL;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return -1;
	pid_t pid = fork();

	if (pid == 0)
		become_keyd(keyd_path, config_path, words, pipes[1]);
	close(pipes[1]);
	if (pid > 0)
		*out = read_all(pipes[0]);
	close(pipes[0]);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) && *out != NULL ? WEXITSTATUS(status) : -1;
}

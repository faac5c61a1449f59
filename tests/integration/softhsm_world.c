#include "tests/integration/softhsm_world.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hsm/tool.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define PIN    "123456"

static void skip(const char *why)
{
	printf("1 skipped: %s\n", why);
	exit(getenv("CI") != NULL ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, 0600) != 0)
		skip("the temporary folder cannot be written");
}

static bool run(const char *const *words)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL)
			_exit(126);
		execvp(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* build/tests/integration/test_x: build/bin/arpf-keyd. */
static void find_keyd(struct softhsm_world *w)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[len > 0 ? len : 0] = '\0';
	for (int up = 0; up < 3 && strrchr(path, '/') != NULL; up++)
		*strrchr(path, '/') = '\0';
	snprintf(w->keyd, sizeof(w->keyd), "%.400s/bin/arpf-keyd", path);
	if (access(w->keyd, X_OK) != 0)
		skip("arpf-keyd is not built");
}

void softhsm_world_set_pin(const struct softhsm_world *w, const char *pin)
{
	write_file(w->folder, "pin", pin);
}

void softhsm_world_or_skip(struct softhsm_world *w)
{
	char text[512], conf[96];

	find_keyd(w);
	if (access(MODULE, R_OK) != 0)
		skip(MODULE " is not there");
	snprintf(w->folder, sizeof(w->folder), "/tmp/arpf-hsm.XXXXXX");
	if (mkdtemp(w->folder) == NULL)
		skip("no temporary folder");
	snprintf(text, sizeof(text), "%s/tokens", w->folder);
	mkdir(text, 0700);
	snprintf(text, sizeof(text),
		"directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n",
		w->folder);
	write_file(w->folder, "softhsm2.conf", text);
	snprintf(conf, sizeof(conf), "%s/softhsm2.conf", w->folder);
	setenv("SOFTHSM2_CONF", conf, 1);
	softhsm_world_set_pin(w, PIN "\n");
	snprintf(text, sizeof(text),
		"[hsm]\nmodule = " MODULE "\ntoken = test\npin_file = %s/pin\n", w->folder);
	write_file(w->folder, "arpf.conf", text);
	snprintf(w->config, sizeof(w->config), "%s/arpf.conf", w->folder);
	if (!run((const char *const[]){ "softhsm2-util", "--init-token", "--free", "--label",
		    "test", "--pin", PIN, "--so-pin", PIN, NULL }))
		skip("softhsm2-util makes no token");
	json_decref(softhsm_world_keyd(w, (const char *const[]){ "keys", "init", NULL }));
}

void softhsm_world_remove(struct softhsm_world *w)
{
	(void)run((const char *const[]){ "rm", "-rf", w->folder, NULL });
}

json_t *softhsm_world_keyd(const struct softhsm_world *w, const char *const *words)
{
	char *text = NULL;
	int status = keyd_tool_run(w->keyd, w->config, words, &text);
	json_t *answer = status == 0 ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

	free(text);
	return answer;
}

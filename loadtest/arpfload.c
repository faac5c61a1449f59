/* arpfload: makes fleets of simulated devices, drives them against a server and judges its answers. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "loadtest/fleet_create.h"
#include "loadtest/run.h"
#include "loadtest/walk.h"

struct verb {
	const char *noun, *verb; /* verb NULL: the noun is the command */
	int (*run)(int count, char **words);
	const char *about;
};

static const struct verb verbs[] = {
	{ "fleet", "create", command_fleet_create, "makes a fleet of devices" },
	{ "run", NULL, command_run, "drives a fleet against a server and judges the answers" },
	{ "walk", NULL, command_walk, "takes one device through a procedure, step by step" },
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void print_help(FILE *out, const char *noun)
{
	fprintf(out, "usage: arpfload COMMAND [options]; arpfload COMMAND --help\n\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (noun == NULL || strcmp(noun, verbs[i].noun) == 0)
			fprintf(out, "  %-6s %-8s %s\n", verbs[i].noun,
				verbs[i].verb != NULL ? verbs[i].verb : "", verbs[i].about);
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static const struct verb *find(int count, char **words, int *used)
{
	for (size_t i = 0; i < VERB_COUNT; i++) {
		const struct verb *v = &verbs[i];

		*used = v->verb == NULL ? 1 : 2;
		if (count > *used && strcmp(words[1], v->noun) == 0 &&
			(v->verb == NULL || strcmp(words[2], v->verb) == 0))
			return v;
	}
	return NULL;
}

int main(int count, char **words)
{
	int used;

	log_start("arpfload", LOG_LEVEL_WARNING);
	signal(SIGPIPE, SIG_IGN);
	if (count > 1 && is_help(words[1])) {
		print_help(stdout, NULL);
		return 0;
	}
	if (count > 2 && strcmp(words[1], "fleet") == 0 && is_help(words[2])) {
		print_help(stdout, words[1]);
		return 0;
	}
	const struct verb *v = find(count, words, &used);

	if (v == NULL) {
		print_help(stderr, NULL);
		return 2;
	}
	return v->run(count - used, words + used);
}

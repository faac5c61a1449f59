/*
 * arpfctl's one idea: a table of commands. A row names the command, its arguments and options; the
 * parser, `--help` on every level and the commands' functions all go by it.
 *
 * A command's function answers on stdout and returns how the program ends; what went wrong is said
 * on stderr by cli_refuse() as "arpfctl: cause: detail". One thread.
 */
#ifndef ADMIN_CLI_CLI_H
#define ADMIN_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/outcome.h"
#include "base/settings.h"

enum cli_end { CLI_DONE = 0, CLI_REFUSED = 1, CLI_MISUSED = 2 };

#define CLI_OPTIONS_MAX   12
#define CLI_ARGUMENTS_MAX 4

struct cli;

struct cli_option {
	const char *name;  /* without its dashes; NULL ends a list */
	const char *value; /* what it takes, for people; NULL: a flag */
	bool required;
	const char *help;
};

struct cli_command {
	const char *noun;                         /* NULL ends a table */
	const char *verb;                         /* NULL: the noun is the command */
	const char *arguments[CLI_ARGUMENTS_MAX]; /* "[…]": may be left out, with all behind it */
	struct cli_option options[CLI_OPTIONS_MAX];
	const char *help;
	enum cli_end (*run)(struct cli *cli);
};

extern const struct cli_command cli_commands[];
extern const struct cli_option cli_globals[];

struct remote;

struct cli {
	const struct cli_command *command;
	const char *arguments[CLI_ARGUMENTS_MAX];
	const char *values[CLI_OPTIONS_MAX];  /* of the command's options; NULL: not given */
	const char *globals[CLI_OPTIONS_MAX]; /* of cli_globals */
	bool json;
	struct settings settings;
	struct remote *remote; /* once it was needed */
};

/*
 * Reads the command line into a zeroed *cli. CLI_DONE with command NULL: help or the version was asked for and
 * has been printed. CLI_MISUSED: the reason has been printed.
 */
enum cli_end cli_parse(
	struct cli *cli, const struct cli_command *commands, int count, char **words);
/* The value of an option of the command or a global one; a flag's is "". NULL: not given. */
const char *cli_option(const struct cli *cli, const char *name);
/* The configuration's file; NULL: defaults. */
const char *cli_config_path(const struct cli *cli);

/*
 * Who does what is done without a server, for the audit trail: "arpfctl:uid=N"; NULL: there is no trail. The
 * text lives as long as the program.
 */
const char *cli_actor(const struct cli *cli);

/* Everything from the noun and verb down; both may be NULL. */
void cli_print_help(
	FILE *out, const struct cli_command *commands, const char *noun, const char *verb);

/* Says it on stderr; always CLI_REFUSED. */
enum cli_end cli_refuse(const char *cause, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
enum cli_end cli_refuse_outcome(enum outcome outcome, const char *detail);
/* What the table cannot say is wrong with a command line; always CLI_MISUSED. */
enum cli_end cli_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The JSON value on stdout, a line; takes the reference. */
enum cli_end cli_answer_json(json_t *answer);

#endif

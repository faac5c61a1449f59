#include "admin-cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin-cli/values.h"

#ifndef ARPF_VERSION
#define ARPF_VERSION "0.1.0"
#endif

const struct cli_option cli_globals[] = {
	{ "config", "FILE", false, "the configuration (else $ARPF_CONFIG, else defaults)" },
	{ "socket", "PATH", false,
		"the server's administration socket (else the configuration's)" },
	{ "url", "URL", false, "the server's address, in place of its socket" },
	{ "ca-file", "FILE", false,
		"with --url https://…: who certifies the server (PEM; else $ARPF_CA_FILE)" },
	{ "certificate-file", "FILE", false,
		"with --url https://…: our certificate (PEM; else $ARPF_CERTIFICATE_FILE)" },
	{ "key-file", "FILE", false,
		"with --url https://…: our private key (PEM; else $ARPF_KEY_FILE)" },
	{ "json", NULL, false, "the answer as JSON, for programs" },
	{},
};

enum cli_end cli_refuse(const char *cause, const char *format, ...)
{
	va_list values;

	fflush(stdout);
	fprintf(stderr, "arpfctl: %s: ", cause);
	va_start(values, format);
	vfprintf(stderr, format, values);
	va_end(values);
	fputc('\n', stderr);
	return CLI_REFUSED;
}

enum cli_end cli_refuse_outcome(enum outcome outcome, const char *detail)
{
	return cli_refuse(
		outcome_cause(outcome), "%s", detail != NULL ? detail : outcome_title(outcome));
}

enum cli_end cli_answer_json(json_t *answer)
{
	int failed = answer == NULL || json_dumpf(answer, stdout, JSON_INDENT(2)) != 0;

	json_decref(answer);
	if (failed)
		return cli_refuse_outcome(NO_MEMORY, "The answer could not be written.");
	putchar('\n');
	return CLI_DONE;
}

const char *cli_config_path(const struct cli *cli)
{
	const char *path = cli_option(cli, "config");

	if (path == NULL)
		path = getenv("ARPF_CONFIG");
	return path != NULL && path[0] != '\0' ? path : NULL;
}

static const char *value_in(
	const struct cli_option *options, const char *const *values, const char *name)
{
	for (unsigned i = 0; i < CLI_OPTIONS_MAX && options[i].name != NULL; i++)
		if (strcmp(options[i].name, name) == 0)
			return values[i];
	return NULL;
}

const char *cli_option(const struct cli *cli, const char *name)
{
	const char *value = NULL;

	if (cli->command != NULL)
		value = value_in(cli->command->options, cli->values, name);
	return value != NULL ? value : value_in(cli_globals, cli->globals, name);
}

enum cli_end cli_misuse(const char *format, ...)
{
	va_list values;

	fprintf(stderr, "arpfctl: USAGE: ");
	va_start(values, format);
	vfprintf(stderr, format, values);
	va_end(values);
	fprintf(stderr, "; see arpfctl --help\n");
	return CLI_MISUSED;
}

/* The words of a command line as they are taken off its front. */
struct words {
	char **at;
	int left;
};

static const char *take_word(struct words *w)
{
	if (w->left == 0)
		return NULL;
	w->left--;
	return *w->at++;
}

/* "--name", "--name=value" or "--name value" among these options; false: none of them is meant. */
static bool take_option(const struct cli_option *options, const char **values, const char *word,
	struct words *rest, enum cli_end *end)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");

	for (unsigned i = 0; i < CLI_OPTIONS_MAX && options[i].name != NULL; i++) {
		const struct cli_option *option = &options[i];

		if (strncmp(option->name, name, len) != 0 || option->name[len] != '\0')
			continue;
		const char *value = name[len] == '=' ? name + len + 1 : NULL;

		*end = CLI_DONE;
		if (values[i] != NULL)
			*end = cli_misuse("--%s is given twice", option->name);
		else if (option->value == NULL && value != NULL)
			*end = cli_misuse("--%s takes no value", option->name);
		else if (option->value == NULL)
			value = "";
		else if (value == NULL && (value = take_word(rest)) == NULL)
			*end = cli_misuse("--%s needs %s", option->name, option->value);
		else if (!value_fits(option->value, value))
			*end = cli_misuse(
				"--%s takes %s, not '%s'", option->name, option->value, value);
		values[i] = value;
		return true;
	}
	return false;
}

/* What the command line says before it is held against a command. */
struct reading {
	const char *noun, *verb;
	const struct cli_command *commands;
	unsigned arguments;
	bool help, options_ended;
};

static const struct cli_command *find_command(const struct reading *r)
{
	for (const struct cli_command *c = r->commands; c->noun != NULL; c++) {
		if (r->noun == NULL || strcmp(c->noun, r->noun) != 0)
			continue;
		if (c->verb == NULL || (r->verb != NULL && strcmp(c->verb, r->verb) == 0))
			return c;
	}
	return NULL;
}

static bool is_noun(const struct cli_command *commands, const char *word)
{
	for (; commands->noun != NULL; commands++)
		if (strcmp(commands->noun, word) == 0)
			return true;
	return false;
}

static enum cli_end take_plain_word(struct cli *cli, struct reading *r, const char *word)
{
	if (r->noun == NULL) {
		r->noun = word;
		if (!is_noun(r->commands, word))
			return cli_misuse("there is no command '%s'", word);
		cli->command = find_command(r);
		return CLI_DONE;
	}
	if (cli->command == NULL) {
		r->verb = word;
		cli->command = find_command(r);
		return cli->command != NULL
			       ? CLI_DONE
			       : cli_misuse("there is no command '%s %s'", r->noun, word);
	}
	if (r->arguments == CLI_ARGUMENTS_MAX || cli->command->arguments[r->arguments] == NULL)
		return cli_misuse("'%s' is one argument too many", word);
	if (!value_fits(cli->command->arguments[r->arguments], word))
		return cli_misuse("'%s' is no %s", word, cli->command->arguments[r->arguments]);
	cli->arguments[r->arguments++] = word;
	return CLI_DONE;
}

static enum cli_end take_dashed_word(
	struct cli *cli, struct reading *r, const char *word, struct words *rest)
{
	enum cli_end end = CLI_DONE;

	if (strcmp(word, "--") == 0) {
		r->options_ended = true;
		return CLI_DONE;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		r->help = true;
		return CLI_DONE;
	}
	if (strncmp(word, "--", 2) == 0 &&
		((cli->command != NULL &&
			 take_option(cli->command->options, cli->values, word, rest, &end)) ||
			take_option(cli_globals, cli->globals, word, rest, &end)))
		return end;
	return cli_misuse("there is no option %s%s", word,
		cli->command == NULL ? " before the command" : " of this command");
}

static enum cli_end check_complete(const struct cli *cli, const struct reading *r)
{
	const struct cli_command *c = cli->command;

	if (c == NULL)
		return r->noun == NULL ? cli_misuse("a command is missing")
				       : cli_misuse("'%s' needs a verb", r->noun);
	if (r->arguments < CLI_ARGUMENTS_MAX && c->arguments[r->arguments] != NULL &&
		c->arguments[r->arguments][0] != '[')
		return cli_misuse("%s is missing", c->arguments[r->arguments]);
	for (unsigned i = 0; i < CLI_OPTIONS_MAX && c->options[i].name != NULL; i++)
		if (c->options[i].required && cli->values[i] == NULL)
			return cli_misuse(
				"--%s %s is missing", c->options[i].name, c->options[i].value);
	return CLI_DONE;
}

enum cli_end cli_parse(struct cli *cli, const struct cli_command *commands, int count, char **words)
{
	struct reading r = { .commands = commands };
	struct words rest = { words, count };
	const char *word;
	enum cli_end end = CLI_DONE;

	if (count == 1 && strcmp(words[0], "--version") == 0) {
		puts("arpfctl " ARPF_VERSION);
		return CLI_DONE;
	}
	while (end == CLI_DONE && (word = take_word(&rest)) != NULL)
		end = word[0] == '-' && word[1] != '\0' && !r.options_ended
			      ? take_dashed_word(cli, &r, word, &rest)
			      : take_plain_word(cli, &r, word);
	if (end != CLI_DONE)
		return end;
	if (r.help) {
		cli_print_help(stdout, commands, r.noun, r.verb);
		cli->command = NULL;
		return CLI_DONE;
	}
	cli->json = cli_option(cli, "json") != NULL;
	return check_complete(cli, &r);
}

const char *cli_actor(const struct cli *cli)
{
	static char actor[32];

	snprintf(actor, sizeof(actor), "arpfctl:uid=%u", (unsigned)getuid());
	return cli->settings.audit_is_on ? actor : NULL;
}

#include <ctype.h>
#include <string.h>

#include "admin-cli/from_table.h"
#include "admin-cli/values.h"

/*
 * Words of the command line are nouns and verbs unless they are options or the values of those. bash cuts
 * "--use=se" in three.
 */
static const char before_nouns[] =
	"# bash completion of arpfctl, by `arpfctl completion bash`\n"
	"_arpfctl()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} before='' noun='' verb='' word='' i\n"
	"\tlocal options='' verbs='' files=''\n\n"
	"\tCOMPREPLY=()\n"
	"\t((COMP_CWORD < 1)) || before=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tif [[ $cur == '=' ]]; then\n"
	"\t\tcur=''\n"
	"\telif [[ $before == '=' ]]; then\n"
	"\t\tbefore=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\tfi\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tcase $word in\n";
static const char after_value_options[] = "-=)\n" /* no option, but the end of their list */
					  "\t\t\t[[ ${COMP_WORDS[i + 1]} != '=' ]] || ((i++))\n"
					  "\t\t\t((i++))\n"
					  "\t\t\t;;\n"
					  "\t\t-*) ;;\n"
					  "\t\t*)\n"
					  "\t\t\tif [[ -z $noun ]]; then\n"
					  "\t\t\t\tnoun=$word\n"
					  "\t\t\telif [[ -z $verb ]]; then\n"
					  "\t\t\t\tverb=$word\n"
					  "\t\t\tfi\n"
					  "\t\t\t;;\n"
					  "\t\tesac\n"
					  "\tdone\n"
					  "\tcase $before in\n";
static const char after_values[] = "\tesac\n"
				   "\tcase $noun in\n";
static const char after_verbs[] = "\tesac\n"
				  "\tcase \"$noun $verb\" in\n";
static const char after_options[] =
	"\tesac\n"
	"\tif [[ $cur == -* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
	"\telif [[ -z $verb && -n $verbs ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$verbs\" -- \"$cur\")\n"
	"\telif [[ -n $files ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\tfi\n"
	"}\n"
	"complete -F _arpfctl arpfctl\n";

static bool is_file(const char *value)
{
	return strstr(value, "FILE") != NULL || strstr(value, "PATH") != NULL;
}

static bool has_option(
	const struct cli_option *options, const struct cli_option *end, const char *name)
{
	for (; options != end && options->name != NULL; options++)
		if (strcmp(options->name, name) == 0)
			return true;
	return false;
}

/* Whether a command has an option of a name that none before it has. */
static bool is_first_of_name(const struct cli_command *commands, const struct cli_command *c,
	const struct cli_option *option)
{
	bool is_known = has_option(cli_globals, NULL, option->name) ||
			has_option(c->options, option, option->name);

	for (; commands != c && !is_known; commands++)
		is_known = has_option(
			commands->options, commands->options + CLI_OPTIONS_MAX, option->name);
	return !is_known;
}

/* All options of the table, each name once. */
static void each_option(FILE *out, const struct cli_command *commands,
	void (*each)(FILE *out, const struct cli_option *option))
{
	for (const struct cli_option *g = cli_globals; g->name != NULL; g++)
		each(out, g);
	for (const struct cli_command *c = commands; c->noun != NULL; c++)
		for (unsigned i = 0; i < CLI_OPTIONS_MAX && c->options[i].name != NULL; i++)
			if (is_first_of_name(commands, c, &c->options[i]))
				each(out, &c->options[i]);
}

static void write_if_valued(FILE *out, const struct cli_option *option)
{
	if (option->value != NULL)
		fprintf(out, "--%s|", option->name);
}

static void write_values(FILE *out, const struct cli_option *option)
{
	if (option->value == NULL)
		return;
	fprintf(out, "\t--%s)\n", option->name);
	if (value_is_choice(option->value)) {
		fprintf(out, "\t\tmapfile -t COMPREPLY < <(compgen -W '");
		for (const char *c = option->value; *c != '\0'; c++)
			fputc(*c == '|' ? ' ' : *c, out);
		fprintf(out, "' -- \"$cur\")\n");
	} else if (is_file(option->value)) {
		fprintf(out, "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
			     "\t\tcompopt -o filenames 2>/dev/null\n");
	}
	fprintf(out, "\t\treturn\n\t\t;;\n");
}

static bool is_first_of_noun(const struct cli_command *commands, const struct cli_command *c)
{
	for (; commands != c; commands++)
		if (strcmp(commands->noun, c->noun) == 0)
			return false;
	return true;
}

static void write_verbs(FILE *out, const struct cli_command *commands)
{
	fprintf(out, "\t'') verbs='");
	for (const struct cli_command *c = commands; c->noun != NULL; c++)
		if (is_first_of_noun(commands, c))
			fprintf(out, "%s%s", c == commands ? "" : " ", c->noun);
	fprintf(out, "' ;;\n");
	for (const struct cli_command *c = commands; c->noun != NULL; c++) {
		if (c->verb == NULL || !is_first_of_noun(commands, c))
			continue;
		fprintf(out, "\t%s) verbs='%s", c->noun, c->verb);
		for (const struct cli_command *o = c + 1; o->noun != NULL; o++)
			if (strcmp(o->noun, c->noun) == 0)
				fprintf(out, " %s", o->verb);
		fprintf(out, "' ;;\n");
	}
}

/* A noun without verbs takes arguments where others have the verb. */
static void write_command(FILE *out, const struct cli_command *c)
{
	const char *argument = c->arguments[0];

	if (c->verb != NULL)
		fprintf(out, "\t'%s %s')\n", c->noun, c->verb);
	else
		fprintf(out, "\t'%s '*)\n", c->noun);
	fprintf(out, "\t\toptions='");
	for (unsigned i = 0; i < CLI_OPTIONS_MAX && c->options[i].name != NULL; i++)
		fprintf(out, "--%s ", c->options[i].name);
	for (const struct cli_option *g = cli_globals; g->name != NULL; g++)
		fprintf(out, "--%s ", g->name);
	fprintf(out, "--help'\n");
	if (argument != NULL && is_file(argument))
		fprintf(out, "\t\tfiles=yes\n");
	fprintf(out, "\t\t;;\n");
}

void completion_write_bash(FILE *out, const struct cli_command *commands)
{
	fputs(before_nouns, out);
	fprintf(out, "\t\t");
	each_option(out, commands, write_if_valued);
	fputs(after_value_options, out);
	each_option(out, commands, write_values);
	fputs(after_values, out);
	write_verbs(out, commands);
	fputs(after_verbs, out);
	for (const struct cli_command *c = commands; c->noun != NULL; c++)
		write_command(out, c);
	fputs(after_options, out);
}

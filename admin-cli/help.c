#include <string.h>

#include "admin-cli/cli.h"

#define COLUMN 34

static bool is_meant(const struct cli_command *c, const char *noun, const char *verb)
{
	if (noun == NULL)
		return true;
	if (strcmp(c->noun, noun) != 0)
		return false;
	return verb == NULL || (c->verb != NULL && strcmp(c->verb, verb) == 0);
}

static void print_option(FILE *out, const struct cli_option *option)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value != NULL ? " " : "",
		option->value != NULL ? option->value : "");
	fprintf(out, "  %-*s%s\n", COLUMN - 2, left, option->help);
}

/* "trust add --use USE FILE" */
static void write_usage(const struct cli_command *c, bool whole, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	if (out == NULL)
		return;
	fprintf(out, "%s%s%s", c->noun, c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "");
	for (unsigned i = 0; i < CLI_OPTIONS_MAX && c->options[i].name != NULL; i++) {
		const struct cli_option *o = &c->options[i];

		if (!o->required && !whole)
			continue;
		fprintf(out, o->required ? " --%s%s%s" : " [--%s%s%s]", o->name,
			o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
	}
	for (unsigned i = 0; i < CLI_ARGUMENTS_MAX && c->arguments[i] != NULL; i++)
		fprintf(out, " %s", c->arguments[i]);
	fclose(out);
}

static void print_command_line(FILE *out, const struct cli_command *c)
{
	char usage[160] = "";

	write_usage(c, false, usage, sizeof(usage));
	if (strlen(usage) < COLUMN - 2)
		fprintf(out, "  %-*s%s\n", COLUMN - 2, usage, c->help);
	else
		fprintf(out, "  %s\n%*s%s\n", usage, COLUMN, "", c->help);
}

static void print_command(FILE *out, const struct cli_command *c)
{
	char usage[320] = "";

	write_usage(c, true, usage, sizeof(usage));
	fprintf(out, "Usage: arpfctl %s\n\n%s\n", usage, c->help);
	if (c->options[0].name != NULL)
		fprintf(out, "\nOptions:\n");
	for (unsigned i = 0; i < CLI_OPTIONS_MAX && c->options[i].name != NULL; i++)
		print_option(out, &c->options[i]);
}

static void print_globals(FILE *out)
{
	fprintf(out, "\nOptions of every command:\n");
	for (const struct cli_option *o = cli_globals; o->name != NULL; o++)
		print_option(out, o);
	fprintf(out, "  %-*s%s\n", COLUMN - 2, "--help", "what there is, on every level");
}

void cli_print_help(
	FILE *out, const struct cli_command *commands, const char *noun, const char *verb)
{
	const struct cli_command *only = NULL;
	unsigned count = 0;

	for (const struct cli_command *c = commands; c->noun != NULL; c++)
		if (is_meant(c, noun, verb)) {
			only = c;
			count++;
		}
	if (count == 1) {
		print_command(out, only);
		print_globals(out);
		return;
	}
	fprintf(out, "Usage: arpfctl %s VERB [OPTION…]\n\n", noun != NULL ? noun : "NOUN");
	for (const struct cli_command *c = commands; c->noun != NULL; c++)
		if (is_meant(c, noun, verb))
			print_command_line(out, c);
	print_globals(out);
	if (noun == NULL)
		fprintf(out, "  %-*s%s\n", COLUMN - 2, "--version", "this program's version");
	fprintf(out, "\nEnds with 0: done, 1: refused or failed, 2: used wrongly.\n");
}

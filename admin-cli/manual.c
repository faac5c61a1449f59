#include <ctype.h>
#include <string.h>

#include "admin-cli/from_table.h"

/* One character of UTF-8 as a number; *text is moved past it. */
static unsigned take_character(const char **text)
{
	const unsigned char *c = (const unsigned char *)*text;
	unsigned more = c[0] >= 0xf0 ? 3 : c[0] >= 0xe0 ? 2 : c[0] >= 0xc0 ? 1 : 0;
	unsigned value = more == 0 ? c[0] : c[0] & (0x3fu >> more);

	(*text)++;
	for (; more > 0 && (**text & 0xc0) == 0x80; more--, (*text)++)
		value = value << 6 | ((unsigned)**text & 0x3f);
	return value;
}

/* Text that roff takes for text: what it would read as its own is escaped. */
static void write_text(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	while (*text != '\0') {
		unsigned c = take_character(&text);

		if (c == '-')
			fputs("\\-", out);
		else if (c == '\\')
			fputs("\\e", out);
		else if (c == '"')
			fputs("\\(dq", out);
		else if (c < 0x80)
			fputc((int)c, out);
		else
			fprintf(out, "\\[u%04X]", c);
	}
}

/* A sentence of what the table has as a part of one. */
static void write_sentence(FILE *out, const char *text)
{
	if (islower((unsigned char)*text))
		fputc(toupper((unsigned char)*text++), out);
	write_text(out, text);
	fputs(".\n", out);
}

static void write_value(FILE *out, const char *value)
{
	fputs("\\fI", out);
	write_text(out, value);
	fputs("\\fR", out);
}

static void write_option_name(FILE *out, const struct cli_option *option)
{
	fputs("\\fB\\-\\-", out);
	write_text(out, option->name);
	fputs("\\fR", out);
	if (option->value != NULL) {
		fputc(' ', out);
		write_value(out, option->value);
	}
}

static void write_option(FILE *out, const struct cli_option *option)
{
	fputs(".TP\n", out);
	write_option_name(out, option);
	fputc('\n', out);
	write_sentence(out, option->help);
}

static void write_command_name(FILE *out, const struct cli_command *c)
{
	fputs("\\fBarpfctl ", out);
	write_text(out, c->noun);
	if (c->verb != NULL) {
		fputc(' ', out);
		write_text(out, c->verb);
	}
	fputs("\\fR", out);
}

/* A heading of its own, so that it is found by name. */
static void write_command(FILE *out, const struct cli_command *c)
{
	fprintf(out, ".SS \"%s%s%s\"\n", c->noun, c->verb != NULL ? " " : "",
		c->verb != NULL ? c->verb : "");
	write_command_name(out, c);
	for (unsigned i = 0; i < CLI_OPTIONS_MAX && c->options[i].name != NULL; i++) {
		fputs(c->options[i].required ? " " : " [", out);
		write_option_name(out, &c->options[i]);
		fputs(c->options[i].required ? "" : "]", out);
	}
	for (unsigned i = 0; i < CLI_ARGUMENTS_MAX && c->arguments[i] != NULL; i++) {
		fputc(' ', out);
		write_value(out, c->arguments[i]);
	}
	fputs("\n.PP\n", out);
	write_sentence(out, c->help);
	for (unsigned i = 0; i < CLI_OPTIONS_MAX && c->options[i].name != NULL; i++)
		write_option(out, &c->options[i]);
}

static const char environment[] =
	".SH ENVIRONMENT\n"
	".TP\n.B ARPF_CONFIG\nThe configuration, where \\fB\\-\\-config\\fR is not given.\n"
	".TP\n.B ARPF_URL\nThe server's address, where neither it nor a configuration is named.\n"
	".TP\n.BR ARPF_CA_FILE \", \" ARPF_CERTIFICATE_FILE \", \" ARPF_KEY_FILE\n"
	"What the options of these names say, where they are not given.\n"
	".SH \"EXIT STATUS\"\n"
	".TP\n.B 0\nDone.\n"
	".TP\n.B 1\nRefused or failed; the reason is on standard error, with its cause in "
	"capitals.\n"
	".TP\n.B 2\nUsed wrongly.\n";

static const char description[] =
	".SH DESCRIPTION\n"
	"Administers the servers of openarpf: their keys, whom they trust, the subscriptions they "
	"serve, and the trail of what was done. Answers are on standard output and nothing else "
	"is: tables for people, or JSON with \\fB\\-\\-json\\fR.\n";

bool manual_write(FILE *out, const struct cli_command *commands, const char *noun)
{
	bool any = false;

	for (const struct cli_command *c = commands; c->noun != NULL; c++)
		any = any || noun == NULL || strcmp(c->noun, noun) == 0;
	if (!any)
		return false;
	fputs(".TH ARPFCTL", out);
	fputs(noun != NULL ? "\\-" : "", out);
	for (const char *c = noun; c != NULL && *c != '\0'; c++)
		fputc(toupper((unsigned char)*c), out);
	fputs(" 1 \"\" openarpf openarpf\n", out);
	fprintf(out, ".SH NAME\narpfctl%s%s \\- administration of an ARPF\n",
		noun != NULL ? "\\-" : "", noun != NULL ? noun : "");
	fputs(".SH SYNOPSIS\n.B arpfctl\n.I NOUN VERB\n[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]\n",
		out);
	fputs(description, out);
	fputs(".SH COMMANDS\n", out);
	for (const struct cli_command *c = commands; c->noun != NULL; c++)
		if (noun == NULL || strcmp(c->noun, noun) == 0)
			write_command(out, c);
	fputs(".SH OPTIONS\nOf every command:\n", out);
	for (const struct cli_option *g = cli_globals; g->name != NULL; g++)
		write_option(out, g);
	fputs(".TP\n\\fB\\-\\-help\\fR\nWhat there is, on every level.\n", out);
	fputs(environment, out);
	return true;
}

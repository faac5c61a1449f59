#include "loadtest/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const struct command *c)
{
	printf("usage: arpfload %s [options]\n\n%s\n\n", c->name, c->about);
	for (size_t i = 0; i < c->row_count; i++) {
		const struct option_row *row = &c->rows[i];
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", row->name, row->value != NULL ? " " : "",
			row->value != NULL ? row->value : "");
		printf("  %-26s %s%s\n", left, row->help, row->required ? " (required)" : "");
	}
	printf("  %-26s %s\n", "--help", "this text");
}

static bool read_number(const char *text, const struct option_row *row, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
	       *out >= row->least && *out <= row->most;
}

static bool store(const struct command *c, const struct option_row *row, char *text, void *target)
{
	void *at = (char *)target + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return true;
	case OPTION_TEXT:
		*(const char **)at = text;
		return true;
	case OPTION_NUMBER:
		break;
	}
	if (read_number(text, row, at))
		return true;
	fprintf(stderr, "arpfload %s: --%s: %s is no number from %" PRIu64 " to %" PRIu64 "\n",
		c->name, row->name, text, row->least, row->most);
	return false;
}

static enum options_result check_complete(
	const struct command *c, const bool *given, int left, char **rest)
{
	if (left > 0) {
		fprintf(stderr, "arpfload %s: %s: not an option\n", c->name, rest[0]);
		return OPTIONS_WRONG;
	}
	for (size_t i = 0; i < c->row_count; i++)
		if (c->rows[i].required && !given[i]) {
			fprintf(stderr, "arpfload %s: --%s %s is required\n", c->name,
				c->rows[i].name, c->rows[i].value);
			return OPTIONS_WRONG;
		}
	return OPTIONS_READ;
}

enum options_result options_read(
	const struct command *command, int count, char **words, void *target)
{
	struct option known[OPTIONS_MAX + 2] = { 0 };
	bool given[OPTIONS_MAX] = { false };
	int found;

	assert(command->row_count <= OPTIONS_MAX);
	for (size_t i = 0; i < command->row_count; i++)
		known[i] = (struct option){ command->rows[i].name,
			command->rows[i].kind == OPTION_FLAG ? no_argument : required_argument,
			NULL, (int)i + 1 };
	known[command->row_count] =
		(struct option){ "help", no_argument, NULL, (int)command->row_count + 1 };
	optind = 1;
	opterr = 0;
	while ((found = getopt_long(count, words, "", known, NULL)) != -1) {
		if (found == '?') {
			fprintf(stderr, "arpfload %s: %s: %s\n", command->name, words[optind - 1],
				optopt == 0 ? "no such option"
					    : "an option's value is missing or not wanted");
			return OPTIONS_WRONG;
		}
		size_t which = (size_t)found - 1;

		if (which == command->row_count) {
			print_help(command);
			return OPTIONS_HELP;
		}
		given[which] = true;
		if (!store(command, &command->rows[which], optarg, target))
			return OPTIONS_WRONG;
	}
	return check_complete(command, given, count - optind, words + optind);
}

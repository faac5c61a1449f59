/*
 * The options of a command: one table from which they are read and `--help` is printed. One thread.
 */
#ifndef LOADTEST_OPTIONS_H
#define LOADTEST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_MAX 32

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char *, the command line's own */
	OPTION_NUMBER, /* uint64_t between least and most */
};

struct option_row {
	const char *name;  /* without its dashes */
	const char *value; /* what it takes, for people; NULL for a flag */
	const char *help;
	enum option_kind kind;
	size_t offset; /* of the target in the command's structure */
	uint64_t least, most;
	bool required;
};

struct command {
	const char *name;  /* "fleet create" */
	const char *about; /* a sentence or two */
	const struct option_row *rows;
	size_t row_count; /* at most OPTIONS_MAX */
};

enum options_result { OPTIONS_READ, OPTIONS_HELP, OPTIONS_WRONG };

/*
 * words[0] is the last word of the command's name. Help goes to stdout, what is wrong to stderr. What is
 * not given is left as it is in *target.
 */
enum options_result options_read(
	const struct command *command, int count, char **words, void *target);

#endif

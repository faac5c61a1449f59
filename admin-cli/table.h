/*
 * Tables for people: columns as wide as their widest cell, two blanks between. Rows may be printed in
 * parts, while more are fetched: the heading comes once, and widths only grow.
 */
#ifndef ADMIN_CLI_TABLE_H
#define ADMIN_CLI_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table {
	unsigned columns;
	const char *headings[TABLE_COLUMNS_MAX]; /* the caller's */
	int widths[TABLE_COLUMNS_MAX];
	char **cells; /* of the rows not printed yet */
	size_t count, cap;
	int indent;       /* blanks before each row; the caller sets it */
	bool has_heading; /* printed */
	bool failed;      /* no memory: a row is missing */
};

/* headings end with NULL. */
struct table table_start(const char *const *headings);
/* One cell after the other, copied; NULL is an empty one. Control characters are shown as '?'. */
void table_add(struct table *t, const char *cell);
/* Prints and forgets the rows there are; false where one is missing for want of memory. */
bool table_print(struct table *t, FILE *out);
void table_free(struct table *t);

#endif

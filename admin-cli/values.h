/* What options and arguments may be, by what the table of commands says they take. */
#ifndef ADMIN_CLI_VALUES_H
#define ADMIN_CLI_VALUES_H

#include <stdbool.h>

/* "se|device": one of these words; names in capitals are no words. */
bool value_is_choice(const char *kind);
/*
 * Whether a value is of its kind, in brackets or not: one of the words of a choice, or what SUPI, PLMN, MSIN or HEX must look like.
 * All else is the command's to judge, or the server's.
 */
bool value_fits(const char *kind, const char *value);

#endif

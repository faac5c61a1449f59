/*
 * What is made of a table of commands besides help: a script by which bash completes them, and the manual. One thread.
 */
#ifndef ADMIN_CLI_FROM_TABLE_H
#define ADMIN_CLI_FROM_TABLE_H

#include <stdio.h>

#include "admin-cli/cli.h"

void completion_write_bash(FILE *out, const struct cli_command *commands);
/* A manual page for man(7), of all commands or those of one noun. False: there is no such noun. */
bool manual_write(FILE *out, const struct cli_command *commands, const char *noun);

#endif

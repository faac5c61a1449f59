/*
 * Any JSON for people: members by lines, an object under its name, a list of objects as a table. So
 * what a newer server says is shown by an older arpfctl as well. One thread.
 */
#ifndef ADMIN_CLI_SHOW_H
#define ADMIN_CLI_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "admin-cli/cli.h"

/* What is nested deeper than this is shown as JSON. */
#define SHOW_DEPTH_MAX 4

void show_json(const json_t *value, FILE *out);
/* How a command ends that answers this on stdout, as JSON where that was asked for; takes the reference. NULL: no memory. */
enum cli_end show_answer(const struct cli *cli, json_t *answer);

#endif

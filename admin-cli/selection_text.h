/*
 * Which subscriptions, as --select says it: conditions "name=value" with blanks between, by the names and values of
 * the administration API (kind=PROFILE created-before=2026-01-01T00:00:00Z). The server reads the values.
 */
#ifndef ADMIN_CLI_SELECTION_TEXT_H
#define ADMIN_CLI_SELECTION_TEXT_H

#include "admin-cli/cli.h"

/* A JSON object of the API's names, the caller's. CLI_MISUSED: the reason has been said. */
enum cli_end selection_text_read(const char *text, json_t **selection);

#endif

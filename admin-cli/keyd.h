/* arpf-keyd's own commands, the only ones that reach the HSM, as commands of arpfctl run them. */
#ifndef ADMIN_CLI_KEYD_H
#define ADMIN_CLI_KEYD_H

#include "admin-cli/cli.h"

/* words end with NULL. What arpf-keyd answered is *answer, the caller's; why it did not has been said. */
enum cli_end keyd_run(struct cli *cli, const char *const *words, json_t **answer);
/* The same for a command that makes keys: where it failed, *answer is what it has made by then, or NULL. */
enum cli_end keyd_make(struct cli *cli, const char *const *words, json_t **answer);

#endif

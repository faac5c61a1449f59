/*
 * arpf-keyd's commands, run by a tool: the program is started without a shell, its standard output captured,
 * its diagnostics left on stderr. Synchronous.
 */
#ifndef HSM_TOOL_H
#define HSM_TOOL_H

#include "base/settings.h"

/* Sets keyd_path where the settings leave it open: the program beside the one that runs. */
bool keyd_find(struct settings *s);
/* words ends with NULL. The exit status, or -1 where it could not be run; *out is malloc'ed and NUL-terminated. */
int keyd_tool_run(
	const char *keyd_path, const char *config_path, const char *const *words, char **out);

#endif

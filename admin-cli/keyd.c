#include "admin-cli/keyd.h"

#include <stdlib.h>

#include "hsm/tool.h"

enum cli_end keyd_run(struct cli *cli, const char *const *words, json_t **answer)
{
	char *text = NULL;
	int status = keyd_find(&cli->settings) ? keyd_tool_run(cli->settings.keyd_path,
							 cli_config_path(cli), words, &text)
					       : -1;

	*answer = status == 0 ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	free(text);
	if (*answer != NULL)
		return CLI_DONE;
	if (status == 2)
		return CLI_MISUSED; /* arpf-keyd has said why */
	return cli_refuse_outcome(
		HSM_UNAVAILABLE, "arpf-keyd did not answer; it has said why above");
}

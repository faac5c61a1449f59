#include "admin-cli/keyd.h"

#include <stdlib.h>

#include "hsm/tool.h"

static int run(struct cli *cli, const char *const *words, json_t **answer)
{
	char *text = NULL;
	int status = keyd_find(&cli->settings) ? keyd_tool_run(cli->settings.keyd_path,
							 cli_config_path(cli), words, &text)
					       : -1;

	*answer = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	free(text);
	return status;
}

static enum cli_end refuse(int status)
{
	if (status == 2)
		return CLI_MISUSED; /* arpf-keyd has said why */
	return cli_refuse_outcome(
		HSM_UNAVAILABLE, "arpf-keyd did not answer; it has said why above");
}

enum cli_end keyd_run(struct cli *cli, const char *const *words, json_t **answer)
{
	int status = run(cli, words, answer);

	if (status == 0 && *answer != NULL)
		return CLI_DONE;
	json_decref(*answer);
	*answer = NULL;
	return refuse(status);
}

enum cli_end keyd_make(struct cli *cli, const char *const *words, json_t **answer)
{
	int status = run(cli, words, answer);

	return status == 0 && *answer != NULL ? CLI_DONE : refuse(status);
}

#include "admin-cli/commands.h"
#include "admin-cli/keyd.h"
#include "admin-cli/show.h"

enum cli_end command_hsm_probe(struct cli *cli)
{
	json_t *answer;
	enum cli_end end = keyd_run(cli, (const char *const[]){ "probe", NULL }, &answer);

	if (end != CLI_DONE)
		return end;
	if (cli->json)
		return cli_answer_json(answer);
	show_json(answer, stdout);
	json_decref(answer);
	return CLI_DONE;
}

#include "admin-cli/commands.h"
#include "admin-cli/keyd.h"
#include "admin-cli/show.h"

enum cli_end command_hsm_probe(struct cli *cli)
{
	json_t *answer;
	enum cli_end end = keyd_run(cli, (const char *const[]){ "probe", NULL }, &answer);

	return end == CLI_DONE ? show_answer(cli, answer) : end;
}

#include "admin-cli/commands.h"
#include "admin-cli/list.h"
#include "admin-cli/remote.h"
#include "admin-cli/show.h"

#define BINDINGS "/admin/v1/bindings"

static const struct list_column columns[] = {
	{ "DIMSI", "dimsi" },
	{ "SUPI", "supi" },
	{ "STATE", "state" },
	{ "SE", "seId" },
	{ "CHANGED", "changedAt" },
	{},
};

enum cli_end command_binding_show(struct cli *cli)
{
	struct remote_answer answer;
	char path[256];

	if (!remote_path(BINDINGS, cli->arguments[0], path, sizeof(path)))
		return cli_refuse_outcome(INVALID_PARAMETER, "this is no dIMSI, Access ID or SUPI");
	enum cli_end end = remote_call(cli, "GET", path, NULL, &answer);
	return end == CLI_DONE ? show_answer(cli, answer.json) : end;
}

enum cli_end command_binding_list(struct cli *cli)
{
	return list_show_filtered(cli, BINDINGS, "after", columns);
}

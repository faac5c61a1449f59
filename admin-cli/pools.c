#include "admin-cli/commands.h"
#include "admin-cli/list.h"
#include "admin-cli/remote.h"

#define POOLS "/admin/v1/imsi-pools"

static const struct list_column columns[] = {
	{ "PLMN", "plmn" },
	{ "FIRST", "firstMsin" },
	{ "LAST", "lastMsin" },
	{ "SIZE", "size" },
	{ "FRESH", "fresh" },
	{ "LEASED", "leased" },
	{ "USED", "used" },
	{ "QUARANTINED", "quarantined" },
	{},
};

enum cli_end command_imsi_pool_add(struct cli *cli)
{
	struct remote_answer answer;
	json_t *body = json_pack("{s:s, s:s, s:s}", "plmn", cli_option(cli, "plmn"), "firstMsin",
		cli_option(cli, "first"), "lastMsin", cli_option(cli, "last"));

	if (body == NULL)
		return cli_refuse_outcome(INVALID_PARAMETER, "the options are not UTF-8");
	enum cli_end end = remote_call(cli, "POST", POOLS, body, &answer);
	if (end == CLI_DONE && cli->json)
		end = cli_answer_json(json_incref(answer.json));
	json_decref(answer.json);
	return end;
}

enum cli_end command_imsi_pool_list(struct cli *cli)
{
	return list_show_filtered(cli, POOLS, "after", columns);
}

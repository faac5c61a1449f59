/* Commands that ask no server, and the one that asks only how it is. */
#include "admin-cli/commands.h"
#include "admin-cli/remote.h"
#include "admin-cli/show.h"
#include "db/migrate.h"

enum cli_end command_status(struct cli *cli)
{
	struct remote_answer answer;
	enum cli_end end = remote_call(cli, "GET", "/admin/v1/status", NULL, &answer);

	return end == CLI_DONE ? show_answer(cli, answer.json) : end;
}

enum cli_end command_migrate(struct cli *cli)
{
	enum outcome o = db_migrate(cli->settings.database, cli->json ? stderr : stdout);

	if (o == CONFLICT)
		return cli_refuse_outcome(o, "the database is newer than this program");
	if (o != FINE)
		return cli_refuse_outcome(o, "the schema was not brought up to date");
	if (cli->json)
		return cli_answer_json(json_pack("{s:i}", "schemaVersion", db_schema_version()));
	printf("the schema is at version %d\n", db_schema_version());
	return CLI_DONE;
}

enum cli_end command_config_sample(struct cli *cli)
{
	(void)cli;
	settings_print_sample(stdout);
	return CLI_DONE;
}

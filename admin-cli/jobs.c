/* Operations on many subscriptions that run at the server, or have. */
#include "admin-cli/commands.h"
#include "admin-cli/job_run.h"
#include "admin-cli/list.h"
#include "admin-cli/show.h"

#define JOBS "/admin/v1/jobs"

static const struct list_column columns[] = {
	{ "JOB", "id" },
	{ "OPERATION", "operation" },
	{ "STATE", "state" },
	{ "ITEMS", "items" },
	{ "DONE", "done" },
	{ "REFUSED", "refused" },
	{ "CREATED", "createdAt" },
	{ "CHANGED", "changedAt" },
	{ "ACTOR", "actor" },
	{},
};

enum cli_end command_job_list(struct cli *cli)
{
	return list_show_filtered(cli, JOBS, "after", columns);
}

static enum cli_end ask(struct cli *cli, const char *method, const char *rest)
{
	const char *id = cli->arguments[0];
	struct remote_answer answer;
	char path[128];

	if (!job_id_is_good(id))
		return cli_misuse("a job's id is 32 hex digits");
	snprintf(path, sizeof(path), "%s/%s%s", JOBS, id, rest);
	enum cli_end end = remote_call(cli, method, path, NULL, &answer);
	if (end != CLI_DONE)
		return end;
	return show_answer(cli, answer.json);
}

enum cli_end command_job_show(struct cli *cli)
{
	if (cli_option(cli, "refusals") == NULL)
		return ask(cli, "GET", "");
	if (!job_id_is_good(cli->arguments[0]))
		return cli_misuse("a job's id is 32 hex digits");
	return job_list_refusals(cli, cli->arguments[0]);
}

enum cli_end command_job_cancel(struct cli *cli)
{
	return ask(cli, "POST", "/cancel");
}

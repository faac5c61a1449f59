/* The audit trail's events, newest first. */
#include "admin-cli/commands.h"
#include "admin-cli/list.h"

static const struct list_column columns[] = {
	{ "AT", "at" },
	{ "ACTION", "action" },
	{ "OUTCOME", "outcome" },
	{ "ACTOR", "actor" },
	{ "SUBJECT", "subject" },
	{ "RELATED", "related" },
	{ "DETAIL", "detail" },
	{ "ID", "id" },
	{},
};

enum cli_end command_audit_list(struct cli *cli)
{
	return list_show_filtered(cli, "/admin/v1/audit/events", "before", columns);
}

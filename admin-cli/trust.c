#include "admin-cli/commands.h"
#include "admin-cli/files.h"
#include "admin-cli/list.h"
#include "admin-cli/remote.h"

#define ANCHORS "/admin/v1/trust-anchors"

static const struct list_column columns[] = {
	{ "USE", "use" },
	{ "FINGERPRINT", "fingerprint" },
	{ "NOT AFTER", "notAfter" },
	{ "SUBJECT", "subject" },
	{},
};

struct adding {
	struct cli *cli;
	struct table table;
	json_t *added; /* what --json shows */
};

static enum cli_end add_one(void *context, struct bytes der)
{
	struct adding *a = context;
	struct remote_answer answer;
	json_t *body = json_pack(
		"{s:s, s:o}", "use", cli_option(a->cli, "use"), "certificate", json_of_bytes(der));

	if (body == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	enum cli_end end = remote_call(a->cli, "POST", ANCHORS, body, &answer);
	if (end != CLI_DONE)
		return end;
	list_add_row(&a->table, columns, answer.json);
	if (json_array_append_new(a->added, answer.json) != 0)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	return CLI_DONE;
}

/* What was added before one is refused stays added, and is shown. */
enum cli_end command_trust_add(struct cli *cli)
{
	struct adding a = { .cli = cli, .added = json_array() };

	a.table = list_start_table(columns);
	enum cli_end end = file_each_certificate(cli->arguments[0], add_one, &a);
	enum cli_end shown = CLI_DONE;
	if (json_array_size(a.added) > 0 && cli->json)
		shown = cli_answer_json(json_pack("{s:O}", "items", a.added));
	else if (json_array_size(a.added) > 0 && !table_print(&a.table, stdout))
		shown = cli_refuse_outcome(NO_MEMORY, NULL);
	table_free(&a.table);
	json_decref(a.added);
	return end != CLI_DONE ? end : shown;
}

enum cli_end command_trust_list(struct cli *cli)
{
	return list_show_filtered(cli, ANCHORS, "after", columns);
}

/* Fingerprints as other tools print them have colons between the bytes. */
enum cli_end command_trust_remove(struct cli *cli)
{
	struct remote_answer answer;
	char path[256], fingerprint[80];
	size_t len = 0;

	for (const char *c = cli->arguments[0]; *c != '\0' && len < sizeof(fingerprint) - 1; c++)
		if (*c != ':')
			fingerprint[len++] = *c;
	fingerprint[len] = '\0';
	if (!remote_path(ANCHORS, fingerprint, path, sizeof(path)))
		return cli_refuse_outcome(INVALID_PARAMETER, "this is no fingerprint");
	enum cli_end end = remote_call(cli, "DELETE", path, NULL, &answer);
	json_decref(answer.json);
	return end;
}

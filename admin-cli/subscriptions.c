/*
 * Subscriptions of the server: what there is, and what an operator does to one, to those of a file, or to those of a
 * selection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin-cli/commands.h"
#include "admin-cli/files.h"
#include "admin-cli/job_run.h"
#include "admin-cli/list.h"
#include "admin-cli/selection_text.h"
#include "admin-cli/show.h"
#include "admin-cli/supi_lines.h"

#define SUBSCRIPTIONS "/admin/v1/subscriptions"
#define PATH_MAX_LEN  1024
#define LINES_MOST    ((size_t)1 << 30) /* bytes of a file */
#define OVERLAP_MOST  4000000000

static const struct list_column columns[] = {
	{ "SUPI", "supi" },
	{ "KIND", "kind" },
	{ "STATE", "state" },
	{ "VERSION", "version" },
	{ "CREATED", "createdAt" },
	{ "NOT AFTER", "notAfter" },
	{ "AUTHENTICATED", "authenticatedAt" },
	{ "OWNER", "owner" },
	{ "DIMSI", "dimsi" },
	{ "EID", "eid" },
	{},
};

static const struct list_column version_columns[] = {
	{ "VERSION", "version" },
	{ "KIND", "kind" },
	{ "STATE", "state" },
	{ "CREATED", "createdAt" },
	{ "CHANGED", "changedAt" },
	{ "NOT AFTER", "notAfter" },
	{ "RETIRES", "retireAt" },
	{ "KEY", "hasKey" },
	{},
};

static const struct list_column overdue_columns[] = {
	{ "SUPI", "supi" },
	{ "VERSION", "version" },
	{ "KIND", "kind" },
	{ "NOT AFTER", "notAfter" },
	{ "OWNER", "owner" },
	{},
};

/* ---- what there is */

static enum cli_end refuse_supi(void)
{
	return cli_refuse_outcome(INVALID_PARAMETER, "this is no SUPI");
}

static enum cli_end add_conditions(char *path, size_t size, const char *text)
{
	json_t *selection, *value;
	const char *name;
	enum cli_end end = selection_text_read(text, &selection);

	if (end != CLI_DONE)
		return end;
	json_object_foreach(selection, name, value)
	{
		if (!remote_query(path, size, name, json_string_value(value)))
			end = cli_refuse_outcome(INVALID_PARAMETER, "--select is too long");
	}
	json_decref(selection);
	return end;
}

enum cli_end command_subscription_list(struct cli *cli)
{
	const char *select = cli_option(cli, "select");
	char path[PATH_MAX_LEN] = SUBSCRIPTIONS;
	enum cli_end end = select != NULL ? add_conditions(path, sizeof(path), select) : CLI_DONE;

	return end == CLI_DONE ? list_show(cli, path, columns) : end;
}

static enum cli_end fetch(struct cli *cli, const char *supi, struct remote_answer *answer)
{
	char path[PATH_MAX_LEN];

	if (!remote_path(SUBSCRIPTIONS, supi, path, sizeof(path)))
		return refuse_supi();
	return remote_call(cli, "GET", path, NULL, answer);
}

enum cli_end command_subscription_show(struct cli *cli)
{
	struct remote_answer answer;
	enum cli_end end = fetch(cli, cli->arguments[0], &answer);

	return end == CLI_DONE ? show_answer(cli, answer.json) : end;
}

enum cli_end command_credential_list(struct cli *cli)
{
	struct remote_answer answer;
	enum cli_end end = fetch(cli, cli_option(cli, "supi"), &answer);

	if (end != CLI_DONE)
		return end;
	json_t *versions = json_object_get(answer.json, "credentials");
	struct table table = list_start_table(version_columns);

	for (size_t i = 0; i < json_array_size(versions) && !cli->json; i++)
		list_add_row(&table, version_columns, json_array_get(versions, i));
	if (cli->json)
		end = cli_answer_json(json_pack("{s:O?}", "items", versions));
	else if (!table_print(&table, stdout))
		end = cli_refuse_outcome(NO_MEMORY, NULL);
	table_free(&table);
	json_decref(answer.json);
	return end;
}

enum cli_end command_credential_overdue(struct cli *cli)
{
	return list_show_filtered(cli, "/admin/v1/credentials/overdue", "after", overdue_columns);
}

/* ---- one subscription */

/* A whole number; -1: not given. */
static enum cli_end read_overlap(const struct cli *cli, json_int_t *overlap_s)
{
	const char *text = cli_option(cli, "overlap");
	char *end;

	*overlap_s = -1;
	if (text == NULL)
		return CLI_DONE;
	errno = 0;
	*overlap_s = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
		*overlap_s > OVERLAP_MOST)
		return cli_misuse("--overlap takes a number of seconds");
	return CLI_DONE;
}

static enum cli_end change(
	struct cli *cli, const char *operation, const char *supi, struct remote_answer *answer)
{
	bool is_deletion = strcmp(operation, "delete") == 0;
	char path[PATH_MAX_LEN];
	json_int_t overlap_s;
	enum cli_end end = read_overlap(cli, &overlap_s);

	if (end != CLI_DONE)
		return end;
	if (!remote_path(SUBSCRIPTIONS, supi, path, sizeof(path) - sizeof("/suspend")))
		return refuse_supi();
	if (is_deletion)
		return remote_call(cli, "DELETE", path, NULL, answer);
	size_t len = strlen(path);

	snprintf(path + len, sizeof(path) - len, "/%s", operation);
	json_t *body =
		overlap_s < 0 ? json_object() : json_pack("{s:I}", "overlapSeconds", overlap_s);
	return body != NULL ? remote_call(cli, "POST", path, body, answer)
			    : cli_refuse_outcome(NO_MEMORY, NULL);
}

static enum cli_end change_one(struct cli *cli, const char *operation, const char *supi)
{
	struct remote_answer answer = { 0 };
	enum cli_end end = change(cli, operation, supi, &answer);

	if (end != CLI_DONE)
		return end;
	if (answer.json == NULL) /* a deletion answers nothing */
		answer.json = json_pack("{s:s, s:s}", "supi", supi, "state", "DESTROYED");
	return show_answer(cli, answer.json);
}

/* ---- many */

/* Counts the good lines, and tells of each bad one. */
static enum cli_end look_through(struct cli *cli, struct job_plan *plan)
{
	struct supi_lines lines = { .rest = plan->file };
	enum supi_line kind;
	uint64_t imsi;
	size_t bad = 0;

	while ((kind = supi_lines_next(&lines, &imsi)) != SUPI_LINES_END) {
		plan->items += kind == SUPI_LINE_GOOD;
		bad += kind == SUPI_LINE_BAD;
		if (kind == SUPI_LINE_BAD)
			fprintf(stderr, "line %lld: this is not imsi- and 15 digits\n",
				(long long)lines.number);
	}
	if (bad > 0 && cli_option(cli, "skip-bad") == NULL)
		return cli_refuse(outcome_cause(INVALID_PARAMETER),
			"%zu lines are bad, and nothing was begun; --skip-bad leaves them out",
			bad);
	if (plan->items == 0)
		return cli_refuse_outcome(INVALID_PARAMETER, "the file names no subscription");
	return CLI_DONE;
}

static enum cli_end choose_id(const struct cli *cli, struct job_plan *plan)
{
	const char *given = cli_option(cli, "job");
	bool is_anew = cli_option(cli, "restart") != NULL || plan->selection != NULL;
	enum outcome o = FINE;

	if (given != NULL && !job_id_is_good(given))
		return cli_misuse("--job takes 32 hex digits");
	if (given != NULL)
		snprintf(plan->id, sizeof(plan->id), "%s", given);
	else if (is_anew)
		o = job_id_random(plan->id);
	else
		o = job_id_of_file(plan->operation, plan->overlap_s, plan->file, plan->id);
	return o == FINE ? CLI_DONE : cli_refuse_outcome(o, NULL);
}

static enum cli_end run_plan(struct cli *cli, struct job_plan *plan)
{
	enum cli_end end = read_overlap(cli, &plan->overlap_s);

	plan->waits = cli_option(cli, "no-wait") == NULL;
	if (end == CLI_DONE)
		end = choose_id(cli, plan);
	return end == CLI_DONE ? job_run(cli, plan) : end;
}

static enum cli_end change_file(struct cli *cli, const char *operation, const char *path)
{
	struct job_plan plan = { .operation = operation };
	enum cli_end end = file_read_at_most(path, LINES_MOST, &plan.file);

	if (end == CLI_DONE)
		end = look_through(cli, &plan);
	if (end == CLI_DONE)
		end = run_plan(cli, &plan);
	free((void *)plan.file.at);
	return end;
}

static enum cli_end change_selected(struct cli *cli, const char *operation, const char *text)
{
	struct job_plan plan = { .operation = operation };
	enum cli_end end = selection_text_read(text, &plan.selection);

	if (end == CLI_DONE)
		end = run_plan(cli, &plan);
	json_decref(plan.selection);
	return end;
}

/* Which options of a job are of no use for what was asked; NULL: none was given. */
static const char *find_useless(const struct cli *cli, bool is_one, bool is_file)
{
	static const char *const of_jobs[] = { "job", "no-wait" };
	static const char *const of_files[] = { "skip-bad", "restart" };

	for (size_t i = 0; i < 2 && is_one; i++)
		if (cli_option(cli, of_jobs[i]) != NULL)
			return of_jobs[i];
	for (size_t i = 0; i < 2 && !is_file; i++)
		if (cli_option(cli, of_files[i]) != NULL)
			return of_files[i];
	return NULL;
}

enum cli_end command_subscription_change(struct cli *cli)
{
	const char *operation = cli->command->verb, *supi = cli->arguments[0];
	const char *file = cli_option(cli, "file"), *select = cli_option(cli, "select");
	const char *useless = find_useless(cli, supi != NULL, file != NULL);

	if ((supi != NULL) + (file != NULL) + (select != NULL) != 1)
		return cli_misuse("one of SUPI, --file and --select is needed");
	if (useless != NULL)
		return cli_misuse("--%s has nothing to do here", useless);
	if (supi != NULL)
		return change_one(cli, operation, supi);
	return file != NULL ? change_file(cli, operation, file)
			    : change_selected(cli, operation, select);
}

/* The audit trail's events, newest first. */
#include <errno.h>
#include <stdlib.h>

#include "admin-cli/commands.h"
#include "admin-cli/list.h"
#include "base/clock.h"

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

static bool read_number(const char *text, int64_t most, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out <= most;
}

/* A condition as it is given; a time becomes unix seconds. */
static enum cli_end add_condition(
	const struct cli *cli, const char *name, bool is_time, char *path, size_t size)
{
	const char *value = cli_option(cli, name);
	char seconds[24];
	int64_t at;

	if (value == NULL)
		return CLI_DONE;
	if (is_time && !clock_read(value, &at) && !read_number(value, INT64_C(1) << 40, &at))
		return cli_misuse("--%s takes a time: RFC 3339 in UTC, or unix seconds", name);
	if (is_time)
		snprintf(seconds, sizeof(seconds), "%lld", (long long)at);
	return remote_query(path, size, name, is_time ? seconds : value)
		       ? CLI_DONE
		       : cli_refuse_outcome(INVALID_PARAMETER, "a filter is too long");
}

enum cli_end command_audit_list(struct cli *cli)
{
	static const char *const conditions[] = { "since", "until", "action", "actor", "subject" };
	const char *most = cli_option(cli, "limit");
	char path[1024] = "/admin/v1/audit/events";
	struct remote_list list = { .path = path, .cursor = "before" };
	enum cli_end end = CLI_DONE;
	int64_t limit = 0;

	if (most != NULL && (!read_number(most, INT64_MAX, &limit) || limit == 0))
		return cli_misuse("--limit takes a number from 1 on");
	list.most = limit;
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]) && end == CLI_DONE; i++)
		end = add_condition(cli, conditions[i], i < 2, path, sizeof(path));
	return end == CLI_DONE ? list_show_of(cli, &list, columns) : end;
}

#include "admin-cli/list.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin-cli/serial.h"
#include "base/clock.h"

#define PATH_MAX_LEN 1024
#define NAME_MAX_LEN 32
#define TIME_MOST    (INT64_C(1) << 40)

struct showing {
	const struct list_column *columns;
	struct table table;
	bool as_json, any;
};

struct table list_start_table(const struct list_column *columns)
{
	const char *headings[TABLE_COLUMNS_MAX + 1] = { 0 };

	for (unsigned i = 0; i < TABLE_COLUMNS_MAX && columns[i].heading != NULL; i++)
		headings[i] = columns[i].heading;
	return table_start(headings);
}

static void add_cell(struct table *t, const json_t *value)
{
	char text[32];

	if (json_is_string(value)) {
		table_add(t, json_string_value(value));
	} else if (json_is_integer(value)) {
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		table_add(t, text);
	} else if (json_is_boolean(value)) {
		table_add(t, json_is_true(value) ? "yes" : "no");
	} else {
		table_add(t, "-");
	}
}

void list_add_row(struct table *t, const struct list_column *columns, const json_t *item)
{
	for (; columns->heading != NULL; columns++)
		add_cell(t, json_object_get(item, columns->member));
}

static enum cli_end on_item(void *context, json_t *item)
{
	struct showing *s = context;

	if (!s->as_json) {
		list_add_row(&s->table, s->columns, item);
		return CLI_DONE;
	}
	printf("%s\n", s->any ? "," : "{\"items\": [");
	s->any = true;
	return json_dumpf(item, stdout, JSON_COMPACT) == 0 ? CLI_DONE
							   : cli_refuse_outcome(NO_MEMORY, NULL);
}

static enum cli_end on_page(void *context)
{
	struct showing *s = context;

	return s->as_json || table_print(&s->table, stdout) ? CLI_DONE
							    : cli_refuse_outcome(NO_MEMORY, NULL);
}

static enum cli_end show(
	struct cli *cli, const struct remote_list *list, const struct list_column *columns)
{
	struct showing s = { .columns = columns, .as_json = cli->json };

	s.table = list_start_table(columns);
	enum cli_end end = remote_each_of(cli, list, on_item, on_page, &s);
	if (s.as_json && end == CLI_DONE)
		puts(s.any ? "\n]}" : "{\"items\": []}");
	table_free(&s.table);
	return end;
}

enum cli_end list_show(struct cli *cli, const char *path, const struct list_column *columns)
{
	const struct remote_list list = { .path = path, .cursor = "after" };

	return show(cli, &list, columns);
}

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out >= least &&
	       *out <= most;
}

/* "changed-since": changedSince. */
static void write_parameter(const char *option, char out[NAME_MAX_LEN])
{
	size_t len = 0;

	for (; *option != '\0' && len < NAME_MAX_LEN - 1; option++) {
		bool is_hyphen = *option == '-' && option[1] != '\0';

		option += is_hyphen ? 1 : 0;
		out[len++] = (char)(is_hyphen ? toupper((unsigned char)*option) : *option);
	}
	out[len] = '\0';
}

static enum cli_end add_filter(const struct cli_option *option, const char *value, char *path)
{
	char name[NAME_MAX_LEN], serial[SERIAL_TEXT_SIZE];
	int64_t at;

	/* As it is stored; people copy it with colons, or without its first zero. */
	if (strcmp(option->value, "HEX") == 0 && serial_normalise(value, serial))
		value = serial;
	if (strcmp(option->value, "TIME") == 0 && !clock_read(value, &at) &&
		!read_number(value, 0, TIME_MOST, &at))
		return cli_misuse(
			"--%s takes a time: RFC 3339 in UTC, or unix seconds", option->name);
	write_parameter(option->name, name);
	return remote_query(path, PATH_MAX_LEN, name, value)
		       ? CLI_DONE
		       : cli_refuse_outcome(INVALID_PARAMETER, "a filter is too long");
}

enum cli_end list_show_filtered(
	struct cli *cli, const char *path, const char *cursor, const struct list_column *columns)
{
	const struct cli_option *options = cli->command->options;
	char asked[PATH_MAX_LEN];
	struct remote_list list = { .path = asked, .cursor = cursor };
	enum cli_end end = CLI_DONE;
	int64_t limit = 0;

	snprintf(asked, sizeof(asked), "%s", path);
	for (unsigned i = 0; i < CLI_OPTIONS_MAX && options[i].name != NULL && end == CLI_DONE;
		i++) {
		if (cli->values[i] == NULL)
			continue;
		if (strcmp(options[i].name, "limit") != 0)
			end = add_filter(&options[i], cli->values[i], asked);
		else if (!read_number(cli->values[i], 1, INT64_MAX, &limit))
			end = cli_misuse("--limit takes a number from 1 on");
	}
	list.most = limit;
	return end == CLI_DONE ? show(cli, &list, columns) : end;
}

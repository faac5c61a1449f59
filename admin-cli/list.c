#include "admin-cli/list.h"

#include <string.h>

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

enum cli_end list_show_of(
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

	return list_show_of(cli, &list, columns);
}

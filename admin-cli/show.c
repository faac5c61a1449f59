#include "admin-cli/show.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "admin-cli/table.h"

#define NAME_COLUMN 24
#define INDENT      2

/* "schemaVersion" as "schema version". */
static void write_name(const char *name, char *out, size_t size)
{
	size_t len = 0;

	for (; *name != '\0' && len + 2 < size; name++) {
		bool starts_word = isupper((unsigned char)*name) && len > 0 &&
				   islower((unsigned char)name[-1]);

		if (starts_word)
			out[len++] = ' ';
		out[len++] = starts_word ? (char)tolower((unsigned char)*name) : *name;
	}
	out[len] = '\0';
}

static char *text_of(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (json_is_null(value))
		return strdup("-");
	if (json_is_boolean(value))
		return strdup(json_is_true(value) ? "yes" : "no");
	return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

static void print_line(const char *name, const json_t *value, int indent, FILE *out)
{
	char *text = text_of(value);

	for (char *c = text; c != NULL && *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	/* A name that is too long for its column keeps its distance. */
	fprintf(out, "%*s%-*s%s%s\n", indent, "", NAME_COLUMN - indent, name,
		(int)strlen(name) >= NAME_COLUMN - indent ? "  " : "", text != NULL ? text : "?");
	free(text);
}

static bool is_table(const json_t *value)
{
	return json_is_array(value) && json_array_size(value) > 0 &&
	       json_is_object(json_array_get(value, 0)) &&
	       json_object_size(json_array_get(value, 0)) > 0;
}

/* The columns are the members of the first. */
static void print_table(const json_t *rows, int indent, FILE *out)
{
	const char *members[TABLE_COLUMNS_MAX + 1] = { 0 };
	char names[TABLE_COLUMNS_MAX][40];
	const char *headings[TABLE_COLUMNS_MAX + 1] = { 0 };
	unsigned columns = 0;
	const char *key;
	json_t *value;

	json_object_foreach(json_array_get(rows, 0), key, value)
	{
		if (columns == TABLE_COLUMNS_MAX)
			break;
		write_name(key, names[columns], sizeof(names[columns]));
		headings[columns] = names[columns];
		members[columns++] = key;
	}
	struct table t = table_start(headings);
	t.indent = indent;
	for (size_t i = 0; i < json_array_size(rows); i++)
		for (unsigned c = 0; c < columns; c++) {
			const json_t *cell = json_object_get(json_array_get(rows, i), members[c]);
			char *text = cell != NULL ? text_of(cell) : NULL;

			table_add(&t, text);
			free(text);
		}
	(void)table_print(&t, out);
	table_free(&t);
}

/* The depth is that of the loop over a stack, whatever was sent. */
struct level {
	const json_t *object;
	void *at; /* the iterator */
};

static void *start_level(struct level *level, const json_t *object)
{
	level->object = object;
	level->at = json_object_iter((json_t *)object);
	return level->at;
}

void show_json(const json_t *value, FILE *out)
{
	struct level levels[SHOW_DEPTH_MAX];
	unsigned depth = 0;
	char name[80];

	start_level(&levels[0], value);
	for (;;) {
		struct level *level = &levels[depth];
		int indent = (int)depth * INDENT;

		if (level->at == NULL) {
			if (depth == 0)
				return;
			depth--;
			continue;
		}
		const json_t *member = json_object_iter_value(level->at);
		write_name(json_object_iter_key(level->at), name, sizeof(name));
		level->at = json_object_iter_next((json_t *)level->object, level->at);
		if (json_is_object(member) && depth + 1 < SHOW_DEPTH_MAX) {
			fprintf(out, "%*s%s\n", indent, "", name);
			start_level(&levels[++depth], member);
		} else if (is_table(member)) {
			fprintf(out, "%*s%s\n", indent, "", name);
			print_table(member, indent + INDENT, out);
		} else {
			print_line(name, member, indent, out);
		}
	}
}

enum cli_end show_answer(const struct cli *cli, json_t *answer)
{
	if (cli->json || answer == NULL)
		return cli_answer_json(answer);
	show_json(answer, stdout);
	json_decref(answer);
	return CLI_DONE;
}

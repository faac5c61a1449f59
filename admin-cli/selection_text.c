#include "admin-cli/selection_text.h"

#include <string.h>

static const struct {
	const char *said, *member;
} conditions[] = {
	{ "kind", "kind" },
	{ "state", "state" },
	{ "owner", "owner" },
	{ "first", "first" },
	{ "last", "last" },
	{ "created-before", "createdBefore" },
	{ "created-since", "createdSince" },
	{ "expires-before", "expiresBefore" },
};
#define CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))
#define BLANKS     " \t\n"

static const char *member_of(const char *said, size_t len)
{
	for (size_t i = 0; i < CONDITIONS; i++)
		if (strlen(conditions[i].said) == len && memcmp(conditions[i].said, said, len) == 0)
			return conditions[i].member;
	return NULL;
}

/* One condition of `len` characters. */
static enum cli_end read_condition(const char *text, size_t len, json_t *selection)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals != NULL ? (size_t)(equals - text) : len;
	const char *member = member_of(text, name_len);
	size_t value_len = equals != NULL ? len - name_len - 1 : 0;

	if (member == NULL)
		return cli_misuse("--select: '%.*s' is none of kind, state, owner, first, last, "
				  "created-before, created-since, expires-before",
			(int)name_len, text);
	if (value_len == 0)
		return cli_misuse("--select: '%.*s' has no value", (int)name_len, text);
	if (json_object_get(selection, member) != NULL)
		return cli_misuse("--select: '%.*s' is there twice", (int)name_len, text);
	if (json_object_set_new(selection, member, json_stringn(equals + 1, value_len)) != 0)
		return cli_misuse("--select: the value of '%.*s' is no text", (int)name_len, text);
	return CLI_DONE;
}

enum cli_end selection_text_read(const char *text, json_t **selection)
{
	enum cli_end end = CLI_DONE;

	*selection = json_object();
	if (*selection == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	for (text += strspn(text, BLANKS); *text != '\0' && end == CLI_DONE;) {
		size_t len = strcspn(text, BLANKS);

		end = read_condition(text, len, *selection);
		text += len;
		text += strspn(text, BLANKS);
	}
	if (end == CLI_DONE && json_object_size(*selection) == 0)
		end = cli_misuse("--select names no condition; first=imsi-000000000000000 is "
				 "everybody");
	if (end != CLI_DONE) {
		json_decref(*selection);
		*selection = NULL;
	}
	return end;
}

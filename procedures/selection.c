#include "procedures/selection.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "procedures/body.h"
#include "procedures/supi.h"

#define TIME_MOST INT64_C(253402300799) /* the year 9999 ends */

enum condition_kind { AN_IMSI, A_KIND, A_STATE, A_TIME };

struct condition {
	const char *name;
	enum condition_kind kind;
	size_t at; /* in struct db_selection */
	const char *reason;
};

static const char no_imsi[] = "This is no IMSI: imsi- and 15 digits, or the digits alone.";
static const char no_time[] = "This is no time: RFC 3339 in UTC, or unix seconds.";

static const struct condition conditions[] = {
	{ "first", AN_IMSI, offsetof(struct db_selection, first), no_imsi },
	{ "last", AN_IMSI, offsetof(struct db_selection, last), no_imsi },
	{ "owner", AN_IMSI, offsetof(struct db_selection, owner), no_imsi },
	{ "kind", A_KIND, offsetof(struct db_selection, kind),
		"This is none of EK, IMPORTED, COMPANION, HEADLESS, PROFILE." },
	{ "state", A_STATE, offsetof(struct db_selection, state),
		"This is none of PRE_ACTIVE, ACTIVE, SUSPENDED, RETIRED, REVOKED, DESTROYED, "
		"OVERDUE." },
	{ "createdBefore", A_TIME, offsetof(struct db_selection, created_before), no_time },
	{ "createdSince", A_TIME, offsetof(struct db_selection, created_since), no_time },
	{ "expiresBefore", A_TIME, offsetof(struct db_selection, expires_before), no_time },
};
#define CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

const struct db_selection selection_everybody = {
	.first = -1, .last = -1, .kind = -1, .state = -1, .owner = -1
};

static bool read_imsi(const char *text, int64_t *out)
{
	size_t len = strlen(text);
	uint64_t imsi;

	if (!imsi_read_supi(text, len, &imsi) && !imsi_read(text, len, &imsi))
		return false;
	*out = (int64_t)imsi;
	return true;
}

static bool read_time(const char *text, int64_t *out)
{
	char *end;

	if (clock_read(text, out))
		return true;
	if (text[0] < '0' || text[0] > '9')
		return false;
	*out = strtoll(text, &end, 10);
	return *end == '\0' && *out > 0 && *out <= TIME_MOST;
}

static bool read_kind(const char *text, int32_t *out)
{
	for (int i = CREDENTIAL_EK; i <= CREDENTIAL_PROFILE; i++)
		if (strcmp(text, credential_kind_name((enum credential_kind)i)) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static bool read_state(const char *text, int32_t *out)
{
	for (int i = CREDENTIAL_IS_PRE_ACTIVE; i <= CREDENTIAL_IS_OVERDUE; i++)
		if (strcmp(text, credential_state_name((enum credential_state)i)) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static bool read_condition(const struct condition *c, const char *text, struct db_selection *s)
{
	void *at = (char *)s + c->at;

	switch (c->kind) {
	case AN_IMSI:
		return read_imsi(text, at);
	case A_KIND:
		return read_kind(text, at);
	case A_STATE:
		return read_state(text, at);
	case A_TIME:
		return read_time(text, at);
	}
	return false;
}

enum outcome selection_read_query(struct txn *t, struct db_selection *s)
{
	*s = selection_everybody;
	for (size_t i = 0; i < CONDITIONS; i++) {
		const struct condition *c = &conditions[i];
		const char *text;
		enum outcome o = query_text(t, c->name, &text);

		if (o != FINE)
			return o;
		if (text != NULL && !read_condition(c, text, s))
			return txn_refuse_parameter(t, INVALID_PARAMETER, c->name, c->reason);
	}
	return FINE;
}

static const struct condition *find_condition(const char *name)
{
	for (size_t i = 0; i < CONDITIONS; i++)
		if (strcmp(conditions[i].name, name) == 0)
			return &conditions[i];
	return NULL;
}

/* A time may be a number. */
static bool read_member(const struct condition *c, const json_t *value, struct db_selection *s)
{
	if (json_is_string(value))
		return read_condition(c, json_string_value(value), s);
	if (c->kind != A_TIME || !json_is_integer(value))
		return false;
	*(int64_t *)(void *)((char *)s + c->at) = json_integer_value(value);
	return json_integer_value(value) > 0 && json_integer_value(value) <= TIME_MOST;
}

enum outcome selection_read_body(struct txn *t, struct db_selection *s)
{
	const json_t *member;
	enum outcome o = body_object(t, t->json, "selection", &member);
	const char *name;
	json_t *value;

	*s = selection_everybody;
	if (o != FINE)
		return o;
	if (json_object_size(member) == 0)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "selection",
			"This selects everybody, which it must say: by first, for one.");
	json_object_foreach((json_t *)member, name, value)
	{
		const struct condition *c = find_condition(name);

		if (c == NULL)
			return txn_refuse_parameter(t, INVALID_PARAMETER, "selection",
				"A condition is one of first, last, owner, kind, state, "
				"createdBefore, createdSince, expiresBefore.");
		if (!read_member(c, value, s))
			return txn_refuse_parameter(t, INVALID_PARAMETER, c->name, c->reason);
	}
	return FINE;
}

static void write_imsi(struct json_out *o, const char *key, int64_t imsi)
{
	char supi[SUPI_TEXT_LEN];

	if (imsi < 0)
		return;
	supi_write((uint64_t)imsi, supi);
	json_member_text(o, key, supi);
}

static void write_time(struct json_out *o, const char *key, int64_t at)
{
	if (at == 0)
		return;
	json_key(o, key);
	json_time(o, at);
}

void selection_write(struct json_out *o, const struct db_selection *s)
{
	json_open(o, '{');
	write_imsi(o, "first", s->first);
	write_imsi(o, "last", s->last);
	write_imsi(o, "owner", s->owner);
	if (s->kind >= 0)
		json_member_text(o, "kind", credential_kind_name((enum credential_kind)s->kind));
	if (s->state >= 0)
		json_member_text(
			o, "state", credential_state_name((enum credential_state)s->state));
	write_time(o, "createdBefore", s->created_before);
	write_time(o, "createdSince", s->created_since);
	write_time(o, "expiresBefore", s->expires_before);
	json_close(o, '}');
}

bool selection_equal(const struct db_selection *a, const struct db_selection *b)
{
	return a->first == b->first && a->last == b->last && a->owner == b->owner &&
	       a->kind == b->kind && a->state == b->state &&
	       a->created_before == b->created_before && a->created_since == b->created_since &&
	       a->expires_before == b->expires_before;
}

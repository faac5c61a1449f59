#include "procedures/selection.h"

#include <stddef.h>
#include <stdio.h>

#include "procedures/body.h"
#include "procedures/supi.h"

#define NUMBER_SIZE 24

const struct filter selection_filters[] = {
	{ "first", filter_imsi, offsetof(struct db_selection, first), filter_no_imsi },
	{ "last", filter_imsi, offsetof(struct db_selection, last), filter_no_imsi },
	{ "owner", filter_subscriber, offsetof(struct db_selection, owner), filter_no_imsi },
	{ "kind", filter_credential_kind, offsetof(struct db_selection, kind), filter_no_kind },
	{ "state", filter_credential_state, offsetof(struct db_selection, state), filter_no_state },
	{ "createdBefore", filter_time, offsetof(struct db_selection, created_before),
		filter_no_time },
	{ "createdSince", filter_since, offsetof(struct db_selection, created_since),
		filter_no_time },
	{ "expiresBefore", filter_time, offsetof(struct db_selection, expires_before),
		filter_no_time },
	{},
};

const struct db_selection selection_everybody = {
	.first = -1, .last = -1, .kind = -1, .state = -1, .owner = -1
};

static const struct filter *find_condition(const char *name)
{
	for (const struct filter *f = selection_filters; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* A time may be a number. */
static bool read_member(const struct filter *f, const json_t *value, struct db_selection *s)
{
	void *at = (char *)s + f->at;
	char number[NUMBER_SIZE];

	if (json_is_string(value))
		return f->read(json_string_value(value), at);
	if ((f->read != filter_time && f->read != filter_since) || !json_is_integer(value))
		return false;
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	return f->read(number, at);
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
		const struct filter *f = find_condition(name);

		if (f == NULL)
			return txn_refuse_parameter(t, INVALID_PARAMETER, "selection",
				"A condition is one of first, last, owner, kind, state, "
				"createdBefore, createdSince, expiresBefore.");
		if (!read_member(f, value, s))
			return txn_refuse_parameter(t, INVALID_PARAMETER, f->name, f->reason);
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

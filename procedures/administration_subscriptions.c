#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/body.h"
#include "procedures/named_subscription.h"
#include "procedures/selection.h"

static enum outcome read_selection(struct txn *t);
static enum outcome list_subscriptions(struct txn *t);

static enum outcome read_supi(struct txn *t);
static enum outcome find_access_id(struct txn *t);
static enum outcome have_access_id(struct txn *t, enum outcome brought);
static enum outcome find_subscription(struct txn *t);
static enum outcome have_subscription(struct txn *t, enum outcome brought);
static enum outcome list_versions(struct txn *t);
static enum outcome answer_subscription(struct txn *t);
static bool is_access_id(const struct txn *t);

static enum outcome read_overdue_page(struct txn *t);
static enum outcome list_overdue(struct txn *t);
static enum outcome answer_overdue(struct txn *t);

struct selected_list {
	struct list list; /* at the front */
	struct db_selection_page page;
};

struct shown {
	struct named_subscription named;
	struct db_selection_page page;
	struct db_subscription found;
	struct db_imsi ask;
	struct json_out versions;
	int32_t last_version;
};

struct overdue_list {
	struct list list; /* at the front: rows, more, out */
	struct db_overdue_page page;
	struct db_version last;
};

const struct procedure admin_list_subscriptions = {
	.name = "admin-list-subscriptions",
	.state_size = sizeof(struct selected_list),
	.steps = {
		{ "read_selection", LANE_CPU, read_selection },
		{ "list_subscriptions", LANE_DB, list_subscriptions },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

const struct procedure admin_show_subscription = {
	.name = "admin-show-subscription",
	.state_size = sizeof(struct shown),
	.steps = {
		{ "read_supi", LANE_CPU, read_supi },
		{ "find_access_id", LANE_DB, find_access_id, have_access_id, is_access_id },
		{ "find_subscription", LANE_DB, find_subscription, have_subscription },
		{ "list_versions", LANE_DB, list_versions },
		{ "answer_subscription", LANE_REPLY, answer_subscription },
	},
};

const struct procedure admin_list_overdue = {
	.name = "admin-list-overdue",
	.state_size = sizeof(struct overdue_list),
	.steps = {
		{ "read_overdue_page", LANE_CPU, read_overdue_page },
		{ "list_overdue", LANE_DB, list_overdue },
		{ "answer_overdue", LANE_REPLY, answer_overdue },
	},
};

static void write_supi(struct json_out *o, const char *key, int64_t imsi)
{
	char supi[SUPI_TEXT_LEN];

	supi_write((uint64_t)imsi, supi);
	json_member_text(o, key, supi);
}

/* 0: there is none. */
static void write_time(struct json_out *o, const char *key, int64_t at)
{
	if (at == 0)
		return;
	json_key(o, key);
	json_time(o, at);
}

static void write_subscription(struct json_out *o, const struct db_subscription *s)
{
	char digits[IMSI_DIGITS + 1];

	write_supi(o, "supi", s->imsi);
	json_member_text(o, "kind", credential_kind_name((enum credential_kind)s->kind));
	json_member_text(o, "state", credential_state_name((enum credential_state)s->state));
	json_member_number(o, "version", s->version);
	json_member_number(o, "versions", s->versions);
	if (s->owner != 0)
		write_supi(o, "owner", s->owner);
	if (s->dimsi != 0) {
		imsi_write((uint64_t)s->dimsi, digits);
		json_member_text(o, "dimsi", digits);
	}
	if (s->eid[0] != '\0')
		json_member_text(o, "eid", s->eid);
	write_time(o, "createdAt", s->created_at);
	write_time(o, "changedAt", s->changed_at);
	write_time(o, "notAfter", s->not_after);
	write_time(o, "retireAt", s->retire_at);
	write_time(o, "authenticatedAt", s->authenticated_at);
}

static enum outcome read_selection(struct txn *t)
{
	struct selected_list *l = t->state;

	l->page.what = selection_everybody;
	enum outcome o = list_read_filters(t, selection_filters, &l->page.what);

	l->page.after = l->list.page.after;
	l->page.limit = l->list.page.limit;
	return o;
}

static void on_subscription(struct db_request *request, const void *row)
{
	const struct db_subscription *s = row;

	if (s->version == 0) {
		list_looked(request, s->imsi);
		return;
	}
	struct json_out *o = list_open_row(request, s->imsi);

	if (o == NULL)
		return;
	write_subscription(o, s);
	json_close(o, '}');
}

static enum outcome list_subscriptions(struct txn *t)
{
	struct selected_list *l = t->state;

	return list_ask_row(t, DB_LIST_SUBSCRIPTIONS, &l->page, on_subscription);
}

static enum outcome read_supi(struct txn *t)
{
	return named_subscription_read(t, &((struct shown *)t->state)->named);
}

static bool is_access_id(const struct txn *t)
{
	return named_subscription_is_access_id(&((const struct shown *)t->state)->named);
}

static enum outcome find_access_id(struct txn *t)
{
	return named_subscription_ask(t, &((struct shown *)t->state)->named);
}

static enum outcome have_access_id(struct txn *t, enum outcome brought)
{
	return named_subscription_have(t, &((struct shown *)t->state)->named, brought);
}

static void on_found(struct db_request *request, const void *row)
{
	struct shown *s = txn_of_db_request(request)->state;
	const struct db_subscription *found = row;

	if (found->version != 0)
		s->found = *found;
}

static enum outcome find_subscription(struct txn *t)
{
	struct shown *s = t->state;
	int64_t imsi = (int64_t)s->named.supi.imsi;

	s->ask.imsi = imsi;
	s->page = (struct db_selection_page){
		.what = { .first = imsi, .last = imsi, .kind = -1, .state = -1, .owner = -1 },
		.after = -1,
		.limit = 1,
	};
	enum outcome o = txn_ask_db(t, DB_LIST_SUBSCRIPTIONS, &s->page, NULL);
	t->ask.db.each = on_found;
	return o;
}

static enum outcome have_subscription(struct txn *t, enum outcome brought)
{
	const struct shown *s = t->state;

	return brought == FINE && s->found.version == 0 ? named_subscription_refuse_unknown(t)
							: brought;
}

static void on_version(struct db_request *request, const void *row)
{
	struct shown *s = txn_of_db_request(request)->state;
	const struct db_version *v = row;
	struct json_out *o = &s->versions;

	/* A statement that is asked again shows its rows again. */
	if (s->last_version != 0 && v->version >= s->last_version)
		return;
	s->last_version = v->version;
	json_open(o, '{');
	json_member_number(o, "version", v->version);
	json_member_text(o, "kind", credential_kind_name((enum credential_kind)v->kind));
	json_member_text(o, "state", credential_state_name((enum credential_state)v->state));
	write_time(o, "createdAt", v->created_at);
	write_time(o, "changedAt", v->changed_at);
	write_time(o, "notAfter", v->not_after);
	write_time(o, "retireAt", v->retire_at);
	json_key(o, "hasKey");
	json_bool(o, v->has_key);
	json_close(o, '}');
}

static enum outcome list_versions(struct txn *t)
{
	struct shown *s = t->state;

	s->versions = json_start(t->arena);
	json_open(&s->versions, '{');
	write_subscription(&s->versions, &s->found);
	json_key(&s->versions, "credentials");
	json_open(&s->versions, '[');
	enum outcome o = txn_ask_db(t, DB_LIST_VERSIONS, &s->ask, NULL);
	t->ask.db.each = on_version;
	return o;
}

static enum outcome answer_subscription(struct txn *t)
{
	struct shown *s = t->state;

	json_close(&s->versions, ']');
	json_close(&s->versions, '}');
	return answer_json(t, 200, &s->versions);
}

/* What `next` was: unix seconds, a full stop, an IMSI. */
static bool read_overdue_key(const char *text, void *page)
{
	struct db_overdue_page *p = page;
	char seconds[24];
	size_t len = strcspn(text, ".");
	uint64_t imsi;

	if (text[len] != '.' || len >= sizeof(seconds))
		return false;
	memcpy(seconds, text, len);
	seconds[len] = '\0';
	text += len + 1;
	if (!filter_read_number(seconds, INT64_MAX, &p->after_not_after) ||
		!imsi_read(text, strlen(text), &imsi))
		return false;
	p->after_imsi = (int64_t)imsi;
	return true;
}

#define OF_OVERDUE(member) offsetof(struct db_overdue_page, member)
static const struct filter overdue_filters[] = {
	{ "after", read_overdue_key, 0, "This is not what a page's next was." },
	{ "first", filter_imsi, OF_OVERDUE(first), filter_no_imsi },
	{ "last", filter_imsi, OF_OVERDUE(last), filter_no_imsi },
	{ "owner", filter_subscriber, OF_OVERDUE(owner), filter_no_imsi },
	{ "kind", filter_credential_kind, OF_OVERDUE(kind), filter_no_kind },
	{ "expiresBefore", filter_time, OF_OVERDUE(expires_before), filter_no_time },
	{ "expiresSince", filter_since, OF_OVERDUE(expires_since), filter_no_time },
	{},
};

static enum outcome read_overdue_page(struct txn *t)
{
	struct overdue_list *l = t->state;

	l->page = (struct db_overdue_page){ .last = INT64_MAX, .owner = -1, .kind = -1 };
	enum outcome o = list_read_other_filters(t, overdue_filters, &l->page);

	l->page.limit = l->list.page.limit;
	return o;
}

static void on_overdue(struct db_request *request, const void *row)
{
	struct overdue_list *l = txn_of_db_request(request)->state;
	const struct db_version *v = row;
	struct json_out *o = &l->list.out;

	if (v->not_after < l->last.not_after ||
		(v->not_after == l->last.not_after && v->imsi <= l->last.imsi))
		return; /* shown again */
	if (l->list.more || l->list.rows == l->page.limit - 1) {
		l->list.more = true;
		return;
	}
	l->last = *v;
	l->list.more = v->version == 0; /* so far it has looked */
	if (l->list.more)
		return;
	l->list.rows++;
	json_open(o, '{');
	write_supi(o, "supi", v->imsi);
	json_member_number(o, "version", v->version);
	json_member_text(o, "kind", credential_kind_name((enum credential_kind)v->kind));
	write_time(o, "notAfter", v->not_after);
	if (v->owner != 0)
		write_supi(o, "owner", v->owner);
	json_close(o, '}');
}

static enum outcome list_overdue(struct txn *t)
{
	struct overdue_list *l = t->state;

	return list_ask_row(t, DB_LIST_OVERDUE, &l->page, on_overdue);
}

static enum outcome answer_overdue(struct txn *t)
{
	const struct overdue_list *l = t->state;
	struct json_out o = l->list.out;
	char digits[IMSI_DIGITS + 1];

	imsi_write((uint64_t)l->last.imsi, digits);
	json_close(&o, ']');
	json_key(&o, "next");
	if (l->list.more)
		json_text(&o,
			arena_printf(t->arena, "%lld.%s", (long long)l->last.not_after, digits));
	else
		json_raw(&o, "null", 4);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

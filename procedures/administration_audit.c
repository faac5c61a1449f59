#include <stdio.h>

#include "base/imsi.h"
#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/body.h"

#define PAGE_ROWS      100
#define PAGE_ROWS_MOST 1000
#define ID_MAX         42 /* "<xid>.<number>" */

static enum outcome read_event_page(struct txn *t);
static enum outcome list_events(struct txn *t);
static enum outcome answer_events(struct txn *t);
static enum outcome list_trees(struct txn *t);

struct event_list {
	struct db_event_page page; /* as asked of the database: one row more than the page shows */
	int64_t rows, last_xid, last_number;
	bool more;
	struct json_out out;
};

/* Newest first. */
const struct procedure admin_list_audit_events = {
	.name = "admin-list-audit-events",
	.state_size = sizeof(struct event_list),
	.steps = {
		{ "read_event_page", LANE_CPU, read_event_page },
		{ "list_events", LANE_DB, list_events },
		{ "answer_events", LANE_REPLY, answer_events },
	},
};

const struct procedure admin_list_audit_trees = {
	.name = "admin-list-audit-trees",
	.state_size = sizeof(struct list),
	.steps = {
		{ "read_page", LANE_CPU, list_read_page },
		{ "list_trees", LANE_DB, list_trees },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

/* ---- events */

/* Digits and nothing else, moved past; false where there are none or too many. */
static bool take_number(const char **at, int64_t *out)
{
	*out = 0;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (*out > (INT64_MAX - 9) / 10)
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return true;
}

static enum outcome read_before(struct txn *t, struct db_event_page *page)
{
	const char *text;
	enum outcome o = query_text(t, "before", &text);

	page->before_xid = page->before_number = INT64_MAX;
	if (o != FINE || text == NULL)
		return o;
	if (!take_number(&text, &page->before_xid) || *text++ != '.' ||
		!take_number(&text, &page->before_number) || *text != '\0')
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "before", "the id of an event: <xid>.<number>");
	return FINE;
}

static enum outcome read_action(struct txn *t, struct db_event_page *page)
{
	const char *text;
	enum audit_action action;
	enum outcome o = query_text(t, "action", &text);

	page->action = -1;
	if (o != FINE || text == NULL)
		return o;
	if (!audit_action_read(text, &action))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "action", "no such action");
	page->action = action;
	return FINE;
}

static enum outcome read_actor(struct txn *t, struct db_event_page *page)
{
	const char *text;
	enum outcome o = query_text(t, "actor", &text);

	if (o != FINE || text == NULL)
		return o;
	page->actor = (struct db_text){ text, strlen(text) };
	return FINE;
}

/* A dIMSI or an IMSI, with or without "imsi-". */
static enum outcome read_subject(struct txn *t, struct db_event_page *page)
{
	const char *text;
	uint64_t imsi;
	enum outcome o = query_text(t, "subject", &text);

	if (o != FINE || text == NULL)
		return o;
	if (strncmp(text, "imsi-", 5) == 0)
		text += 5;
	if (!imsi_read(text, strlen(text), &imsi))
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "subject", "a dIMSI or an IMSI: 15 digits");
	page->subject = (int64_t)imsi;
	return FINE;
}

static enum outcome read_seconds(struct txn *t, const char *name, int64_t *ms)
{
	int64_t seconds;
	enum outcome o = query_number(t, name, 0, INT64_C(1) << 40, 0, &seconds);

	*ms = seconds * 1000;
	return o;
}

static enum outcome read_event_page(struct txn *t)
{
	struct event_list *list = t->state;
	struct db_event_page *page = &list->page;
	int64_t limit;
	enum outcome o = query_number(t, "limit", 1, PAGE_ROWS_MOST, PAGE_ROWS, &limit);

	if (o == FINE)
		o = read_before(t, page);
	if (o == FINE)
		o = read_action(t, page);
	if (o == FINE)
		o = read_actor(t, page);
	if (o == FINE)
		o = read_subject(t, page);
	if (o == FINE)
		o = read_seconds(t, "since", &page->since_ms);
	if (o == FINE)
		o = read_seconds(t, "until", &page->until_ms);
	page->limit = limit + 1;
	return o;
}

static void write_id(char id[ID_MAX], int64_t xid, int64_t number)
{
	snprintf(id, ID_MAX, "%lld.%lld", (long long)xid, (long long)number);
}

static void write_imsi(struct json_out *o, const char *name, int64_t imsi)
{
	char text[IMSI_DIGITS + 1];

	if (imsi < 0 || (uint64_t)imsi >= IMSI_LIMIT) {
		json_member_number(o, name, imsi);
		return;
	}
	imsi_write((uint64_t)imsi, text);
	json_member_text(o, name, text);
}

/* Actions whose second number is a dIMSI or an IMSI as well. */
static bool names_two(int32_t action)
{
	return (action >= AUDIT_BOUND && action < AUDIT_SUBSCRIBER_ADDED) ||
	       action == AUDIT_POOL_ADDED;
}

static void write_event(struct json_out *o, const struct db_event *e)
{
	char id[ID_MAX];

	write_id(id, e->xid, e->number);
	json_open(o, '{');
	json_member_text(o, "id", id);
	json_key(o, "at");
	json_time(o, e->at_ms / 1000);
	json_member_text(o, "action", audit_action_name((enum audit_action)e->action));
	json_member_text(o, "outcome",
		e->outcome == FINE ? "FINE" : outcome_cause((enum outcome)e->outcome));
	json_member_text(o, "actor", e->actor);
	if (e->subject != 0)
		write_imsi(o, "subject", e->subject);
	if (e->related != 0 && names_two(e->action))
		write_imsi(o, "related", e->related);
	else if (e->related != 0)
		json_member_number(o, "related", e->related);
	json_member_text(o, "detail", e->detail);
	json_close(o, '}');
}

/* Older than all that were shown. */
static bool is_next(const struct event_list *list, const struct db_event *e)
{
	return e->xid < list->last_xid ||
	       (e->xid == list->last_xid && e->number < list->last_number);
}

static void on_event(struct db_request *request, const void *row)
{
	struct event_list *list = txn_of_db_request(request)->state;
	const struct db_event *e = row;
	bool is_end = e->action == 0; /* the search stopped here, and there may be more */

	if (list->more || (!is_end && !is_next(list, e)))
		return;
	list->more = is_end || list->rows == list->page.limit - 1;
	if (is_end || !list->more) {
		list->last_xid = e->xid;
		list->last_number = e->number;
	}
	if (list->more)
		return;
	list->rows++;
	write_event(&list->out, e);
}

static enum outcome list_events(struct txn *t)
{
	struct event_list *list = t->state;

	list->last_xid = list->page.before_xid;
	list->last_number = list->page.before_number;
	list->out = json_start(t->arena);
	json_open(&list->out, '{');
	json_key(&list->out, "items");
	json_open(&list->out, '[');
	enum outcome o = txn_ask_db(t, DB_LIST_EVENTS, &list->page, NULL);
	t->ask.db.each = on_event;
	return o;
}

static enum outcome answer_events(struct txn *t)
{
	struct event_list *list = t->state;
	char id[ID_MAX];

	write_id(id, list->last_xid, list->last_number);
	json_close(&list->out, ']');
	json_key(&list->out, "next");
	if (list->more)
		json_text(&list->out, id);
	else
		json_raw(&list->out, "null", 4);
	json_close(&list->out, '}');
	return answer_json(t, 200, &list->out);
}

/* ---- trees */

static void on_tree(struct db_request *request, const void *row)
{
	const struct db_audit_tree *tree = row;
	struct json_out *o = list_open_row(request, tree->number);

	if (o == NULL)
		return;
	json_member_number(o, "number", tree->number);
	json_member_number(o, "fromXid", tree->from_xid);
	json_member_number(o, "toXid", tree->to_xid);
	json_member_number(o, "count", tree->count);
	json_key(o, "sealedAt");
	json_time(o, tree->sealed_at);
	json_member_hex(o, "root", BYTES(tree->root));
	json_member_hex(o, "chain", BYTES(tree->chain));
	json_member_hex(o, "signerId", BYTES(tree->signer_id));
	json_member_base64(o, "signature", BYTES(tree->signature));
	json_member_number(o, "treeSize", tree->tree_size);
	json_member_number(o, "leafIndex", tree->leaf_index);
	json_member_base64(o, "path", tree->path);
	json_close(o, '}');
}

static enum outcome list_trees(struct txn *t)
{
	return list_ask(t, DB_LIST_AUDIT_TREES, on_tree);
}

#include <stdio.h>

#include "base/imsi.h"
#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/body.h"

#define ID_MAX 42 /* "<xid>.<number>" */

static enum outcome read_event_page(struct txn *t);
static enum outcome list_events(struct txn *t);
static enum outcome answer_events(struct txn *t);
static enum outcome list_trees(struct txn *t);

struct event_list {
	struct list list; /* at the front: rows, more, out */
	struct db_event_page page;
	int64_t last_xid, last_number;
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

/* An event's id, <xid>.<number>. */
static bool read_before(const char *text, void *page)
{
	struct db_event_page *p = page;
	char xid[ID_MAX];
	size_t len = strcspn(text, ".");

	if (text[len] != '.' || len >= sizeof(xid))
		return false;
	memcpy(xid, text, len);
	xid[len] = '\0';
	return filter_read_number(xid, INT64_MAX, &p->before_xid) &&
	       filter_read_number(text + len + 1, INT64_MAX, &p->before_number);
}

static bool read_action(const char *text, void *int32)
{
	enum audit_action action;

	if (!audit_action_read(text, &action))
		return false;
	*(int32_t *)int32 = action;
	return true;
}

static bool read_cause(const char *text, void *int32)
{
	enum outcome o = outcome_from_cause(text);

	*(int32_t *)int32 = o;
	return strcmp(outcome_cause(o), text) == 0; /* what is no cause reads as BROKEN */
}

static bool read_since_ms(const char *text, void *int64)
{
	if (!filter_since(text, int64))
		return false;
	*(int64_t *)int64 *= 1000;
	return true;
}

static bool read_until_ms(const char *text, void *int64)
{
	return read_since_ms(text, int64) && *(int64_t *)int64 > 0;
}

#define OF_PAGE(member) offsetof(struct db_event_page, member)
static const struct filter event_filters[] = {
	{ "before", read_before, 0, "This is no event's id: <xid>.<number>." },
	{ "action", read_action, OF_PAGE(action), "There is no such action." },
	{ "outcome", read_cause, OF_PAGE(outcome), "This is neither FINE nor a cause." },
	{ "actor", filter_text, OF_PAGE(actor), filter_no_text },
	{ "subject", filter_subscriber, OF_PAGE(subject), filter_no_imsi },
	{ "since", read_since_ms, OF_PAGE(since_ms), filter_no_time },
	{ "until", read_until_ms, OF_PAGE(until_ms), filter_no_time },
	{},
};

static enum outcome read_event_page(struct txn *t)
{
	struct event_list *l = t->state;

	l->page = (struct db_event_page){
		.before_xid = INT64_MAX, .before_number = INT64_MAX, .action = -1, .outcome = -1
	};
	enum outcome o = list_read_other_filters(t, event_filters, &l->page);

	l->page.limit = l->list.page.limit;
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
static bool is_next(const struct event_list *l, const struct db_event *e)
{
	return e->xid < l->last_xid || (e->xid == l->last_xid && e->number < l->last_number);
}

static void on_event(struct db_request *request, const void *row)
{
	struct event_list *l = txn_of_db_request(request)->state;
	const struct db_event *e = row;
	bool is_end = e->action == 0; /* the search stopped here, and there may be more */

	if (l->list.more || (!is_end && !is_next(l, e)))
		return;
	l->list.more = is_end || l->list.rows == l->page.limit - 1;
	if (is_end || !l->list.more) {
		l->last_xid = e->xid;
		l->last_number = e->number;
	}
	if (l->list.more)
		return;
	l->list.rows++;
	write_event(&l->list.out, e);
}

static enum outcome list_events(struct txn *t)
{
	struct event_list *l = t->state;

	l->last_xid = l->page.before_xid;
	l->last_number = l->page.before_number;
	return list_ask_row(t, DB_LIST_EVENTS, &l->page, on_event);
}

static enum outcome answer_events(struct txn *t)
{
	struct event_list *l = t->state;
	struct json_out *o = &l->list.out;
	char id[ID_MAX];

	write_id(id, l->last_xid, l->last_number);
	json_close(o, ']');
	json_key(o, "next");
	if (l->list.more)
		json_text(o, id);
	else
		json_raw(o, "null", 4);
	json_close(o, '}');
	return answer_json(t, 200, o);
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

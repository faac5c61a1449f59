#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/binding.h"
#include "procedures/body.h"
#include "procedures/supi.h"

static enum outcome read_bindings_page(struct txn *t);
static enum outcome list_bindings(struct txn *t);
static enum outcome read_id(struct txn *t);
static enum outcome find_by_dimsi(struct txn *t);
static enum outcome find_by_imsi(struct txn *t);
static enum outcome look_whether_bound(struct txn *t, enum outcome brought);
static enum outcome find_access_id(struct txn *t);
static enum outcome find_access_id_by_imsi(struct txn *t);
static enum outcome look_whether_accessed(struct txn *t, enum outcome brought);
static enum outcome find_credential(struct txn *t);
static enum outcome look_whether_credited(struct txn *t, enum outcome brought);
static enum outcome answer_binding(struct txn *t);
static bool may_be_dimsi(const struct txn *t);
static bool may_be_imsi(const struct txn *t);
static bool is_access_id(const struct txn *t);
static bool may_have_access_id(const struct txn *t);
static bool may_have_credential(const struct txn *t);

enum id_kind { ID_DIGITS, ID_SUPI, ID_ACCESS_ID };

struct look_up {
	enum id_kind kind;
	bool is_bound, has_access_id, has_credential;
	struct db_dimsi dimsi;
	struct db_imsi imsi; /* 0: none is known */
	struct db_access_id access_id;
	struct db_binding binding;
	struct db_access access;
	struct db_credential credential;
};

struct binding_list {
	struct list list; /* at the front */
	struct db_binding_page page;
};

const struct procedure admin_list_bindings = {
	.name = "admin-list-bindings",
	.state_size = sizeof(struct binding_list),
	.steps = {
		{ "read_bindings_page", LANE_CPU, read_bindings_page },
		{ "list_bindings", LANE_DB, list_bindings },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

/* 15 digits name a dIMSI or, where there is none, an IMSI; 32 an Access ID. */
const struct procedure admin_show_binding = {
	.name = "admin-show-binding",
	.state_size = sizeof(struct look_up),
	.steps = {
		{ "read_id", LANE_CPU, read_id },
		{ "find_by_dimsi", LANE_DB, find_by_dimsi, look_whether_bound, may_be_dimsi },
		{ "find_by_imsi", LANE_DB, find_by_imsi, look_whether_bound, may_be_imsi },
		/* a subscription that has no dIMSI */
		{ "find_access_id", LANE_DB, find_access_id, look_whether_accessed, is_access_id },
		{ "find_access_id_by_imsi", LANE_DB, find_access_id_by_imsi, look_whether_accessed,
			may_have_access_id },
		{ "find_credential", LANE_DB, find_credential, look_whether_credited,
			may_have_credential },
		{ "answer_binding", LANE_REPLY, answer_binding },
	},
};

static void write_binding(struct json_out *o, const struct db_binding *b)
{
	binding_write(o, (uint64_t)b->dimsi, (uint64_t)b->imsi, bytes_of_text(b->se_id),
		(enum binding_state)b->state);
	json_member_hex(o, "tokenHash", BYTES(b->token_hash));
	json_key(o, "createdAt");
	json_time(o, b->created_at);
	json_key(o, "changedAt");
	json_time(o, b->changed_at);
}

static const char *state_name(int32_t state)
{
	return binding_state_name((enum binding_state)state);
}

static bool read_state(const char *text, void *int32)
{
	return filter_find_name(text, state_name, BINDING_REVOKED, int32);
}

/* Which bindings a list shows; all that is said must hold. */
#define OF_PAGE(member) offsetof(struct db_binding_page, member)
static const struct filter binding_filters[] = {
	{ "first", filter_imsi, OF_PAGE(dimsis.first), filter_no_imsi },
	{ "last", filter_imsi, OF_PAGE(dimsis.last), filter_no_imsi },
	{ "firstSupi", filter_imsi, OF_PAGE(supis.first), filter_no_imsi },
	{ "lastSupi", filter_imsi, OF_PAGE(supis.last), filter_no_imsi },
	{ "plmn", filter_plmn, OF_PAGE(plmn), filter_no_plmn },
	{ "state", read_state, OF_PAGE(state),
		"This is none of READY, VECTORS_SENT, ATTACHED, PROVISIONED, RELEASED, REVOKED." },
	{ "seId", filter_text, OF_PAGE(se_id), filter_no_text },
	{ "createdBefore", filter_time, OF_PAGE(created_before), filter_no_time },
	{ "createdSince", filter_since, OF_PAGE(created_since), filter_no_time },
	{ "changedBefore", filter_time, OF_PAGE(changed_before), filter_no_time },
	{ "changedSince", filter_since, OF_PAGE(changed_since), filter_no_time },
	{},
};

static enum outcome read_bindings_page(struct txn *t)
{
	struct binding_list *l = t->state;

	l->page = (struct db_binding_page){
		.dimsis = DB_EVERYTHING, .supis = DB_EVERYTHING, .plmn = DB_EVERYTHING, .state = -1
	};
	enum outcome o = list_read_filters(t, binding_filters, &l->page);

	l->page.after = l->list.page.after;
	l->page.limit = l->list.page.limit;
	l->page.is_filtered = l->list.is_filtered;
	return o;
}

static void on_binding(struct db_request *request, const void *row)
{
	const struct db_binding *binding = row;

	if (binding->state < 0) {
		list_looked(request, binding->dimsi);
		return;
	}
	struct json_out *o = list_open_row(request, binding->dimsi);

	if (o == NULL)
		return;
	write_binding(o, binding);
	json_close(o, '}');
}

static enum outcome list_bindings(struct txn *t)
{
	return list_ask_row(
		t, DB_LIST_BINDINGS, &((struct binding_list *)t->state)->page, on_binding);
}

static enum outcome read_id(struct txn *t)
{
	struct look_up *l = t->state;
	const char *text = t->parameters[0];
	size_t len = strlen(text);
	uint64_t number = 0;

	if (hex_read(text, len, l->access_id.access_id, sizeof(l->access_id.access_id)))
		l->kind = ID_ACCESS_ID;
	else if (imsi_read_supi(text, len, &number))
		l->kind = ID_SUPI;
	else if (imsi_read(text, len, &number))
		l->kind = ID_DIGITS;
	else
		return txn_refuse_parameter(t, INVALID_PARAMETER, "id",
			"This is no dIMSI, SUPI (imsi-…) or Access ID.");
	l->dimsi.dimsi = (int64_t)number;
	l->imsi.imsi = (int64_t)number;
	return FINE;
}

static bool may_be_dimsi(const struct txn *t)
{
	const struct look_up *l = t->state;

	return l->kind == ID_DIGITS;
}

static bool may_be_imsi(const struct txn *t)
{
	const struct look_up *l = t->state;

	return l->kind != ID_ACCESS_ID && !l->is_bound;
}

static bool is_access_id(const struct txn *t)
{
	const struct look_up *l = t->state;

	return l->kind == ID_ACCESS_ID;
}

static bool may_have_access_id(const struct txn *t)
{
	return may_be_imsi(t);
}

static bool may_have_credential(const struct txn *t)
{
	const struct look_up *l = t->state;

	return !l->is_bound && l->imsi.imsi != 0;
}

static enum outcome find_by_dimsi(struct txn *t)
{
	struct look_up *l = t->state;

	return txn_ask_db(t, DB_FIND_BINDING, &l->dimsi, &l->binding);
}

static enum outcome find_by_imsi(struct txn *t)
{
	struct look_up *l = t->state;

	return txn_ask_db(t, DB_FIND_BINDING_BY_IMSI, &l->imsi, &l->binding);
}

static enum outcome look_whether_bound(struct txn *t, enum outcome brought)
{
	struct look_up *l = t->state;

	l->is_bound = brought == FINE;
	return brought == NO_ROW ? FINE : brought;
}

static enum outcome find_access_id(struct txn *t)
{
	struct look_up *l = t->state;

	return txn_ask_db(t, DB_FIND_ACCESS_ID, &l->access_id, &l->access);
}

static enum outcome find_access_id_by_imsi(struct txn *t)
{
	struct look_up *l = t->state;

	return txn_ask_db(t, DB_FIND_ACCESS_ID_BY_IMSI, &l->imsi, &l->access);
}

static enum outcome look_whether_accessed(struct txn *t, enum outcome brought)
{
	struct look_up *l = t->state;

	l->has_access_id = brought == FINE;
	/* A released one may still name an IMSI that is another's by now. */
	if (brought == FINE && l->kind == ID_ACCESS_ID)
		l->imsi.imsi = l->access.state != ACCESS_RELEASED ? l->access.imsi : 0;
	return brought == NO_ROW ? FINE : brought;
}

static enum outcome find_credential(struct txn *t)
{
	struct look_up *l = t->state;

	return txn_ask_db(t, DB_FIND_CREDENTIAL, &l->imsi, &l->credential);
}

static enum outcome look_whether_credited(struct txn *t, enum outcome brought)
{
	struct look_up *l = t->state;

	l->has_credential = brought == FINE;
	return brought == NO_ROW ? FINE : brought;
}

static void write_supi(struct json_out *o, const char *key, int64_t imsi)
{
	char supi[SUPI_TEXT_LEN];

	if (imsi == 0)
		return;
	supi_write((uint64_t)imsi, supi);
	json_member_text(o, key, supi);
}

static void write_access_id(struct json_out *o, const struct db_access *a)
{
	json_member_hex(o, "accessId", BYTES(a->access_id));
	write_supi(o, "supi", a->imsi);
	json_member_text(o, "deviceId", a->device_id);
	write_supi(o, "owner", a->owner);
	json_member_text(o, "kind", credential_kind_name((enum credential_kind)a->kind));
	json_member_text(o, "state", access_state_name((enum access_state)a->state));
	json_key(o, "createdAt");
	json_time(o, a->created_at);
}

static void write_credential(struct json_out *o, const struct db_credential *c)
{
	json_member_text(o, "kind", credential_kind_name((enum credential_kind)c->kind));
	json_member_number(o, "version", c->version);
	json_member_text(o, "state", credential_state_name((enum credential_state)c->state));
}

/* A subscriber who came with K has a credential alone; an Access ID not yet confirmed has none. */
static void write_subscription(struct json_out *o, const struct look_up *l)
{
	if (!l->has_access_id) {
		write_supi(o, "supi", l->credential.imsi);
		write_supi(o, "owner", l->credential.owner);
		write_credential(o, &l->credential);
		return;
	}
	write_access_id(o, &l->access);
	if (!l->has_credential)
		return;
	json_key(o, "credential");
	json_open(o, '{');
	write_credential(o, &l->credential);
	json_close(o, '}');
}

static enum outcome refuse_unknown(struct txn *t, enum id_kind kind)
{
	switch (kind) {
	case ID_ACCESS_ID:
		return txn_refuse(t, ACCESS_ID_NOT_FOUND, "Nothing has this Access ID.");
	case ID_SUPI:
		return txn_refuse(t, USER_NOT_FOUND, "No binding or subscription has this SUPI.");
	case ID_DIGITS:
		break;
	}
	return txn_refuse(t, DIMSI_NOT_FOUND, "Nothing has this as its dIMSI or IMSI.");
}

static enum outcome answer_binding(struct txn *t)
{
	const struct look_up *l = t->state;
	struct json_out o = json_start(t->arena);

	if (!l->is_bound && !l->has_access_id && !l->has_credential)
		return refuse_unknown(t, l->kind);
	json_open(&o, '{');
	if (l->is_bound)
		write_binding(&o, &l->binding);
	else
		write_subscription(&o, l);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

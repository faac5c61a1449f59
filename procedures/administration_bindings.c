#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/binding.h"
#include "procedures/body.h"

#define ACCESS_ID_DIGITS 32

static enum outcome list_bindings(struct txn *t);
static enum outcome read_id(struct txn *t);
static bool may_be_dimsi(const struct txn *t);
static enum outcome find_by_dimsi(struct txn *t);
static enum outcome look_whether_found(struct txn *t, enum outcome brought);
static bool may_be_imsi(const struct txn *t);
static enum outcome find_by_imsi(struct txn *t);
static enum outcome answer_binding(struct txn *t);

struct look_up {
	bool is_supi, is_found;
	struct db_dimsi dimsi;
	struct db_imsi imsi;
	struct db_binding binding;
};

const struct procedure admin_list_bindings = {
	.name = "admin-list-bindings",
	.state_size = sizeof(struct list),
	.steps = {
		{ "read_page", LANE_CPU, list_read_page },
		{ "list_bindings", LANE_DB, list_bindings },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

/* 15 digits name a dIMSI or, where there is none, an IMSI. */
const struct procedure admin_show_binding = {
	.name = "admin-show-binding",
	.state_size = sizeof(struct look_up),
	.steps = {
		{ "read_id", LANE_CPU, read_id },
		{ "find_by_dimsi", LANE_DB, find_by_dimsi, look_whether_found, may_be_dimsi },
		{ "find_by_imsi", LANE_DB, find_by_imsi, look_whether_found, may_be_imsi },
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

static void on_binding(struct db_request *request, const void *row)
{
	const struct db_binding *binding = row;
	struct json_out *o = list_open_row(request, binding->dimsi);

	if (o == NULL)
		return;
	write_binding(o, binding);
	json_close(o, '}');
}

static enum outcome list_bindings(struct txn *t)
{
	return list_ask(t, DB_LIST_BINDINGS, on_binding);
}

static enum outcome read_id(struct txn *t)
{
	struct look_up *l = t->state;
	const char *text = t->parameters[0];
	size_t len = strlen(text);
	uint8_t access_id[ACCESS_ID_DIGITS / 2];
	uint64_t number;

	if (hex_read(text, len, access_id, sizeof(access_id)))
		return txn_refuse(t, ACCESS_ID_NOT_FOUND, "No binding has this Access ID.");
	l->is_supi = imsi_read_supi(text, len, &number);
	if (!l->is_supi && !imsi_read(text, len, &number))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "id",
			"This is no dIMSI, SUPI (imsi-…) or Access ID.");
	l->dimsi.dimsi = (int64_t)number;
	l->imsi.imsi = (int64_t)number;
	return FINE;
}

static bool may_be_dimsi(const struct txn *t)
{
	const struct look_up *l = t->state;

	return !l->is_supi;
}

static enum outcome find_by_dimsi(struct txn *t)
{
	struct look_up *l = t->state;

	return txn_ask_db(t, DB_FIND_BINDING, &l->dimsi, &l->binding);
}

static enum outcome look_whether_found(struct txn *t, enum outcome brought)
{
	struct look_up *l = t->state;

	l->is_found = brought == FINE;
	return brought == NO_ROW ? FINE : brought;
}

static bool may_be_imsi(const struct txn *t)
{
	const struct look_up *l = t->state;

	return !l->is_found;
}

static enum outcome find_by_imsi(struct txn *t)
{
	struct look_up *l = t->state;

	return txn_ask_db(t, DB_FIND_BINDING_BY_IMSI, &l->imsi, &l->binding);
}

static enum outcome answer_binding(struct txn *t)
{
	const struct look_up *l = t->state;
	struct json_out o = json_start(t->arena);

	if (!l->is_found)
		return l->is_supi ? txn_refuse(t, USER_NOT_FOUND, "No binding has this SUPI.")
				  : txn_refuse(t, DIMSI_NOT_FOUND,
					    "No binding has this as its dIMSI or IMSI.");
	json_open(&o, '{');
	write_binding(&o, &l->binding);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

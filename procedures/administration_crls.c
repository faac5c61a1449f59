#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "pki/crl.h"
#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/body.h"

#define TEXT_MAX \
	(8u * 1024u * 1024u) /* as long as the whole body may be; the CRL itself may be less */

static enum outcome read_crls_page(struct txn *t);
static enum outcome list_crls(struct txn *t);
static enum outcome verify_crl(struct txn *t);
static enum outcome store_crl(struct txn *t);
static enum outcome look_whether_newer(struct txn *t, enum outcome brought);
static enum outcome answer_crl(struct txn *t);
static enum outcome read_number_of_crl(struct txn *t);
static enum outcome remove_crl(struct txn *t);
static enum outcome look_whether_removed(struct txn *t, enum outcome brought);
static enum outcome answer_crl_removed(struct txn *t);

struct crl_adding {
	struct crl_said said;
	struct crl_issuer issuer;
	struct db_crl_in row;
	struct db_crl_put put;
};

struct crl_removal {
	struct db_crl_key key;
	struct db_crl_gone gone;
};

struct crl_list {
	struct list list; /* at the front */
	struct db_crl_page page;
};

const struct procedure admin_list_crls = {
	.name = "admin-list-crls",
	.state_size = sizeof(struct crl_list),
	.steps = {
		{ "read_crls_page", LANE_CPU, read_crls_page },
		{ "list_crls", LANE_DB, list_crls },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

const struct procedure admin_add_crl = {
	.name = "admin-add-crl",
	.state_size = sizeof(struct crl_adding),
	.steps = {
		{ "verify_crl", LANE_CPU, verify_crl },
		{ "store_crl", LANE_DB, store_crl, look_whether_newer },
		{ "read_views_anew", LANE_VIEWS, read_views_anew },
		{ "answer_crl", LANE_REPLY, answer_crl },
	},
};

const struct procedure admin_remove_crl = {
	.name = "admin-remove-crl",
	.state_size = sizeof(struct crl_removal),
	.steps = {
		{ "read_number_of_crl", LANE_CPU, read_number_of_crl },
		{ "remove_crl", LANE_DB, remove_crl, look_whether_removed },
		{ "read_views_anew", LANE_VIEWS, read_views_anew },
		{ "answer_crl_removed", LANE_REPLY, answer_crl_removed },
	},
};

static void write_crl_facts(struct json_out *o, struct bytes number, int64_t this_update,
	int64_t next_update, int64_t entries)
{
	if (number.len > 0)
		json_member_hex(o, "crlNumber", number);
	json_key(o, "thisUpdate");
	json_time(o, this_update);
	json_key(o, "nextUpdate");
	json_time(o, next_update);
	json_member_number(o, "entries", entries);
}

static void on_crl(struct db_request *request, const void *row)
{
	const struct db_crl *crl = row;
	struct json_out *o = list_open_row(request, crl->number);

	if (o == NULL)
		return;
	json_member_number(o, "number", crl->number);
	json_member_hex(o, "issuerHash", BYTES(crl->issuer_hash));
	json_member_hex(o, "issuerKeyHash", BYTES(crl->signer));
	write_crl_facts(o, crl->crl_number, crl->this_update, crl->next_update, crl->entries);
	json_key(o, "addedAt");
	json_time(o, crl->added_at);
	json_close(o, '}');
}

#define OF_PAGE(member) offsetof(struct db_crl_page, member)
static const struct filter crl_filters[] = {
	{ "issuerHash", filter_hash, OF_PAGE(issuer_hash), filter_no_hash },
	{ "nextUpdateBefore", filter_time, OF_PAGE(next_update_before), filter_no_time },
	{},
};

static enum outcome read_crls_page(struct txn *t)
{
	struct crl_list *l = t->state;
	enum outcome o = list_read_filters(t, crl_filters, &l->page);

	l->page.after = l->list.page.after;
	l->page.limit = l->list.page.limit;
	return o;
}

static enum outcome list_crls(struct txn *t)
{
	return list_ask_row(t, DB_SEARCH_CRLS, &((struct crl_list *)t->state)->page, on_crl);
}

/* In base64, or PEM as it is; the caller frees the CRL. */
static enum outcome read_crl(struct txn *t, struct crl **crl)
{
	bool is_pem = body_has(t->json, "crlPem");
	const char *member = is_pem ? "crlPem" : "crl", *text = "", *reason = NULL;
	struct bytes content = {};
	enum outcome o = is_pem ? body_text(t, t->json, member, TEXT_MAX, &text)
				: body_bytes(t, t->json, member, 1, TEXT_MAX, &content);

	if (o != FINE)
		return o;
	o = crl_read(is_pem ? bytes_of_text(text) : content, crl, &reason);
	if (o == INVALID_PARAMETER)
		return txn_refuse_parameter(t, o, member, reason);
	return o != FINE ? txn_refuse(t, o, reason) : FINE;
}

static enum outcome check_issuer(struct txn *t, const struct crl *crl)
{
	struct crl_adding *a = t->state;
	const char *reason = NULL;
	struct bytes der;
	enum outcome o;

	if (body_has(t->json, "issuer")) {
		o = body_bytes(t, t->json, "issuer", 1, DB_DER_MAX, &der);
		if (o != FINE)
			return o;
		o = crl_check_issuer(crl, der, &a->issuer, &reason);
	} else if (t->trust != NULL) {
		o = crl_find_issuer(crl, t->trust, &a->issuer, &reason);
	} else {
		return txn_lack_trust(t);
	}
	if (o == INVALID_PARAMETER)
		return txn_refuse_parameter(t, o, "issuer", reason);
	return o != FINE ? txn_refuse(t, o, reason) : FINE;
}

/* What is to be stored; from here on the CRL is done with. */
static enum outcome take_content(struct txn *t, const struct crl *crl)
{
	struct crl_adding *a = t->state;
	const char *reason = NULL;
	enum outcome o = crl_check_dates(crl, clock_unix(), &reason);

	if (o != FINE)
		return txn_refuse(t, o, reason);
	a->said = *crl_said(crl);
	uint8_t *serials = arena_alloc(t->arena, a->said.entries * CRL_SERIAL_LEN + 1);
	if (serials == NULL)
		return NO_MEMORY;
	crl_write_serials(crl, serials);
	a->row = (struct db_crl_in){
		.scope = bytes_of(a->said.scope, a->said.has_scope ? sizeof(a->said.scope) : 0),
		.crl_number = bytes_of(a->said.number, a->said.number_len),
		.this_update = a->said.this_update,
		.next_update = a->said.next_update,
		.entries = (int64_t)a->said.entries,
		.serials = bytes_of(serials, a->said.entries * CRL_SERIAL_LEN),
		.issuer_name = { a->issuer.name, strlen(a->issuer.name) },
	};
	a->row.is_root = a->issuer.is_root;
	memcpy(a->row.issuer_hash, a->issuer.id.name, sizeof(a->row.issuer_hash));
	memcpy(a->row.signer, a->issuer.id.key, sizeof(a->row.signer));
	return FINE;
}

static_assert(CRL_SERIAL_LEN == DB_SERIAL_LEN, "one form of serials");

/* Signature before content. */
static enum outcome verify_crl(struct txn *t)
{
	struct crl *crl = NULL;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = read_crl(t, &crl);
	if (o == FINE)
		o = check_issuer(t, crl);
	if (o == FINE)
		o = take_content(t, crl);
	crl_free(crl);
	return o;
}

static enum outcome store_crl(struct txn *t)
{
	struct crl_adding *a = t->state;

	return txn_ask_db(t, DB_PUT_CRL, &a->row, &a->put);
}

static enum outcome look_whether_newer(struct txn *t, enum outcome brought)
{
	if (brought == NO_ROW)
		return txn_refuse(t, CONFLICT, "A newer CRL of this issuer was given before.");
	return brought;
}

static enum outcome answer_crl(struct txn *t)
{
	const struct crl_adding *a = t->state;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_member_hex(&o, "issuerHash", BYTES(a->issuer.id.name));
	json_member_hex(&o, "issuerKeyHash", BYTES(a->issuer.id.key));
	json_member_text(&o, "issuer", a->issuer.name);
	write_crl_facts(
		&o, a->row.crl_number, a->row.this_update, a->row.next_update, a->row.entries);
	json_member_number(&o, "added", a->put.added);
	json_close(&o, '}');
	return answer_json(t, a->put.was_there ? 200 : 201, &o);
}

static enum outcome read_number_of_crl(struct txn *t)
{
	struct db_crl_key *key = &((struct crl_removal *)t->state)->key;
	const char *text = t->parameters[0];
	char *end;

	errno = 0;
	key->number = strtoll(text, &end, 10);
	if (text[0] < '1' || text[0] > '9' || *end != '\0' || errno != 0)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "number",
			"This is not a number as the list of CRLs shows it.");
	return FINE;
}

static enum outcome remove_crl(struct txn *t)
{
	struct crl_removal *r = t->state;

	return txn_ask_db(t, DB_REMOVE_CRL, &r->key, &r->gone);
}

static enum outcome look_whether_removed(struct txn *t, enum outcome brought)
{
	if (brought == NO_ROW)
		return txn_refuse(t, RESOURCE_NOT_FOUND, "No CRL has this number.");
	return brought;
}

/* Without a CRL nothing is ever out of date: that has to be said once. */
static enum outcome answer_crl_removed(struct txn *t)
{
	const struct crl_removal *r = t->state;
	struct json_out o = json_start(t->arena);
	char name[2 * sizeof(r->gone.issuer_hash) + 1], key[2 * sizeof(r->gone.signer) + 1];

	hex_write(BYTES(r->gone.issuer_hash), name);
	hex_write(BYTES(r->gone.signer), key);
	if (r->gone.left == 0)
		log_warning("crl_last_removed", "issuer=%s key=%s", name, key);
	json_open(&o, '{');
	json_member_number(&o, "number", r->key.number);
	json_member_hex(&o, "issuerHash", BYTES(r->gone.issuer_hash));
	json_member_hex(&o, "issuerKeyHash", BYTES(r->gone.signer));
	json_member_number(&o, "left", r->gone.left);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

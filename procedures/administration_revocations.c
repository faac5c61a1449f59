#include "pki/device_anchor.h"
#include "pki/trust.h"
#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/body.h"

#define KEY_HASH_LEN 32
#define SERIAL_MAX   20 /* RFC 5280 section 4.1.2.2 */
#define SERIALS_MAX  1000

static enum outcome read_revocations_page(struct txn *t);
static enum outcome list_revocations(struct txn *t);
static enum outcome read_revocations(struct txn *t);
static enum outcome take_serial(struct txn *t);
static enum outcome store_serial(struct txn *t);
static enum outcome go_to_next_serial(struct txn *t, enum outcome brought);
static enum outcome answer_revocations(struct txn *t);

struct revocation {
	struct issuer_id issuer;
	struct bytes *serials;
	size_t count, next, added;
	struct db_revocation_in row;
};

struct revocation_list {
	struct list list; /* at the front */
	struct db_revocation_page page;
};

const struct procedure admin_list_revocations = {
	.name = "admin-list-revocations",
	.state_size = sizeof(struct revocation_list),
	.steps = {
		{ "read_revocations_page", LANE_CPU, read_revocations_page },
		{ "list_revocations", LANE_DB, list_revocations },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

/* One serial, or those of a list: a serial at a time, and the views are read anew once. */
const struct procedure admin_add_revocations = {
	.name = "admin-add-revocations",
	.state_size = sizeof(struct revocation),
	.steps = {
		{ "read_revocations", LANE_CPU, read_revocations },
		{ "take_serial", LANE_LOOP, take_serial },
		{ "store_serial", LANE_DB, store_serial, go_to_next_serial },
		{ "read_views_anew", LANE_VIEWS, read_views_anew },
		{ "answer_revocations", LANE_REPLY, answer_revocations },
	},
};

/* As it is stored: without leading zeros. */
static bool take_serial_text(const char *text, void *words)
{
	uint8_t serial[SERIAL_MAX + 1]; /* a zero may stand before a positive one */
	size_t len = strlen(text);

	if (len < 2 || len > 2 * sizeof(serial) || !hex_read(text, len, serial, len / 2))
		return false;
	size_t kept = 2 * revocation_serial(bytes_of(serial, len / 2)).len;

	*(struct db_text *)words = (struct db_text){ text + len - kept, kept };
	return kept <= 2 * (size_t)SERIAL_MAX;
}

#define OF_PAGE(member) offsetof(struct db_revocation_page, member)
static const struct filter revocation_filters[] = {
	{ "issuerHash", filter_hash, OF_PAGE(issuer_hash), filter_no_hash },
	{ "serial", take_serial_text, OF_PAGE(serial),
		"A serial number is an even number of hexadecimal digits, of at most 20 bytes." },
	{ "revokedBefore", filter_time, OF_PAGE(revoked_before), filter_no_time },
	{ "revokedSince", filter_since, OF_PAGE(revoked_since), filter_no_time },
	{},
};

static enum outcome read_revocations_page(struct txn *t)
{
	struct revocation_list *l = t->state;
	enum outcome o = list_read_filters(t, revocation_filters, &l->page);

	l->page.after = l->list.page.after;
	l->page.limit = l->list.page.limit;
	l->page.is_filtered = l->list.is_filtered;
	return o;
}

/* None: it is revoked under any. */
static void write_issuer_keys(struct json_out *o, struct bytes keys)
{
	json_key(o, "issuerKeyHashes");
	json_open(o, '[');
	for (size_t i = 0; i + KEY_HASH_LEN <= keys.len; i += KEY_HASH_LEN)
		json_hex(o, bytes_of(keys.at + i, KEY_HASH_LEN));
	json_close(o, ']');
}

static void on_revocation(struct db_request *request, const void *row)
{
	const struct db_revocation *revocation = row;

	if (revocation->revoked_at == 0) {
		list_looked(request, revocation->number);
		return;
	}
	struct json_out *o = list_open_row(request, revocation->number);

	if (o == NULL)
		return;
	json_member_hex(o, "issuerHash", BYTES(revocation->issuer_hash));
	json_member_hex(o, "serial", revocation->serial);
	write_issuer_keys(o, revocation->issuer_keys);
	json_key(o, "revokedAt");
	json_time(o, revocation->revoked_at);
	json_close(o, '}');
}

static enum outcome list_revocations(struct txn *t)
{
	return list_ask_row(t, DB_SEARCH_REVOCATIONS, &((struct revocation_list *)t->state)->page,
		on_revocation);
}

/* Of any kind: devices' chains have RSA in them, and may be revoked no less. */
static enum outcome read_issuer(struct txn *t)
{
	struct revocation *r = t->state;
	struct certificate_summary issuer;
	struct bytes der;
	enum outcome o = body_bytes(t, t->json, "issuer", 1, DB_DER_MAX, &der);

	if (o == FINE)
		o = certificate_summarise(der, &issuer);
	if (o == INVALID_PARAMETER && t->invalid_count == 0)
		return txn_refuse_parameter(t, o, "issuer", "This is no X.509 certificate in DER.");
	if (o == FINE)
		r->issuer = issuer.id;
	return o;
}

static enum outcome read_serial(struct txn *t, const json_t *text, struct bytes *serial)
{
	size_t digits = json_is_string(text) ? json_string_length(text) : 0;
	uint8_t *at = arena_alloc(t->arena, digits / 2 + 1);

	if (at == NULL)
		return NO_MEMORY;
	if (digits < 2 || !hex_read(json_string_value(text), digits, at, digits / 2))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "serial",
			"A serial number is an even number of hexadecimal digits.");
	*serial = revocation_serial(bytes_of(at, digits / 2));
	if (serial->len > SERIAL_MAX)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "serial",
			"A serial number has at most 20 bytes (RFC 5280).");
	return FINE;
}

static enum outcome read_serials(struct txn *t, const json_t *list)
{
	struct revocation *r = t->state;

	r->count = list == NULL ? 1 : json_array_size(list);
	if (r->count == 0 || r->count > SERIALS_MAX)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "serials",
			"This holds from 1 to 1000 serial numbers.");
	r->serials = arena_alloc(t->arena, r->count * sizeof(*r->serials));
	if (r->serials == NULL)
		return NO_MEMORY;
	for (size_t i = 0; i < r->count; i++) {
		const json_t *text =
			list == NULL ? json_object_get(t->json, "serial") : json_array_get(list, i);
		enum outcome o = read_serial(t, text, &r->serials[i]);

		if (o != FINE)
			return o;
	}
	return FINE;
}

static enum outcome read_revocations(struct txn *t)
{
	const json_t *list = NULL;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = read_issuer(t);
	if (o != FINE)
		return o;
	if (!body_has(t->json, "serial"))
		o = body_array(t, t->json, "serials", &list);
	return o == FINE ? read_serials(t, list) : o;
}

static enum outcome take_serial(struct txn *t)
{
	struct revocation *r = t->state;

	r->row = (struct db_revocation_in){ BYTES(r->issuer.name), BYTES(r->issuer.key),
		r->serials[r->next++] };
	return FINE;
}

static enum outcome store_serial(struct txn *t)
{
	struct revocation *r = t->state;

	return txn_ask_db(t, DB_ADD_REVOCATION, &r->row, NULL);
}

static enum outcome go_to_next_serial(struct txn *t, enum outcome brought)
{
	struct revocation *r = t->state;

	if (brought != FINE && brought != NO_ROW)
		return brought;
	r->added += brought == FINE;
	return r->next < r->count ? txn_go_back(t, "take_serial", SERIALS_MAX, BROKEN) : FINE;
}

static enum outcome answer_revocations(struct txn *t)
{
	const struct revocation *r = t->state;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_member_hex(&o, "issuerHash", BYTES(r->issuer.name));
	json_member_hex(&o, "issuerKeyHash", BYTES(r->issuer.key));
	json_member_number(&o, "added", (int64_t)r->added);
	json_member_number(&o, "repeated", (int64_t)(r->count - r->added));
	json_close(&o, '}');
	return answer_json(t, r->added > 0 ? 201 : 200, &o);
}

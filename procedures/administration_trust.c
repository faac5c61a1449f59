#include <openssl/x509.h>

#include "base/clock.h"
#include "pki/device_anchor.h"
#include "pki/issuer.h"
#include "pki/trust.h"
#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/body.h"

#define USE_MAX 16

static enum outcome read_anchors_page(struct txn *t);
static enum outcome list_anchors(struct txn *t);
static enum outcome read_anchor(struct txn *t);
static enum outcome store_anchor(struct txn *t);
static enum outcome look_whether_new(struct txn *t, enum outcome brought);
static enum outcome answer_anchor(struct txn *t);
static enum outcome read_fingerprint(struct txn *t);
static enum outcome remove_anchor(struct txn *t);
static enum outcome look_whether_gone(struct txn *t, enum outcome brought);
static enum outcome answer_removed(struct txn *t);

struct anchor {
	struct db_anchor row;
	bool is_new;
};

struct removal {
	uint8_t fingerprint[FINGERPRINT_LEN];
	struct db_fingerprint row;
};

struct anchor_list {
	struct list list; /* at the front */
	struct db_anchor_page page;
};

const struct procedure admin_list_trust_anchors = {
	.name = "admin-list-trust-anchors",
	.state_size = sizeof(struct anchor_list),
	.steps = {
		{ "read_anchors_page", LANE_CPU, read_anchors_page },
		{ "list_anchors", LANE_DB, list_anchors },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

const struct procedure admin_add_trust_anchor = {
	.name = "admin-add-trust-anchor",
	.state_size = sizeof(struct anchor),
	.steps = {
		{ "read_anchor", LANE_CPU, read_anchor },
		{ "store_anchor", LANE_DB, store_anchor, look_whether_new },
		{ "read_views_anew", LANE_VIEWS, read_views_anew },
		{ "answer_anchor", LANE_REPLY, answer_anchor },
	},
};

const struct procedure admin_remove_trust_anchor = {
	.name = "admin-remove-trust-anchor",
	.state_size = sizeof(struct removal),
	.steps = {
		{ "read_fingerprint", LANE_CPU, read_fingerprint },
		{ "remove_anchor", LANE_DB, remove_anchor, look_whether_gone },
		{ "read_views_anew", LANE_VIEWS, read_views_anew },
		{ "answer_removed", LANE_REPLY, answer_removed },
	},
};

static void write_certificate(struct json_out *o, struct bytes der)
{
	struct certificate_summary summary;

	json_member_base64(o, "certificate", der);
	/* It was readable when it was added; a later version may be stricter. */
	if (certificate_summarise(der, &summary) != FINE)
		return;
	json_member_text(o, "subject", summary.subject);
	json_key(o, "notBefore");
	json_time(o, summary.not_before);
	json_key(o, "notAfter");
	json_time(o, summary.not_after);
}

static void write_anchor(struct json_out *o, const struct db_anchor *anchor)
{
	json_member_text(o, "use", trust_use_name((enum trust_use)anchor->use));
	json_member_hex(o, "fingerprint", BYTES(anchor->fingerprint));
	json_key(o, "addedAt");
	json_time(o, anchor->added_at);
	write_certificate(o, anchor->der);
}

static void on_anchor(struct db_request *request, const void *row)
{
	const struct db_anchor *anchor = row;
	struct json_out *o = list_open_row(request, anchor->number);

	if (o == NULL)
		return;
	write_anchor(o, anchor);
	json_close(o, '}');
}

static const char no_use[] = "This is none of se, device, euicc, arpf.";

static bool take_use(const char *text, void *int32)
{
	enum trust_use use;

	if (!trust_use_read(text, &use))
		return false;
	*(int32_t *)int32 = (int32_t)use;
	return true;
}

static const struct filter anchor_filters[] = {
	{ "use", take_use, offsetof(struct db_anchor_page, use), no_use },
	{},
};

static enum outcome read_anchors_page(struct txn *t)
{
	struct anchor_list *l = t->state;

	l->page.use = -1;
	enum outcome o = list_read_filters(t, anchor_filters, &l->page);

	l->page.after = l->list.page.after;
	l->page.limit = l->list.page.limit;
	return o;
}

static enum outcome list_anchors(struct txn *t)
{
	return list_ask_row(
		t, DB_SEARCH_ANCHORS, &((struct anchor_list *)t->state)->page, on_anchor);
}

static const char unreadable[] = "This certificate could not be read.";

/* Why a certificate is no anchor, or NULL. */
static const char *find_device_fault(struct bytes der, uint8_t fingerprint[FINGERPRINT_LEN])
{
	X509 *x;
	const char *reason;

	if (device_anchor_read(der, &x, &reason) != FINE)
		return reason;
	X509_free(x);
	return certificate_fingerprint(der, fingerprint) == FINE ? NULL : unreadable;
}

/* The same for all other uses. */
static const char *find_fault(struct bytes der, uint8_t fingerprint[FINGERPRINT_LEN])
{
	struct issuer *issuer;
	const char *reason = NULL;
	enum outcome o = issuer_new(der, &issuer);

	if (o == INVALID_PARAMETER)
		return "This is no X.509 certificate in DER.";
	if (o == CERTIFICATE_UNTRUSTED)
		return "This server reads X.509v3 certificates with a P-256 key and signed by "
		       "ecdsa-with-SHA256; this is another.";
	if (o != FINE)
		return unreadable;
	if (issuer_verify(issuer, &issuer->certificate, &reason) != FINE)
		reason = "This certificate is not signed by itself.";
	else if (!issuer->certificate.is_ca)
		reason = "This certificate is not that of a CA.";
	else if (issuer->certificate.has_name_constraints)
		reason = "This certificate has name constraints, which nothing would heed.";
	else
		reason = NULL;
	memcpy(fingerprint, issuer->fingerprint, FINGERPRINT_LEN);
	issuer_give_back(issuer);
	return reason;
}

static enum outcome read_anchor(struct txn *t)
{
	struct anchor *a = t->state;
	const char *use_name;
	enum trust_use use;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = body_text(t, t->json, "use", USE_MAX, &use_name);
	if (o != FINE)
		return o;
	if (!trust_use_read(use_name, &use))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "use", no_use);
	o = body_bytes(t, t->json, "certificate", 1, DB_DER_MAX, &a->row.der);
	if (o != FINE)
		return o;
	a->row.use = (int32_t)use;
	a->row.added_at = clock_unix();
	const char *fault = use == TRUST_DEVICE ? find_device_fault(a->row.der, a->row.fingerprint)
						: find_fault(a->row.der, a->row.fingerprint);
	return fault == NULL ? FINE
			     : txn_refuse_parameter(t, INVALID_PARAMETER, "certificate", fault);
}

static enum outcome store_anchor(struct txn *t)
{
	struct anchor *a = t->state;

	return txn_ask_db(t, DB_ADD_ANCHOR, &a->row, NULL);
}

static enum outcome look_whether_new(struct txn *t, enum outcome brought)
{
	struct anchor *a = t->state;

	a->is_new = brought == FINE;
	return brought == NO_ROW ? FINE : brought;
}

static enum outcome answer_anchor(struct txn *t)
{
	const struct anchor *a = t->state;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_member_text(&o, "use", trust_use_name((enum trust_use)a->row.use));
	json_member_hex(&o, "fingerprint", BYTES(a->row.fingerprint));
	write_certificate(&o, a->row.der);
	json_close(&o, '}');
	return answer_json(t, a->is_new ? 201 : 200, &o);
}

static enum outcome read_fingerprint(struct txn *t)
{
	struct removal *r = t->state;
	const char *text = t->parameters[0];

	if (!hex_read(text, strlen(text), r->fingerprint, sizeof(r->fingerprint)))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "fingerprint",
			"A fingerprint is a SHA-256 of 64 hexadecimal digits.");
	r->row.fingerprint = BYTES(r->fingerprint);
	return FINE;
}

static enum outcome remove_anchor(struct txn *t)
{
	struct removal *r = t->state;

	return txn_ask_db(t, DB_REMOVE_ANCHOR, &r->row, NULL);
}

static enum outcome look_whether_gone(struct txn *t, enum outcome brought)
{
	if (brought == NO_ROW)
		return txn_refuse(t, RESOURCE_NOT_FOUND, "No anchor has this fingerprint.");
	return brought;
}

static enum outcome answer_removed(struct txn *t)
{
	t->answer.status = 204;
	return FINE;
}

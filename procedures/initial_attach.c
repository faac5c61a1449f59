#include "procedures/initial_attach.h"

#include <inttypes.h>

#include "base/clock.h"
#include "procedures/binding.h"
#include "procedures/body.h"
#include "procedures/endorsement.h"
#include "procedures/foreign_arpf.h"
#include "procedures/held_imsi.h"
#include "procedures/outbox.h"
#include "procedures/se_credentials.h"

struct context {
	struct se_credentials se;
	struct foreign_arpf arpf; /* arpf.uri NULL: this server is its own ARPF */
	uint64_t dimsi;
	struct held_imsi imsi;
	struct bytes se_id;
	bool was_present;  /* the dIMSI was bound before, by this same token */
	bool is_exhausted; /* there was no IMSI to be had */
	struct key_agree_ek_in agree;
	struct key_open_ek_from_peer_in open;
	struct key_ek_outputs outputs;
	struct endorsement endorsement;
	struct db_binding_in bind;
	struct db_dimsi find;
	struct db_binding present;
};

static enum outcome read_context_request(struct txn *t);
static enum outcome verify_se_credentials(struct txn *t);
static enum outcome check_arpf_uri(struct txn *t);
static enum outcome ask_third_party_arpf(struct txn *t);
static enum outcome have_third_party_ek(struct txn *t, enum outcome brought);
static enum outcome ask_arpf_certificate(struct txn *t);
static enum outcome have_arpf_certificate(struct txn *t, enum outcome brought);
static enum outcome check_endorsement(struct txn *t);
static enum outcome keep_arpf_certificate(struct txn *t);
static enum outcome have_imsi(struct txn *t, enum outcome brought);
static enum outcome agree_ek_and_outputs(struct txn *t);
static enum outcome open_ek_and_outputs(struct txn *t);
static enum outcome have_opened_ek(struct txn *t, enum outcome brought);
static enum outcome endorse_token(struct txn *t);
static enum outcome bind_dimsi_to_imsi(struct txn *t);
static enum outcome have_bound(struct txn *t, enum outcome brought);
static enum outcome find_present_binding(struct txn *t);
static enum outcome have_present_binding(struct txn *t, enum outcome brought);
static enum outcome answer_context(struct txn *t);
static bool is_own_arpf(const struct txn *t);
static bool is_third_party_arpf(const struct txn *t);
static bool has_imsi(const struct txn *t);
static bool has_imsi_for_own_ek(const struct txn *t);
static bool has_imsi_for_sent_ek(const struct txn *t);
static bool lacks_arpf_certificate(const struct txn *t);
static bool was_present(const struct txn *t);
static void give_imsi_back(struct txn *t);

const struct procedure initial_attach = {
	.name = "initial-attach", /* Solution #5.x, 0-d to 2 */
	.state_size = sizeof(struct context),
	.undo = give_imsi_back,
	.steps = {
		/* 0-d */
		{ "read_context_request", LANE_CPU, read_context_request },
		/* 0-e: CI, PN, SE, ATK; the ARPF is this server or another operator's */
		{ "verify_se_credentials", LANE_CPU, verify_se_credentials, .when = is_own_arpf },
		{ "check_arpf_uri", LANE_LOOP, check_arpf_uri, .when = is_third_party_arpf },
		{ "ask_third_party_arpf", LANE_FETCH, ask_third_party_arpf, have_third_party_ek,
			is_third_party_arpf },
		{ "ask_arpf_certificate", LANE_FETCH, ask_arpf_certificate, have_arpf_certificate,
			lacks_arpf_certificate },
		{ "check_endorsement", LANE_CPU, check_endorsement, .when = is_third_party_arpf },
		{ "keep_arpf_certificate", LANE_LOOP, keep_arpf_certificate,
			.when = is_third_party_arpf },
		/* 1: an IMSI, eK, output_1, output_2 */
		{ "allocate_imsi", LANE_IMSI, NULL, have_imsi },
		{ "agree_ek_and_outputs", LANE_KEY, agree_ek_and_outputs,
			.when = has_imsi_for_own_ek },
		{ "open_ek_and_outputs", LANE_KEY, open_ek_and_outputs, have_opened_ek,
			has_imsi_for_sent_ek },
		{ "endorse_token", LANE_KEY, endorse_token, .when = is_own_arpf },
		/* 2: the association, and the pair where the D-AUSF finds it */
		{ "bind_dimsi_to_imsi", LANE_DB, bind_dimsi_to_imsi, have_bound, has_imsi },
		{ "find_present_binding", LANE_DB, find_present_binding, have_present_binding,
			was_present },
		{ "answer_context", LANE_REPLY, answer_context },
	},
};

static bool is_own_arpf(const struct txn *t)
{
	return ((const struct context *)t->state)->arpf.uri == NULL;
}

static bool is_third_party_arpf(const struct txn *t)
{
	return !is_own_arpf(t);
}

static bool has_imsi(const struct txn *t)
{
	return ((const struct context *)t->state)->imsi.is_held;
}

static bool has_imsi_for_own_ek(const struct txn *t)
{
	return has_imsi(t) && is_own_arpf(t);
}

static bool has_imsi_for_sent_ek(const struct txn *t)
{
	return has_imsi(t) && is_third_party_arpf(t);
}

static bool lacks_arpf_certificate(const struct txn *t)
{
	return is_third_party_arpf(t) && !((const struct context *)t->state)->arpf.has_certificate;
}

static bool was_present(const struct txn *t)
{
	return ((const struct context *)t->state)->was_present;
}

static enum outcome read_context_request(struct txn *t)
{
	struct context *c = t->state;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = se_credentials_read(t, &c->se);
	if (o == FINE)
		o = foreign_arpf_read(t, &c->arpf);
	c->arpf.se = &c->se;
	return o;
}

static enum outcome verify_se_credentials(struct txn *t)
{
	struct context *c = t->state;
	enum outcome o = se_credentials_verify(t, &c->se);

	c->dimsi = c->se.token.dimsi;
	c->se_id = c->se.se_id;
	return o;
}

static enum outcome check_arpf_uri(struct txn *t)
{
	return foreign_arpf_check_uri(t, &((struct context *)t->state)->arpf);
}

static enum outcome ask_third_party_arpf(struct txn *t)
{
	return foreign_arpf_ask_ek(t, &((struct context *)t->state)->arpf);
}

static enum outcome have_third_party_ek(struct txn *t, enum outcome brought)
{
	return foreign_arpf_have_ek(t, &((struct context *)t->state)->arpf, brought);
}

static enum outcome ask_arpf_certificate(struct txn *t)
{
	return foreign_arpf_ask_certificate(t, &((struct context *)t->state)->arpf);
}

static enum outcome have_arpf_certificate(struct txn *t, enum outcome brought)
{
	return foreign_arpf_have_certificate(t, &((struct context *)t->state)->arpf, brought);
}

static enum outcome check_endorsement(struct txn *t)
{
	struct context *c = t->state;
	enum outcome o = foreign_arpf_check_endorsement(t, &c->arpf);

	c->dimsi = c->arpf.dimsi;
	c->se_id = c->arpf.se_id;
	return o;
}

static enum outcome keep_arpf_certificate(struct txn *t)
{
	return foreign_arpf_keep_certificate(t, &((struct context *)t->state)->arpf);
}

static enum outcome have_imsi(struct txn *t, enum outcome brought)
{
	struct context *c = t->state;

	if (brought == IMSI_POOL_EXHAUSTED) { /* a token that is bound already needs no IMSI */
		c->is_exhausted = c->was_present = true;
		return FINE;
	}
	return held_imsi_take(t, &c->imsi, brought);
}

static void give_imsi_back(struct txn *t)
{
	struct context *c = t->state;

	if (is_third_party_arpf(t))
		foreign_arpf_forget_certificate(t, &c->arpf);
	held_imsi_give_back(t, &c->imsi);
}

static enum outcome agree_ek_and_outputs(struct txn *t)
{
	struct context *c = t->state;

	c->agree.dimsi = c->dimsi;
	c->agree.imsi = c->imsi.number;
	memcpy(c->agree.key_id, c->se.token.key_id.at, sizeof(c->agree.key_id));
	memcpy(c->agree.se_public_key, c->se.token.public_key.at, sizeof(c->agree.se_public_key));
	return txn_ask_key(t, KEY_AGREE_EK, &c->agree, &c->outputs);
}

static enum outcome open_ek_and_outputs(struct txn *t)
{
	struct context *c = t->state;

	c->open.dimsi = c->dimsi;
	c->open.imsi = c->imsi.number;
	c->open.ek = c->arpf.ek;
	memcpy(c->open.key_id, c->arpf.recipient_key_id, sizeof(c->open.key_id));
	return txn_ask_key(t, KEY_OPEN_EK_FROM_PEER, &c->open, &c->outputs);
}

/* What does not open was not made for this server's key: the ARPF is at fault. */
static enum outcome have_opened_ek(struct txn *t, enum outcome brought)
{
	if (brought == MAC_INVALID || brought == INVALID_PARAMETER)
		return txn_refuse(t, PEER_FAILED, "The eK that the ARPF sent does not open.");
	return brought;
}

static enum outcome endorse_token(struct txn *t)
{
	struct context *c = t->state;

	return endorsement_ask(t, &c->endorsement, c->se.token_hash, c->dimsi, c->se_id);
}

static enum outcome bind_dimsi_to_imsi(struct txn *t)
{
	struct context *c = t->state;
	const char *d_ausf = t->services->settings->d_ausf_uri;
	bool is_remote = d_ausf[0] != '\0';

	c->bind = (struct db_binding_in){
		.dimsi = (int64_t)c->dimsi,
		.imsi = (int64_t)c->imsi.number,
		.se_id = { (const char *)c->se_id.at, c->se_id.len },
		.token_hash = BYTES(c->se.token_hash),
		.output_1 = BYTES(c->outputs.output_1),
		.output_2 = BYTES(c->outputs.output_2),
		.sealed = bytes_of(c->outputs.sealed.at, c->outputs.sealed.len),
		.endorsed_at =
			is_own_arpf(t) ? c->endorsement.issued_at : c->arpf.endorsement.issued_at,
		.d_ausf_uri = { d_ausf, strlen(d_ausf) },
	};
	held_imsi_bind(&c->imsi);
	return txn_ask_db(t, is_remote ? DB_BIND_AND_HAND_OVER : DB_BIND, &c->bind, NULL);
}

static enum outcome have_bound(struct txn *t, enum outcome brought)
{
	struct context *c = t->state;

	if (brought == FINE && t->services->settings->d_ausf_uri[0] != '\0')
		outbox_kick(t->services->outbox);
	held_imsi_bound(t, &c->imsi, brought);
	if (brought == CONFLICT) /* the IMSI is taken after all: another one */
		return txn_go_back(t, "allocate_imsi", 3, OVERLOADED);
	c->was_present = brought == NO_ROW;
	return brought == NO_ROW ? FINE : brought;
}

static enum outcome find_present_binding(struct txn *t)
{
	struct context *c = t->state;

	c->find.dimsi = (int64_t)c->dimsi;
	return txn_ask_db(t, DB_FIND_BINDING, &c->find, &c->present);
}

/* The same token gets the same IMSI again; another one finds the dIMSI in use. */
static enum outcome have_present_binding(struct txn *t, enum outcome brought)
{
	struct context *c = t->state;

	bool is_free =
		brought == NO_ROW || (brought == FINE && c->present.state == BINDING_RELEASED);

	if (is_free && c->is_exhausted)
		return txn_refuse(t, IMSI_POOL_EXHAUSTED, "No IMSI is left in the pools.");
	if (is_free)
		return txn_refuse(t, OVERLOADED, "The dIMSI was being released; try again.");
	if (brought != FINE)
		return brought;
	t->about = arena_printf(t->arena, "%015" PRId64, c->present.dimsi);
	if (c->present.state == BINDING_REVOKED)
		return txn_refuse(t, CREDENTIAL_REVOKED, "The dIMSI was revoked.");
	if (memcmp(c->present.token_hash, c->se.token_hash, sizeof(c->se.token_hash)) != 0)
		return txn_refuse(t, DIMSI_IN_USE, "The dIMSI is bound by another token.");
	c->imsi.number = (uint64_t)c->present.imsi;
	return FINE;
}

static enum outcome answer_context(struct txn *t)
{
	const struct context *c = t->state;
	int status = c->was_present ? 200 : 201;
	enum binding_state state =
		c->was_present ? (enum binding_state)c->present.state : BINDING_READY;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	if (t->parent != NULL) /* an item of a batch carries its status itself */
		json_member_number(&o, "status", status);
	binding_write(&o, c->dimsi, c->imsi.number, c->se_id, state);
	if (is_own_arpf(t))
		endorsement_write(&o, &c->endorsement);
	else
		foreign_endorsement_write(&o, &c->arpf.endorsement);
	json_close(&o, '}');
	return answer_json(t, status, &o);
}

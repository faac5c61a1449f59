/*
 * What an operator does to one subscription (docs/protocol.md section 11): suspend, resume, revoke, rekey, and
 * delete it. credential_life.c says in which state each is allowed; the database looks at the state and
 * changes it in one statement.
 */
#include "base/clock.h"
#include "procedures/administration.h"
#include "procedures/body.h"
#include "procedures/credential_life.h"
#include "procedures/named_subscription.h"
#include "procedures/outbox.h"
#include "procedures/rekey_overlap.h"

static enum outcome read_change(struct txn *t);
static enum outcome read_deletion(struct txn *t);
static enum outcome find_access_id(struct txn *t);
static enum outcome have_access_id(struct txn *t, enum outcome brought);
static enum outcome change_state(struct txn *t);
static enum outcome make_key(struct txn *t);
static enum outcome rekey(struct txn *t);
static enum outcome have_changed(struct txn *t, enum outcome brought);
static enum outcome answer_change(struct txn *t);
static enum outcome answer_deletion(struct txn *t);
static bool is_access_id(const struct txn *t);
static bool is_rekeying(const struct txn *t);
static bool is_no_rekeying(const struct txn *t);

struct change {
	struct named_subscription named;
	enum credential_operation operation;
	struct key_make_subscriber_in make;
	struct sealed_key sealed;
	struct db_change_in row;
	struct db_rekey_in rekey;
	struct db_changed changed;
};

const struct procedure admin_change_subscription = {
	.name = "admin-change-subscription",
	.state_size = sizeof(struct change),
	.steps = {
		{ "read_change", LANE_CPU, read_change },
		{ "find_access_id", LANE_DB, find_access_id, have_access_id, is_access_id },
		{ "change_state", LANE_DB, change_state, have_changed, is_no_rekeying },
		{ "make_key", LANE_KEY, make_key, .when = is_rekeying },
		{ "rekey", LANE_DB, rekey, have_changed, is_rekeying },
		{ "answer_change", LANE_REPLY, answer_change },
	},
};

const struct procedure admin_delete_subscription = {
	.name = "admin-delete-subscription",
	.state_size = sizeof(struct change),
	.steps = {
		{ "read_deletion", LANE_CPU, read_deletion },
		{ "find_access_id", LANE_DB, find_access_id, have_access_id, is_access_id },
		{ "change_state", LANE_DB, change_state, have_changed },
		{ "answer_deletion", LANE_REPLY, answer_deletion },
	},
};

/* Deletion has a method of its own. */
static enum outcome read_operation(struct txn *t, struct change *c)
{
	return credential_operation_read(t->parameters[1], &c->operation) &&
			       c->operation != OPERATION_DELETE
		       ? FINE
		       : txn_refuse(t, RESOURCE_NOT_FOUND,
				 "An operation is one of suspend, resume, revoke, rekey.");
}

static enum outcome read_change(struct txn *t)
{
	struct change *c = t->state;
	const struct settings *s = t->services->settings;
	enum outcome o = read_operation(t, c);

	if (o == FINE)
		o = named_subscription_read(t, &c->named);
	if (o == FINE)
		o = body_read(t);
	if (o != FINE || c->operation != OPERATION_REKEY)
		return o;
	c->rekey.lifetime_s = s->profile_lifetime_s;
	return rekey_overlap_read(t, &c->rekey.overlap_s);
}

static enum outcome read_deletion(struct txn *t)
{
	struct change *c = t->state;

	c->operation = OPERATION_DELETE;
	return named_subscription_read(t, &c->named);
}

static bool is_access_id(const struct txn *t)
{
	return named_subscription_is_access_id(&((const struct change *)t->state)->named);
}

static enum outcome find_access_id(struct txn *t)
{
	return named_subscription_ask(t, &((struct change *)t->state)->named);
}

static enum outcome have_access_id(struct txn *t, enum outcome brought)
{
	return named_subscription_have(t, &((struct change *)t->state)->named, brought);
}

static bool is_rekeying(const struct txn *t)
{
	return ((const struct change *)t->state)->operation == OPERATION_REKEY;
}

static bool is_no_rekeying(const struct txn *t)
{
	return !is_rekeying(t);
}

static enum outcome change_state(struct txn *t)
{
	struct change *c = t->state;
	const struct settings *s = t->services->settings;

	c->row = (struct db_change_in){
		.imsi = (int64_t)c->named.supi.imsi,
		.from_mask = credential_from_mask(c->operation),
		.to = (int32_t)credential_to(c->operation),
		.is_final = credential_is_final(c->operation),
		.quarantine_until = clock_unix() + s->quarantine_s,
		.d_ausf_uri = { s->d_ausf_uri, strlen(s->d_ausf_uri) },
	};
	return txn_ask_db(t, DB_CHANGE_STATE, &c->row, &c->changed);
}

static enum outcome make_key(struct txn *t)
{
	struct change *c = t->state;

	c->make.imsi = c->named.supi.imsi;
	return txn_ask_key(t, KEY_MAKE_SUBSCRIBER, &c->make, &c->sealed);
}

static enum outcome rekey(struct txn *t)
{
	struct change *c = t->state;

	if (c->sealed.len == 0 || c->sealed.len > sizeof(c->sealed.at))
		return BROKEN;
	c->rekey.imsi = (int64_t)c->named.supi.imsi;
	c->rekey.from_mask = credential_from_mask(OPERATION_REKEY);
	c->rekey.sealed = bytes_of(c->sealed.at, c->sealed.len);
	return txn_ask_db(t, DB_REKEY, &c->rekey, &c->changed);
}

static enum outcome refuse_state(struct txn *t, const struct change *c)
{
	const char *state = credential_state_name((enum credential_state)c->changed.state);

	if (c->operation == OPERATION_REKEY && c->changed.state == CREDENTIAL_IS_PRE_ACTIVE)
		return txn_refuse(t, CONFLICT,
			"The subscription has a version in state PRE_ACTIVE, which waits to become "
			"active.");
	if (c->operation != OPERATION_REKEY &&
		c->changed.state == (int32_t)credential_to(c->operation))
		return txn_refuse(t, CONFLICT,
			arena_printf(t->arena, "The subscription is in state %s already.", state));
	return txn_refuse(t, CONFLICT,
		arena_printf(t->arena, "The subscription is in state %s, which does not allow %s.",
			state, credential_operation_name(c->operation)));
}

static enum outcome have_changed(struct txn *t, enum outcome brought)
{
	const struct change *c = t->state;

	if (brought == NO_ROW)
		return named_subscription_refuse_unknown(t);
	if (brought != FINE)
		return brought;
	if (!c->changed.is_done)
		return refuse_state(t, c);
	if (c->row.is_final && t->services->settings->d_ausf_uri[0] != '\0')
		outbox_kick(t->services->outbox);
	return FINE;
}

static enum outcome answer_change(struct txn *t)
{
	const struct change *c = t->state;
	struct json_out o = json_start(t->arena);
	char supi[SUPI_TEXT_LEN];
	/* While a new version waits, the old one's state is the subscription's. */
	enum credential_state state = c->operation == OPERATION_REKEY && c->rekey.overlap_s > 0
					      ? (enum credential_state)c->changed.state
					      : credential_to(c->operation);

	supi_write(c->named.supi.imsi, supi);
	json_open(&o, '{');
	json_member_text(&o, "supi", supi);
	json_member_text(&o, "was", credential_state_name((enum credential_state)c->changed.state));
	json_member_text(&o, "state", credential_state_name(state));
	json_member_number(&o, "version", c->changed.version);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

static enum outcome answer_deletion(struct txn *t)
{
	t->answer.status = 204;
	return FINE;
}

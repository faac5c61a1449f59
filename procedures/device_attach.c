#include "procedures/device_attach.h"

#include "base/eid.h"
#include "procedures/body.h"
#include "procedures/exchange_offer.h"

#define ATTACH_TYPE "REMOTE_PROVISIONING"

struct attach_request {
	const char *eid;
	struct bytes ue_nonce;
	struct exchange_offer offer;
	struct db_attach_in add;
};

static enum outcome read_attach_request(struct txn *t);
static enum outcome offer_exchange(struct txn *t);
static enum outcome keep_attach(struct txn *t);
static enum outcome answer_offer(struct txn *t);

const struct procedure device_attach_request = {
	.name = "device-attach-request", /* Solution 12.X, 1 */
	.state_size = sizeof(struct attach_request),
	.steps = {
		/* 1 */
		{ "read_attach_request", LANE_LOOP, read_attach_request },
		/* 2, the network's half: an ephemeral key, signed */
		{ "offer_exchange", LANE_KEY, offer_exchange },
		{ "keep_attach", LANE_DB, keep_attach },
		{ "answer_offer", LANE_REPLY, answer_offer },
	},
};

static enum outcome read_attach_request(struct txn *t)
{
	struct attach_request *a = t->state;
	const char *type;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = body_text(t, t->json, "attachType", KEY_TEXT_MAX, &type);
	if (o == FINE && strcmp(type, ATTACH_TYPE) != 0)
		o = txn_refuse_parameter(
			t, INVALID_PARAMETER, "attachType", "This is not " ATTACH_TYPE ".");
	if (o == FINE)
		o = body_eid(t, t->json, &a->eid);
	if (o == FINE)
		o = body_bytes(t, t->json, "ueNonce", EXCHANGE_NONCE_LEN, EXCHANGE_NONCE_LEN,
			&a->ue_nonce);
	return o;
}

static enum outcome offer_exchange(struct txn *t)
{
	struct attach_request *a = t->state;

	return exchange_offer_ask(t, &a->offer, EXCHANGE_ATTACH, a->eid, a->ue_nonce);
}

static enum outcome keep_attach(struct txn *t)
{
	struct attach_request *a = t->state;
	const struct key_exchange *e = &a->offer.ask.exchange;

	a->add = (struct db_attach_in){
		.eid = { a->eid, EID_LEN },
		.scalar = BYTES(a->offer.made.scalar.at),
		.lifetime_s = t->services->settings->attach_s,
	};
	memcpy(a->add.id, e->id, sizeof(a->add.id));
	memcpy(a->add.server_nonce, e->server_nonce, sizeof(a->add.server_nonce));
	memcpy(a->add.device_nonce, e->device_nonce, sizeof(a->add.device_nonce));
	memcpy(a->add.ephemeral, a->offer.made.ephemeral, sizeof(a->add.ephemeral));
	return txn_ask_db(t, DB_ADD_ATTACH, &a->add, NULL);
}

static enum outcome answer_offer(struct txn *t)
{
	return exchange_offer_answer(t, &((struct attach_request *)t->state)->offer, "attachId");
}

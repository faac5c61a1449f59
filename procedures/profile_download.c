#include "procedures/profile_download.h"

#include <assert.h>

#include "base/eid.h"
#include "procedures/body.h"
#include "procedures/exchange_offer.h"
#include "procedures/supi.h"

struct download_request {
	const char *eid; /* NULL: a SUPI */
	uint64_t imsi;   /* of the SUPI */
	char subject[DB_SUBJECT_MAX + 1];
	uint8_t attach_id[EXCHANGE_ID_LEN];
	struct bytes device_nonce;
	struct exchange_offer offer;
	struct db_download_in add;
	struct db_download_made made;
};

static enum outcome read_download_request(struct txn *t);
static enum outcome offer_exchange(struct txn *t);
static enum outcome keep_download(struct txn *t);
static enum outcome have_kept_download(struct txn *t, enum outcome brought);
static enum outcome answer_offer(struct txn *t);

const struct procedure profile_download_offer = {
	.name = "profile-download-offer", /* Solution #5.x, 11; Solution 12.X, 5 */
	.state_size = sizeof(struct download_request),
	.steps = {
		{ "read_download_request", LANE_LOOP, read_download_request },
		{ "offer_exchange", LANE_KEY, offer_exchange },
		/* only for a subject that is attached */
		{ "keep_download", LANE_DB, keep_download, have_kept_download },
		{ "answer_offer", LANE_REPLY, answer_offer },
	},
};

static_assert(EID_LEN <= DB_SUBJECT_MAX && SUPI_TEXT_LEN <= DB_SUBJECT_MAX &&
	      DB_SUBJECT_MAX <= KEY_TEXT_MAX);

/* An eid or a supi. */
static enum outcome read_subject(struct txn *t, struct download_request *d)
{
	bool has_eid = body_has(t->json, "eid"), has_supi = body_has(t->json, "supi");
	enum outcome o;

	if (has_eid && has_supi)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "supi", "There is an eid already: one of the two.");
	if (!has_supi) {
		o = body_eid(t, t->json, &d->eid);
		if (o == FINE)
			memcpy(d->subject, d->eid, EID_LEN);
		return o;
	}
	o = supi_read_member(t, &d->imsi);
	if (o == FINE)
		supi_write(d->imsi, d->subject);
	return o;
}

static enum outcome refuse_attach_over(struct txn *t)
{
	return txn_refuse(t, SESSION_EXPIRED, "The eUICC's attach is over.");
}

/* Zeros, which to the database are no attachId, name no attach. */
static enum outcome read_attach_id(struct txn *t, struct download_request *d)
{
	static const uint8_t none[sizeof(d->attach_id)];
	enum outcome o = body_hex(t, t->json, "attachId", d->attach_id, sizeof(d->attach_id));

	if (o != FINE || d->eid == NULL || memcmp(d->attach_id, none, sizeof(none)) != 0)
		return o;
	return refuse_attach_over(t);
}

static enum outcome read_download_request(struct txn *t)
{
	struct download_request *d = t->state;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = read_subject(t, d);
	if (o == FINE && body_has(t->json, "attachId"))
		o = read_attach_id(t, d);
	if (o == FINE)
		o = body_bytes(t, t->json, "deviceNonce", EXCHANGE_NONCE_LEN, EXCHANGE_NONCE_LEN,
			&d->device_nonce);
	return o;
}

static enum outcome offer_exchange(struct txn *t)
{
	struct download_request *d = t->state;

	return exchange_offer_ask(t, &d->offer, EXCHANGE_DOWNLOAD, d->subject, d->device_nonce);
}

static enum outcome keep_download(struct txn *t)
{
	struct download_request *d = t->state;
	const struct key_exchange *e = &d->offer.ask.exchange;

	d->add = (struct db_download_in){
		.subject = { d->subject, strlen(d->subject) },
		.imsi = (int64_t)d->imsi,
		.scalar = BYTES(d->offer.made.scalar.at),
		.lifetime_s = t->services->settings->download_s,
	};
	memcpy(d->add.id, e->id, sizeof(d->add.id));
	memcpy(d->add.attach_id, d->attach_id, sizeof(d->add.attach_id));
	memcpy(d->add.server_nonce, e->server_nonce, sizeof(d->add.server_nonce));
	memcpy(d->add.device_nonce, e->device_nonce, sizeof(d->add.device_nonce));
	memcpy(d->add.ephemeral, d->offer.made.ephemeral, sizeof(d->add.ephemeral));
	return txn_ask_db(t, DB_ADD_DOWNLOAD, &d->add, &d->made);
}

static enum outcome have_kept_download(struct txn *t, enum outcome brought)
{
	const struct download_request *d = t->state;

	if (brought != FINE)
		return brought;
	switch ((enum download_bar)d->made.bar) {
	case DOWNLOAD_MAY:
		return FINE;
	case DOWNLOAD_NO_SUBJECT:
		return d->eid != NULL
			       ? txn_refuse(t, SESSION_NOT_FOUND, "The eUICC is not attached.")
			       : txn_refuse(t, USER_NOT_FOUND, "There is no binding of this SUPI.");
	case DOWNLOAD_SUBJECT_OVER:
		return refuse_attach_over(t);
	case DOWNLOAD_NOT_ATTACHED:
		return txn_refuse(t, CONFLICT, "The binding of this SUPI is not ATTACHED.");
	case DOWNLOAD_IS_SUSPENDED:
		return txn_refuse(t, CREDENTIAL_SUSPENDED, "The subscription is suspended.");
	case DOWNLOAD_IS_REVOKED:
		return txn_refuse(t, CREDENTIAL_REVOKED, "The subscription is revoked.");
	}
	return BROKEN;
}

static enum outcome answer_offer(struct txn *t)
{
	return exchange_offer_answer(
		t, &((struct download_request *)t->state)->offer, "downloadId");
}

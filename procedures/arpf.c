#include "procedures/arpf.h"

#include "procedures/body.h"
#include "procedures/endorsement.h"
#include "procedures/se_credentials.h"

static enum outcome answer_certificate(struct txn *t);

const struct procedure arpf_certificate = {
	.name = "arpf-certificate", /* Solution #5.x, 0-a */
	.state_size = 1,
	.steps = {
		{ "answer_certificate", LANE_REPLY, answer_certificate },
	},
};

struct ek_request {
	struct se_credentials se;
	struct bytes recipient;
	struct key_agree_ek_for_peer_in agree;
	struct key_ek_for_peer ek;
	struct endorsement endorsement;
	struct db_endorsement_in record;
};

static enum outcome read_ek_request(struct txn *t);
static enum outcome verify_se_credentials(struct txn *t);
static enum outcome agree_ek_for_target_ausf(struct txn *t);
static enum outcome endorse_token(struct txn *t);
static enum outcome record_endorsement(struct txn *t);
static enum outcome answer_ek(struct txn *t);

const struct procedure arpf_ek_request = {
	.name = "arpf-ek-request", /* Solution #5.x, 0-e, the third-party ARPF's side */
	.state_size = sizeof(struct ek_request),
	.steps = {
		{ "read_ek_request", LANE_CPU, read_ek_request },
		{ "verify_se_credentials", LANE_CPU, verify_se_credentials },
		{ "agree_ek_for_target_ausf", LANE_KEY, agree_ek_for_target_ausf },
		{ "endorse_token", LANE_KEY, endorse_token },
		{ "record_endorsement", LANE_DB, record_endorsement },
		{ "answer_ek", LANE_REPLY, answer_ek },
	},
};

/* The newest ECKA certificate is given out; older ones stay accepted until they are retired. */
static enum outcome answer_certificate(struct txn *t)
{
	const struct own_key *ecka = own_keys_newest(t->own_keys, KEY_USE_ECKA);
	const struct own_key *sign = own_keys_newest(t->own_keys, KEY_USE_SIGN);
	struct json_out o = json_start(t->arena);

	if (t->own_keys == NULL)
		return txn_refuse(t, DATABASE_UNAVAILABLE, "The keys have not been read yet.");
	if (ecka == NULL || sign == NULL)
		return txn_refuse(t, HSM_UNAVAILABLE, "The server has no certified keys.");
	json_open(&o, '{');
	json_member_hex(&o, "keyId", BYTES(ecka->key_id));
	json_member_base64(&o, "certEcka", ecka->certificate);
	json_member_base64(&o, "certSign", sign->certificate);
	json_key(&o, "chain");
	json_open(&o, '[');
	struct bytes rest = ecka->chain, der;

	while (own_key_chain_next(&rest, &der))
		json_base64(&o, der);
	json_close(&o, ']');
	json_key(&o, "suites");
	json_open(&o, '[');
	json_text(&o, "ecdsa-p256-sha256");
	json_close(&o, ']');
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

static enum outcome read_ek_request(struct txn *t)
{
	struct ek_request *r = t->state;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = se_credentials_read(t, &r->se);
	if (o == FINE)
		o = body_bytes(t, t->json, "recipientPublicKey", 1, 256, &r->recipient);
	if (o == FINE && p256_check_point(r->recipient) != FINE)
		o = txn_refuse_parameter(t, INVALID_PARAMETER, "recipientPublicKey",
			"This is not an uncompressed point of P-256.");
	return o;
}

static enum outcome verify_se_credentials(struct txn *t)
{
	struct ek_request *r = t->state;

	return se_credentials_verify(t, &r->se);
}

static enum outcome agree_ek_for_target_ausf(struct txn *t)
{
	struct ek_request *r = t->state;

	r->agree.dimsi = r->se.token.dimsi;
	memcpy(r->agree.key_id, r->se.token.key_id.at, sizeof(r->agree.key_id));
	memcpy(r->agree.se_public_key, r->se.token.public_key.at, sizeof(r->agree.se_public_key));
	memcpy(r->agree.recipient, r->recipient.at, sizeof(r->agree.recipient));
	return txn_ask_key(t, KEY_AGREE_EK_FOR_PEER, &r->agree, &r->ek);
}

static enum outcome endorse_token(struct txn *t)
{
	struct ek_request *r = t->state;

	return endorsement_ask(
		t, &r->endorsement, r->se.token_hash, r->se.token.dimsi, r->se.se_id);
}

/* The third-party ARPF keeps no eK: only that it has endorsed this token. */
static enum outcome record_endorsement(struct txn *t)
{
	struct ek_request *r = t->state;

	r->record = (struct db_endorsement_in){
		.token_hash = BYTES(r->se.token_hash),
		.dimsi = (int64_t)r->se.token.dimsi,
		.se_id = { (const char *)r->se.se_id.at, r->se.se_id.len },
		.issued_at = r->endorsement.issued_at,
	};
	return txn_ask_db(t, DB_RECORD_ENDORSEMENT, &r->record, NULL);
}

static enum outcome answer_ek(struct txn *t)
{
	const struct ek_request *r = t->state;
	char digits[IMSI_DIGITS + 1];
	struct json_out o = json_start(t->arena);

	imsi_write(r->se.token.dimsi, digits);
	json_open(&o, '{');
	json_member_text(&o, "dimsi", digits);
	json_key(&o, "seId");
	json_text_of(&o, r->se.se_id);
	json_key(&o, "ek");
	json_open(&o, '{');
	json_member_text(&o, "scheme", "ecies-p256");
	json_member_base64(&o, "ephemeralPublicKey", BYTES(r->ek.ephemeral));
	json_member_base64(&o, "ciphertext", BYTES(r->ek.ciphertext));
	json_member_base64(&o, "mac", BYTES(r->ek.mac));
	json_close(&o, '}');
	endorsement_write(&o, &r->endorsement);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

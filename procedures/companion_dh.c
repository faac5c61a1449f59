#include "procedures/companion_dh.h"

#include "base/clock.h"
#include "crypto/dh_group.h"
#include "crypto/transcript.h"
#include "pki/certificate.h"
#include "procedures/batch_signature.h"
#include "procedures/body.h"
#include "procedures/companion_session.h"
#include "procedures/held_imsi.h"
#include "procedures/supi.h"

#define MAC_LEN       32
#define MAC_MOST      64 /* one of another length is a wrong one */
#define MOST_IMSIS    3
#define SIGN_CN_BYTES 1024 /* label, Access ID, group, two elements, Device ID */

static enum outcome answer_ibs_parameters(struct txn *t);

const struct procedure companion_ibs_parameters = {
	.name = "companion-ibs-parameters",
	.state_size = 1,
	.steps = {
		{ "answer_ibs_parameters", LANE_REPLY, answer_ibs_parameters },
	},
};

struct credential_request {
	const char *p_type, *device_id, *group_name;
	struct bytes a, mac1;
	struct companion_session session;
	enum dh_group group;
	struct key_agree_companion_in agree;
	struct key_companion made;
	struct own_signature sig_cn;
	struct held_imsi imsi;
	bool was_present;  /* this same request was answered before */
	bool is_exhausted; /* there was no IMSI to be had */
	struct db_access_in keep;
	struct db_access_id find;
	struct db_access present;
};

static enum outcome read_credential_request(struct txn *t);
static enum outcome find_session(struct txn *t);
static enum outcome have_session(struct txn *t, enum outcome brought);
static enum outcome verify_mac1_and_agree(struct txn *t);
static enum outcome have_agreed(struct txn *t, enum outcome brought);
static enum outcome sign_cn(struct txn *t);
static enum outcome have_imsi(struct txn *t, enum outcome brought);
static enum outcome keep_access_id(struct txn *t);
static enum outcome have_kept(struct txn *t, enum outcome brought);
static enum outcome find_present(struct txn *t);
static enum outcome have_present(struct txn *t, enum outcome brought);
static enum outcome sign_cn_again(struct txn *t);
static enum outcome answer_credential(struct txn *t);
static bool is_confirmed_at_once(const struct txn *t);
static bool may_be_new(const struct txn *t);
static bool was_present(const struct txn *t);
static void give_imsi_back(struct txn *t);

const struct procedure companion_credential_request = {
	.name = "companion-credential-request", /* Solution #12.x, 3 to 5 */
	.state_size = sizeof(struct credential_request),
	.undo = give_imsi_back,
	.steps = {
		/* 3 */
		{ "read_credential_request", LANE_LOOP, read_credential_request },
		{ "find_session", LANE_DB, find_session, have_session },
		/* 4: MAC1, A, RAND2, B, KD, the Access ID */
		{ "verify_mac1_and_agree", LANE_KEY, verify_mac1_and_agree, have_agreed },
		/* 5: SigCN before anything is kept, so that its failure leaves nothing behind */
		{ "sign_cn", LANE_KEY, sign_cn },
		{ "allocate_imsi", LANE_IMSI, NULL, have_imsi, is_confirmed_at_once },
		{ "keep_access_id", LANE_DB, keep_access_id, have_kept, may_be_new },
		/* the same request again gets the same Access ID and B, under a fresh signature */
		{ "find_present", LANE_DB, find_present, have_present, was_present },
		{ "sign_cn_again", LANE_KEY, sign_cn_again, .when = was_present },
		{ "answer_credential", LANE_REPLY, answer_credential },
	},
};

static bool is_confirmed_at_once(const struct txn *t)
{
	return !t->services->settings->confirmation_required;
}

static bool may_be_new(const struct txn *t)
{
	return !((const struct credential_request *)t->state)->is_exhausted;
}

static bool was_present(const struct txn *t)
{
	return ((const struct credential_request *)t->state)->was_present;
}

static void give_imsi_back(struct txn *t)
{
	held_imsi_give_back(t, &((struct credential_request *)t->state)->imsi);
}

static enum outcome write_key_parameters(struct txn *t, struct json_out *o)
{
	const struct own_key *key = own_keys_newest(t->own_keys, KEY_USE_SIGN);
	struct bytes rest, der;

	if (key == NULL)
		return txn_refuse(t, HSM_UNAVAILABLE, "The server has no signing key.");
	json_member_text(o, "suite", BATCH_SUITE_ECDSA);
	json_member_hex(o, "signerId", BYTES(key->signer_id));
	json_key(o, "chain");
	json_open(o, '[');
	json_base64(o, key->certificate);
	rest = key->chain;
	while (own_key_chain_next(&rest, &der))
		json_base64(o, der);
	json_close(o, ']');
	return FINE;
}

static enum outcome write_identity_parameters(struct txn *t, struct json_out *o)
{
	const struct own_identity *identity = own_keys_identity(t->own_keys, clock_unix());

	if (identity == NULL)
		return txn_refuse(t, HSM_UNAVAILABLE, NO_IDENTITY);
	json_member_text(o, "suite", BATCH_SUITE_ECCSI);
	json_key(o, "signerId");
	json_text_of(o, bytes_of(identity->ibs.id, identity->ibs.id_len));
	json_member_base64(o, "kpak", BYTES(identity->ibs.kpak));
	return FINE;
}

static enum outcome answer_ibs_parameters(struct txn *t)
{
	struct json_out o = json_start(t->arena);

	if (t->own_keys == NULL)
		return txn_refuse(t, DATABASE_UNAVAILABLE, "The keys have not been read yet.");
	json_open(&o, '{');
	enum outcome outcome = t->services->settings->ibs_is_eccsi
				       ? write_identity_parameters(t, &o)
				       : write_key_parameters(t, &o);

	json_close(&o, '}');
	return outcome == FINE ? answer_json(t, 200, &o) : outcome;
}

/* Types and sizes only: a wrong MAC1 is found before anything else is looked at. */
static enum outcome read_credential_request(struct txn *t)
{
	struct credential_request *c = t->state;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = body_text(t, t->json, "pType", KEY_TEXT_MAX, &c->p_type);
	if (o == FINE)
		o = body_text(t, t->json, "deviceId", KEY_TEXT_MAX, &c->device_id);
	if (o == FINE)
		o = body_text(t, t->json, "group", KEY_TEXT_MAX, &c->group_name);
	if (o == FINE)
		o = body_bytes(t, t->json, "a", 0, COMPANION_A_MAX, &c->a);
	if (o == FINE)
		o = companion_session_read(t, &c->session);
	if (o == FINE)
		o = body_bytes(t, t->json, "mac1", 0, MAC_MOST, &c->mac1);
	return o;
}

static enum outcome find_session(struct txn *t)
{
	struct credential_request *c = t->state;

	return companion_session_ask(t, &c->session);
}

static enum outcome have_session(struct txn *t, enum outcome brought)
{
	struct credential_request *c = t->state;

	return companion_session_have(t, &c->session, brought);
}

static const char mac1_is_wrong[] = "MAC1 is not that of this request under the session's key.";

static enum outcome verify_mac1_and_agree(struct txn *t)
{
	struct credential_request *c = t->state;
	struct key_agree_companion_in *in = &c->agree;

	if (c->mac1.len != MAC_LEN)
		return txn_refuse(t, MAC_INVALID, mac1_is_wrong);
	in->session = c->session.whose;
	in->k = c->session.k;
	in->p_type = key_text_of(c->p_type);
	in->device_id = key_text_of(c->device_id);
	in->group = key_text_of(c->group_name);
	in->a_len = (uint16_t)c->a.len;
	if (c->a.len > 0)
		memcpy(in->a, c->a.at, c->a.len);
	memcpy(in->mac1, c->mac1.at, sizeof(in->mac1));
	return txn_ask_key(t, KEY_AGREE_COMPANION, in, &c->made);
}

/* MAC1 was right: now the members are looked at, and then what the token said of A. */
static enum outcome have_agreed(struct txn *t, enum outcome brought)
{
	struct credential_request *c = t->state;

	if (brought == MAC_INVALID)
		return txn_refuse(t, MAC_INVALID, mac1_is_wrong);
	if (brought != FINE && brought != INVALID_PARAMETER)
		return brought;
	if (strcmp(c->p_type, "IOT_CREDENTIAL_REQUEST") != 0)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "pType", "This is not IOT_CREDENTIAL_REQUEST.");
	if (!device_id_is_valid(bytes_of_text(c->device_id)))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "deviceId",
			"A Device ID has 1 to 64 characters of A-Z, a-z, 0-9, '.', '_', ':', '-'.");
	if (!dh_group_read(c->group_name, strlen(c->group_name), &c->group))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "group",
			"This is none of ffdhe2048, ffdhe3072, p256, x25519.");
	if (brought == INVALID_PARAMETER)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "a", "This is no public element of the group.");
	if (c->made.b_len != dh_element_len(c->group))
		return BROKEN;
	return companion_session_check_credential(t, &c->session);
}

/* T("arpf sigcn v1"; accessId, group, b, a, deviceId). */
static enum outcome ask_sig_cn(struct txn *t, struct bytes b)
{
	struct credential_request *c = t->state;
	uint8_t room[SIGN_CN_BYTES], leaf[MERKLE_HASH_LEN];
	struct bytes message;
	struct transcript m = transcript_start(room, sizeof(room), "arpf sigcn v1");

	transcript_add(&m, BYTES(c->made.access_id));
	transcript_add_text(&m, c->group_name);
	transcript_add(&m, b);
	transcript_add(&m, c->a);
	transcript_add_text(&m, c->device_id);
	enum outcome o = transcript_end(&m, &message) ? merkle_leaf(message, leaf) : BROKEN;

	if (o != FINE)
		return o;
	return own_signature_ask(t, &c->sig_cn, leaf, t->services->settings->ibs_is_eccsi);
}

static enum outcome sign_cn(struct txn *t)
{
	const struct credential_request *c = t->state;

	return ask_sig_cn(t, bytes_of(c->made.b, c->made.b_len));
}

static enum outcome have_imsi(struct txn *t, enum outcome brought)
{
	struct credential_request *c = t->state;

	if (brought == IMSI_POOL_EXHAUSTED) { /* the same request again needs no other IMSI */
		c->is_exhausted = c->was_present = true;
		return FINE;
	}
	return held_imsi_take(t, &c->imsi, brought);
}

static enum outcome keep_access_id(struct txn *t)
{
	struct credential_request *c = t->state;

	c->keep = (struct db_access_in){
		.imsi = c->imsi.is_held ? (int64_t)c->imsi.number : 0,
		.owner = c->session.row.imsi,
		.device_id = { c->device_id, strlen(c->device_id) },
		.b = bytes_of(c->made.b, c->made.b_len),
		.kdm = BYTES(c->made.kdm.at),
		.sealed = bytes_of(c->made.sealed.at, c->made.sealed.len),
		.confirmation_s = t->services->settings->confirmation_s,
	};
	memcpy(c->keep.access_id, c->made.access_id, sizeof(c->keep.access_id));
	held_imsi_bind(&c->imsi);
	return txn_ask_db(t, DB_ADD_ACCESS_ID, &c->keep, NULL);
}

static enum outcome have_kept(struct txn *t, enum outcome brought)
{
	struct credential_request *c = t->state;

	held_imsi_bound(t, &c->imsi, brought);
	if (brought == CONFLICT) /* the IMSI is taken after all: another one */
		return txn_go_back(t, "allocate_imsi", MOST_IMSIS, OVERLOADED);
	c->was_present = brought == NO_ROW;
	return brought == NO_ROW ? FINE : brought;
}

static enum outcome find_present(struct txn *t)
{
	struct credential_request *c = t->state;

	memcpy(c->find.access_id, c->made.access_id, sizeof(c->find.access_id));
	return txn_ask_db(t, DB_FIND_ACCESS_ID, &c->find, &c->present);
}

static enum outcome have_present(struct txn *t, enum outcome brought)
{
	struct credential_request *c = t->state;
	const struct db_access *present = &c->present;
	bool is_over = brought == FINE &&
		       (present->state == ACCESS_EXPIRED || present->state == ACCESS_RELEASED);

	if ((brought == NO_ROW || is_over) && c->is_exhausted)
		return txn_refuse(t, IMSI_POOL_EXHAUSTED, "No IMSI is left in the pools.");
	if (brought == NO_ROW || is_over) { /* it ended just now: this is a new one */
		c->was_present = false;
		return txn_go_back(t, "allocate_imsi", MOST_IMSIS, OVERLOADED);
	}
	if (brought != FINE)
		return brought;
	if (present->state == ACCESS_REVOKED)
		return txn_refuse(t, CREDENTIAL_REVOKED, "The Access ID is revoked.");
	return present->kind == CREDENTIAL_COMPANION && present->b.len == c->made.b_len ? FINE
											: BROKEN;
}

static enum outcome sign_cn_again(struct txn *t)
{
	const struct credential_request *c = t->state;

	return ask_sig_cn(t, bytes_of(c->present.b.at, c->present.b.len));
}

/* With confirmation required the SUPI is told by the confirmation only. */
static void write_supi(struct json_out *o, const struct credential_request *c)
{
	int64_t imsi = c->was_present ? c->present.imsi : c->keep.imsi;
	char supi[SUPI_TEXT_LEN];

	if (imsi == 0)
		return;
	supi_write((uint64_t)imsi, supi);
	json_member_text(o, "supi", supi);
}

static enum outcome answer_credential(struct txn *t)
{
	const struct credential_request *c = t->state;
	struct bytes b = c->was_present ? bytes_of(c->present.b.at, c->present.b.len)
					: bytes_of(c->made.b, c->made.b_len);
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_member_hex(&o, "accessId", BYTES(c->made.access_id));
	json_member_base64(&o, "b", b);
	json_member_base64(&o, "a", c->a);
	json_key(&o, "sigCn");
	json_open(&o, '{');
	own_signature_write(&o, &c->sig_cn);
	json_close(&o, '}');
	if (!t->services->settings->confirmation_required)
		write_supi(&o, c);
	json_close(&o, '}');
	return answer_json(t, c->was_present ? 200 : 201, &o);
}

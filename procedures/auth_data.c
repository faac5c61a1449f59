#include "procedures/auth_data.h"

#include "procedures/body.h"
#include "procedures/credential.h"
#include "procedures/serving_network.h"
#include "procedures/supi.h"

#define INSTANCE_ID_MAX 64
#define MILENAGE_K_LEN  16

struct vector_request {
	struct supi supi;
	const char *serving_network;
	bool is_resync;
	struct key_msin msin;
	struct db_access access;
	struct db_imsi ask;
	struct db_credential
		credential; /* on a resynchronisation first as found, then as advanced */
	struct key_check_auts_in auts;
	struct key_auts verified;
	struct db_resync_in resync;
	struct key_make_vector_in make;
	struct key_vector vector;
};

static enum outcome read_auth_request(struct txn *t);
static enum outcome deconceal_suci(struct txn *t);
static enum outcome have_msin(struct txn *t, enum outcome brought);
static enum outcome find_access_id(struct txn *t);
static enum outcome have_access_id(struct txn *t, enum outcome brought);
static enum outcome find_credential(struct txn *t);
static enum outcome have_credential(struct txn *t, enum outcome brought);
static enum outcome verify_auts(struct txn *t);
static enum outcome have_sqn_ms(struct txn *t, enum outcome brought);
static enum outcome resync_sqn(struct txn *t);
static enum outcome have_resynced(struct txn *t, enum outcome brought);
static enum outcome advance_sqn(struct txn *t);
static enum outcome have_sqn(struct txn *t, enum outcome brought);
static enum outcome make_vector(struct txn *t);
static enum outcome have_vector(struct txn *t, enum outcome brought);
static enum outcome answer_vector(struct txn *t);
static bool is_concealed(const struct txn *t);
static bool is_access_id(const struct txn *t);
static bool is_resync(const struct txn *t);

const struct procedure auth_data = {
	.name = "auth-data", /* TS 33.501 6.1.3.2, steps 1 and 2 */
	.state_size = sizeof(struct vector_request),
	.is_confidential = true,
	.steps = {
		{ "read_auth_request", LANE_LOOP, read_auth_request },
		/* TS 33.501 6.12.5: the SIDF */
		{ "deconceal_suci", LANE_KEY, deconceal_suci, have_msin, is_concealed },
		{ "find_access_id", LANE_DB, find_access_id, have_access_id, is_access_id },
		/* TS 33.102 6.3.5: MAC-S first, then SQN_HE becomes SQN_MS */
		{ "find_credential", LANE_DB, find_credential, have_credential, is_resync },
		{ "verify_auts", LANE_KEY, verify_auts, have_sqn_ms, is_resync },
		{ "resync_sqn", LANE_DB, resync_sqn, have_resynced, is_resync },
		/* TS 33.102 6.3.2 and Annex C: a fresh SQN */
		{ "advance_sqn", LANE_DB, advance_sqn, have_sqn },
		/* TS 33.501 6.1.3.2, 1: RAND, AUTN, XRES*, K_AUSF */
		{ "make_vector", LANE_KEY, make_vector, have_vector },
		/* 2: the 5G HE AV to the AUSF */
		{ "answer_vector", LANE_REPLY, answer_vector },
	},
};

static bool is_concealed(const struct txn *t)
{
	return ((const struct vector_request *)t->state)->supi.form == SUPI_CONCEALED;
}

static bool is_access_id(const struct txn *t)
{
	return ((const struct vector_request *)t->state)->supi.form == SUPI_ACCESS_ID;
}

static bool is_resync(const struct txn *t)
{
	return ((const struct vector_request *)t->state)->is_resync;
}

static enum outcome read_resynchronization(struct txn *t, struct vector_request *v)
{
	const json_t *info;

	if (!body_has(t->json, "resynchronizationInfo"))
		return FINE;
	v->is_resync = true;
	enum outcome o = body_object(t, t->json, "resynchronizationInfo", &info);

	if (o == FINE)
		o = body_hex(
			t, info, "resynchronizationInfo.rand", v->auts.rand, sizeof(v->auts.rand));
	if (o == FINE)
		o = body_hex(
			t, info, "resynchronizationInfo.auts", v->auts.auts, sizeof(v->auts.auts));
	return o;
}

static enum outcome read_auth_request(struct txn *t)
{
	struct vector_request *v = t->state;
	const char *ausf;
	enum outcome o = supi_read_path(t, 0, &v->supi);

	if (o == FINE)
		o = body_read(t);
	if (o == FINE)
		o = serving_network_read(t, &v->serving_network);
	if (o == FINE) /* a UUID; what else it may be is the AUSF's business */
		o = body_text(t, t->json, "ausfInstanceId", INSTANCE_ID_MAX, &ausf);
	return o == FINE ? read_resynchronization(t, v) : o;
}

static enum outcome deconceal_suci(struct txn *t)
{
	struct vector_request *v = t->state;
	unsigned count;
	const struct key_found *keys = key_client_keys(t->services->keys, &count);
	enum outcome o = supi_check_home_key(t, &v->supi, keys, count);

	return o == FINE ? txn_ask_key(t, KEY_DECONCEAL, &v->supi.concealed, &v->msin) : o;
}

static enum outcome have_msin(struct txn *t, enum outcome brought)
{
	struct vector_request *v = t->state;

	if (brought == FINE)
		return supi_reveal(t, &v->supi, &v->msin);
	if (brought == MAC_INVALID)
		return txn_refuse(t, MAC_INVALID, "The SUCI's MAC does not hold.");
	if (brought == INVALID_PARAMETER)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "supi",
			"The SUCI's scheme output or its home network public key identifier is not "
			"one that this home network can open.");
	return brought;
}

static enum outcome find_access_id(struct txn *t)
{
	struct vector_request *v = t->state;

	return txn_ask_db(t, DB_FIND_ACCESS_ID, &v->supi.access_id, &v->access);
}

static enum outcome have_access_id(struct txn *t, enum outcome brought)
{
	struct vector_request *v = t->state;

	return supi_have_access_id(t, &v->supi, &v->access, brought);
}

static const char *sentence_of(enum outcome state, const struct db_credential *c)
{
	if (state == CREDENTIAL_SUSPENDED)
		return "The credential is suspended.";
	if (state == CREDENTIAL_REVOKED)
		return "The credential is revoked.";
	if (state == CREDENTIAL_EXPIRED)
		return "The credential is past its end.";
	if (state == CREDENTIAL_RETIRED)
		return c->kind == CREDENTIAL_EK
			       ? "The eK has served the first attachment and is retired."
			       : "The credential is retired.";
	return "There is no such subscription.";
}

static enum outcome check_state(struct txn *t, const struct db_credential *c)
{
	enum outcome o = credential_state_outcome(c->state);

	return o == FINE || o == BROKEN ? o : txn_refuse(t, o, sentence_of(o, c));
}

static enum outcome refuse_long_k(struct txn *t)
{
	return txn_refuse(
		t, CONFLICT, "The credential's K has 256 bits; Milenage takes a K of 128 bits.");
}

/* Its state first; then whether it is one that Milenage can work with. */
static enum outcome check_credential(struct txn *t, enum outcome brought)
{
	const struct db_credential *c = &((struct vector_request *)t->state)->credential;

	if (brought == NO_ROW)
		return txn_refuse(t, USER_NOT_FOUND, "There is no such subscription.");
	enum outcome o = brought == FINE ? check_state(t, c) : brought;

	if (o != FINE)
		return o;
	if (c->sealed.len < 2 || c->sealed.len > SEALED_MAX)
		return BROKEN;
	return c->sealed.at[1] == MILENAGE_K_LEN ? FINE : refuse_long_k(t);
}

static void copy_sealed(const struct db_sealed *from, struct sealed_key *to)
{
	to->len = from->len;
	memcpy(to->at, from->at, from->len);
}

static enum outcome find_credential(struct txn *t)
{
	struct vector_request *v = t->state;

	v->ask.imsi = (int64_t)v->supi.imsi;
	return txn_ask_db(t, DB_FIND_CREDENTIAL, &v->ask, &v->credential);
}

static enum outcome have_credential(struct txn *t, enum outcome brought)
{
	return check_credential(t, brought);
}

static enum outcome verify_auts(struct txn *t)
{
	struct vector_request *v = t->state;

	copy_sealed(&v->credential.sealed, &v->auts.sealed);
	return txn_ask_key(t, KEY_CHECK_AUTS, &v->auts, &v->verified);
}

static enum outcome have_sqn_ms(struct txn *t, enum outcome brought)
{
	const struct vector_request *v = t->state;

	if (brought == MAC_INVALID)
		return txn_refuse(t, MAC_INVALID, "The AUTS's MAC-S does not hold.");
	if (brought == CONFLICT)
		return refuse_long_k(t);
	return brought == FINE && v->verified.sqn_ms >= (uint64_t)SQN_LIMIT ? BROKEN : brought;
}

static enum outcome resync_sqn(struct txn *t)
{
	struct vector_request *v = t->state;

	v->resync = (struct db_resync_in){
		.imsi = v->ask.imsi,
		.version = v->credential.version,
		.sqn_ms = (int64_t)v->verified.sqn_ms,
	};
	return txn_ask_db(t, DB_RESYNC_SQN, &v->resync, NULL);
}

/* That version of the credential is gone by now: whether there is another is for advance_sqn to say. */
static enum outcome have_resynced(struct txn *t, enum outcome brought)
{
	(void)t;
	return brought == NO_ROW ? FINE : brought;
}

static enum outcome advance_sqn(struct txn *t)
{
	struct vector_request *v = t->state;

	v->ask.imsi = (int64_t)v->supi.imsi;
	v->credential = (struct db_credential){ 0 };
	return txn_ask_db(t, DB_ADVANCE_SQN, &v->ask, &v->credential);
}

static enum outcome have_sqn(struct txn *t, enum outcome brought)
{
	const struct vector_request *v = t->state;
	enum outcome o = check_credential(t, brought);

	if (o != FINE)
		return o;
	if (v->credential.sqn == 0)
		return txn_refuse(
			t, CREDENTIAL_RETIRED, "The credential's sequence numbers are used up.");
	return v->credential.sqn > 0 && v->credential.sqn < SQN_LIMIT ? FINE : BROKEN;
}

static enum outcome make_vector(struct txn *t)
{
	struct vector_request *v = t->state;
	copy_sealed(&v->credential.sealed, &v->make.sealed);
	v->make.sqn = (uint64_t)v->credential.sqn;
	v->make.serving_network = key_text_of(v->serving_network);
	return txn_ask_key(t, KEY_MAKE_VECTOR, &v->make, &v->vector);
}

static enum outcome have_vector(struct txn *t, enum outcome brought)
{
	return brought == CONFLICT ? refuse_long_k(t) : brought;
}

static enum outcome answer_vector(struct txn *t)
{
	const struct vector_request *v = t->state;
	struct json_out o = json_start(t->arena);
	char supi[SUPI_TEXT_LEN];

	supi_write(v->supi.imsi, supi);
	json_open(&o, '{');
	json_member_text(&o, "authType", "5G_AKA");
	json_key(&o, "authenticationVector");
	json_open(&o, '{');
	json_member_text(&o, "avType", "5G_HE_AKA");
	json_member_hex(&o, "rand", BYTES(v->vector.rand));
	json_member_hex(&o, "autn", BYTES(v->vector.autn));
	json_member_hex(&o, "xresStar", BYTES(v->vector.xres_star));
	json_member_hex(&o, "kausf", BYTES(v->vector.kausf));
	json_close(&o, '}');
	json_member_text(&o, "supi", supi);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

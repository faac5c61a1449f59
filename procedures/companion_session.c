#include "procedures/companion_session.h"

#include <assert.h>

#include "procedures/body.h"
#include "procedures/credential.h"
#include "procedures/supi.h"

/* register-anchorkey */
struct registration {
	const char *akid;
	struct key_register_session_in ask;
	struct kept_secret k;
	struct db_session_in row;
};

static enum outcome read_anchor_key(struct txn *t);
static enum outcome derive_k(struct txn *t);
static enum outcome keep_session(struct txn *t);
static enum outcome answer_registered(struct txn *t);

const struct procedure akma_register_anchor_key = {
	.name = "akma-register-anchor-key", /* TS 33.535 6.1, TS 29.535 5.2.2.2 */
	.state_size = sizeof(struct registration),
	.is_confidential = true,
	.steps = {
		{ "read_anchor_key", LANE_LOOP, read_anchor_key },
		/* TS 33.535 A.4: K = K_AF */
		{ "derive_k", LANE_KEY, derive_k },
		{ "keep_session", LANE_DB, keep_session },
		{ "answer_registered", LANE_REPLY, answer_registered },
	},
};

static enum outcome read_context(struct txn *t);
static enum outcome remove_session(struct txn *t);
static enum outcome look_whether_gone(struct txn *t, enum outcome brought);
static enum outcome answer_removed(struct txn *t);

const struct procedure akma_remove_context = {
	.name = "akma-remove-context", /* TS 29.535 5.2.2.4 */
	.state_size = sizeof(struct db_imsi),
	.steps = {
		{ "read_context", LANE_LOOP, read_context },
		{ "remove_session", LANE_DB, remove_session, look_whether_gone },
		{ "answer_removed", LANE_REPLY, answer_removed },
	},
};

static_assert(sizeof(struct kept_secret) == DB_KEPT_LEN, "a kept secret in its row");
static_assert(AKID_TEXT_MAX <= AKID_MAX && AKID_TEXT_MAX <= DB_AKID_MAX, "room for an aKId");

/* TS 33.535 6.1 gives an A-KID the form of an NAI; it is a name to look up here, and is not asked for that form. */
static enum outcome read_akid(struct txn *t, const char **akid)
{
	enum outcome o = body_text(t, t->json, "aKId", AKID_TEXT_MAX, akid);
	bool good = true;

	if (o != FINE)
		return o;
	t->about = *akid;
	for (const char *c = *akid; *c != '\0'; c++)
		good = good && *c > ' ' && *c < 0x7f;
	return good ? FINE
		    : txn_refuse_parameter(t, INVALID_PARAMETER, "aKId",
			      "This is not of visible ASCII characters alone.");
}

static void set_whose(struct key_session *whose, uint64_t imsi, const char *akid)
{
	whose->imsi = imsi;
	whose->akid_len = (uint16_t)strlen(akid);
	memcpy(whose->akid, akid, whose->akid_len);
}

/* AF_ID (TS 33.535 A.4): the server's FQDN and the Ua* security protocol identifier. */
static enum outcome set_af_id(struct key_register_session_in *ask, const struct settings *s)
{
	struct buffer b = buffer_over(ask->af_id, sizeof(ask->af_id));

	buffer_put(&b, s->af_fqdn, strlen(s->af_fqdn));
	buffer_put(&b, s->ua_protocol_id, sizeof(s->ua_protocol_id));
	ask->af_id_len = (uint16_t)b.len;
	return b.full ? BROKEN : FINE;
}

static enum outcome read_anchor_key(struct txn *t)
{
	struct registration *r = t->state;
	const struct settings *s = t->services->settings;
	uint64_t imsi = 0;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = supi_read_member(t, &imsi);
	if (o == FINE && !plmn_has_imsi(s->home, imsi))
		o = txn_refuse_parameter(
			t, INVALID_PARAMETER, "supi", "This is no subscriber of the home PLMN.");
	if (o == FINE)
		o = read_akid(t, &r->akid);
	if (o == FINE)
		o = body_hex(t, t->json, "kAkma", r->ask.k_akma, sizeof(r->ask.k_akma));
	if (o != FINE)
		return o;
	set_whose(&r->ask.session, imsi, r->akid);
	return set_af_id(&r->ask, s);
}

static enum outcome derive_k(struct txn *t)
{
	struct registration *r = t->state;

	return txn_ask_key(t, KEY_REGISTER_SESSION, &r->ask, &r->k);
}

static enum outcome keep_session(struct txn *t)
{
	struct registration *r = t->state;

	r->row = (struct db_session_in){
		.akid = { r->akid, strlen(r->akid) },
		.imsi = (int64_t)r->ask.session.imsi,
		.kept = BYTES(r->k.at),
		.lifetime_s = t->services->settings->session_lifetime_s,
	};
	return txn_ask_db(t, DB_PUT_SESSION, &r->row, NULL);
}

/* TS 29.535 echoes the AkmaKeyInfo; here without the key, which nobody needs to be told who sent it. */
static enum outcome answer_registered(struct txn *t)
{
	const struct registration *r = t->state;
	struct json_out o = json_start(t->arena);
	char supi[SUPI_TEXT_LEN];

	supi_write(r->ask.session.imsi, supi);
	json_open(&o, '{');
	json_member_text(&o, "supi", supi);
	json_member_text(&o, "aKId", r->akid);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

static enum outcome read_context(struct txn *t)
{
	struct db_imsi *ask = t->state;
	uint64_t imsi = 0;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = supi_read_member(t, &imsi);
	ask->imsi = (int64_t)imsi;
	return o;
}

static enum outcome remove_session(struct txn *t)
{
	return txn_ask_db(t, DB_REMOVE_SESSION, t->state, NULL);
}

static enum outcome look_whether_gone(struct txn *t, enum outcome brought)
{
	return brought == NO_ROW
		       ? txn_refuse(t, SESSION_NOT_FOUND, "This subscriber has no session.")
		       : brought;
}

static enum outcome answer_removed(struct txn *t)
{
	t->answer.status = 204;
	return FINE;
}

enum outcome companion_session_read(struct txn *t, struct companion_session *s)
{
	return read_akid(t, &s->akid);
}

enum outcome companion_session_ask(struct txn *t, struct companion_session *s)
{
	s->ask.akid = (struct db_text){ s->akid, strlen(s->akid) };
	return txn_ask_db(t, DB_FIND_SESSION, &s->ask, &s->row);
}

/* K is no longer kept some time after the session's end: that row is expired as well. */
enum outcome companion_session_have(
	struct txn *t, struct companion_session *s, enum outcome brought)
{
	if (brought == NO_ROW)
		return txn_refuse(t, SESSION_NOT_FOUND, "There is no session of this aKId.");
	if (brought != FINE)
		return brought;
	if (s->row.is_expired || s->row.kept.len == 0)
		return txn_refuse(t, SESSION_EXPIRED, "The session's lifetime is over.");
	if (s->row.kept.len != sizeof(s->k.at) || s->row.imsi <= 0 ||
		s->row.imsi >= (int64_t)IMSI_LIMIT)
		return BROKEN;
	set_whose(&s->whose, (uint64_t)s->row.imsi, s->akid);
	memcpy(s->k.at, s->row.kept.at, sizeof(s->k.at));
	return FINE;
}

enum outcome companion_session_check_credential(struct txn *t, const struct companion_session *s)
{
	enum outcome o = s->row.barred_by != 0 ? credential_state_outcome(s->row.barred_by) : FINE;

	return o == FINE || o == BROKEN
		       ? o
		       : txn_refuse(t, o, "The companion's own credential is not in use.");
}

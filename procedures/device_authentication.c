#include <assert.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "procedures/body.h"
#include "procedures/device_attach.h"
#include "procedures/exchange_answer.h"
#include "procedures/pdu_session.h"

#define MOST_LOOKS 3u

struct authentication {
	struct exchange_answer answer;
	struct db_exchange_id find;
	struct db_attach row;
	struct exchange_offered offered;
	bool is_again; /* this same request was accepted before */
	/* what ends the attach where it is not FINE: there is one try; told once that is written down */
	enum outcome refusal;
	const char *detail;
	struct invalid_param invalid; /* param is NULL: none */
	struct key_accept_attach_in accept;
	struct key_accept accepted;
	struct db_attach_end_in end;
};

static enum outcome read_authentication(struct txn *t);
static enum outcome find_attach(struct txn *t);
static enum outcome have_attach(struct txn *t, enum outcome brought);
static enum outcome verify_euicc(struct txn *t);
static enum outcome accept_attach(struct txn *t);
static enum outcome have_accepted(struct txn *t, enum outcome brought);
static enum outcome end_attach(struct txn *t);
static enum outcome have_ended_attach(struct txn *t, enum outcome brought);
static enum outcome answer_authentication(struct txn *t);
static bool was_accepted(const struct txn *t);
static bool is_the_try(const struct txn *t);

const struct procedure device_attach_authentication = {
	.name = "device-attach-authentication", /* Solution 12.X, 2 to 4 */
	.state_size = sizeof(struct authentication),
	.steps = {
		{ "read_authentication", LANE_LOOP, read_authentication },
		{ "find_attach", LANE_DB, find_attach, have_attach },
		/* 2, the device's half: EUM, eUICC, EID, signature; a refusal waits until it is written down */
		{ "verify_euicc", LANE_CPU, verify_euicc },
		/* 3: Ks, and the network's MAC */
		{ "accept_attach", LANE_KEY, accept_attach, have_accepted, was_accepted },
		/* 4: the session, or the attach's end */
		{ "end_attach", LANE_DB, end_attach, have_ended_attach, is_the_try },
		{ "answer_authentication", LANE_REPLY, answer_authentication },
	},
};

static bool was_accepted(const struct txn *t)
{
	return ((const struct authentication *)t->state)->refusal == FINE;
}

static bool is_the_try(const struct txn *t)
{
	return !((const struct authentication *)t->state)->is_again;
}

static enum outcome read_authentication(struct txn *t)
{
	struct authentication *a = t->state;
	enum outcome o = path_hex(t, 0, "attachId", a->find.id, sizeof(a->find.id));

	if (o == FINE)
		o = body_read(t);
	return o == FINE ? exchange_answer_read(t, EXCHANGE_ATTACH, &a->answer) : o;
}

static enum outcome find_attach(struct txn *t)
{
	struct authentication *a = t->state;

	return txn_ask_db(t, DB_FIND_ATTACH, &a->find, &a->row);
}

static void set_offered(struct authentication *a)
{
	struct key_exchange *e = &a->offered.exchange;

	e->kind = EXCHANGE_ATTACH;
	e->subject = key_text_of(a->row.eid);
	memcpy(e->id, a->find.id, sizeof(e->id));
	memcpy(e->server_nonce, a->row.server_nonce, sizeof(e->server_nonce));
	memcpy(e->device_nonce, a->row.device_nonce, sizeof(e->device_nonce));
	memcpy(a->offered.ephemeral, a->row.ephemeral, sizeof(a->offered.ephemeral));
}

/* The session that an accepted attach leads to, or has led to. */
static enum outcome set_session(struct txn *t, struct authentication *a)
{
	struct key_accept_attach_in *in = &a->accept;

	if (a->is_again) {
		memcpy(in->session_id, a->row.session_id, sizeof(in->session_id));
		in->expires_at = (uint64_t)a->row.session_expires_at;
		return FINE;
	}
	in->expires_at = (uint64_t)(clock_unix() + t->services->settings->pdu_session_s);
	return RAND_bytes(in->session_id, sizeof(in->session_id)) == 1 ? FINE : BROKEN;
}

static enum outcome have_attach(struct txn *t, enum outcome brought)
{
	struct authentication *a = t->state;
	const struct db_attach *row = &a->row;

	if (brought == NO_ROW)
		return txn_refuse(t, SESSION_NOT_FOUND, "There is no such attach.");
	if (brought != FINE)
		return brought;
	a->is_again = row->state == ATTACH_ACCEPTED;
	if (row->state == ATTACH_REFUSED)
		return txn_refuse(t, SESSION_EXPIRED,
			"The attach ended with an authentication that was refused.");
	if (row->state == ATTACH_OVER)
		return txn_refuse(
			t, SESSION_EXPIRED, "The attach was not authenticated in its time.");
	if (a->is_again &&
		memcmp(row->request_hash, a->answer.hash, sizeof(row->request_hash)) != 0)
		return txn_refuse(t, CONFLICT, "The attach was authenticated otherwise before.");
	if (a->is_again && (row->session_is_over || row->scalar.len == 0))
		return txn_refuse(t, SESSION_EXPIRED, "The attach's session is over.");
	if (row->scalar.len != KEPT_LEN || strlen(row->eid) != DB_EID_LEN)
		return BROKEN;
	set_offered(a);
	return set_session(t, a);
}

static void keep_refusal(struct txn *t, struct authentication *a, enum outcome refusal)
{
	a->refusal = refusal;
	a->detail = t->detail;
	if (t->invalid_count > 0)
		a->invalid = t->invalid[0];
	t->detail = NULL;
	t->invalid_count = 0;
}

static enum outcome tell_refusal(struct txn *t, const struct authentication *a)
{
	if (a->invalid.param != NULL)
		return txn_refuse_parameter(t, a->refusal, a->invalid.param, a->invalid.reason);
	return txn_refuse(t, a->refusal, a->detail);
}

/* On a worker thread. */
static enum outcome verify_euicc(struct txn *t)
{
	struct authentication *a = t->state;
	struct certificate leaf;
	enum outcome o = exchange_answer_verify_euicc(t, &a->answer, a->row.eid, &leaf);

	if (o == FINE)
		o = exchange_answer_verify(t, &a->answer, &a->offered, &leaf);
	if (o == FINE || a->is_again || outcome_kind(o) != KIND_REFUSED)
		return o;
	keep_refusal(t, a, o);
	return FINE;
}

static_assert(SETTINGS_DNN_MAX <= KEY_TEXT_MAX && SETTINGS_SERVER_MAX <= PROVISIONING_SERVER_MAX);

static enum outcome accept_attach(struct txn *t)
{
	struct authentication *a = t->state;
	const struct settings *s = t->services->settings;
	struct key_accept_attach_in *in = &a->accept;

	in->exchange = a->offered.exchange;
	memcpy(in->scalar.at, a->row.scalar.at, sizeof(in->scalar.at));
	memcpy(in->device_ephemeral, a->answer.ephemeral.at, sizeof(in->device_ephemeral));
	in->dnn = key_text_of(s->attach_dnn);
	in->server_len = (uint16_t)strlen(s->provisioning_server);
	memcpy(in->server, s->provisioning_server, in->server_len);
	return txn_ask_key(t, KEY_ACCEPT_ATTACH, in, &a->accepted);
}

/* Where the kept scalar does not open, it is the row that is at fault, not the device. */
static enum outcome have_accepted(struct txn *t, enum outcome brought)
{
	(void)t;
	return brought == MAC_INVALID ? BROKEN : brought;
}

static enum outcome end_attach(struct txn *t)
{
	struct authentication *a = t->state;

	a->end = (struct db_attach_end_in){
		.is_accepted = a->refusal == FINE,
		.eid = { a->row.eid, DB_EID_LEN },
		.expires_at = (int64_t)a->accept.expires_at,
	};
	memcpy(a->end.id, a->find.id, sizeof(a->end.id));
	memcpy(a->end.request_hash, a->answer.hash, sizeof(a->end.request_hash));
	memcpy(a->end.session_id, a->accept.session_id, sizeof(a->end.session_id));
	return txn_ask_db(t, DB_END_ATTACH, &a->end, NULL);
}

static enum outcome have_ended_attach(struct txn *t, enum outcome brought)
{
	const struct authentication *a = t->state;

	if (brought != FINE && brought != NO_ROW)
		return brought;
	if (a->refusal != FINE)
		return tell_refusal(t, a);
	/* Another try has ended it since, perhaps the same one. */
	return brought == NO_ROW ? txn_go_back(t, "find_attach", MOST_LOOKS, OVERLOADED) : FINE;
}

static enum outcome answer_authentication(struct txn *t)
{
	const struct authentication *a = t->state;
	const struct key_accept_attach_in *in = &a->accept;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_key(&o, "pduSession");
	json_open(&o, '{');
	pdu_session_write(&o, t->services->settings,
		&(struct pdu_session_terms){ .id = in->session_id,
			.dnn = bytes_of(in->dnn.at, in->dnn.len),
			.expires_at = (int64_t)in->expires_at });
	json_close(&o, '}');
	json_key(&o, "provisioningServer");
	json_text_of(&o, bytes_of(in->server, in->server_len));
	json_member_base64(&o, "mac", BYTES(a->accepted.mac));
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

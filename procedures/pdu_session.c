#include "procedures/pdu_session.h"

#include "procedures/body.h"
#include "procedures/device_attach.h"

#define NO_SESSION      "There is no such session."
#define SESSION_IS_OVER "The session has expired, or the device has detached."

struct session_state {
	struct db_exchange_id ask;
	struct db_pdu_session found;
	bool is_gone; /* there is none that lives: was there one? */
};

static enum outcome find_pdu_session(struct txn *t);
static enum outcome have_pdu_session(struct txn *t, enum outcome brought);
static enum outcome answer_pdu_session(struct txn *t);

const struct procedure pdu_session_show = {
	.name = "pdu-session-show",
	.state_size = sizeof(struct session_state),
	.steps = {
		{ "find_pdu_session", LANE_DB, find_pdu_session, have_pdu_session },
		{ "answer_pdu_session", LANE_REPLY, answer_pdu_session },
	},
};

static enum outcome detach(struct txn *t);
static enum outcome have_detached(struct txn *t, enum outcome brought);
static enum outcome answer_detached(struct txn *t);
static bool is_session_gone(const struct txn *t);

const struct procedure pdu_session_release = {
	.name = "pdu-session-release", /* Solution 12.X, 6 */
	.state_size = sizeof(struct session_state),
	.steps = {
		{ "detach", LANE_DB, detach, have_detached },
		{ "find_pdu_session", LANE_DB, find_pdu_session, have_pdu_session, is_session_gone },
		{ "answer_detached", LANE_REPLY, answer_detached },
	},
};

static enum outcome find_pdu_session(struct txn *t)
{
	struct session_state *s = t->state;
	enum outcome o = path_hex(t, 0, "id", s->ask.id, sizeof(s->ask.id));

	return o == FINE ? txn_ask_db(t, DB_FIND_PDU_SESSION, &s->ask, &s->found) : o;
}

static enum outcome have_pdu_session(struct txn *t, enum outcome brought)
{
	const struct session_state *s = t->state;

	if (brought == NO_ROW)
		return txn_refuse(t, SESSION_NOT_FOUND, NO_SESSION);
	if (brought == FINE && s->found.is_over)
		return txn_refuse(t, SESSION_EXPIRED, SESSION_IS_OVER);
	return brought;
}

void pdu_session_write(
	struct json_out *o, const struct settings *s, const struct pdu_session_terms *terms)
{
	const char *at = s->allowed_destinations;

	json_member_hex(o, "id", bytes_of(terms->id, EXCHANGE_ID_LEN));
	json_key(o, "dnn");
	json_text_of(o, terms->dnn);
	json_key(o, "allowedDestinations");
	json_open(o, '[');
	for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");

		json_text_of(o, bytes_of(at, len));
		at += len;
	}
	json_close(o, ']');
	json_member_number(o, "expiresAt", terms->expires_at);
}

static enum outcome answer_pdu_session(struct txn *t)
{
	const struct session_state *s = t->state;
	const struct settings *settings = t->services->settings;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	pdu_session_write(&o, settings,
		&(struct pdu_session_terms){ .id = s->ask.id,
			.dnn = bytes_of_text(settings->attach_dnn),
			.expires_at = s->found.expires_at });
	json_member_text(&o, "subject", s->found.subject);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

static enum outcome detach(struct txn *t)
{
	struct session_state *s = t->state;
	enum outcome o = path_hex(t, 0, "id", s->ask.id, sizeof(s->ask.id));

	return o == FINE ? txn_ask_db(t, DB_END_PDU_SESSION, &s->ask, NULL) : o;
}

static enum outcome have_detached(struct txn *t, enum outcome brought)
{
	struct session_state *s = t->state;

	s->is_gone = brought == NO_ROW;
	return brought == NO_ROW ? FINE : brought;
}

static bool is_session_gone(const struct txn *t)
{
	return ((const struct session_state *)t->state)->is_gone;
}

static enum outcome answer_detached(struct txn *t)
{
	t->answer.status = 204;
	return FINE;
}

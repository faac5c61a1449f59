#include "procedures/binding.h"

#include "base/clock.h"
#include "procedures/body.h"
#include "procedures/outbox.h"

struct binding {
	struct db_dimsi ask;
	struct db_release_in release;
	struct db_binding found;
	bool is_gone;
};

static enum outcome find_binding(struct txn *t);
static enum outcome have_binding(struct txn *t, enum outcome brought);
static enum outcome answer_binding(struct txn *t);

const struct procedure initial_attach_show = {
	.name = "initial-attach-show",
	.state_size = sizeof(struct binding),
	.steps = {
		{ "find_binding", LANE_DB, find_binding, have_binding },
		{ "answer_binding", LANE_REPLY, answer_binding },
	},
};

static enum outcome release_dimsi(struct txn *t);
static enum outcome have_released(struct txn *t, enum outcome brought);
static enum outcome answer_released(struct txn *t);
static bool is_gone(const struct txn *t);

const struct procedure initial_attach_release = {
	.name = "initial-attach-release",
	.state_size = sizeof(struct binding),
	.steps = {
		{ "release_dimsi", LANE_DB, release_dimsi, have_released },
		{ "find_binding", LANE_DB, find_binding, have_binding, is_gone },
		{ "answer_released", LANE_REPLY, answer_released },
	},
};

static enum outcome find_binding(struct txn *t)
{
	struct binding *b = t->state;
	enum outcome o = path_dimsi(t, 0, &b->ask.dimsi);

	return o == FINE ? txn_ask_db(t, DB_FIND_BINDING, &b->ask, &b->found) : o;
}

static enum outcome have_binding(struct txn *t, enum outcome brought)
{
	return brought == NO_ROW ? txn_refuse(t, DIMSI_NOT_FOUND, "This dIMSI is bound to no IMSI.")
				 : brought;
}

static enum outcome answer_binding(struct txn *t)
{
	const struct binding *b = t->state;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	binding_write(&o, (uint64_t)b->found.dimsi, (uint64_t)b->found.imsi,
		bytes_of_text(b->found.se_id), (enum binding_state)b->found.state);
	json_key(&o, "createdAt");
	json_time(&o, b->found.created_at);
	json_key(&o, "changedAt");
	json_time(&o, b->found.changed_at);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

static enum outcome release_dimsi(struct txn *t)
{
	struct binding *b = t->state;
	const struct settings *s = t->services->settings;
	bool is_remote = s->d_ausf_uri[0] != '\0';
	enum outcome o = path_dimsi(t, 0, &b->ask.dimsi);

	b->release = (struct db_release_in){
		.dimsi = b->ask.dimsi,
		.quarantine_until = clock_unix() + s->quarantine_s,
		.d_ausf_uri = { s->d_ausf_uri, strlen(s->d_ausf_uri) },
	};
	return o == FINE ? txn_ask_db(t, is_remote ? DB_RELEASE_AND_HAND_OVER : DB_RELEASE,
				   &b->release, &b->found)
			 : o;
}

static enum outcome have_released(struct txn *t, enum outcome brought)
{
	struct binding *b = t->state;

	if (brought == FINE && t->services->settings->d_ausf_uri[0] != '\0')
		outbox_kick(t->services->outbox);
	b->is_gone = brought ==
		     NO_ROW; /* never there, or released by an earlier try: that is told apart */
	return brought == NO_ROW ? FINE : brought;
}

static bool is_gone(const struct txn *t)
{
	return ((const struct binding *)t->state)->is_gone;
}

static enum outcome answer_released(struct txn *t)
{
	t->answer.status = 204;
	return FINE;
}

void binding_write(struct json_out *o, uint64_t dimsi, uint64_t imsi, struct bytes se_id,
	enum binding_state state)
{
	char digits[IMSI_DIGITS + 1], supi[sizeof("imsi-") + IMSI_DIGITS] = "imsi-";

	imsi_write(dimsi, digits);
	imsi_write(imsi, supi + 5);
	json_member_text(o, "dimsi", digits);
	json_member_text(o, "supi", supi);
	json_key(o, "seId");
	json_text_of(o, se_id);
	json_member_text(o, "state", binding_state_name(state));
}

#include "procedures/d_ausf.h"

#include "procedures/body.h"
#include "procedures/serving_network.h"

struct vectors {
	struct db_dimsi ask;
	struct db_pair pair;
};

static enum outcome read_serving_network(struct txn *t);
static enum outcome find_vectors(struct txn *t);
static enum outcome have_vectors(struct txn *t, enum outcome brought);
static enum outcome answer_vectors(struct txn *t);

const struct procedure d_ausf_send_vectors = {
	.name = "d-ausf-send-vectors", /* Solution #5.x, 4 and 5 */
	.state_size = sizeof(struct vectors),
	.steps = {
		{ "read_serving_network", LANE_CPU, read_serving_network },
		{ "find_vectors", LANE_DB, find_vectors, have_vectors },
		{ "answer_vectors", LANE_REPLY, answer_vectors },
	},
};

struct handed_pair {
	struct db_pair_in in;
	uint8_t rand[16], autn[16];
};

static enum outcome read_pair(struct txn *t);
static enum outcome keep_pair(struct txn *t);
static enum outcome answer_nothing(struct txn *t);

const struct procedure d_ausf_keep_pair = {
	.name = "d-ausf-keep-pair", /* Solution #5.x, 2 */
	.state_size = sizeof(struct handed_pair),
	.steps = {
		{ "read_pair", LANE_CPU, read_pair },
		{ "keep_pair", LANE_DB, keep_pair },
		{ "answer_nothing", LANE_REPLY, answer_nothing },
	},
};

static enum outcome drop_pair(struct txn *t);
static enum outcome pair_is_gone(struct txn *t, enum outcome brought);

const struct procedure d_ausf_drop_pair = {
	.name = "d-ausf-drop-pair",
	.state_size = sizeof(struct db_dimsi),
	.steps = {
		{ "drop_pair", LANE_DB, drop_pair, pair_is_gone },
		{ "answer_nothing", LANE_REPLY, answer_nothing },
	},
};

static enum outcome read_serving_network(struct txn *t)
{
	struct vectors *v = t->state;
	const char *name;
	enum outcome o = path_dimsi(t, 0, &v->ask.dimsi);

	if (o == FINE)
		o = body_read(t);
	if (o == FINE)
		o = serving_network_read(t, &name);
	return o;
}

static enum outcome find_vectors(struct txn *t)
{
	struct vectors *v = t->state;

	return txn_ask_db(t, DB_SEND_VECTORS, &v->ask, &v->pair);
}

static enum outcome have_vectors(struct txn *t, enum outcome brought)
{
	return brought == NO_ROW ? txn_refuse(t, DIMSI_NOT_FOUND, "This dIMSI is bound to no IMSI.")
				 : brought;
}

static enum outcome answer_vectors(struct txn *t)
{
	const struct vectors *v = t->state;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_member_text(&o, "authType", "INITIAL_ATTACH");
	json_member_hex(&o, "rand", BYTES(v->pair.output_1));
	json_member_hex(&o, "autn", BYTES(v->pair.output_2));
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

static enum outcome read_pair(struct txn *t)
{
	struct handed_pair *p = t->state;
	const char *supi;
	uint64_t imsi = 0;
	enum outcome o = path_dimsi(t, 0, &p->in.dimsi);

	if (o == FINE && !settings_is_discovery_imsi(t->services->settings, (uint64_t)p->in.dimsi))
		o = txn_refuse_parameter(t, INVALID_PARAMETER, "dimsi",
			"This dIMSI is of no discovery PLMN of this D-AUSF.");
	if (o == FINE)
		o = body_read(t);
	if (o == FINE)
		o = body_text(t, t->json, "supi", 64, &supi);
	if (o == FINE && !imsi_read_supi(supi, strlen(supi), &imsi))
		o = txn_refuse_parameter(
			t, INVALID_PARAMETER, "supi", "This is not imsi- and 15 digits.");
	if (o == FINE)
		o = body_hex(t, t->json, "rand", p->rand, sizeof(p->rand));
	if (o == FINE)
		o = body_hex(t, t->json, "autn", p->autn, sizeof(p->autn));
	p->in.imsi = (int64_t)imsi;
	p->in.output_1 = BYTES(p->rand);
	p->in.output_2 = BYTES(p->autn);
	return o;
}

static enum outcome keep_pair(struct txn *t)
{
	struct handed_pair *p = t->state;

	return txn_ask_db(t, DB_KEEP_PAIR, &p->in, NULL);
}

static enum outcome drop_pair(struct txn *t)
{
	struct db_dimsi *ask = t->state;
	enum outcome o = path_dimsi(t, 0, &ask->dimsi);

	return o == FINE ? txn_ask_db(t, DB_DROP_PAIR, ask, NULL) : o;
}

static enum outcome pair_is_gone(struct txn *t, enum outcome brought)
{
	(void)t;
	return brought == NO_ROW ? FINE : brought;
}

static enum outcome answer_nothing(struct txn *t)
{
	t->answer.status = 204;
	return FINE;
}

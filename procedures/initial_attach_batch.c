#include "procedures/body.h"
#include "procedures/initial_attach.h"

#define BATCH_MOST 1000u

static enum outcome read_batch(struct txn *t);
static enum outcome begin_items(struct txn *t);
static enum outcome answer_batch(struct txn *t);

const struct procedure initial_attach_batch = {
	.name = "initial-attach-batch",
	.state_size = sizeof(const json_t *),
	.steps = {
		{ "read_batch", LANE_CPU, read_batch },
		{ "begin_items", LANE_ITEMS, begin_items },
		{ "answer_batch", LANE_REPLY, answer_batch },
	},
};

static enum outcome read_batch(struct txn *t)
{
	const json_t **items = t->state;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = body_array(t, t->json, "items", items);
	if (o != FINE)
		return o;
	if (json_array_size(*items) > BATCH_MOST)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "items", "A batch holds at most 1,000 items.");
	t->item_procedure = &initial_attach;
	t->item_count = json_array_size(*items);
	return FINE;
}

static enum outcome begin_items(struct txn *t)
{
	const json_t **items = t->state;

	for (size_t i = 0; i < t->item_count; i++)
		t->items[i]->json = json_array_get(*items, i);
	return FINE;
}

static enum outcome answer_batch(struct txn *t)
{
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_key(&o, "results");
	json_open(&o, '[');
	for (size_t i = 0; i < t->item_count; i++)
		json_raw(&o, t->items[i]->answer.body, t->items[i]->answer.len);
	json_close(&o, ']');
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

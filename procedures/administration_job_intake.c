/* How a job comes to be: made with its operation, then, unless it has a selection, given its items. */
#include "procedures/administration.h"
#include "procedures/body.h"
#include "procedures/job.h"
#include "procedures/rekey_overlap.h"
#include "procedures/selection.h"
#include "procedures/supi.h"

#define OPERATION_TEXT_MAX 16
#define ITEMS_MOST         1000u

struct new_job {
	struct db_job_in row;
	struct db_job job;
};

static enum outcome read_job(struct txn *t);
static enum outcome put_job(struct txn *t);
static enum outcome look_whether_same(struct txn *t, enum outcome brought);
static enum outcome answer_put(struct txn *t);

const struct procedure admin_put_job = {
	.name = "admin-put-job",
	.state_size = sizeof(struct new_job),
	.steps = {
		{ "read_job", LANE_CPU, read_job },
		{ "put_job", LANE_DB, put_job, look_whether_same },
		{ "answer_put", LANE_REPLY, answer_put },
	},
};

struct more_items {
	struct db_job_key key;
	struct db_job job;
	uint8_t room[ITEMS_MOST * DB_JOB_ITEM_LEN];
	struct db_job_items_in row;
	struct db_job_items_added added;
};

static enum outcome read_items(struct txn *t);
static enum outcome find_job(struct txn *t);
static enum outcome look_whether_open(struct txn *t, enum outcome brought);
static enum outcome add_items(struct txn *t);
static enum outcome look_whether_added(struct txn *t, enum outcome brought);
static enum outcome answer_added(struct txn *t);

const struct procedure admin_add_job_items = {
	.name = "admin-add-job-items",
	.state_size = sizeof(struct more_items),
	.steps = {
		{ "read_items", LANE_CPU, read_items },
		{ "find_job", LANE_DB, find_job, look_whether_open },
		{ "add_items", LANE_DB, add_items, look_whether_added },
		{ "answer_added", LANE_REPLY, answer_added },
	},
};

static enum outcome read_operation(struct txn *t, struct db_job_in *row)
{
	enum credential_operation operation;
	const char *text;
	enum outcome o = body_text(t, t->json, "operation", OPERATION_TEXT_MAX, &text);

	if (o != FINE)
		return o;
	if (!credential_operation_read(text, &operation))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "operation",
			"This is none of suspend, resume, revoke, rekey, delete.");
	row->operation = (int32_t)operation;
	return operation == OPERATION_REKEY ? rekey_overlap_read(t, &row->overlap_s) : FINE;
}

static enum outcome read_job(struct txn *t)
{
	struct db_job_in *row = &((struct new_job *)t->state)->row;
	enum outcome o = job_read_id(t, row->id);

	row->selection = selection_everybody;
	if (o == FINE)
		o = body_read(t);
	if (o == FINE)
		o = read_operation(t, row);
	row->has_selection = o == FINE && body_has(t->json, "selection");
	return row->has_selection ? selection_read_body(t, &row->selection) : o;
}

static enum outcome put_job(struct txn *t)
{
	struct new_job *n = t->state;

	return txn_ask_db(t, DB_PUT_JOB, &n->row, &n->job);
}

/* Repeated, it says the same; an overlap that is left to the setting may have changed with it. */
static enum outcome look_whether_same(struct txn *t, enum outcome brought)
{
	const struct new_job *n = t->state;
	const struct db_job *job = &n->job;

	if (brought != FINE || !job->was_there)
		return brought;
	if (job->operation == n->row.operation && job->has_selection == n->row.has_selection &&
		selection_equal(&job->selection, &n->row.selection) &&
		(job->overlap_s == n->row.overlap_s || !body_has(t->json, "overlapSeconds")))
		return FINE;
	return txn_refuse(t, CONFLICT,
		"There is a job of this id with another operation, overlap or selection.");
}

static enum outcome answer_put(struct txn *t)
{
	const struct new_job *n = t->state;
	char id[2 * sizeof(n->job.id) + 1] = "";

	hex_write(BYTES(n->job.id), id);
	if (!n->job.was_there)
		t->answer.location = arena_printf(t->arena, "/admin/v1/jobs/%s", id);
	return job_answer(t, n->job.was_there ? 200 : 201, &n->job);
}

static enum outcome refuse_item(struct txn *t, size_t number, int64_t place, const char *reason)
{
	const char *param = place > 0 ? arena_printf(t->arena, "items[%zu] (place %lld)", number,
						(long long)place)
				      : arena_printf(t->arena, "items[%zu]", number);

	return param != NULL ? txn_refuse_parameter(t, INVALID_PARAMETER, param, reason)
			     : NO_MEMORY;
}

/* Places are few, and in their order as a rule: then the last is all there is to compare with. */
static bool is_repeated(struct bytes before, int64_t place, int64_t greatest)
{
	uint64_t one;

	if (place > greatest)
		return false;
	while (bytes_take_u64(&before, &one)) {
		if ((int64_t)one == place)
			return true;
		(void)bytes_take_u64(&before, &one);
	}
	return false;
}

static enum outcome read_item(
	struct txn *t, size_t number, const json_t *item, int64_t *greatest, struct buffer *out)
{
	const json_t *place = json_object_get(item, "place"), *supi = json_object_get(item, "supi");
	int64_t at = json_is_integer(place) ? json_integer_value(place) : 0;
	uint64_t imsi;

	if (at <= 0)
		return refuse_item(
			t, number, 0, "place is missing, or not a whole number from 1 on.");
	if (!json_is_string(supi) ||
		!imsi_read_supi(json_string_value(supi), json_string_length(supi), &imsi))
		return refuse_item(t, number, at, "supi is not imsi- and 15 digits.");
	if (is_repeated(buffer_bytes(out), at, *greatest))
		return refuse_item(t, number, at, "This place is there twice.");
	*greatest = at > *greatest ? at : *greatest;
	buffer_put_u64(out, (uint64_t)at);
	buffer_put_u64(out, imsi);
	return FINE;
}

/* All are looked at, so that as many bad ones are named as there is room for. */
static enum outcome read_items(struct txn *t)
{
	struct more_items *m = t->state;
	struct buffer out = buffer_over(m->room, sizeof(m->room));
	int64_t greatest = 0;
	const json_t *items;
	enum outcome o = job_read_id(t, m->key.id), worst = FINE;

	if (o == FINE)
		o = body_read(t);
	if (o == FINE)
		o = body_array(t, t->json, "items", &items);
	if (o != FINE)
		return o;
	size_t count = json_array_size(items);

	if (count == 0 || count > ITEMS_MOST)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "items", "This holds from 1 to 1000 items.");
	for (size_t i = 0; i < count && t->invalid_count < TXN_INVALID_MAX; i++) {
		o = read_item(t, i, json_array_get(items, i), &greatest, &out);
		worst = o != FINE ? o : worst;
	}
	memcpy(m->row.job, m->key.id, sizeof(m->row.job));
	m->row.items = buffer_bytes(&out);
	return worst;
}

static enum outcome find_job(struct txn *t)
{
	struct more_items *m = t->state;

	return txn_ask_db(t, DB_FIND_JOB, &m->key, &m->job);
}

static enum outcome refuse_closed(struct txn *t)
{
	return txn_refuse(t, CONFLICT, "The job is no longer open.");
}

static enum outcome look_whether_open(struct txn *t, enum outcome brought)
{
	const struct more_items *m = t->state;

	if (brought == NO_ROW)
		return job_refuse_unknown(t);
	if (brought == FINE && m->job.has_selection)
		return txn_refuse(t, CONFLICT, "The job has a selection: it takes no items.");
	return brought == FINE && m->job.state != JOB_OPEN ? refuse_closed(t) : brought;
}

static enum outcome add_items(struct txn *t)
{
	struct more_items *m = t->state;

	return txn_ask_db(t, DB_ADD_JOB_ITEMS, &m->row, &m->added);
}

static enum outcome look_whether_added(struct txn *t, enum outcome brought)
{
	if (brought == NO_ROW)
		return refuse_closed(t);
	return brought == CONFLICT ? txn_refuse(t, CONFLICT, "A place of these holds another SUPI.")
				   : brought;
}

static enum outcome answer_added(struct txn *t)
{
	const struct more_items *m = t->state;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_member_number(&o, "added", m->added.added);
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

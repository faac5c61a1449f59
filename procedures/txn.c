#include "procedures/procedure.h"

#include <string.h>

static const char *const lane_names[LANE_COUNT] = {
	[LANE_LOOP] = "loop",
	[LANE_CPU] = "cpu",
	[LANE_IMSI] = "imsi",
	[LANE_KEY] = "key",
	[LANE_DB] = "db",
	[LANE_FETCH] = "fetch",
	[LANE_ITEMS] = "items",
	[LANE_VIEWS] = "views",
	[LANE_REPLY] = "reply",
};

const char *lane_name(enum lane lane)
{
	return lane < LANE_COUNT ? lane_names[lane] : "none";
}

bool txn_add_query(struct txn *t, const char *name, const char *value)
{
	struct query *q = arena_alloc(t->arena, sizeof(*q));

	if (q == NULL)
		return false;
	q->name = arena_copy(t->arena, name, strlen(name));
	q->value = arena_copy(t->arena, value, strlen(value));
	q->next = t->query;
	t->query = q;
	return q->name != NULL && q->value != NULL;
}

enum outcome txn_refuse_parameter(
	struct txn *t, enum outcome outcome, const char *param, const char *reason)
{
	if (t->invalid_count < TXN_INVALID_MAX)
		t->invalid[t->invalid_count++] = (struct invalid_param){ param, reason };
	t->detail = reason;
	return outcome;
}

enum outcome txn_refuse(struct txn *t, enum outcome outcome, const char *detail)
{
	t->detail = detail;
	return outcome;
}

enum outcome txn_lack_trust(struct txn *t)
{
	return txn_refuse(t, DATABASE_UNAVAILABLE, "The trust anchors have not been read yet.");
}

enum outcome txn_go_back(struct txn *t, const char *step, unsigned most, enum outcome otherwise)
{
	for (unsigned i = 0; i < t->step && t->turns < most; i++)
		if (strcmp(t->procedure->steps[i].name, step) == 0) {
			t->turns++;
			t->step = i - 1; /* the engine goes on to the next */
			return FINE;
		}
	return otherwise;
}

enum outcome txn_ask_key(struct txn *t, enum key_operation operation, const void *in, void *out)
{
	t->ask.key = (struct key_request){
		.operation = operation, .in = in, .out = out, .deadline_ms = t->deadline_ms
	};
	return FINE;
}

enum outcome txn_ask_db(struct txn *t, enum db_statement statement, const void *row, void *result)
{
	t->ask.db = (struct db_request){
		.statement = statement,
		.row = row,
		.result = result,
		.deadline_ms = t->deadline_ms,
		.actor = t->actor,
	};
	return FINE;
}

#include "server/problem.h"

static void write_invalid_parameters(struct json_out *o, const struct txn *t)
{
	if (t->invalid_count == 0)
		return;
	json_key(o, "invalidParams");
	json_open(o, '[');
	for (unsigned i = 0; i < t->invalid_count; i++) {
		json_open(o, '{');
		json_member_text(o, "param", t->invalid[i].param);
		json_member_text(o, "reason", t->invalid[i].reason);
		json_close(o, '}');
	}
	json_close(o, ']');
}

void problem_answer(struct txn *t)
{
	/* The last resort where the arena is at its end: always right, never allocated. */
	static const char bare[] =
		"{\"type\":\"about:blank\",\"title\":\"Overloaded\",\"status\":503,"
		"\"cause\":\"OVERLOADED\"}";
	struct json_out o = json_start(t->arena);
	int status = outcome_http_status(t->outcome);

	json_open(&o, '{');
	if (t->parent == NULL) {
		json_member_text(&o, "type", "about:blank");
		json_member_text(&o, "title", outcome_title(t->outcome));
	}
	json_member_number(&o, "status", status);
	json_member_text(&o, "cause", outcome_cause(t->outcome));
	json_member_text(&o, "detail", t->detail != NULL ? t->detail : outcome_title(t->outcome));
	if (t->parent == NULL && t->request_id != NULL)
		json_member_text(&o, "instance", t->request_id);
	write_invalid_parameters(&o, t);
	json_close(&o, '}');
	if (answer_json(t, status, &o) != FINE)
		t->answer = (struct answer){ .status = 503, .body = bare, .len = sizeof(bare) - 1 };
	t->answer.content_type = "application/problem+json";
}

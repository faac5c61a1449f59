#include "procedures/job.h"

#include "procedures/body.h"
#include "procedures/selection.h"

const char *job_state_name(enum job_state state)
{
	switch (state) {
	case JOB_OPEN:
		return "OPEN";
	case JOB_RUNNING:
		return "RUNNING";
	case JOB_DONE:
		return "DONE";
	case JOB_CANCELLED:
		return "CANCELLED";
	}
	return "UNKNOWN";
}

enum outcome job_read_id(struct txn *t, uint8_t id[16])
{
	return path_hex(t, 0, "id", id, 16);
}

enum outcome job_refuse_unknown(struct txn *t)
{
	return txn_refuse(t, RESOURCE_NOT_FOUND, "There is no such job.");
}

void job_write(struct json_out *o, const struct db_job *job)
{
	json_member_hex(o, "id", BYTES(job->id));
	json_member_text(o, "operation",
		credential_operation_name((enum credential_operation)job->operation));
	json_member_text(o, "state", job_state_name((enum job_state)job->state));
	json_member_number(o, "items", job->items);
	json_member_number(o, "done", job->done);
	json_member_number(o, "refused", job->refused);
	if (job->operation == OPERATION_REKEY)
		json_member_number(o, "overlapSeconds", job->overlap_s);
	if (job->has_selection) {
		json_key(o, "selection");
		selection_write(o, &job->selection);
	}
	json_member_text(o, "actor", job->actor);
	json_key(o, "createdAt");
	json_time(o, job->created_at);
	json_key(o, "changedAt");
	json_time(o, job->changed_at);
}

enum outcome job_answer(struct txn *t, int status, const struct db_job *job)
{
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	job_write(&o, job);
	json_close(&o, '}');
	return answer_json(t, status, &o);
}

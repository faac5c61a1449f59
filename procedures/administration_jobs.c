#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/job.h"
#include "procedures/supi.h"

struct known_job {
	struct db_job_key key;
	struct db_job job;
};

static enum outcome read_job_id(struct txn *t);
static enum outcome find_job(struct txn *t);
static enum outcome start_job(struct txn *t);
static enum outcome have_started(struct txn *t, enum outcome brought);
static enum outcome cancel_job(struct txn *t);
static enum outcome have_cancelled(struct txn *t, enum outcome brought);
static enum outcome look_whether_there(struct txn *t, enum outcome brought);
static enum outcome answer_job(struct txn *t);

const struct procedure admin_show_job = {
	.name = "admin-show-job",
	.state_size = sizeof(struct known_job),
	.steps = {
		{ "read_job_id", LANE_LOOP, read_job_id },
		{ "find_job", LANE_DB, find_job, look_whether_there },
		{ "answer_job", LANE_REPLY, answer_job },
	},
};

const struct procedure admin_start_job = {
	.name = "admin-start-job",
	.state_size = sizeof(struct known_job),
	.steps = {
		{ "read_job_id", LANE_LOOP, read_job_id },
		{ "start_job", LANE_DB, start_job, have_started },
		{ "answer_job", LANE_REPLY, answer_job },
	},
};

const struct procedure admin_cancel_job = {
	.name = "admin-cancel-job",
	.state_size = sizeof(struct known_job),
	.steps = {
		{ "read_job_id", LANE_LOOP, read_job_id },
		{ "cancel_job", LANE_DB, cancel_job, have_cancelled },
		{ "answer_job", LANE_REPLY, answer_job },
	},
};

struct job_list {
	struct list list; /* at the front */
	struct db_jobs_page page;
};

static enum outcome read_jobs_page(struct txn *t);
static enum outcome list_jobs(struct txn *t);

const struct procedure admin_list_jobs = {
	.name = "admin-list-jobs",
	.state_size = sizeof(struct job_list),
	.steps = {
		{ "read_jobs_page", LANE_CPU, read_jobs_page },
		{ "list_jobs", LANE_DB, list_jobs },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

struct refusal_list {
	struct list list; /* at the front */
	struct db_job_page page;
	struct db_job_key key;
	struct db_job job;
};

static enum outcome read_refusals_page(struct txn *t);
static enum outcome find_job_of_page(struct txn *t);
static enum outcome list_refusals(struct txn *t);

const struct procedure admin_list_job_refusals = {
	.name = "admin-list-job-refusals",
	.state_size = sizeof(struct refusal_list),
	.steps = {
		{ "read_refusals_page", LANE_CPU, read_refusals_page },
		{ "find_job", LANE_DB, find_job_of_page, look_whether_there },
		{ "list_refusals", LANE_DB, list_refusals },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

static enum outcome read_job_id(struct txn *t)
{
	return job_read_id(t, ((struct known_job *)t->state)->key.id);
}

static enum outcome ask(struct txn *t, enum db_statement statement)
{
	struct known_job *k = t->state;

	return txn_ask_db(t, statement, &k->key, &k->job);
}

static enum outcome find_job(struct txn *t)
{
	return ask(t, DB_FIND_JOB);
}

static enum outcome start_job(struct txn *t)
{
	return ask(t, DB_START_JOB);
}

static enum outcome cancel_job(struct txn *t)
{
	return ask(t, DB_CANCEL_JOB);
}

static enum outcome look_whether_there(struct txn *t, enum outcome brought)
{
	return brought == NO_ROW ? job_refuse_unknown(t) : brought;
}

/* One that runs, or has, was started: by this request before, perhaps. */
static enum outcome have_started(struct txn *t, enum outcome brought)
{
	const struct known_job *k = t->state;

	return brought == FINE && k->job.state == JOB_CANCELLED
		       ? txn_refuse(t, CONFLICT, "The job is in state CANCELLED.")
		       : look_whether_there(t, brought);
}

static enum outcome have_cancelled(struct txn *t, enum outcome brought)
{
	const struct known_job *k = t->state;

	return brought == FINE && k->job.state == JOB_DONE
		       ? txn_refuse(t, CONFLICT, "The job is in state DONE.")
		       : look_whether_there(t, brought);
}

static enum outcome answer_job(struct txn *t)
{
	return job_answer(t, 200, &((const struct known_job *)t->state)->job);
}

static const char *state_name(int32_t state)
{
	return job_state_name((enum job_state)state);
}

static bool read_state(const char *text, void *int32)
{
	return filter_find_name(text, state_name, JOB_CANCELLED, int32);
}

static const char *operation_name(int32_t operation)
{
	return credential_operation_name((enum credential_operation)operation);
}

static bool read_operation(const char *text, void *int32)
{
	return filter_find_name(text, operation_name, OPERATION_COUNT - 1, int32);
}

#define OF_PAGE(member) offsetof(struct db_jobs_page, member)
static const struct filter job_filters[] = {
	{ "state", read_state, OF_PAGE(state), "This is none of OPEN, RUNNING, DONE, CANCELLED." },
	{ "operation", read_operation, OF_PAGE(operation),
		"This is none of suspend, resume, revoke, rekey, delete." },
	{ "createdBefore", filter_time, OF_PAGE(created_before), filter_no_time },
	{ "createdSince", filter_since, OF_PAGE(created_since), filter_no_time },
	{},
};

static enum outcome read_jobs_page(struct txn *t)
{
	struct job_list *l = t->state;

	l->page = (struct db_jobs_page){ .state = -1, .operation = -1 };
	enum outcome o = list_read_filters(t, job_filters, &l->page);

	l->page.after = l->list.page.after;
	l->page.limit = l->list.page.limit;
	l->page.is_filtered = l->list.is_filtered;
	return o;
}

static void on_job(struct db_request *request, const void *row)
{
	const struct db_job *job = row;

	if (!job->was_there) {
		list_looked(request, job->number);
		return;
	}
	struct json_out *o = list_open_row(request, job->number);

	if (o == NULL)
		return;
	job_write(o, job);
	json_close(o, '}');
}

static enum outcome list_jobs(struct txn *t)
{
	return list_ask_row(t, DB_LIST_JOBS, &((struct job_list *)t->state)->page, on_job);
}

static enum outcome read_refusals_page(struct txn *t)
{
	struct refusal_list *l = t->state;
	enum outcome o = job_read_id(t, l->key.id);

	if (o == FINE)
		o = list_read_page(t);
	l->page.after = l->list.page.after;
	l->page.limit = l->list.page.limit;
	memcpy(l->page.job, l->key.id, sizeof(l->page.job));
	return o;
}

static enum outcome find_job_of_page(struct txn *t)
{
	struct refusal_list *l = t->state;

	return txn_ask_db(t, DB_FIND_JOB, &l->key, &l->job);
}

static void on_refusal(struct db_request *request, const void *row)
{
	const struct db_job_item *item = row;
	struct json_out *o = list_open_row(request, item->place);
	char supi[SUPI_TEXT_LEN];

	if (o == NULL)
		return;
	supi_write((uint64_t)item->imsi, supi);
	json_member_number(o, "place", item->place);
	json_member_text(o, "supi", supi);
	json_member_text(o, "cause", outcome_cause((enum outcome)item->outcome));
	if (item->state >= 0)
		json_member_text(
			o, "state", credential_state_name((enum credential_state)item->state));
	json_close(o, '}');
}

static enum outcome list_refusals(struct txn *t)
{
	return list_ask_row(
		t, DB_LIST_JOB_REFUSALS, &((struct refusal_list *)t->state)->page, on_refusal);
}

#include <stdio.h>

#include "loadtest/run.h"

static void write_request(void *context, struct flight *f)
{
	struct run *run = context;
	char dimsi[IMSI_DIGITS + 1];

	imsi_write(fleet_at(run->fleet, run->chosen[f->first])->dimsi, dimsi);
	snprintf(f->url, sizeof(f->url),
		"%s/ndausf-auth/v1/%s/security-information/generate-auth-data", run->server.url,
		dimsi);
	f->request.method = "POST";
	f->request.url = f->url;
	f->request.content_type = "application/json";
	f->request.body = bytes_of_text(run->vectors_body);
}

/* Step 7, and that the IMSI inside is the one that the service provider was told. */
static void open_vectors(struct run *run, uint64_t device, struct bytes answer)
{
	const struct fleet_record *r = fleet_at(run->fleet, device);
	uint8_t rand[16], autn[16];
	uint64_t imsi;

	if (!vectors_read_answer(answer, rand, autn))
		tally_wrong(&run->tally, WRONG_FORM);
	else if (se_read_imsi(&r->keys, rand, autn, &imsi) != FINE)
		tally_wrong(&run->tally, WRONG_VECTORS);
	else if (imsi != run->tally.imsis[device - run->first])
		tally_wrong(&run->tally, WRONG_INNER_IMSI);
	else
		run->tally.verified++;
}

static bool judge(void *context, struct flight *f, enum outcome outcome, bool last)
{
	struct run *run = context;
	char cause[64];

	if (outcome == FINE && f->request.status != 200) {
		problem_cause(f->request.answer, cause, sizeof(cause));
		outcome = outcome_from_cause(cause);
	}
	if (outcome_kind(outcome) == KIND_TRANSIENT && !last)
		return true;
	if (outcome == FINE)
		open_vectors(run, run->chosen[f->first], f->request.answer);
	else
		tally_refuse(&run->tally, run->chosen[f->first], outcome, FINE);
	run->progressed++;
	progress_show(&run->progress, run->progressed);
	return false;
}

enum outcome run_vectors(struct run *run)
{
	const struct run_options *o = run->options;

	run->progressed = 0;
	run->progress = progress_start("verify", 0, run->chosen_count);
	enum outcome done =
		drive_run(&(struct drive_settings){ .server = &run->server,
				  .items = run->chosen_count,
				  .batch = 1,
				  .body_size = 1,
				  .concurrency = (unsigned)o->concurrency,
				  .timeout_ms = (int64_t)o->timeout_s * 1000,
				  .repeat_ms = o->retry ? (int64_t)o->deadline_s * 1000 : 0,
				  .write = write_request,
				  .judge = judge,
				  .context = run },
			&run->vectors);

	progress_end(&run->progress, run->progressed);
	return done;
}

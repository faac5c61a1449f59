#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "loadtest/json_scan.h"
#include "loadtest/procedures.h"
#include "loadtest/run_procedures.h"

#define LINE_LEN (2 * IMSI_DIGITS + 2) /* "dimsi imsi\n" */

struct provisioning {
	struct run *run;
	bool broken;
	/* of the answer in hand */
	bool wants_again, last;
	char lines[1000 * LINE_LEN];
	size_t lines_len;
};

bool run_verifies(const struct run *run, uint64_t device)
{
	uint64_t percent = run->options->verify;

	return (device + 1) * percent / 100 != device * percent / 100;
}

static bool write_request(void *context, struct flight *f)
{
	const struct run *run = ((struct provisioning *)context)->run;
	bool single = run->options->batch == 0;
	char *at = f->body;

	snprintf(f->url, sizeof(f->url), "%s/nausf-initial-attach/v1/contexts%s", run->server.url,
		single ? "" : "/batch");
	if (!single)
		at += snprintf(at, 16, "{\"items\":[");
	for (size_t i = 0; i < f->count; i++) {
		if (i > 0)
			*at++ = ',';
		at += attach_write_item(
			&run->texts, fleet_at(run->fleet, run->first + f->first + i), at);
	}
	if (!single)
		at += snprintf(at, 4, "]}");
	f->request.method = "POST";
	f->request.url = f->url;
	f->request.content_type = "application/json";
	f->request.body = bytes_of(f->body, (size_t)(at - f->body));
	return true;
}

static void note_acknowledged(struct provisioning *p, uint64_t dimsi, uint64_t imsi)
{
	char *at = p->lines + p->lines_len;

	if (p->run->acknowledged_fd < 0)
		return;
	imsi_write(dimsi, at);
	at[IMSI_DIGITS] = ' ';
	imsi_write(imsi, at + IMSI_DIGITS + 1);
	at[LINE_LEN - 1] = '\n';
	p->lines_len += LINE_LEN;
}

/* One write for an answer, unbuffered: what is in the file was acknowledged, whatever happens next. */
static void flush_acknowledged(struct provisioning *p)
{
	size_t done = 0;

	while (done < p->lines_len && !p->broken) {
		ssize_t n = write(p->run->acknowledged_fd, p->lines + done, p->lines_len - done);

		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			p->broken = true;
	}
	p->lines_len = 0;
}

static bool is_for_device(struct run *run, uint64_t device, const struct attach_answer *a)
{
	const struct fleet_record *r = fleet_at(run->fleet, device);

	if (!a->is_complete)
		return run_wrong(run, WRONG_FORM);
	if (a->dimsi != r->imsi || !bytes_equal(a->se_id, bytes_of_text(r->id)))
		return run_wrong(run, WRONG_DEVICE);
	return true;
}

/* false: the device's run ends here. */
static bool accept(struct run *run, uint64_t device, const struct attach_answer *a, bool created)
{
	const struct fleet_record *r = fleet_at(run->fleet, device);

	if (r->fault != FAULT_NONE)
		tally_wrong(&run->tally, WRONG_ACCEPTANCE);
	if (!tally_acknowledge(&run->tally, device, a->imsi, created))
		return false;
	if (run_verifies(run, device) &&
		endorsement_check(run->checker, &a->endorsement, bytes_of(r->atk, r->atk_len),
			r->imsi, r->id, a->issued_at) != FINE)
		return run_wrong(run, WRONG_ENDORSEMENT);
	return true;
}

static void judge_acceptance(
	struct provisioning *p, uint64_t device, const struct attach_answer *a, bool created)
{
	if (!is_for_device(p->run, device, a))
		return;
	note_acknowledged(p, a->dimsi, a->imsi);
	(void)accept(p->run, device, a, created);
}

bool context_write(struct run *run, struct flight *f)
{
	return run_post(run, f, attach_write_item(&run->texts, run_record(run, f), f->body),
		"/nausf-initial-attach/v1/contexts");
}

bool context_judge(struct run *run, struct flight *f)
{
	struct attach_answer a;
	uint64_t device = run_device(run, f);

	if (!attach_read_answer(f->request.answer, &a))
		return run_wrong(run, WRONG_FORM);
	return is_for_device(run, device, &a) && accept(run, device, &a, f->request.status == 201);
}

static void judge_item(struct provisioning *p, uint64_t device, int status, struct bytes text)
{
	struct attach_answer a;
	struct tally *t = &p->run->tally;

	if (!attach_read_answer(text, &a)) {
		tally_wrong(t, WRONG_FORM);
		return;
	}
	if (status == 0)
		status = a.status;
	if (status == 200 || status == 201) {
		judge_acceptance(p, device, &a, status == 201);
		return;
	}
	if (outcome_kind(a.cause) == KIND_TRANSIENT && !p->last) {
		p->wants_again = true;
		return;
	}
	tally_refuse(t, device, a.cause, fleet_expected(fleet_at(p->run->fleet, device)));
}

static void judge_batch(struct provisioning *p, const struct flight *f)
{
	uint64_t device = p->run->first + f->first, end = device + f->count;
	struct json_scan object, array = { .broken = true };
	struct json_member m;

	if (json_scan_object(f->request.answer, &object))
		while (json_scan_member(&object, &m))
			if (json_is(&m, "results") && !json_scan_array(m.value, &array))
				array.broken = true;
	while (device < end && json_scan_member(&array, &m))
		judge_item(p, device++, 0, m.value);
	/* as many as there were items, and no more */
	if (device < end || json_scan_member(&array, &m) || array.broken)
		tally_wrong(&p->run->tally, WRONG_FORM);
}

/* The whole request was not answered, or refused as such. */
static void judge_failure(struct provisioning *p, const struct flight *f, enum outcome outcome)
{
	struct attach_answer a = { .cause = outcome };

	if (outcome == FINE && !attach_read_answer(f->request.answer, &a))
		a.cause = BROKEN;
	if (outcome_kind(a.cause) == KIND_TRANSIENT && !p->last) {
		p->wants_again = true;
		return;
	}
	for (size_t i = 0; i < f->count; i++) {
		uint64_t device = p->run->first + f->first + i;

		tally_refuse(&p->run->tally, device, a.cause,
			fleet_expected(fleet_at(p->run->fleet, device)));
	}
}

static enum flight_verdict judge(void *context, struct flight *f, enum outcome outcome, bool last)
{
	struct provisioning *p = context;
	struct run *run = p->run;
	int status = f->request.status;
	bool is_2xx = outcome == FINE && status / 100 == 2;

	p->wants_again = false;
	p->last = last;
	if (!is_2xx)
		judge_failure(p, f, outcome);
	else if (run->options->batch > 0)
		judge_batch(p, f);
	else
		judge_item(p, run->first + f->first, status, f->request.answer);
	flush_acknowledged(p);
	if (!p->wants_again) {
		run->progressed += f->count;
		progress_show(&run->progress, run->progressed);
	}
	return p->wants_again ? FLIGHT_AGAIN : FLIGHT_ENDED;
}

enum outcome run_provisioning(struct run *run)
{
	const struct run_options *o = run->options;
	struct provisioning p = { .run = run };
	size_t batch = o->batch > 0 ? (size_t)o->batch : 1;
	bool is_paced = run->procedure->paces_provisioning;

	run->progressed = 0;
	run->progress = progress_start("provision", 0, run->tally.devices);
	enum outcome done =
		drive_run(&(struct drive_settings){ .server = &run->server,
				  .items = run->tally.devices,
				  .batch = batch,
				  .body_size = batch * (ATTACH_ITEM_MAX + 1) + 32,
				  .rate = is_paced ? o->rate : 0,
				  .concurrency = (unsigned)o->concurrency,
				  .duration_ms = is_paced ? (int64_t)o->duration_s * 1000 : 0,
				  .timeout_ms = (int64_t)o->timeout_s * 1000,
				  .repeat_ms = o->retry ? (int64_t)o->deadline_s * 1000 : 0,
				  .write = write_request,
				  .judge = judge,
				  .context = &p },
			&run->provisioning);

	progress_end(&run->progress, run->progressed);
	return p.broken ? BROKEN : done;
}

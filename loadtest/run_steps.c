#include <stdarg.h>
#include <stdio.h>

#include "loadtest/json_scan.h"
#include "loadtest/procedures.h"
#include "loadtest/run_procedures.h"
#include "loadtest/subscribers.h"

/* SplitMix64: which device is next need not be a secret, and must not need a state. */
static uint64_t scatter(uint64_t i)
{
	i += UINT64_C(0x9e3779b97f4a7c15);
	i = (i ^ (i >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	i = (i ^ (i >> 27)) * UINT64_C(0x94d049bb133111eb);
	return i ^ (i >> 31);
}

uint64_t run_device(const struct run *run, const struct flight *f)
{
	if (run->chosen != NULL)
		return run->chosen[f->first];
	return run->first + (run->is_random ? scatter(f->first) : f->first) % run->tally.devices;
}

const struct fleet_record *run_record(const struct run *run, const struct flight *f)
{
	return fleet_at(run->fleet, run_device(run, f));
}

static bool write_url(struct run *run, struct flight *f, const char *path, va_list rest)
{
	int head = snprintf(f->url, sizeof(f->url), "%s", run->server.url);
	int tail = vsnprintf(f->url + head, sizeof(f->url) - (size_t)head, path, rest);

	f->request.url = f->url;
	return (tail > 0 && (size_t)(head + tail) < sizeof(f->url)) || run_wrong(run, WRONG_FORM);
}

bool run_post(struct run *run, struct flight *f, size_t body_len, const char *path, ...)
{
	va_list rest;

	f->request.method = "POST";
	f->request.content_type = "application/json";
	f->request.body = bytes_of(f->body, body_len);
	va_start(rest, path);
	bool fine = write_url(run, f, path, rest);
	va_end(rest);
	return fine;
}

bool run_delete(struct run *run, struct flight *f, const char *path, ...)
{
	va_list rest;

	f->request.method = "DELETE";
	f->request.content_type = NULL;
	f->request.body = bytes_of(NULL, 0);
	va_start(rest, path);
	bool fine = write_url(run, f, path, rest);
	va_end(rest);
	return fine;
}

bool run_wrong(struct run *run, enum wrong_answer w)
{
	tally_wrong(&run->tally, w);
	return false;
}

const struct run_step *run_step_at(const struct run *run, unsigned i)
{
	static const struct run_step context = { "4.4 context", context_write, context_judge };
	const struct procedure *p = run->procedure;
	bool is_first = p->provisions && run->is_mixed;

	if (is_first && i == 0)
		return &context;
	i -= is_first;
	return i < p->step_count ? &p->steps[i] : NULL;
}

static void show_progress(struct run *run)
{
	run->progressed++;
	progress_show(&run->progress, run->progressed);
}

static bool write_step(void *context, struct flight *f)
{
	struct run *run = context;

	if (run_step_at(run, f->step)->write(run, f))
		return true;
	show_progress(run);
	return false;
}

static enum outcome cause_of(const struct flight *f)
{
	struct json_scan scan;
	struct json_member m;
	enum outcome cause = BROKEN;

	if (json_scan_object(f->request.answer, &scan))
		while (json_scan_member(&scan, &m))
			if (json_is(&m, "cause"))
				cause = json_scan_cause(m.value);
	return cause;
}

static void refuse(struct run *run, const struct flight *f, enum outcome cause)
{
	/* Faulty devices are refused where they are provisioned. */
	if (run->procedure->provisions && run->is_mixed && f->step == 0)
		tally_refuse(
			&run->tally, run_device(run, f), cause, fleet_expected(run_record(run, f)));
	else
		tally_error(&run->tally, cause);
	if (cause != USER_NOT_FOUND || run->said_unknown)
		return;
	run->said_unknown = true;
	fprintf(stderr,
		"arpfload: the server does not know this fleet's subscribers: arpfctl subscriber "
		"import %s/" SUBSCRIBERS_FILE "\n",
		run->folder);
}

enum flight_verdict run_judge(struct run *run, struct flight *f, enum outcome outcome, bool last)
{
	if (outcome == FINE && f->request.status / 100 != 2)
		outcome = cause_of(f);
	if (outcome_kind(outcome) == KIND_TRANSIENT && !last)
		return FLIGHT_AGAIN;
	if (outcome != FINE)
		refuse(run, f, outcome);
	else if (run_step_at(run, f->step)->judge(run, f) && run_step_at(run, f->step + 1) != NULL)
		return FLIGHT_GOES_ON;
	return FLIGHT_ENDED;
}

static enum flight_verdict judge_step(
	void *context, struct flight *f, enum outcome outcome, bool last)
{
	enum flight_verdict verdict = run_judge(context, f, outcome, last);

	if (verdict == FLIGHT_ENDED)
		show_progress(context);
	return verdict;
}

enum outcome run_steps(struct run *run)
{
	const struct run_options *o = run->options;
	const struct procedure *p = run->procedure;
	uint64_t items = run->chosen != NULL ? run->chosen_count : run->tally.devices;
	bool is_paced = !p->paces_provisioning;
	bool is_endless = p->repeats && o->duration_s > 0;

	run->progressed = 0;
	run->progress = progress_start(
		p->paces_provisioning ? "verify" : "devices", 0, is_endless ? 0 : items);
	enum outcome done =
		drive_run(&(struct drive_settings){ .server = &run->server,
				  .items = is_endless ? UINT64_MAX : items,
				  .batch = 1,
				  .body_size = RUN_BODY_MAX,
				  .state_size = p->state_size,
				  .rate = is_paced ? o->rate : 0,
				  .concurrency = (unsigned)o->concurrency,
				  .duration_ms = is_paced ? (int64_t)o->duration_s * 1000 : 0,
				  .timeout_ms = (int64_t)o->timeout_s * 1000,
				  .repeat_ms = o->retry ? (int64_t)o->deadline_s * 1000 : 0,
				  .write = write_step,
				  .judge = judge_step,
				  .context = run },
			&run->measured);

	progress_end(&run->progress, run->progressed);
	return done;
}

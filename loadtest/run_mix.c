#include "loadtest/run_mix.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "loadtest/procedures.h"

/* Whose flight it is; the flight is then for that run's own item. */
static struct run *run_of(struct run_mix *m, struct flight *f)
{
	uint64_t item;

	struct run *run = m->runs[mix_turn(&m->mix, f->first, &item)];

	f->first = item;
	return run;
}

static void end_device(struct run_mix *m, struct run *run, const struct flight *f)
{
	run->measured.items++;
	histogram_add(&run->measured.latency, clock_us() - f->due_us);
	progress_show(&m->progress, ++m->ended);
}

static bool write_step(void *context, struct flight *f)
{
	struct run_mix *m = context;
	uint64_t of_mix = f->first;
	struct run *run = run_of(m, f);
	bool written = run_step_at(run, f->step)->write(run, f);

	if (!written)
		end_device(m, run, f);
	f->first = of_mix;
	return written;
}

static enum flight_verdict judge_step(
	void *context, struct flight *f, enum outcome outcome, bool last)
{
	struct run_mix *m = context;
	uint64_t of_mix = f->first;
	struct run *run = run_of(m, f);
	struct drive_result *r = &run->measured;
	enum flight_verdict verdict = run_judge(run, f, outcome, last);

	if (verdict == FLIGHT_AGAIN) {
		r->repeated++;
	} else {
		r->requests++;
		histogram_add(&r->steps[f->step], clock_us() - f->step_us);
	}
	if (verdict == FLIGHT_ENDED)
		end_device(m, run, f);
	f->first = of_mix;
	return verdict;
}

/* Until the first fleet is through whose devices have one turn each; UINT64_MAX: none ever is. */
static uint64_t count_items(const struct run_mix *m)
{
	uint64_t items = UINT64_MAX;

	for (unsigned i = 0; i < m->mix.count; i++) {
		uint64_t until = mix_items(&m->mix, i, m->runs[i]->tally.devices);

		if (!m->mix.procedures[i]->repeats && until < items)
			items = until;
	}
	return items;
}

static bool drive_mix(struct run_mix *m)
{
	const struct run_options *o = m->options;
	uint64_t items = count_items(m);
	size_t state_size = 0;

	if (items == UINT64_MAX && o->duration_s == 0) {
		fprintf(stderr, "arpfload: --mix without an end: give --duration\n");
		return false;
	}
	for (unsigned i = 0; i < m->mix.count; i++)
		if (m->mix.procedures[i]->state_size > state_size)
			state_size = m->mix.procedures[i]->state_size;
	m->progress = progress_start("devices", 0, items == UINT64_MAX ? 0 : items);
	enum outcome done =
		drive_run(&(struct drive_settings){ .server = &m->server,
				  .items = items,
				  .batch = 1,
				  .body_size = RUN_BODY_MAX,
				  .state_size = state_size,
				  .rate = o->rate,
				  .concurrency = (unsigned)o->concurrency,
				  .duration_ms = (int64_t)o->duration_s * 1000,
				  .timeout_ms = (int64_t)o->timeout_s * 1000,
				  .repeat_ms = o->retry ? (int64_t)o->deadline_s * 1000 : 0,
				  .write = write_step,
				  .judge = judge_step,
				  .context = m },
			&m->total);

	progress_end(&m->progress, m->ended);
	for (unsigned i = 0; i < m->mix.count; i++)
		m->runs[i]->measured.wall_us = m->total.wall_us;
	return done == FINE;
}

static bool open_runs(struct run_mix *m)
{
	char folder[PATH_MAX];

	for (unsigned i = 0; i < m->mix.count; i++) {
		const struct procedure *p = m->mix.procedures[i];

		if (!path_in(m->options->fleet, p->name, folder, sizeof(folder)))
			return false;
		m->runs[i] = run_open(m->options, p, folder, &m->server);
		if (m->runs[i] == NULL || !p->begin(m->runs[i]))
			return false;
	}
	return true;
}

static int verdict(const struct run_mix *m)
{
	int worst = 0;

	for (unsigned i = 0; i < m->mix.count; i++)
		if (run_verdict(m->runs[i]) > worst)
			worst = run_verdict(m->runs[i]);
	return worst;
}

int run_mixed(const struct run_options *options)
{
	struct run_mix *m = calloc(1, sizeof(*m));
	int result = 1;

	if (m == NULL)
		return 1;
	m->options = options;
	if (!mix_read(options->mix, &m->mix))
		result = 2;
	else if (server_open(&m->server, &options->server, (unsigned)options->concurrency)) {
		if (open_runs(m) && drive_mix(m) && run_report_mix(m))
			result = verdict(m);
		for (unsigned i = 0; i < m->mix.count; i++)
			run_close(m->runs[i]);
		server_close(&m->server);
	}
	free(m);
	return result;
}

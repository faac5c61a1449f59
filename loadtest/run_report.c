#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json_out.h"
#include "loadtest/procedures.h"
#include "loadtest/run_mix.h"

#define JSON_ROOM (1u << 20)

static const struct {
	const char *name;
	double part;
} percentiles[] = {
	{ "p50", 0.5 },
	{ "p90", 0.9 },
	{ "p99", 0.99 },
	{ "p99.9", 0.999 },
};

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

static double per_second(uint64_t count, int64_t wall_us)
{
	return wall_us > 0 ? (double)count * 1e6 / (double)wall_us : 0.;
}

static double cpu_per_item(const struct drive_result *r)
{
	return r->items > 0 ? (double)r->cpu_us / (double)r->items : 0.;
}

static void member_real(struct json_out *o, const char *key, double v)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%.3f", v);

	json_key(o, key);
	json_raw(o, text, (size_t)len);
}

static void write_latency(struct json_out *o, const struct histogram *h)
{
	json_key(o, "latencyMs");
	json_open(o, '{');
	for (size_t i = 0; i < PERCENTILES; i++)
		member_real(
			o, percentiles[i].name, (double)histogram_at(h, percentiles[i].part) / 1e3);
	member_real(o, "max", (double)h->max_us / 1e3);
	member_real(o, "mean", histogram_mean_us(h) / 1e3);
	json_close(o, '}');
}

static void write_phase(
	struct json_out *o, const char *key, const struct drive_result *r, uint64_t devices)
{
	json_key(o, key);
	json_open(o, '{');
	json_member_number(o, "devices", (int64_t)devices);
	json_member_number(o, "requests", (int64_t)r->requests);
	json_member_number(o, "repeated", (int64_t)r->repeated);
	member_real(o, "seconds", (double)r->wall_us / 1e6);
	member_real(o, "devicesPerSecond", per_second(devices, r->wall_us));
	member_real(o, "requestsPerSecond", per_second(r->requests, r->wall_us));
	write_latency(o, &r->latency);
	member_real(o, "ownCpuUsPerDevice", cpu_per_item(r));
	json_close(o, '}');
}

/* Each request of a device by itself. */
static void write_steps(struct json_out *o, const struct run *run)
{
	json_key(o, "steps");
	json_open(o, '{');
	for (unsigned i = 0; run_step_at(run, i) != NULL; i++) {
		json_key(o, run_step_at(run, i)->name);
		json_open(o, '{');
		json_member_number(o, "requests", (int64_t)run->measured.steps[i].count);
		write_latency(o, &run->measured.steps[i]);
		json_close(o, '}');
	}
	json_close(o, '}');
}

static uint64_t signatures_verified(const struct run *run)
{
	const struct signature_checker *c =
		run->checker != NULL ? run->checker : run->identity.checker;

	return c != NULL ? signature_checker_verified(c) : 0;
}

static void write_counts(struct json_out *o, const struct tally *t)
{
	json_key(o, "errors");
	json_open(o, '{');
	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (t->errors[i] > 0)
			json_member_number(
				o, outcome_cause((enum outcome)i), (int64_t)t->errors[i]);
	json_close(o, '}');
	json_member_number(o, "wrongAnswers", (int64_t)tally_wrong_total(t));
	json_key(o, "wrong");
	json_open(o, '{');
	for (int i = 0; i < WRONG_COUNT; i++)
		if (t->wrong[i] > 0)
			json_member_number(
				o, wrong_answer_name((enum wrong_answer)i), (int64_t)t->wrong[i]);
	json_close(o, '}');
}

/* The members of an object that the caller has opened. */
static void write_run(struct json_out *o, const struct run *run)
{
	const struct tally *t = &run->tally;

	json_member_text(o, "procedure", run->procedure->name);
	json_member_number(o, "acknowledged", (int64_t)t->acknowledged);
	json_member_number(o, "created", (int64_t)t->created);
	json_member_number(o, "expectedRefusals", (int64_t)t->expected_refusals);
	json_member_number(o, "verified", (int64_t)t->verified);
	json_member_number(o, "signaturesVerified", (int64_t)signatures_verified(run));
	json_member_number(o, "completed", (int64_t)t->completed);
	if (run->procedure->provisions && !run->is_mixed)
		write_phase(o, "provisioning", &run->provisioning, t->acknowledged);
	write_phase(o, run->procedure->phase_key, &run->measured, run->measured.items);
	if (run_step_at(run, 1) != NULL)
		write_steps(o, run);
	write_counts(o, t);
}

static void write_options(struct json_out *o, const struct run_options *p, const char *url)
{
	json_member_text(o, "url", url);
	json_member_number(o, "concurrency", (int64_t)p->concurrency);
	json_member_number(o, "rate", (int64_t)p->rate);
	json_member_number(o, "batch", (int64_t)p->batch);
}

static const char *make_json(const struct run *run, struct arena *arena, size_t *len)
{
	struct json_out o = json_start(arena);

	json_open(&o, '{');
	write_options(&o, run->options, run->server.url);
	write_run(&o, run);
	json_close(&o, '}');
	return json_end(&o, len);
}

static uint64_t wrong_answers(const struct run_mix *m)
{
	uint64_t wrong = 0;

	for (unsigned i = 0; i < m->mix.count; i++)
		wrong += tally_wrong_total(&m->runs[i]->tally);
	return wrong;
}

static const char *make_mix_json(const struct run_mix *m, struct arena *arena, size_t *len)
{
	struct json_out o = json_start(arena);

	json_open(&o, '{');
	write_options(&o, m->options, m->server.url);
	json_key(&o, "procedures");
	json_open(&o, '[');
	for (unsigned i = 0; i < m->mix.count; i++) {
		json_open(&o, '{');
		json_member_number(&o, "share", m->mix.shares[i]);
		write_run(&o, m->runs[i]);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	write_phase(&o, "total", &m->total, m->total.items);
	json_member_number(&o, "wrongAnswers", (int64_t)wrong_answers(m));
	json_close(&o, '}');
	return json_end(&o, len);
}

/* text is of the arena, or NULL. */
static bool write_json(const char *text, size_t len, const char *file)
{
	bool to_stdout = strcmp(file, "-") == 0;
	FILE *out = to_stdout ? stdout : fopen(file, "we");
	bool fine = text != NULL && out != NULL && fwrite(text, 1, len, out) == len &&
		    fputc('\n', out) != EOF;

	if (out != NULL)
		fine = (to_stdout ? fflush(out) : fclose(out)) == 0 && fine;
	if (!fine)
		fprintf(stderr, "arpfload: %s: %s\n", file, strerror(errno));
	return fine;
}

static void print_latency(const struct histogram *h)
{
	for (size_t i = 0; i < PERCENTILES; i++)
		printf(" %8.2f", (double)histogram_at(h, percentiles[i].part) / 1e3);
	printf(" %8.2f", (double)h->max_us / 1e3);
}

static void print_phase(const char *name, const struct drive_result *r, uint64_t devices)
{
	printf("%-18s %8" PRIu64 " %9.1f %9.0f", name, devices, (double)r->wall_us / 1e6,
		per_second(devices, r->wall_us));
	print_latency(&r->latency);
	/* What each of several that run at once takes of this process is not known. */
	if (r->cpu_us > 0)
		printf(" %8.1f", cpu_per_item(r));
	putchar('\n');
}

static void print_heading(void)
{
	printf("%-18s %8s %9s %9s", "", "DEVICES", "SECONDS", "PER S");
	for (size_t i = 0; i < PERCENTILES; i++)
		printf(" %5s ms", percentiles[i].name);
	printf(" %5s ms %8s\n", "max", "OWN us");
}

static void print_phases(const struct run *run)
{
	const struct procedure *p = run->procedure;
	const struct drive_result *m = &run->measured;

	if (p->provisions && !run->is_mixed)
		print_phase("provisioning", &run->provisioning, run->tally.acknowledged);
	if (m->items > 0)
		print_phase(run->is_mixed ? p->name : p->phase, m, m->items);
	/* Of a first step alone the row above has said all. */
	for (unsigned i = 0; m->steps[1].count > 0 && run_step_at(run, i) != NULL; i++) {
		if (m->steps[i].count == 0)
			continue;
		printf("  %-16s %8" PRIu64 " %9s %9.0f", run_step_at(run, i)->name,
			m->steps[i].count, "", per_second(m->steps[i].count, m->wall_us));
		print_latency(&m->steps[i]);
		putchar('\n');
	}
}

static void print_successes(const struct run *run)
{
	const struct tally *t = &run->tally;

	if (t->acknowledged > 0)
		printf("acknowledged %" PRIu64 ", of these new %" PRIu64 "; ", t->acknowledged,
			t->created);
	if (!run->procedure->paces_provisioning)
		printf("completed %" PRIu64 "; ", t->completed);
	printf("answers verified as the device would %" PRIu64 "\n", t->verified);
	if (t->expected_refusals > 0)
		printf("faulty devices refused as they must be: %" PRIu64 "\n",
			t->expected_refusals);
	if (run->provisioning.repeated + run->measured.repeated > 0)
		printf("requests repeated: %" PRIu64 "\n",
			run->provisioning.repeated + run->measured.repeated);
}

static void print_errors(const struct run *run)
{
	const struct tally *t = &run->tally;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (t->errors[i] > 0)
			printf("error %-28s %" PRIu64 "\n", outcome_cause((enum outcome)i),
				t->errors[i]);
}

static void print_wrong(const struct run *run)
{
	const struct tally *t = &run->tally;

	for (int i = 0; i < WRONG_COUNT; i++)
		if (t->wrong[i] > 0)
			printf("WRONG %-28s %" PRIu64 "\n", wrong_answer_name((enum wrong_answer)i),
				t->wrong[i]);
}

static void print_table(const struct run *run)
{
	print_heading();
	print_phases(run);
	putchar('\n');
	print_successes(run);
	print_errors(run);
	printf("wrong answers: %" PRIu64 "\n", tally_wrong_total(&run->tally));
	print_wrong(run);
}

static void print_mix_table(const struct run_mix *m)
{
	print_heading();
	for (unsigned i = 0; i < m->mix.count; i++)
		print_phases(m->runs[i]);
	print_phase("total", &m->total, m->total.items);
	for (unsigned i = 0; i < m->mix.count; i++) {
		printf("\n%s: ", m->mix.procedures[i]->name);
		print_successes(m->runs[i]);
		print_errors(m->runs[i]);
		print_wrong(m->runs[i]);
	}
	printf("\nwrong answers: %" PRIu64 "\n", wrong_answers(m));
}

/* Where a file of JSON is asked for; "-" is stdout in place of the table. */
static bool to_stdout_as_json(const struct run_options *o)
{
	return o->json != NULL && strcmp(o->json, "-") == 0;
}

bool run_report(const struct run *run)
{
	const char *file = run->options->json;
	struct arena *arena = arena_new(JSON_ROOM);
	size_t len = 0;

	if (!to_stdout_as_json(run->options))
		print_table(run);
	const char *text = arena != NULL ? make_json(run, arena, &len) : NULL;
	bool fine = file == NULL || write_json(text, len, file);

	arena_free(arena);
	return fine;
}

bool run_report_mix(const struct run_mix *m)
{
	const char *file = m->options->json;
	struct arena *arena = arena_new(JSON_ROOM);
	size_t len = 0;

	if (!to_stdout_as_json(m->options))
		print_mix_table(m);
	const char *text = arena != NULL ? make_mix_json(m, arena, &len) : NULL;
	bool fine = file == NULL || write_json(text, len, file);

	arena_free(arena);
	return fine;
}

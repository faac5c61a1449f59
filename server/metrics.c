#include "server/metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_PROCEDURES 64u

struct step_times {
	atomic_ullong count, us;
};

struct procedure_counts {
	atomic_ullong ended[OUTCOME_COUNT];
	atomic_ullong us;
	struct step_times steps[PROCEDURE_MAX_STEPS];
};

struct metrics {
	const struct procedure *(*procedure_at)(unsigned i);
	atomic_ullong refused[OUTCOME_COUNT];
	atomic_ullong identity_end; /* 0: not known to this reactor */
	atomic_ullong crls_end;     /* likewise */
	atomic_ullong crls_good, crls_end_soon, crls_over;
	atomic_ullong tls_certificate_end, tls_crls_end; /* as identity_end */
	atomic_bool tells_of_audit, audit_is_broken, audit_root_file_fails, audit_is_held;
	atomic_ullong audit_tree, audit_sealed_at, refusals_lost;
	struct procedure_counts procedures[MOST_PROCEDURES];
};

static void add(atomic_ullong *to, unsigned long long v)
{
	atomic_fetch_add_explicit(to, v, memory_order_relaxed);
}

static unsigned long long read_count(atomic_ullong *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

struct metrics *metrics_new(const struct procedure *(*procedure_at)(unsigned i))
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (m != NULL)
		m->procedure_at = procedure_at;
	return m;
}

void metrics_free(struct metrics *m)
{
	free(m);
}

static struct procedure_counts *counts_of(struct metrics *m, const struct procedure *p)
{
	for (unsigned i = 0; i < MOST_PROCEDURES && m->procedure_at(i) != NULL; i++)
		if (m->procedure_at(i) == p)
			return &m->procedures[i];
	return NULL;
}

void metrics_count_end(
	struct metrics *m, const struct procedure *p, enum outcome outcome, int64_t duration_us)
{
	struct procedure_counts *c = counts_of(m, p);

	if (c == NULL)
		return;
	add(&c->ended[outcome < OUTCOME_COUNT ? outcome : BROKEN], 1);
	add(&c->us, (unsigned long long)duration_us);
}

void metrics_count_step(
	struct metrics *m, const struct procedure *p, unsigned step, int64_t duration_us)
{
	struct procedure_counts *c = counts_of(m, p);

	if (c == NULL || step >= PROCEDURE_MAX_STEPS)
		return;
	add(&c->steps[step].count, 1);
	add(&c->steps[step].us, (unsigned long long)duration_us);
}

void metrics_count_refusal(struct metrics *m, enum outcome outcome)
{
	add(&m->refused[outcome], 1);
}

void metrics_set_identity_end(struct metrics *m, int64_t unix_seconds)
{
	atomic_store_explicit(
		&m->identity_end, (unsigned long long)unix_seconds, memory_order_relaxed);
}

void metrics_set_crls(struct metrics *m, const struct crl_figures *crls)
{
	atomic_store(&m->crls_end, (unsigned long long)crls->end);
	atomic_store(&m->crls_good, crls->good);
	atomic_store(&m->crls_end_soon, crls->ends_soon);
	atomic_store(&m->crls_over, crls->over);
}

void metrics_set_tls_ends(struct metrics *m, int64_t certificate, int64_t crls)
{
	atomic_store(&m->tls_certificate_end, (unsigned long long)certificate);
	atomic_store(&m->tls_crls_end, (unsigned long long)crls);
}

void metrics_set_audit(struct metrics *m, const struct audit_figures *figures)
{
	atomic_store(&m->tells_of_audit, true);
	atomic_store(&m->audit_is_broken, figures->is_broken);
	atomic_store(&m->audit_root_file_fails, figures->root_file_fails);
	atomic_store(&m->audit_is_held, figures->is_held);
	atomic_store(&m->audit_tree, (unsigned long long)figures->tree);
	atomic_store(&m->audit_sealed_at, (unsigned long long)figures->sealed_at);
}

struct audit_figures metrics_audit(struct metrics *m)
{
	return (struct audit_figures){
		.is_broken = atomic_load(&m->audit_is_broken),
		.root_file_fails = atomic_load(&m->audit_root_file_fails),
		.is_held = atomic_load(&m->audit_is_held),
		.tree = (int64_t)read_count(&m->audit_tree),
		.sealed_at = (int64_t)read_count(&m->audit_sealed_at),
	};
}

void metrics_count_lost_refusal(struct metrics *m)
{
	add(&m->refusals_lost, 1);
}

void metrics_totals(struct metrics *m, uint64_t *ended, uint64_t *fine)
{
	*ended = *fine = 0;
	for (unsigned p = 0; p < MOST_PROCEDURES; p++)
		for (unsigned o = 0; o < OUTCOME_COUNT; o++) {
			uint64_t n = read_count(&m->procedures[p].ended[o]);

			*ended += n;
			*fine += o == FINE ? n : 0;
		}
}

/* One family of counters: its head, then a line for each of its label sets. */
static void write_requests(FILE *out, struct metrics *const *all, size_t count)
{
	fputs("# HELP arpf_requests_total Transactions ended, by procedure and outcome.\n"
	      "# TYPE arpf_requests_total counter\n",
		out);
	for (unsigned p = 0; all[0]->procedure_at(p) != NULL; p++)
		for (unsigned o = 0; o < OUTCOME_COUNT; o++) {
			unsigned long long n = 0;

			for (size_t i = 0; i < count; i++)
				n += read_count(&all[i]->procedures[p].ended[o]);
			if (n > 0)
				fprintf(out,
					"arpf_requests_total{procedure=\"%s\",outcome=\"%s\"} "
					"%llu\n",
					all[0]->procedure_at(p)->name,
					outcome_name((enum outcome)o), n);
		}
	fputs("# HELP arpf_refused_total Requests refused before a transaction began.\n"
	      "# TYPE arpf_refused_total counter\n",
		out);
	for (unsigned o = 0; o < OUTCOME_COUNT; o++) {
		unsigned long long n = 0;

		for (size_t i = 0; i < count; i++)
			n += read_count(&all[i]->refused[o]);
		if (n > 0)
			fprintf(out, "arpf_refused_total{outcome=\"%s\"} %llu\n",
				outcome_name((enum outcome)o), n);
	}
}

static void write_step(FILE *out, struct metrics *const *all, size_t count, unsigned p, unsigned s)
{
	const struct step *step = &all[0]->procedure_at(p)->steps[s];
	unsigned long long n = 0, us = 0;

	for (size_t i = 0; i < count; i++) {
		n += read_count(&all[i]->procedures[p].steps[s].count);
		us += read_count(&all[i]->procedures[p].steps[s].us);
	}
	if (n == 0)
		return;
	const char *format = "arpf_step_seconds_%s{procedure=\"%s\",step=\"%s\",lane=\"%s\"} ";

	fprintf(out, format, "count", all[0]->procedure_at(p)->name, step->name,
		lane_name(step->lane));
	fprintf(out, "%llu\n", n);
	fprintf(out, format, "sum", all[0]->procedure_at(p)->name, step->name,
		lane_name(step->lane));
	fprintf(out, "%.6f\n", (double)us / 1e6);
}

static void write_identity_end(FILE *out, struct metrics *const *all, size_t count)
{
	unsigned long long end = 0;

	for (size_t i = 0; i < count; i++)
		if (read_count(&all[i]->identity_end) > end)
			end = read_count(&all[i]->identity_end);
	if (end == 0)
		return;
	fprintf(out,
		"# HELP arpf_ibs_identity_expires_at_seconds When no ECCSI identity is left that "
		"is "
		"valid, in unix seconds.\n"
		"# TYPE arpf_ibs_identity_expires_at_seconds gauge\n"
		"arpf_ibs_identity_expires_at_seconds %llu\n",
		end);
}

static void write_value(
	FILE *out, const char *name, const char *type, const char *help, unsigned long long value)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, value);
}

/* One reactor of the process tells of CRLs. */
static void write_crls(FILE *out, struct metrics *m)
{
	if (read_count(&m->crls_end) == 0)
		return;
	write_value(out, "arpf_crl_next_update_seconds", "gauge",
		"When the first of the CRLs is past its nextUpdate, in unix seconds.",
		read_count(&m->crls_end));
	fprintf(out,
		"# HELP arpf_crls CRLs that were given: good, within the last quarter of their "
		"time, past nextUpdate.\n"
		"# TYPE arpf_crls gauge\n"
		"arpf_crls{state=\"good\"} %llu\n"
		"arpf_crls{state=\"ends_soon\"} %llu\n"
		"arpf_crls{state=\"over\"} %llu\n",
		read_count(&m->crls_good), read_count(&m->crls_end_soon),
		read_count(&m->crls_over));
}

/* Likewise. */
static void write_tls_ends(FILE *out, struct metrics *m)
{
	if (read_count(&m->tls_certificate_end) > 0)
		write_value(out, "arpf_tls_certificate_expires_at_seconds", "gauge",
			"When the listener's certificate ends, in unix seconds.",
			read_count(&m->tls_certificate_end));
	if (read_count(&m->tls_crls_end) > 0)
		write_value(out, "arpf_tls_crl_next_update_seconds", "gauge",
			"When the first CRL of client_ca_file is past its nextUpdate, in unix "
			"seconds.",
			read_count(&m->tls_crls_end));
}

/* One reactor of the process tells of the trail; all may lose refusals. */
static void write_audit(FILE *out, struct metrics *const *all, size_t count)
{
	unsigned long long lost = 0;

	for (size_t i = 0; i < count; i++) {
		struct audit_figures f = metrics_audit(all[i]);

		lost += read_count(&all[i]->refusals_lost);
		if (!atomic_load(&all[i]->tells_of_audit))
			continue;
		write_value(out, "arpf_audit_trail_broken", "gauge",
			"1: the trail is not what was sealed, and nothing is sealed upon it.",
			f.is_broken);
		write_value(out, "arpf_audit_root_file_failing", "gauge",
			"1: the last signed root could not be written to its file.",
			f.root_file_fails);
		write_value(out, "arpf_audit_held_back", "gauge",
			"1: a transaction that stays open keeps what came after it from being "
			"sealed.",
			f.is_held);
		write_value(out, "arpf_audit_tree", "gauge", "Number of the last sealed tree.",
			(unsigned long long)f.tree);
		write_value(out, "arpf_audit_sealed_at_seconds", "gauge",
			"When the last tree was sealed, in unix seconds.",
			(unsigned long long)f.sealed_at);
	}
	write_value(out, "arpf_audit_refusals_lost_total", "counter",
		"Refusals that are in the audit trail as part of a number only.", lost);
}

char *metrics_write(struct metrics *const *all, size_t count, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		return NULL;
	write_requests(out, all, count);
	fputs("# HELP arpf_step_seconds Time from a step's start to its end, waiting included.\n"
	      "# TYPE arpf_step_seconds summary\n",
		out);
	for (unsigned p = 0; all[0]->procedure_at(p) != NULL; p++)
		for (unsigned s = 0; all[0]->procedure_at(p)->steps[s].name != NULL; s++)
			write_step(out, all, count, p, s);
	write_identity_end(out, all, count);
	for (size_t i = 0; i < count; i++) {
		write_crls(out, all[i]);
		write_tls_ends(out, all[i]);
	}
	write_audit(out, all, count);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

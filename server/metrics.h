/*
 * Counters of one reactor: requests by procedure and outcome, time in steps. Only the reactor's own
 * thread writes them; the sums over reactors are made when they are read, so they are atomics
 * written without locks. Text is Prometheus exposition format 0.0.4.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "base/json_out.h"
#include "procedures/procedure.h"

struct metrics;

/* procedure_at(i): the i-th procedure that is counted, NULL past the last. */
struct metrics *metrics_new(const struct procedure *(*procedure_at)(unsigned i));
void metrics_free(struct metrics *m);
/* Once a transaction has ended. */
void metrics_count_end(
	struct metrics *m, const struct procedure *p, enum outcome outcome, int64_t duration_us);
/* Once a step has been done; step is the index in the procedure's table. */
void metrics_count_step(
	struct metrics *m, const struct procedure *p, unsigned step, int64_t duration_us);
/* A request that never became a transaction. */
void metrics_count_refusal(struct metrics *m, enum outcome outcome);
/* When the server's last ECCSI identity ends; 0: there is none. */
void metrics_set_identity_end(struct metrics *m, int64_t unix_seconds);
void metrics_set_crls(struct metrics *m, const struct crl_figures *crls);
/* When the listener's certificate ends, and the first of its callers' CRLs; 0: there is none. */
void metrics_set_tls_ends(struct metrics *m, int64_t certificate, int64_t crls);

/* What the audit trail's sealer knows; one reactor of a process tells. */
struct audit_figures {
	bool is_broken, root_file_fails, is_held;
	int64_t tree, sealed_at; /* the last; 0: none */
};
void metrics_set_audit(struct metrics *m, const struct audit_figures *figures);
struct audit_figures metrics_audit(struct metrics *m);
/* A refusal that is in the audit trail as one of a number only. */
void metrics_count_lost_refusal(struct metrics *m);

/* The sums of all reactors as text; the caller frees it. NULL: no memory. */
char *metrics_write(struct metrics *const *all, size_t count, size_t *len);
/* How many transactions of all procedures have ended, in all and well. */
void metrics_totals(struct metrics *m, uint64_t *ended, uint64_t *fine);

#endif

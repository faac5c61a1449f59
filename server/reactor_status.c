#include "server/reactor_status.h"

#include <unistd.h>

#include "procedures/services.h"
#include "server/reactor.h"

static void write_worker(struct json_out *o, const struct key_worker_state *w)
{
	json_open(o, '{');
	json_member_number(o, "pid", w->pid);
	json_key(o, "ready");
	json_bool(o, w->ready);
	json_member_number(o, "operations", (int64_t)w->operations);
	json_member_number(o, "restarts", w->restarts);
	json_close(o, '}');
}

/* The first reactor seals for all. */
static void write_audit(const struct reactor_status *s, struct json_out *o)
{
	struct audit_figures f = metrics_audit(s->all_metrics[0]);

	json_key(o, "audit");
	json_open(o, '{');
	json_key(o, "trail");
	json_bool(o, s->services->settings->audit_is_on);
	json_key(o, "broken");
	json_bool(o, f.is_broken);
	json_key(o, "rootFileFails");
	json_bool(o, f.root_file_fails);
	json_member_number(o, "tree", f.tree);
	if (f.sealed_at != 0) {
		json_key(o, "sealedAt");
		json_time(o, f.sealed_at);
	}
	json_close(o, '}');
}

void reactor_status_write(const struct reactor_status *s, struct json_out *o)
{
	const struct services *services = s->services;
	uint64_t ended, fine;

	metrics_totals(s->all_metrics[s->number], &ended, &fine);
	json_key(o, "server");
	json_open(o, '{');
	json_member_text(o, "version", ARPF_VERSION);
	json_member_number(o, "pid", getpid());
	json_member_number(o, "reactor", s->number);
	json_member_number(o, "reactors", (int64_t)s->reactors);
	json_member_number(o, "inFlight", (int64_t)engine_in_flight(s->engine));
	json_member_number(o, "inFlightLimit", services->settings->transactions_in_flight);
	json_member_number(o, "ended", (int64_t)ended);
	json_member_number(o, "succeeded", (int64_t)fine);
	json_close(o, '}');
	json_key(o, "lanes");
	json_open(o, '{');
	json_member_number(o, "cpu", engine_waiting_cpu(s->engine));
	json_member_number(o, "key", key_client_waiting(services->keys));
	json_member_number(o, "db", db_waiting(services->db));
	json_member_number(o, "imsisAtHand", (int64_t)imsi_leases_left(services->leases));
	json_close(o, '}');
	json_key(o, "hsm");
	json_open(o, '{');
	json_key(o, "ready");
	json_bool(o, key_client_is_ready(services->keys));
	json_key(o, "workers");
	json_open(o, '[');
	for (unsigned i = 0; i <= services->settings->key_workers;
		i++) { /* and the place of a replacement */
		struct key_worker_state w = { 0 };

		key_client_worker(services->keys, i, &w);
		if (w.pid != 0)
			write_worker(o, &w);
	}
	json_close(o, ']');
	json_close(o, '}');
	json_key(o, "database");
	json_open(o, '{');
	json_key(o, "ready");
	json_bool(o, db_is_ready(services->db));
	json_close(o, '}');
	write_audit(s, o);
}

#include "server/reactor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "peers/certificate_cache.h"
#include "procedures/arpf_directory.h"
#include "procedures/audit_sealer.h"
#include "procedures/job_worker.h"
#include "procedures/outbox.h"
#include "procedures/refusals.h"
#include "procedures/sweeper.h"
#include "server/audit_lane.h"
#include "server/engine.h"
#include "server/http.h"
#include "server/identity_watch.h"
#include "server/reactor_status.h"
#include "server/routes.h"
#include "server/views.h"

#define DRAIN_LOOK_S      0.05
#define GIVE_BACK_MOST_MS 2000
#define SWEEP_EVERY_S     30.0
#define NOTE_EVERY_S      1.5
#define WORK_EVERY_S      1.0
#define SEAL_EVERY_S      1.0
#define TELL_EVERY_S      1.0 /* of refusals that were not recorded */

enum phase { PHASE_RUNNING, PHASE_DRAINING, PHASE_GIVING_BACK, PHASE_OVER };

struct reactor {
	struct reactor_settings given;
	struct settings *settings; /* its own copy: changed on its loop only */
	struct ev_loop *loop;
	pthread_t thread;
	struct services services;
	struct metrics *metrics;
	struct engine *engine;
	struct views *views;
	struct sweeper *sweeper;               /* the first reactor's */
	struct identity_watch *identity_watch; /* likewise */
	struct job_worker *job_worker;         /* likewise */
	struct audit_sealer *sealer;           /* likewise; NULL: there is no trail */
	struct http *http, *admin_http;        /* admin_http NULL: none */
	ev_prepare prepare;
	ev_idle idle; /* started while there is more to do at once */
	ev_async told;
	ev_timer drain;
	enum phase phase;
	bool has_given_back; /* its leases */
	int64_t phase_until_ms;
	atomic_bool must_drain, must_stop, is_over;
	struct settings *_Atomic fresh;               /* to be taken over */
	struct http_identity *_Atomic fresh_identity; /* likewise */
};

/* After the events of an iteration and before the next wait: lanes are fed, answers sent, until both rest. */
static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct reactor *r = watcher->data;
	bool worked = true;

	(void)events;
	/* A second round lets what the first read go on its way; more would keep the loop from all else. */
	for (int round = 0; round < 2 && worked; round++) {
		engine_run(r->engine);
		worked = http_flush(r->http);
		if (r->admin_http != NULL)
			worked |= http_flush(r->admin_http);
	}
	engine_run(r->engine);
	if (worked)
		ev_idle_start(loop, &r->idle); /* polls without waiting, and comes back */
	else
		ev_idle_stop(loop, &r->idle);
}

static void on_idle(struct ev_loop *loop, ev_idle *watcher, int events)
{
	(void)loop;
	(void)watcher;
	(void)events;
}

static unsigned under_way(const struct reactor *r)
{
	return http_under_way(r->http) +
	       (r->admin_http != NULL ? http_under_way(r->admin_http) : 0);
}

static void on_given_back(void *reactor)
{
	((struct reactor *)reactor)->has_given_back = true;
}

/*
 * Stopping: what is under way is ended or its time runs out, then the leases are given back and the last
 * refusals written, then it is over.
 */
static void on_drain(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct reactor *r = timer->data;
	bool late = clock_ms() >= r->phase_until_ms || atomic_load(&r->must_stop);

	(void)events;
	if (r->phase == PHASE_DRAINING &&
		(late || (under_way(r) == 0 && engine_in_flight(r->engine) == 0))) {
		log_info("reactor_drained", "reactor=%u under_way=%u", r->given.number,
			under_way(r));
		r->phase = PHASE_GIVING_BACK;
		r->phase_until_ms = clock_ms() + GIVE_BACK_MOST_MS;
		imsi_leases_give_back(r->services.leases, on_given_back, r);
	} else if (r->phase == PHASE_GIVING_BACK) {
		bool is_written = refusals_are_written(r->services.refusals);

		if (late || (r->has_given_back && is_written))
			r->phase = PHASE_OVER;
	}
	if (r->phase == PHASE_OVER)
		ev_break(loop, EVBREAK_ALL);
}

static void start_draining(struct reactor *r)
{
	if (r->phase != PHASE_RUNNING)
		return;
	r->phase = PHASE_DRAINING;
	r->phase_until_ms = clock_ms() + r->settings->drain_ms;
	http_quiesce(r->http);
	if (r->admin_http != NULL)
		http_quiesce(r->admin_http);
	ev_timer_start(r->loop, &r->drain);
}

static void take_settings(struct reactor *r)
{
	struct settings *fresh = atomic_exchange(&r->fresh, NULL);
	char kept[256];

	if (fresh == NULL)
		return;
	settings_reload(r->settings, fresh, kept, sizeof(kept));
	settings_free(fresh);
	free(fresh);
	key_client_set(
		r->services.keys, r->settings->key_timeout_ms, r->settings->key_worker_operations);
	log_info("settings_reloaded", "reactor=%u need_restart=%s", r->given.number,
		kept[0] != '\0' ? kept : "none");
}

static void take_identity(struct reactor *r)
{
	struct http_identity *fresh = atomic_exchange(&r->fresh_identity, NULL);

	if (fresh == NULL)
		return;
	http_client_set_identity(r->services.peers, fresh);
	http_identity_give_back(fresh);
}

static void on_told(struct ev_loop *loop, ev_async *watcher, int events)
{
	struct reactor *r = watcher->data;

	(void)loop;
	(void)events;
	take_settings(r);
	take_identity(r);
	if (atomic_load(&r->must_drain) || atomic_load(&r->must_stop))
		start_draining(r);
}

/* The members of GET /admin/v1/status that this reactor knows of itself. */
static void describe(struct services *services, struct json_out *o)
{
	struct reactor *r =
		(struct reactor *)(void *)((char *)services - offsetof(struct reactor, services));

	reactor_status_write(
		&(struct reactor_status){
			.services = services,
			.engine = r->engine,
			.all_metrics = r->given.all_metrics,
			.reactors = r->given.all_metrics_count,
			.number = r->given.number,
		},
		o);
}

static void on_view_read(void *context, struct txn *t, enum outcome o)
{
	engine_brought(context, t, o);
}

static void on_refusal_lost(void *metrics)
{
	metrics_count_lost_refusal(metrics);
}

static void on_sealer_told(void *metrics, const struct audit_sealer_state *state)
{
	metrics_set_audit(metrics, &(struct audit_figures){
					   .is_broken = state->is_broken,
					   .root_file_fails = state->root_file_fails,
					   .is_held = state->is_held,
					   .tree = state->tree,
					   .sealed_at = state->sealed_at,
				   });
}

static bool start_sealer(struct reactor *r)
{
	if (!r->settings->audit_is_on)
		return true;
	r->sealer = audit_sealer_new(r->loop, &(struct audit_sealer_settings){
						      .services = &r->services,
						      .root_file = r->settings->audit_root_file,
						      .every_s = SEAL_EVERY_S,
						      .verify = audit_lane_verify,
						      .told = on_sealer_told,
						      .context = r->metrics,
					      });
	return r->sealer != NULL;
}

/* What one reactor does for the whole process. */
static bool start_upkeep(struct reactor *r)
{
	r->sweeper = sweeper_new(
		r->loop, &r->services, &(struct sweeper_settings){ SWEEP_EVERY_S, NOTE_EVERY_S });
	r->job_worker = job_worker_new(r->loop, &r->services, WORK_EVERY_S);
	r->identity_watch = identity_watch_new(r->loop, &r->services, r->metrics, r->given.tls);
	return r->sweeper != NULL && r->job_worker != NULL && r->identity_watch != NULL &&
	       start_sealer(r);
}

static bool make_services(struct reactor *r)
{
	struct services *s = &r->services;
	struct settings *settings = r->settings;

	s->settings = settings;
	s->issuers = r->given.issuers;
	s->describe = describe;
	s->arpfs = arpf_directory_new();
	s->certificates = certificate_cache_new();
	s->keys = key_client_new(
		r->loop, &(struct key_client_settings){
				 .keyd_path = settings->keyd_path,
				 .config_path = r->given.config_path,
				 .workers = settings->key_workers,
				 .threads = settings->key_threads,
				 .timeout_ms = settings->key_timeout_ms,
				 .worker_operations = settings->key_worker_operations,
				 .largest_tree = settings->largest_tree,
			 });
	s->db = db_new(r->loop, settings->database, settings->database_connections);
	s->peers = http_client_new(r->loop, &(struct http_client_settings){
						    .identity = r->given.identity,
						    .most_connections = 64,
					    });
	if (s->arpfs == NULL || s->certificates == NULL || s->keys == NULL || s->db == NULL ||
		s->peers == NULL)
		return false;
	s->leases = imsi_leases_new(
		r->loop, s->db, settings->home, settings->imsi_block, settings->lease_s);
	s->outbox = outbox_new(r->loop, s);
	s->refusals = refusals_new(r->loop, &(struct refusals_settings){
						    .db = s->db,
						    .tell_every_s = TELL_EVERY_S,
						    .lost = on_refusal_lost,
						    .context = r->metrics,
					    });
	r->engine = engine_new(r->loop, &(struct engine_settings){
						.services = s,
						.metrics = r->metrics,
						.cpu_threads = settings->cpu_threads,
					});
	if (s->leases == NULL || s->outbox == NULL || s->refusals == NULL || r->engine == NULL)
		return false;
	s->engine = r->engine;
	r->views = views_new(r->loop, s, on_view_read, r->engine);
	if (r->views == NULL)
		return false;
	engine_set_views(r->engine, r->views);
	return r->given.number > 0 || start_upkeep(r);
}

static struct http *make_http(struct reactor *r, int fd, bool is_unix)
{
	return http_new(r->loop,
		&(struct http_settings){
			.engine = r->engine,
			.metrics = r->metrics,
			.all_metrics = r->given.all_metrics,
			.all_metrics_count = r->given.all_metrics_count,
			.listen_fd = fd,
			.roles = is_unix ? ROLE_ADMIN | ROLE_AUDITOR | ROLE_METRICS : ROLE_EVERY,
			.is_unix = is_unix,
			.tls = is_unix ? NULL : r->given.tls,
			.connection_limit = r->settings->connection_limit,
			.connection_timeout_s = r->settings->connection_timeout_s,
			.request_timeout_s = r->settings->request_timeout_s,
		});
}

static void free_reactor(struct reactor *r)
{
	struct services *s = &r->services;

	/* In this order every request that is left is ended by its lane while its owner is still there. */
	key_client_free(s->keys);
	http_client_free(s->peers);
	db_free(s->db);
	imsi_leases_free(s->leases);
	if (r->http != NULL)
		http_stop(r->http);
	if (r->admin_http != NULL)
		http_stop(r->admin_http);
	if (r->engine != NULL)
		engine_end_all(r->engine);
	http_free(r->http);
	http_free(r->admin_http);
	identity_watch_free(r->identity_watch);
	sweeper_free(r->sweeper);
	job_worker_free(r->job_worker);
	audit_sealer_free(r->sealer);
	views_free(r->views);
	outbox_free(s->outbox);
	refusals_free(s->refusals);
	engine_free(r->engine);
	certificate_cache_free(s->certificates);
	arpf_directory_free(s->arpfs);
	if (r->loop != NULL)
		ev_loop_destroy(r->loop);
	http_identity_give_back(atomic_exchange(&r->fresh_identity, NULL));
	settings_free(r->settings);
	free(r->settings);
	free(r);
}

static void *run(void *reactor)
{
	struct reactor *r = reactor;

	ev_run(r->loop, 0);
	atomic_store(&r->is_over, true);
	return NULL;
}

static void start_watchers(struct reactor *r)
{
	ev_prepare_init(&r->prepare, on_prepare);
	r->prepare.data = r;
	ev_prepare_start(r->loop, &r->prepare);
	ev_idle_init(&r->idle, on_idle);
	ev_async_init(&r->told, on_told);
	r->told.data = r;
	ev_async_start(r->loop, &r->told);
	ev_timer_init(&r->drain, on_drain, 0, DRAIN_LOOK_S);
	r->drain.data = r;
}

struct reactor *reactor_start(const struct reactor_settings *given, struct settings *own)
{
	struct reactor *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->given = *given;
	r->settings = own;
	r->metrics = given->all_metrics[given->number];
	r->loop = ev_loop_new(EVFLAG_AUTO);
	if (r->loop == NULL || !make_services(r))
		goto failed;
	r->http = make_http(r, given->listen_fd, false);
	if (given->admin_fd >= 0)
		r->admin_http = make_http(r, given->admin_fd, true);
	if (r->http == NULL || (given->admin_fd >= 0 && r->admin_http == NULL))
		goto failed;
	start_watchers(r);
	if (pthread_create(&r->thread, NULL, run, r) == 0)
		return r;
failed:
	log_error("reactor_not_started", "reactor=%u", given->number);
	free_reactor(r);
	return NULL;
}

void reactor_drain(struct reactor *r)
{
	atomic_store(&r->must_drain, true);
	ev_async_send(r->loop, &r->told);
}

void reactor_stop(struct reactor *r)
{
	atomic_store(&r->must_stop, true);
	ev_async_send(r->loop, &r->told);
}

void reactor_reload(struct reactor *r, struct settings *fresh)
{
	struct settings *unread = atomic_exchange(&r->fresh, fresh);

	if (unread != NULL) {
		settings_free(unread);
		free(unread);
	}
	ev_async_send(r->loop, &r->told);
}

void reactor_set_identity(struct reactor *r, struct http_identity *identity)
{
	http_identity_give_back(atomic_exchange(&r->fresh_identity, identity));
	ev_async_send(r->loop, &r->told);
}

bool reactor_is_over(const struct reactor *r)
{
	return atomic_load(&r->is_over);
}

void reactor_join(struct reactor *r)
{
	pthread_join(r->thread, NULL);
	free_reactor(r);
}

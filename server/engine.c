#include "server/engine.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "procedures/refusals.h"
#include "server/cpu_lane.h"
#include "server/items.h"
#include "server/problem.h"
#include "server/views.h"

#define DEADLINE_CHECK_S 0.1

struct engine {
	struct services *services;
	struct metrics *metrics;
	struct cpu_lane *cpu;
	struct views *views;
	struct ev_loop *loop;
	ev_timer deadlines;
	struct txn *ready, **ready_last;
	struct txn *oldest, *youngest; /* all that have not ended */
	size_t in_flight;              /* all that are in memory */
};

static void on_cpu_returned(void *context, struct txn *list);
static void on_deadlines(struct ev_loop *loop, ev_timer *timer, int events);

struct engine *engine_new(struct ev_loop *loop, const struct engine_settings *settings)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->services = settings->services;
	e->metrics = settings->metrics;
	e->loop = loop;
	e->ready_last = &e->ready;
	e->cpu = cpu_lane_new(loop, settings->cpu_threads, on_cpu_returned, e);
	if (e->cpu == NULL) {
		free(e);
		return NULL;
	}
	ev_timer_init(&e->deadlines, on_deadlines, DEADLINE_CHECK_S, DEADLINE_CHECK_S);
	e->deadlines.data = e;
	ev_timer_start(loop, &e->deadlines);
	return e;
}

void engine_set_views(struct engine *e, struct views *views)
{
	e->views = views;
}

void engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	ev_timer_stop(e->loop, &e->deadlines);
	cpu_lane_free(e->cpu);
	free(e);
}

bool engine_is_full(const struct engine *e, size_t more)
{
	return e->in_flight + more > e->services->settings->transactions_in_flight;
}

size_t engine_in_flight(const struct engine *e)
{
	return e->in_flight;
}

struct txn *engine_new_txn(struct engine *e, const struct procedure *procedure, size_t memory_limit)
{
	struct arena *arena = arena_new(memory_limit);
	struct txn *t = arena != NULL ? arena_alloc(arena, sizeof(*t)) : NULL;

	if (t == NULL || (t->state = arena_alloc(arena, procedure->state_size)) == NULL) {
		arena_free(arena);
		return NULL;
	}
	t->arena = arena;
	t->procedure = procedure;
	t->services = e->services;
	t->step = (unsigned)-1; /* before the first */
	return t;
}

static void put_ready(struct engine *e, struct txn *t)
{
	t->next = NULL;
	*e->ready_last = t;
	e->ready_last = &t->next;
}

static struct txn *pop_ready(struct engine *e)
{
	struct txn *t = e->ready;

	if (t == NULL)
		return NULL;
	e->ready = t->next;
	if (e->ready == NULL)
		e->ready_last = &e->ready;
	return t;
}

void engine_begin(struct engine *e, struct txn *t)
{
	t->has_begun = true;
	t->trust = trust_take(e->services->trust);
	t->own_keys = own_keys_take(e->services->own_keys);
	t->started_us = clock_us();
	if (t->parent == NULL)
		t->deadline_ms = t->started_us / 1000 + e->services->settings->deadline_ms;
	e->in_flight++;
	t->older = e->youngest;
	t->younger = NULL;
	if (e->youngest != NULL)
		e->youngest->younger = t;
	else
		e->oldest = t;
	e->youngest = t;
	put_ready(e, t);
}

static void forget_age(struct engine *e, struct txn *t)
{
	if (t->older != NULL)
		t->older->younger = t->younger;
	else
		e->oldest = t->younger;
	if (t->younger != NULL)
		t->younger->older = t->older;
	else
		e->youngest = t->older;
}

static void free_if_done(struct engine *e, struct txn *t)
{
	if ((t->has_begun && !t->has_ended) || !t->owner_done || t->waiting_in != LANE_LOOP)
		return;
	for (size_t i = 0; i < t->item_count && t->items != NULL; i++)
		if (t->items[i] != NULL)
			engine_end_txn(e, t->items[i]);
	if (t->has_begun)
		e->in_flight--;
	trust_give_back(t->trust);
	own_keys_give_back(t->own_keys);
	arena_free(t->arena);
}

void engine_end_txn(struct engine *e, struct txn *t)
{
	t->owner_done = true;
	free_if_done(e, t);
}

static const char *step_name(const struct txn *t)
{
	return t->step < PROCEDURE_MAX_STEPS && t->procedure->steps[t->step].name != NULL
		       ? t->procedure->steps[t->step].name
		       : "begin";
}

static void log_end(const struct txn *t)
{
	char id[80], detail[160];
	enum outcome_kind kind = outcome_kind(t->outcome);
	enum log_level level = kind == KIND_BROKEN      ? LOG_LEVEL_ERROR
			       : kind == KIND_TRANSIENT ? LOG_LEVEL_WARNING
							: LOG_LEVEL_DEBUG;

	if (kind == KIND_FINE)
		return;
	log_event(level, "transaction_refused",
		"procedure=%s step=%s outcome=%s request=%s detail=%s", t->procedure->name,
		step_name(t), outcome_name(t->outcome), log_value(t->request_id, id, sizeof(id)),
		log_value(t->detail, detail, sizeof(detail)));
}

/* Tells the owner the end. The transaction may be gone when this returns. */
static void tell_end(struct engine *e, struct txn *t, enum outcome outcome)
{
	t->outcome = outcome;
	if (outcome != FINE)
		problem_answer(t);
	t->has_ended = true;
	forget_age(e, t);
	metrics_count_end(e->metrics, t->procedure, outcome, clock_us() - t->started_us);
	log_end(t);
	refusals_note(e->services->refusals, t);
	t->ended(t);
}

unsigned engine_waiting_cpu(const struct engine *e)
{
	return cpu_lane_waiting(e->cpu);
}

/* Ends what is ready, without another step. */
static void end_ready(struct engine *e)
{
	for (struct txn *t; (t = pop_ready(e)) != NULL;) {
		t->waiting_in = LANE_LOOP;
		if (t->has_ended)
			free_if_done(e, t);
		else
			tell_end(e, t, txn_refuse(t, OVERLOADED, "The server is stopping."));
	}
}

/* Youngest first: the items of a batch before the batch. */
void engine_end_all(struct engine *e)
{
	cpu_lane_free(e->cpu);
	e->cpu = NULL;
	end_ready(e);
	while (e->youngest != NULL) {
		struct txn *t = e->youngest;

		t->waiting_in = LANE_LOOP;
		tell_end(e, t, txn_refuse(t, OVERLOADED, "The server is stopping."));
		end_ready(e);
	}
}

static void undo(struct txn *t)
{
	if (t->procedure->undo != NULL)
		t->procedure->undo(t);
}

static void on_key(struct key_request *r, enum outcome o)
{
	struct txn *t = (struct txn *)(void *)((char *)r - offsetof(struct txn, ask.key));

	engine_brought(t->services->engine, t, o);
}

static void on_db(struct db_request *r, enum outcome o)
{
	struct txn *t = (struct txn *)(void *)((char *)r - offsetof(struct txn, ask.db));

	engine_brought(t->services->engine, t, o);
}

static void on_imsi(struct imsi_request *r, enum outcome o)
{
	struct txn *t = (struct txn *)(void *)((char *)r - offsetof(struct txn, ask.imsi));

	engine_brought(t->services->engine, t, o);
}

static void on_fetch(struct http_request *r, enum outcome o)
{
	struct txn *t = (struct txn *)(void *)((char *)r - offsetof(struct txn, ask.fetch));

	engine_brought(t->services->engine, t, o);
}

/*
 * Starts a step. FINE with t->waiting_in other than LANE_LOOP: a lane has the transaction. FINE without: the
 * step is done.
 */
static enum outcome start_step(struct engine *e, struct txn *t, const struct step *step)
{
	enum outcome o = FINE;

	t->step_started_us = clock_us();
	if (step->lane == LANE_CPU) {
		t->waiting_in = LANE_CPU;
		cpu_lane_add(e->cpu, t);
		return FINE;
	}
	if (step->lane == LANE_ITEMS) {
		o = t->item_count > 0 ? items_begin(e, t, step) : FINE;
		t->waiting_in = o == FINE && t->item_count > 0 ? LANE_ITEMS : LANE_LOOP;
		return o;
	}
	if (step->run != NULL)
		o = step->run(t);
	if (o != FINE || step->lane == LANE_LOOP || step->lane == LANE_REPLY)
		return o;
	t->waiting_in = step->lane;
	switch (step->lane) {
	case LANE_KEY:
		t->ask.key.done = on_key;
		key_submit(e->services->keys, &t->ask.key);
		return FINE;
	case LANE_DB:
		t->ask.db.done = on_db;
		db_submit(e->services->db, &t->ask.db);
		return FINE;
	case LANE_IMSI:
		t->ask.imsi.deadline_ms = t->deadline_ms;
		t->ask.imsi.done = on_imsi;
		if (imsi_take(e->services->leases, &t->ask.imsi))
			engine_brought(e, t, FINE);
		return FINE;
	case LANE_FETCH:
		t->ask.fetch.deadline_ms = t->deadline_ms;
		t->ask.fetch.done = on_fetch;
		http_send(e->services->peers, &t->ask.fetch);
		return FINE;
	case LANE_VIEWS:
		views_refresh(e->views, t);
		return FINE;
	case LANE_LOOP:
	case LANE_CPU:
	case LANE_ITEMS:
	case LANE_REPLY:
	case LANE_COUNT:
		break;
	}
	return BROKEN;
}

/* What the lane brought for the present step. */
static enum outcome finish_step(struct engine *e, struct txn *t)
{
	const struct step *step = &t->procedure->steps[t->step];
	enum outcome o = t->outcome;

	t->waiting_in = LANE_LOOP;
	metrics_count_step(e->metrics, t->procedure, t->step, clock_us() - t->step_started_us);
	if (step->lane != LANE_CPU && step->finish != NULL)
		o = step->finish(t, o);
	if (step->lane == LANE_FETCH)
		http_request_clear(&t->ask.fetch);
	return o;
}

/* From wherever it stands until a lane has it or it has ended. */
static void go_on(struct engine *e, struct txn *t)
{
	enum outcome o = FINE;

	if (t->has_ended) { /* its deadline passed while the lane had it */
		if (t->waiting_in == LANE_FETCH)
			http_request_clear(&t->ask.fetch);
		undo(t); /* sees in waiting_in what came too late */
		t->waiting_in = LANE_LOOP;
		free_if_done(e, t);
		return;
	}
	enum lane was_in = t->waiting_in;

	t->was_brought = false;
	if (was_in != LANE_LOOP)
		o = finish_step(e, t);
	/* Only work of our own may have taken too long: what a lane has committed is told, late or not. */
	if (o == FINE && was_in == LANE_CPU && t->deadline_ms <= clock_ms())
		o = txn_refuse(t, OVERLOADED, "The deadline passed.");
	while (o == FINE) {
		t->step++;
		const struct step *step = &t->procedure->steps[t->step];

		if (step->name == NULL)
			break;
		if (step->when != NULL && !step->when(t))
			continue;
		o = start_step(e, t, step);
		if (t->waiting_in != LANE_LOOP)
			return;
		if (o == FINE)
			metrics_count_step(
				e->metrics, t->procedure, t->step, clock_us() - t->step_started_us);
	}
	if (o != FINE)
		undo(t);
	tell_end(e, t, o);
}

void engine_brought(struct engine *e, struct txn *t, enum outcome brought)
{
	t->outcome = brought;
	t->was_brought = true;
	put_ready(e, t);
}

static void on_cpu_returned(void *context, struct txn *list)
{
	struct engine *e = context;

	while (list != NULL) {
		struct txn *t = list;

		list = t->next;
		engine_brought(e, t, t->outcome);
	}
}

void engine_run(struct engine *e)
{
	do {
		for (struct txn *t; (t = pop_ready(e)) != NULL;)
			go_on(e, t);
		cpu_lane_flush(e->cpu);
		key_pump(e->services->keys);
		db_pump(e->services->db);
	} while (e->ready != NULL);
}

/* What a transaction is told whose deadline passes while this lane has it. */
static enum outcome late_outcome(enum lane lane)
{
	switch (lane) {
	case LANE_KEY:
		return HSM_UNAVAILABLE;
	case LANE_DB:
	case LANE_IMSI:
	case LANE_VIEWS:
		return DATABASE_UNAVAILABLE;
	case LANE_FETCH:
		return PEER_TIMEOUT;
	case LANE_LOOP:
	case LANE_CPU:
	case LANE_ITEMS:
	case LANE_REPLY:
	case LANE_COUNT:
		break;
	}
	return OVERLOADED;
}

/* A worker thread may be writing to a transaction in the CPU lane: that one ends when it returns. */
static void on_deadlines(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct engine *e = timer->data;
	int64_t now = clock_ms();

	(void)loop;
	(void)events;
	for (struct txn *t = e->oldest, *younger; t != NULL; t = younger) {
		younger = t->younger;
		if (t->deadline_ms > now || t->waiting_in == LANE_CPU || t->was_brought)
			continue;
		t->detail = "The deadline passed.";
		tell_end(e, t, late_outcome(t->waiting_in));
	}
}

/*
 * Moves transactions through the steps of their procedures and the lanes those name.
 *
 * A transaction that can go on is on the ready list; engine_run() drains the list, and is called once an
 * iteration of the loop, after everything that brought answers: so lanes are handed what has
 * come together, with no timer. A transaction past its deadline is answered at once with the
 * unavailability of the lane that has it; it is freed when that lane gives it back, and what the lane
 * brought is dropped.
 *
 * Belongs to one loop and its thread.
 */
#ifndef SERVER_ENGINE_H
#define SERVER_ENGINE_H

#include <ev.h>

#include "procedures/procedure.h"
#include "server/metrics.h"

struct engine;
struct cpu_lane;
struct views;

struct engine_settings {
	struct services *services;
	struct metrics *metrics;
	unsigned cpu_threads;
};

struct engine *engine_new(struct ev_loop *loop, const struct engine_settings *settings);
void engine_set_views(struct engine *e, struct views *views);
/*
 * For shutdown, when the other lanes have been freed and so have given back all they had: waits for the CPU lane
 * and ends what has not ended with OVERLOADED.
 */
void engine_end_all(struct engine *e);
/* After engine_end_all, when all owners have done. NULL is allowed. */
void engine_free(struct engine *e);

/*
 * A new transaction for a procedure; NULL: no memory. The caller fills in the request, `ended` and
 * `owner`, then engine_begin(), from which on it counts as in flight. ended(t) is called once, on the
 * loop, when t->outcome and t->answer are set; the transaction itself lives until engine_end_txn()
 * has been called and no lane has it.
 */
struct txn *engine_new_txn(
	struct engine *e, const struct procedure *procedure, size_t memory_limit);
void engine_begin(struct engine *e, struct txn *t);
/* The owner has done with the answer. */
void engine_end_txn(struct engine *e, struct txn *t);
/* True where `more` further transactions are too many. */
bool engine_is_full(const struct engine *e, size_t more);
size_t engine_in_flight(const struct engine *e);
unsigned engine_waiting_cpu(const struct engine *e);

/* Called by lanes: t may go on from its step with what the lane brought. */
void engine_brought(struct engine *e, struct txn *t, enum outcome brought);
void engine_run(struct engine *e);

#endif

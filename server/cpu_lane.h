/*
 * The CPU lane: worker threads for steps on public data.
 *
 * The loop collects what is due and hands it over once an iteration (waking a thread costs about as
 * much as a tenth of a verification); a worker takes a share, does the steps of each transaction
 * as far as they are CPU steps, and gives the share back on a list with one wake-up of the loop.
 */
#ifndef SERVER_CPU_LANE_H
#define SERVER_CPU_LANE_H

#include <ev.h>

#include "procedures/procedure.h"

struct cpu_lane;

/* returned(context, list): on the loop; the list is linked by txn->next. NULL: no memory or thread. */
struct cpu_lane *cpu_lane_new(struct ev_loop *loop, unsigned threads,
	void (*returned)(void *context, struct txn *list), void *context);
/* Waits for the threads, then returns what they and the queue still had. NULL is allowed. */
void cpu_lane_free(struct cpu_lane *l);
/* Takes the transaction at its present step; handed over at the next cpu_lane_flush(). */
void cpu_lane_add(struct cpu_lane *l, struct txn *t);
void cpu_lane_flush(struct cpu_lane *l);
unsigned cpu_lane_waiting(const struct cpu_lane *l);

#endif

#include "server/cpu_lane.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"

#define SHARE_MAX 32u

struct queue {
	struct txn *first, **last;
	unsigned count;
};

struct cpu_lane {
	struct ev_loop *loop;
	void (*returned)(void *context, struct txn *list);
	void *context;
	struct queue collected; /* the loop's own, until flush */
	unsigned under_way;

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t filled;
	struct queue waiting, done;
	bool stopping;

	ev_async woken;
	unsigned thread_count;
	pthread_t threads[];
};

static void queue_clear(struct queue *q)
{
	*q = (struct queue){ .last = &q->first };
}

static void queue_add(struct queue *q, struct txn *t)
{
	t->next = NULL;
	*q->last = t;
	q->last = &t->next;
	q->count++;
}

/* Moves all of `from` behind `to`. */
static void queue_move(struct queue *to, struct queue *from)
{
	if (from->first == NULL)
		return;
	*to->last = from->first;
	to->last = from->last;
	to->count += from->count;
	queue_clear(from);
}

/* A worker's share: what waits, divided by the threads, at most SHARE_MAX. */
static void take_share(struct cpu_lane *l, struct queue *share)
{
	unsigned most = (l->waiting.count + l->thread_count - 1) / l->thread_count;

	queue_clear(share);
	for (unsigned i = 0; i < most && i < SHARE_MAX; i++) {
		struct txn *t = l->waiting.first;

		l->waiting.first = t->next;
		l->waiting.count--;
		queue_add(share, t);
	}
	if (l->waiting.first == NULL)
		queue_clear(&l->waiting);
}

/* All CPU steps from the present one on; t->step is left at the last one done. */
static void do_steps(struct txn *t)
{
	const struct step *steps = t->procedure->steps;

	for (;;) {
		const struct step *step = &steps[t->step];

		if (step->when == NULL || step->when(t))
			t->outcome = step->run(t);
		if (t->outcome != FINE || steps[t->step + 1].name == NULL ||
			steps[t->step + 1].lane != LANE_CPU)
			return;
		t->step++;
	}
}

static void *work(void *lane)
{
	struct cpu_lane *l = lane;
	struct queue share;

	pthread_mutex_lock(&l->lock);
	while (!l->stopping) {
		if (l->waiting.first == NULL) {
			pthread_cond_wait(&l->filled, &l->lock);
			continue;
		}
		take_share(l, &share);
		pthread_mutex_unlock(&l->lock);
		int64_t now = clock_ms();

		for (struct txn *t = share.first; t != NULL; t = t->next)
			if (t->deadline_ms > now)
				do_steps(t);
			else
				t->outcome = txn_refuse(t, OVERLOADED, "The deadline passed.");
		pthread_mutex_lock(&l->lock);
		bool wake = l->done.first == NULL;

		queue_move(&l->done, &share);
		if (wake)
			ev_async_send(l->loop, &l->woken);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static void on_woken(struct ev_loop *loop, ev_async *watcher, int events)
{
	struct cpu_lane *l = watcher->data;
	struct queue done;

	(void)loop;
	(void)events;
	queue_clear(&done);
	pthread_mutex_lock(&l->lock);
	queue_move(&done, &l->done);
	pthread_mutex_unlock(&l->lock);
	l->under_way -= done.count;
	if (done.first != NULL)
		l->returned(l->context, done.first);
}

struct cpu_lane *cpu_lane_new(struct ev_loop *loop, unsigned threads,
	void (*returned)(void *context, struct txn *list), void *context)
{
	struct cpu_lane *l = calloc(1, sizeof(*l) + threads * sizeof(l->threads[0]));

	if (l == NULL)
		return NULL;
	l->loop = loop;
	l->returned = returned;
	l->context = context;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->filled, NULL);
	queue_clear(&l->collected);
	queue_clear(&l->waiting);
	queue_clear(&l->done);
	ev_async_init(&l->woken, on_woken);
	l->woken.data = l;
	ev_async_start(loop, &l->woken);
	for (; l->thread_count < threads; l->thread_count++)
		if (pthread_create(&l->threads[l->thread_count], NULL, work, l) != 0) {
			cpu_lane_free(l);
			return NULL;
		}
	return l;
}

void cpu_lane_free(struct cpu_lane *l)
{
	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	pthread_cond_broadcast(&l->filled);
	pthread_mutex_unlock(&l->lock);
	for (unsigned i = 0; i < l->thread_count; i++)
		pthread_join(l->threads[i], NULL);
	queue_move(&l->done, &l->waiting);
	queue_move(&l->done, &l->collected);
	if (l->done.first != NULL)
		l->returned(l->context, l->done.first);
	ev_async_stop(l->loop, &l->woken);
	pthread_cond_destroy(&l->filled);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void cpu_lane_add(struct cpu_lane *l, struct txn *t)
{
	queue_add(&l->collected, t);
	l->under_way++;
}

void cpu_lane_flush(struct cpu_lane *l)
{
	if (l->collected.first == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	bool wake_all = l->waiting.count + l->collected.count > SHARE_MAX;

	queue_move(&l->waiting, &l->collected);
	if (wake_all)
		pthread_cond_broadcast(&l->filled);
	else
		pthread_cond_signal(&l->filled);
	pthread_mutex_unlock(&l->lock);
}

unsigned cpu_lane_waiting(const struct cpu_lane *l)
{
	return l->under_way;
}

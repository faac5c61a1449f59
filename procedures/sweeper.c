#include "procedures/sweeper.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define MOST_AT_ONCE 1000
#define KEEP_S       (INT64_C(30) * 86400)
#define WITHIN_MS    10000

struct sweeper {
	struct ev_loop *loop;
	struct services *services;
	double every_s;
	ev_timer next;
	struct db_request request;
	struct db_sweep_in ask;
	struct db_swept swept;
};

/* A third more or less, so that servers started together sweep apart. */
static void wait_for_next(struct sweeper *s)
{
	uint16_t random = UINT16_MAX / 2;

	(void)!getentropy(&random, sizeof(random)); /* without it all wait for equally long */
	ev_timer_set(&s->next, s->every_s * (2.0 / 3 + 2.0 / 3 * (double)random / UINT16_MAX), 0);
	ev_timer_start(s->loop, &s->next);
}

static void sweep(struct sweeper *s);

static void on_swept(struct db_request *request, enum outcome outcome)
{
	struct sweeper *s =
		(struct sweeper *)(void *)((char *)request - offsetof(struct sweeper, request));
	int64_t count = outcome == FINE ? s->swept.access_ids + s->swept.sessions : 0;

	if (outcome != FINE && outcome != NO_ROW)
		log_warning("not_swept", "outcome=%s", outcome_name(outcome));
	if (count > 0)
		log_info("swept", "access_ids=%" PRId64 " sessions=%" PRId64, s->swept.access_ids,
			s->swept.sessions);
	if (count >= MOST_AT_ONCE) /* there may be more */
		sweep(s);
	else
		wait_for_next(s);
}

static void sweep(struct sweeper *s)
{
	s->ask = (struct db_sweep_in){ .limit = MOST_AT_ONCE, .keep_s = KEEP_S };
	s->swept = (struct db_swept){ 0 };
	s->request = (struct db_request){
		.statement = DB_SWEEP,
		.row = &s->ask,
		.result = &s->swept,
		.deadline_ms = clock_ms() + WITHIN_MS,
		.done = on_swept,
	};
	db_submit(s->services->db, &s->request);
}

static void on_next(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	sweep(timer->data);
}

struct sweeper *sweeper_new(struct ev_loop *loop, struct services *services, double every_s)
{
	struct sweeper *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->services = services;
	s->every_s = every_s;
	ev_timer_init(&s->next, on_next, 0, 0);
	s->next.data = s;
	wait_for_next(s);
	return s;
}

void sweeper_free(struct sweeper *s)
{
	if (s == NULL)
		return;
	ev_timer_stop(s->loop, &s->next);
	free(s);
}

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
#define SELF         "server" /* in the audit trail */

/* A statement that is asked again and again. */
struct round {
	struct sweeper *sweeper;
	enum db_statement statement;
	double every_s;
	ev_timer next;
	struct db_request request;
	struct db_sweep_in ask;
	void *result;
	/* what it has done, which is logged; as many as were asked for: there may be more */
	int64_t (*count)(const struct sweeper *s);
};

enum { ROUND_SWEEP, ROUND_NOTE, ROUNDS };

struct sweeper {
	struct ev_loop *loop;
	struct services *services;
	struct round rounds[ROUNDS];
	struct db_swept swept;
	struct db_noted noted;
};

/* A third more or less, so that servers started together sweep apart. */
static void wait_for_next(struct round *r)
{
	uint16_t random = UINT16_MAX / 2;

	(void)!getentropy(&random, sizeof(random)); /* without it all wait for equally long */
	ev_timer_set(&r->next, r->every_s * (2.0 / 3 + 2.0 / 3 * (double)random / UINT16_MAX), 0);
	ev_timer_start(r->sweeper->loop, &r->next);
}

static void sweep(struct round *r);

static int64_t count_swept(const struct sweeper *s)
{
	const struct db_swept *swept = &s->swept;
	int64_t count = swept->access_ids + swept->sessions + swept->attaches + swept->downloads;

	if (count > 0)
		log_info("swept",
			"access_ids=%" PRId64 " sessions=%" PRId64 " attaches=%" PRId64
			" downloads=%" PRId64,
			swept->access_ids, swept->sessions, swept->attaches, swept->downloads);
	return count;
}

static int64_t count_noted(const struct sweeper *s)
{
	if (s->noted.overdue + s->noted.activated > 0)
		log_info("credentials_noted", "overdue=%" PRId64 " activated=%" PRId64,
			s->noted.overdue, s->noted.activated);
	return s->noted.overdue + s->noted.activated;
}

static void on_swept(struct db_request *request, enum outcome outcome)
{
	struct round *r =
		(struct round *)(void *)((char *)request - offsetof(struct round, request));

	if (outcome != FINE && outcome != NO_ROW)
		log_warning("not_swept", "outcome=%s", outcome_name(outcome));
	if (outcome == FINE && r->count(r->sweeper) >= MOST_AT_ONCE) /* there may be more */
		sweep(r);
	else
		wait_for_next(r);
}

static void sweep(struct round *r)
{
	const struct services *services = r->sweeper->services;

	r->ask = (struct db_sweep_in){ .limit = MOST_AT_ONCE, .keep_s = KEEP_S };
	r->request = (struct db_request){
		.statement = r->statement,
		.row = &r->ask,
		.result = r->result,
		.deadline_ms = clock_ms() + WITHIN_MS,
		.actor = services->settings->audit_is_on ? SELF : NULL,
		.done = on_swept,
	};
	db_submit(services->db, &r->request);
}

static void on_next(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	sweep(timer->data);
}

static void start_round(struct sweeper *s, unsigned i, struct round round)
{
	struct round *r = &s->rounds[i];

	*r = round;
	r->sweeper = s;
	ev_timer_init(&r->next, on_next, 0, 0);
	r->next.data = r;
	wait_for_next(r);
}

struct sweeper *sweeper_new(
	struct ev_loop *loop, struct services *services, const struct sweeper_settings *settings)
{
	struct sweeper *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->services = services;
	start_round(s, ROUND_SWEEP,
		(struct round){
			.statement = DB_SWEEP,
			.every_s = settings->sweep_every_s,
			.result = &s->swept,
			.count = count_swept,
		});
	start_round(s, ROUND_NOTE,
		(struct round){
			.statement = DB_NOTE_OVERDUE,
			.every_s = settings->note_every_s,
			.result = &s->noted,
			.count = count_noted,
		});
	return s;
}

void sweeper_free(struct sweeper *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < ROUNDS; i++)
		ev_timer_stop(s->loop, &s->rounds[i].next);
	free(s);
}

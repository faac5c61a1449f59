#include "db/db.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/connection.h"
#include "db/listener.h"

#define SWEEP_S   0.1
#define ABSENT_MS 1000
/* Nobody waits longer than this for a database that is away: a client is better told soon. */
#define QUEUE_MS 3000
/*
 * A statement costs a backend some hundred microseconds however few its rows are. So what comes while a batch of
 * its statement is under way waits for that one's end and goes together; and where many come anyway (so many
 * within a window), a batch waits for others. Both for moments only; where few come, nothing waits.
 */
#define WINDOW_MS 100
#define MANY      128u
#define WORTH_IT  128u
#define GATHER_MS 10

struct queue {
	struct db_request *first, *last;
	unsigned count;
	int64_t window_ms; /* when the present window began */
	unsigned in_window, in_last_window;
};

struct db {
	struct ev_loop *loop;
	char *conninfo;
	ev_timer sweep, gather;
	struct queue queues[DB_STATEMENT_COUNT];
	unsigned waiting;
	int64_t swept_ms;
	uint64_t order;
	struct listener *listener; /* made when somebody wants to hear */
	unsigned count;
	struct connection connections[];
};

static void join_back(struct queue *q, struct db_request *r)
{
	r->next = NULL;
	if (q->first == NULL)
		q->first = r;
	else
		q->last->next = r;
	q->last = r;
	q->count++;
}

static void count_in_window(struct queue *q, int64_t now)
{
	if (now - q->window_ms >= WINDOW_MS) {
		q->in_last_window = now - q->window_ms < 2 * WINDOW_MS ? q->in_window : 0;
		q->in_window = 0;
		q->window_ms = now;
	}
	q->in_window++;
}

void db_submit(struct db *db, struct db_request *r)
{
	struct queue *q = &db->queues[r->statement];
	int64_t now = clock_ms(), latest = now + QUEUE_MS;

	r->order = db->order++;
	r->since_ms = now;
	r->until_ms = r->deadline_ms < latest ? r->deadline_ms : latest;
	r->sent = false;
	r->alone = false;
	count_in_window(q, now);
	join_back(q, r);
	db->waiting++;
}

void lane_put_back(struct db *db, struct db_request *first)
{
	struct db_request *last = first;

	if (first == NULL)
		return;
	struct queue *q = &db->queues[first->statement];
	unsigned count = 1;

	for (; last->next != NULL; last = last->next)
		count++;
	db->waiting += count;
	q->count += count;
	last->next = q->first;
	if (q->first == NULL)
		q->last = last;
	q->first = first;
}

void lane_end(struct db *db, struct db_request *r, enum outcome outcome)
{
	(void)db;
	r->next = NULL;
	r->done(r, outcome);
}

static bool is_under_way(const struct db *db, enum db_statement statement)
{
	for (unsigned i = 0; i < db->count; i++)
		if (db->connections[i].batch != NULL &&
			db->connections[i].batch->statement == statement)
			return true;
	return false;
}

static bool is_gathering(const struct db *db, const struct queue *q, int64_t now)
{
	const struct db_request *r = q->first;

	return q->count < WORTH_IT && now - r->since_ms < GATHER_MS && !r->alone &&
	       statement_takes_many(statement_of(r->statement)) &&
	       (q->in_window >= MANY || q->in_last_window >= MANY ||
		       is_under_way(db, r->statement));
}

/* The queue whose front has waited longest, of those that are due; NULL where none is. */
static struct queue *find_oldest(struct db *db, int64_t now)
{
	struct queue *oldest = NULL;

	for (unsigned i = 0; i < DB_STATEMENT_COUNT; i++) {
		struct queue *q = &db->queues[i];

		if (q->first != NULL &&
			(oldest == NULL || q->first->order < oldest->first->order) &&
			!is_gathering(db, q, now))
			oldest = q;
	}
	return oldest;
}

/* Cuts the front off a queue: so many as may go in one batch. */
static struct db_request *take_batch(struct db *db, struct queue *q, unsigned *count)
{
	struct db_request *first = q->first;
	struct db_request *last = first;
	const struct statement *s = statement_of(first->statement);
	unsigned most = statement_takes_many(s) && !first->alone ? BATCH_MAX : 1;

	*count = 1;
	while (*count < most && last->next != NULL && !last->next->alone) {
		last = last->next;
		(*count)++;
	}
	q->first = last->next;
	if (q->first == NULL)
		q->last = NULL;
	last->next = NULL;
	db->waiting -= *count;
	q->count -= *count;
	return first;
}

/* Nothing is due: what gathers goes when it has waited, should nothing else happen. */
static void wait_for_gathered(struct db *db, int64_t now)
{
	int64_t due = now + GATHER_MS;

	if (ev_is_active(&db->gather))
		return;
	for (unsigned i = 0; i < DB_STATEMENT_COUNT; i++) {
		const struct db_request *r = db->queues[i].first;

		if (r != NULL && r->since_ms + GATHER_MS < due)
			due = r->since_ms + GATHER_MS;
	}
	ev_now_update(db->loop);
	ev_timer_set(&db->gather, (double)(due - now) / 1000, 0);
	ev_timer_start(db->loop, &db->gather);
}

void db_pump(struct db *db)
{
	if (db->waiting == 0)
		return;
	int64_t now = clock_ms();

	for (unsigned i = 0; i < db->count && db->waiting > 0; i++) {
		unsigned count;

		if (!connection_is_idle(&db->connections[i], now))
			continue;
		struct queue *q = find_oldest(db, now);

		if (q == NULL) {
			wait_for_gathered(db, now);
			return;
		}
		struct db_request *batch = take_batch(db, q, &count);
		connection_send(&db->connections[i], batch, count);
	}
}

/* Takes out of a queue what has waited long enough, or all of it, and adds it to a list. */
static void take_late(struct db *db, struct queue *q, int64_t now, struct queue *late)
{
	struct db_request *r = q->first;

	q->first = q->last = NULL;
	q->count = 0;
	while (r != NULL) {
		struct db_request *next = r->next;

		if (r->until_ms <= now) {
			join_back(late, r);
			db->waiting--;
		} else {
			join_back(q, r);
		}
		r = next;
	}
}

static void end_late(struct db *db, int64_t now)
{
	struct queue late = { 0 };

	for (unsigned i = 0; i < DB_STATEMENT_COUNT; i++)
		take_late(db, &db->queues[i], now, &late);
	while (late.first != NULL) {
		struct db_request *r = late.first;

		late.first = r->next;
		lane_end(db, r, DATABASE_UNAVAILABLE);
	}
}

/* While this process did not run itself, nobody waited for the database. */
static void extend_waits(struct db *db, int64_t absent_ms)
{
	for (unsigned i = 0; i < DB_STATEMENT_COUNT; i++)
		for (struct db_request *r = db->queues[i].first; r != NULL; r = r->next) {
			int64_t until_ms = r->until_ms + absent_ms;

			r->until_ms = until_ms < r->deadline_ms ? until_ms : r->deadline_ms;
		}
}

static void on_sweep(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct db *db = timer->data;
	int64_t now = clock_ms();
	int64_t absent_ms = now - db->swept_ms;

	(void)loop;
	(void)events;
	db->swept_ms = now;
	for (unsigned i = 0; i < db->count; i++)
		connection_check(&db->connections[i], now);
	if (absent_ms >= ABSENT_MS)
		extend_waits(db, absent_ms);
	if (db->waiting > 0)
		end_late(db, now);
	db_pump(db);
}

static void on_gathered(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	db_pump(timer->data);
}

struct db *db_new(struct ev_loop *loop, const char *conninfo, unsigned connections)
{
	struct db *db = calloc(1, sizeof(*db) + connections * sizeof(struct connection));

	if (db == NULL)
		return NULL;
	db->conninfo = strdup(conninfo);
	if (db->conninfo == NULL) {
		free(db);
		return NULL;
	}
	db->loop = loop;
	db->swept_ms = clock_ms();
	db->count = connections;
	link_warn_of_names(db->conninfo);
	for (unsigned i = 0; i < connections; i++)
		connection_start(&db->connections[i], db, loop, db->conninfo, i + 1);
	ev_timer_init(&db->sweep, on_sweep, SWEEP_S, SWEEP_S);
	db->sweep.data = db;
	ev_timer_start(loop, &db->sweep);
	ev_init(&db->gather, on_gathered);
	db->gather.data = db;
	return db;
}

void db_free(struct db *db)
{
	if (db == NULL)
		return;
	ev_timer_stop(db->loop, &db->sweep);
	ev_timer_stop(db->loop, &db->gather);
	listener_free(db->listener);
	for (unsigned i = 0; i < db->count; i++)
		connection_stop(&db->connections[i]);
	/* What is done() may ask for more. */
	while (db->waiting > 0)
		end_late(db, INT64_MAX);
	free(db->conninfo);
	free(db);
}

bool db_is_ready(const struct db *db)
{
	for (unsigned i = 0; i < db->count; i++)
		if (db->connections[i].is_ready)
			return true;
	return false;
}

unsigned db_waiting(const struct db *db)
{
	return db->waiting;
}

enum outcome db_listen(
	struct db *db, const char *channel, void (*heard)(void *context), void *context)
{
	if (db->listener == NULL)
		db->listener = listener_new(db->loop, db->conninfo);
	if (db->listener == NULL)
		return NO_MEMORY;
	return listener_add(db->listener, channel, heard, context);
}

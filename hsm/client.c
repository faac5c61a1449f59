#include "hsm/client.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "hsm/client_parts.h"

#define LOOK_S           0.05
#define GIVE_UP_AFTER_MS 1000 /* no worker for so long: requests are not kept waiting */

const struct key_client_settings *key_client_settings_of(const struct key_client *c)
{
	return &c->settings;
}

struct ev_loop *key_client_loop(const struct key_client *c)
{
	return c->loop;
}

static void queue_add(struct key_client *c, struct key_request *r)
{
	struct queue *q = &c->queues[r->operation];

	r->next = NULL;
	*q->last = r;
	q->last = &r->next;
	q->count++;
	c->waiting++;
}

static struct key_request *queue_cut(struct key_client *c, struct queue *q, unsigned count)
{
	struct key_request *first = q->first, *last = first;

	for (unsigned i = 1; i < count; i++)
		last = last->next;
	q->first = last->next;
	if (q->first == NULL)
		q->last = &q->first;
	last->next = NULL;
	q->count -= count;
	c->waiting -= count;
	return first;
}

void key_submit(struct key_client *c, struct key_request *request)
{
	request->tries = 0;
	queue_add(c, request);
}

static void end_list(struct key_request *first, enum outcome o)
{
	while (first != NULL) {
		struct key_request *next = first->next;

		first->next = NULL;
		first->done(first, o);
		first = next;
	}
}

void client_take_back(struct key_client *c, struct key_request *first)
{
	while (first != NULL) {
		struct key_request *r = first;

		first = r->next;
		r->next = NULL;
		if (++r->tries < MOST_TRIES && r->deadline_ms > clock_ms())
			queue_add(c, r);
		else
			r->done(r, HSM_UNAVAILABLE);
	}
}

static bool any_ready(const struct key_client *c)
{
	for (unsigned i = 0; i < c->slots; i++)
		if (c->workers[i].pid != 0 && c->workers[i].is_ready)
			return true;
	return false;
}

/* Expired requests leave the queue; all do when there has been no worker for a while. */
static void end_late(struct key_client *c, int64_t now)
{
	bool hopeless = c->none_since_ms != 0 && now - c->none_since_ms > GIVE_UP_AFTER_MS;
	struct key_request *late = NULL;

	for (unsigned op = 0; op < KEY_OPERATION_COUNT; op++) {
		struct key_request *r = c->queues[op].first;

		c->waiting -= c->queues[op].count;
		c->queues[op] = (struct queue){ .last = &c->queues[op].first };
		while (r != NULL) {
			struct key_request *next = r->next;

			if (hopeless || r->deadline_ms <= now) {
				r->next = late;
				late = r;
			} else {
				queue_add(c, r);
			}
			r = next;
		}
	}
	end_list(late, HSM_UNAVAILABLE);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct key_client *c = timer->data;
	int64_t now = clock_ms();

	(void)loop;
	(void)events;
	supervise_look(c, now);
	if (any_ready(c))
		c->none_since_ms = 0;
	else if (c->none_since_ms == 0)
		c->none_since_ms = now;
	end_late(c, now);
	key_pump(c);
}

struct key_client *key_client_new(struct ev_loop *loop, const struct key_client_settings *settings)
{
	unsigned slots = settings->workers + 1;
	struct key_client *c = calloc(1, sizeof(*c) + slots * sizeof(struct worker));

	if (c == NULL || (c->pings = calloc(slots, sizeof(struct ping))) == NULL) {
		free(c);
		return NULL;
	}
	c->loop = loop;
	c->settings = *settings;
	c->slots = slots;
	c->looked_ms = clock_ms();
	for (unsigned op = 0; op < KEY_OPERATION_COUNT; op++)
		c->queues[op].last = &c->queues[op].first;
	ev_timer_init(&c->look, on_look, LOOK_S, LOOK_S);
	c->look.data = c;
	ev_timer_start(loop, &c->look);
	for (unsigned i = 0; i < slots; i++) {
		c->workers[i].client = c;
		c->workers[i].index = i;
	}
	for (unsigned i = 0; i < settings->workers; i++)
		if (!supervise_start(c, &c->workers[i])) {
			key_client_free(c);
			return NULL;
		}
	return c;
}

void key_client_free(struct key_client *c)
{
	if (c == NULL)
		return;
	ev_timer_stop(c->loop, &c->look);
	for (unsigned i = 0; i < c->slots; i++)
		worker_await_start(&c->workers[i]);
	for (unsigned i = 0; i < c->slots; i++)
		worker_end(&c->workers[i], client_take_back);
	for (unsigned op = 0; op < KEY_OPERATION_COUNT; op++)
		end_list(c->queues[op].first, HSM_UNAVAILABLE);
	free(c->pings);
	free(c);
}

void key_client_set(struct key_client *c, uint32_t timeout_ms, uint32_t worker_operations)
{
	c->settings.timeout_ms = timeout_ms;
	c->settings.worker_operations = worker_operations;
}

static struct queue *longest_queue(struct key_client *c)
{
	struct queue *longest = NULL;

	for (unsigned op = 0; op < KEY_OPERATION_COUNT; op++)
		if (c->queues[op].count > 0 &&
			(longest == NULL || c->queues[op].count > longest->count))
			longest = &c->queues[op];
	return longest;
}

/*
 * How much of a queue goes to one worker: a fair share of the free places, so that all workers are busy; but
 * signatures stay together, because a batch of them costs one.
 */
static unsigned share(const struct key_client *c, const struct queue *q, unsigned places)
{
	bool is_sign = q == &c->queues[KEY_SIGN] || q == &c->queues[KEY_SIGN_IBS] ||
		       q == &c->queues[KEY_OFFER_EXCHANGE];
	unsigned most = is_sign ? c->settings.largest_tree : KEY_BATCH_MAX;
	unsigned part = is_sign ? q->count : (q->count + places - 1) / places;

	return part < most ? part : most;
}

static struct worker *freest_worker(struct key_client *c, unsigned *places)
{
	struct worker *freest = NULL;
	unsigned best = 0;

	*places = 0;
	for (unsigned i = 0; i < c->slots; i++) {
		unsigned n = worker_free_places(&c->workers[i]);

		*places += n;
		if (n > best) {
			best = n;
			freest = &c->workers[i];
		}
	}
	return freest;
}

void key_pump(struct key_client *c)
{
	while (c->waiting > 0) {
		unsigned places;
		struct worker *w = freest_worker(c, &places);
		struct queue *q = longest_queue(c);

		if (w == NULL || q == NULL)
			return;
		enum key_operation operation = (enum key_operation)(q - c->queues);
		unsigned count = share(c, q, places);
		struct key_request *first = queue_cut(c, q, count);

		if (!worker_send(w, operation, first, count, ++c->next_batch)) {
			log_warning("key_batch_not_sent", "worker=%u reason=\"%s\"", w->index,
				strerror(errno));
			client_take_back(c, first);
			supervise_lose(w, "not_sent");
			return;
		}
	}
}

void key_client_refresh(struct key_client *c)
{
	c->refresh_ms = clock_ms() + 1;
}

const struct key_found *key_client_keys(const struct key_client *c, unsigned *count)
{
	*count = c->key_count;
	return c->keys;
}

void key_client_on_keys(struct key_client *c, void (*changed)(void *context), void *context)
{
	c->keys_changed = changed;
	c->keys_context = context;
}

bool key_client_is_ready(const struct key_client *c)
{
	return any_ready(c);
}

unsigned key_client_waiting(const struct key_client *c)
{
	return c->waiting;
}

void key_client_worker(const struct key_client *c, unsigned i, struct key_worker_state *state)
{
	*state = (struct key_worker_state){ 0 };
	if (i >= c->slots)
		return;
	state->pid = c->workers[i].pid;
	state->ready = c->workers[i].is_ready;
	state->operations = c->workers[i].operations;
	state->restarts = c->workers[i].restarts;
}

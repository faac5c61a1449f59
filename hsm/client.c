#include "hsm/client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "hsm/worker.h"

#define LOOK_S           0.05
#define PING_AFTER_MS    1000
#define START_WITHIN_MS  15000
#define SLOWEST_START_MS 5000
#define MOST_TRIES       2u
#define GIVE_UP_AFTER_MS 1000 /* no worker for so long: requests are not kept waiting */

struct queue {
	struct key_request *first, **last;
	unsigned count;
};

/* A ping is a request of the client's own. */
struct ping {
	struct key_request request;
	struct key_ping in, out;
	bool is_under_way;
};

struct key_client {
	struct ev_loop *loop;
	struct key_client_settings settings;
	ev_timer look;
	struct queue queues[KEY_OPERATION_COUNT];
	unsigned waiting;
	uint64_t next_batch;
	int64_t none_since_ms; /* no worker has been ready since; 0: one is */
	int64_t refresh_ms;    /* workers started before this are to be replaced */
	struct key_found keys[KEY_FOUND_MAX];
	unsigned key_count;
	void (*keys_changed)(void *context);
	void *keys_context;
	struct ping *pings;
	unsigned slots; /* settings.workers, and one for a replacement */
	struct worker workers[];
};

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

/* What a worker had when it was lost: asked once more of another, then refused. */
static void take_back(struct key_client *c, struct key_request *first)
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

/* The worker is lost or has served its time. */
static void lose(struct worker *w, const char *why)
{
	bool was_ready = w->is_ready;
	int64_t now = clock_ms();

	log_warning("key_worker_lost", "worker=%u pid=%d reason=%s operations=%llu", w->index,
		(int)w->pid, why, (unsigned long long)w->operations);
	w->restarts++;
	w->failed_starts = was_ready ? 0 : w->failed_starts + 1;
	int64_t pause_ms = w->failed_starts > 0
				   ? INT64_C(100) << (w->failed_starts < 6 ? w->failed_starts : 6)
				   : 0;

	w->start_after_ms = now + (pause_ms < SLOWEST_START_MS ? pause_ms : SLOWEST_START_MS);
	worker_end(w, take_back);
}

static bool any_ready(const struct key_client *c)
{
	for (unsigned i = 0; i < c->slots; i++)
		if (c->workers[i].pid != 0 && c->workers[i].is_ready)
			return true;
	return false;
}

static bool knows(const struct worker *w, const struct key_found *key)
{
	for (unsigned i = 0; i < w->hello.count; i++)
		if (memcmp(&w->hello.keys[i], key, sizeof(*key)) == 0)
			return true;
	return false;
}

static bool all_know(const struct key_client *c, const struct key_found *key)
{
	for (unsigned i = 0; i < c->slots; i++) {
		const struct worker *w = &c->workers[i];

		if (w->pid != 0 && w->is_ready && !w->is_retiring && !knows(w, key))
			return false;
	}
	return true;
}

/* The keys are those that every worker knows: any of them may get a request that names one. */
static void count_keys(struct key_client *c, const struct key_hello *newest)
{
	struct key_found keys[KEY_FOUND_MAX];
	unsigned count = 0;

	memset(keys, 0, sizeof(keys));
	for (unsigned i = 0; i < newest->count; i++)
		if (all_know(c, &newest->keys[i]))
			keys[count++] = newest->keys[i];
	if (count == c->key_count && memcmp(c->keys, keys, sizeof(keys)) == 0)
		return;
	memcpy(c->keys, keys, sizeof(keys));
	c->key_count = count;
	if (c->keys_changed != NULL)
		c->keys_changed(c->keys_context);
}

static void become_ready(struct key_client *c, struct worker *w)
{
	w->is_ready = true;
	w->failed_starts = 0;
	log_info("key_worker_ready", "worker=%u pid=%d keys=%u", w->index, (int)w->pid,
		w->hello.count);
	if (w->replaces != NULL)
		w->replaces->is_retiring = true;
	w->replaces = NULL;
	count_keys(c, &w->hello);
}

static bool take_hello(struct key_client *c, struct worker *w, struct bytes message)
{
	if (message.len != sizeof(w->hello))
		return false;
	memcpy(&w->hello, message.at, sizeof(w->hello));
	if (w->hello.magic != KEY_HELLO_MAGIC || w->hello.count > KEY_FOUND_MAX ||
		w->hello.outcome != FINE)
		return false;
	become_ready(c, w);
	return true;
}

static struct worker_batch *find_batch(struct worker *w, const struct key_batch_header *h)
{
	for (unsigned i = 0; i < w->places; i++) {
		struct worker_batch *b = &w->batches[i];

		if (b->number == h->batch && b->number != 0 &&
			(uint32_t)b->operation == h->operation && b->count == h->count)
			return b;
	}
	return NULL;
}

static bool take_reply(struct worker *w, struct bytes message)
{
	struct key_batch_header header;
	struct bytes part;

	if (!bytes_take(&message, sizeof(header), &part))
		return false;
	memcpy(&header, part.at, sizeof(header));
	struct worker_batch *b = header.magic == KEY_MAGIC ? find_batch(w, &header) : NULL;
	size_t out = b != NULL ? key_operation_out_size(b->operation) : 0;

	if (b == NULL || message.len != b->count * (sizeof(struct key_result_header) + out))
		return false;
	b->number = 0;
	w->operations += b->count;
	for (struct key_request *r = b->first, *next; r != NULL; r = next) {
		struct key_result_header result;

		next = r->next;
		r->next = NULL;
		memcpy(&result, message.at, sizeof(result));
		enum outcome o =
			result.outcome < OUTCOME_COUNT ? (enum outcome)result.outcome : BROKEN;

		if (o == FINE && r->out != NULL)
			memcpy(r->out, message.at + sizeof(result), out);
		message.at += sizeof(result) + out;
		r->done(r, o);
	}
	return true;
}

static void on_message(struct ev_loop *loop, ev_io *watcher, int events)
{
	static _Thread_local uint8_t room[KEY_MESSAGE_MAX];
	struct worker *w = watcher->data;
	struct key_client *c = w->client;

	(void)loop;
	(void)events;
	while (w->pid != 0) {
		ssize_t len = recv(w->fd, room, sizeof(room), 0);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len <= 0) {
			lose(w, "gone");
			return;
		}
		w->last_heard_ms = clock_ms();
		struct bytes message = bytes_of(room, (size_t)len);
		bool good = w->is_ready ? take_reply(w, message) : take_hello(c, w, message);

		if (!good)
			lose(w, w->is_ready ? "bad_message" : "not_started");
	}
}

static bool start(struct key_client *c, struct worker *w)
{
	if (!worker_start(w))
		return false;
	ev_io_init(&w->io, on_message, w->fd, EV_READ);
	w->io.data = w;
	ev_io_start(c->loop, &w->io);
	return true;
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

static bool is_old(const struct key_client *c, const struct worker *w)
{
	uint32_t most = c->settings.worker_operations;

	return w->started_ms < c->refresh_ms || (most > 0 && w->operations >= most);
}

/* An old worker serves on until its replacement is ready; one is replaced at a time. */
static void replace_old(struct key_client *c)
{
	struct worker *spare = NULL, *old = NULL;

	for (unsigned i = 0; i < c->slots; i++) {
		struct worker *w = &c->workers[i];

		if (w->pid == 0)
			spare = w;
		else if (!w->is_ready || w->is_retiring || w->replaces != NULL)
			return;
		else if (is_old(c, w) && old == NULL)
			old = w;
	}
	if (spare == NULL || old == NULL || spare->start_after_ms > clock_ms())
		return;
	if (start(c, spare))
		spare->replaces = old;
}

static void check_worker(struct key_client *c, struct worker *w, int64_t now)
{
	if (w->pid == 0)
		return;
	if (!w->is_ready) {
		if (now - w->started_ms > START_WITHIN_MS)
			lose(w, "slow_start");
		return;
	}
	for (unsigned i = 0; i < w->places; i++) {
		const struct worker_batch *b = &w->batches[i];
		int64_t since = b->sent_ms > w->last_heard_ms ? b->sent_ms : w->last_heard_ms;

		if (b->number != 0 && now - since > c->settings.timeout_ms) {
			lose(w, "silent");
			return;
		}
	}
	if (w->is_retiring && worker_is_idle(w)) {
		log_info("key_worker_retired", "worker=%u pid=%d operations=%llu", w->index,
			(int)w->pid, (unsigned long long)w->operations);
		worker_end(w, take_back);
	}
}

static void on_pong(struct key_request *request, enum outcome o)
{
	struct ping *p = (struct ping *)(void *)request;

	(void)o; /* a worker that does not answer is found by its silence */
	p->is_under_way = false;
}

/* An idle worker that has been stopped would be noticed only by the next request: better by a ping. */
static void ping_idle(struct key_client *c, struct worker *w, int64_t now)
{
	struct ping *p = &c->pings[w->index];

	if (p->is_under_way || worker_free_places(w) == 0 || !worker_is_idle(w) ||
		now - w->last_heard_ms < PING_AFTER_MS)
		return;
	p->request = (struct key_request){ .operation = KEY_PING,
		.in = &p->in,
		.out = &p->out,
		.deadline_ms = now + c->settings.timeout_ms,
		.done = on_pong,
		.tries = MOST_TRIES };
	p->is_under_way = worker_send(w, KEY_PING, &p->request, 1, ++c->next_batch);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct key_client *c = timer->data;
	int64_t now = clock_ms();
	unsigned alive = 0;

	(void)loop;
	(void)events;
	for (unsigned i = 0; i < c->slots; i++) {
		check_worker(c, &c->workers[i], now);
		ping_idle(c, &c->workers[i], now);
		alive += c->workers[i].pid != 0 && !c->workers[i].is_retiring ? 1 : 0;
	}
	for (unsigned i = 0; i < c->slots && alive < c->settings.workers; i++) {
		struct worker *w = &c->workers[i];

		if (w->pid == 0 && w->start_after_ms <= now && start(c, w))
			alive++;
	}
	replace_old(c);
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
		if (!start(c, &c->workers[i])) {
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
		worker_end(&c->workers[i], take_back);
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
	bool is_sign = q == &c->queues[KEY_SIGN];
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
			take_back(c, first);
			lose(w, "not_sent");
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

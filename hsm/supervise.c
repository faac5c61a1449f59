#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "hsm/client_parts.h"

#define PING_AFTER_MS    1000
#define START_WITHIN_MS  15000
#define SLOWEST_START_MS 5000
#define ABSENT_MS        1000

void supervise_lose(struct worker *w, const char *why)
{
	bool was_ready = w->is_ready;
	int64_t now = clock_ms();

	log_warning("key_worker_lost", "worker=%u pid=%d reason=%s operations=%llu", w->index,
		(int)w->pid, why, (unsigned long long)w->operations);
	w->restarts++;
	w->replaces = NULL;
	w->failed_starts = was_ready ? 0 : w->failed_starts + 1;
	int64_t pause_ms = w->failed_starts > 0
				   ? INT64_C(100) << (w->failed_starts < 6 ? w->failed_starts : 6)
				   : 0;

	w->start_after_ms = now + (pause_ms < SLOWEST_START_MS ? pause_ms : SLOWEST_START_MS);
	worker_end(w, client_take_back);
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
			supervise_lose(w, "gone");
			return;
		}
		w->last_heard_ms = clock_ms();
		struct bytes message = bytes_of(room, (size_t)len);
		bool good = w->is_ready ? take_reply(w, message) : take_hello(c, w, message);

		wipe(room, (size_t)len); /* K_AUSF was among it, perhaps */
		if (!good)
			supervise_lose(w, w->is_ready ? "bad_message" : "not_started");
	}
}

bool supervise_start(struct key_client *c, struct worker *w)
{
	if (!worker_has_left(w) || !worker_start(w))
		return false;
	ev_io_init(&w->io, on_message, w->fd, EV_READ);
	w->io.data = w;
	ev_io_start(c->loop, &w->io);
	return true;
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
	if (supervise_start(c, spare))
		spare->replaces = old;
}

static void check_worker(struct key_client *c, struct worker *w, int64_t now)
{
	if (w->pid == 0)
		return;
	if (!w->is_ready) {
		if (now - w->last_heard_ms > START_WITHIN_MS) /* nothing yet: since its start */
			supervise_lose(w, "slow_start");
		return;
	}
	for (unsigned i = 0; i < w->places; i++) {
		const struct worker_batch *b = &w->batches[i];
		int64_t since = b->sent_ms > w->last_heard_ms ? b->sent_ms : w->last_heard_ms;

		if (b->number != 0 && now - since > c->settings.timeout_ms) {
			supervise_lose(w, "silent");
			return;
		}
	}
	if (w->is_retiring && worker_is_idle(w)) {
		log_info("key_worker_retired", "worker=%u pid=%d operations=%llu", w->index,
			(int)w->pid, (unsigned long long)w->operations);
		worker_end(w, client_take_back);
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

/*
 * While this process did not run itself (stopped, or its machine was), a worker was not silent: its answer may
 * lie in the socket.
 */
static void excuse_absence(struct key_client *c, int64_t now)
{
	int64_t absent_ms = now - c->looked_ms;

	c->looked_ms = now;
	if (absent_ms < ABSENT_MS)
		return;
	/* Not started_ms: it says what the worker can have seen of the token. */
	for (unsigned i = 0; i < c->slots; i++)
		c->workers[i].last_heard_ms += absent_ms;
}

void supervise_look(struct key_client *c, int64_t now)
{
	unsigned alive = 0;

	excuse_absence(c, now);
	for (unsigned i = 0; i < c->slots; i++) {
		(void)worker_has_left(
			&c->workers[i]); /* reaps it, whether its slot is wanted or not */
		check_worker(c, &c->workers[i], now);
		ping_idle(c, &c->workers[i], now);
		alive += c->workers[i].pid != 0 && !c->workers[i].is_retiring ? 1 : 0;
	}
	for (unsigned i = 0; i < c->slots && alive < c->settings.workers; i++) {
		struct worker *w = &c->workers[i];

		if (w->pid == 0 && w->start_after_ms <= now && supervise_start(c, w))
			alive++;
	}
	replace_old(c);
}

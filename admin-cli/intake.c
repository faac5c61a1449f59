#include "admin-cli/intake.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/secret.h"
#include "hsm/tool.h"

/* So many K are there at a time: more than the HSM's workers take at once, and all in locked memory. */
#define ROOMS            1024u
#define DB_CONNECTIONS   3u
#define DEADLINE_MS      10000
#define RETRY_S          0.5
#define GIVE_UP_AFTER_MS 60000
#define START_WITHIN_MS  3000

/* One subscriber. */
struct passage {
	struct passage *next; /* of those that are free, or of those that wait for another try */
	struct intake *in;
	uint64_t tag;
	struct key_seal_subscriber_in *room; /* NULL once K is sealed */
	struct sealed_key sealed;
	struct db_subscriber_in row;
	struct db_subscriber stored;
	struct key_request seal;
	struct db_request store;
};

struct intake {
	const struct intake_calls *calls;
	void *context;
	struct ev_loop *loop;
	struct key_client *keys;
	struct db *db;
	ev_prepare prepare;
	ev_timer retry;
	struct passage *free, *waiting;
	int64_t failing_since_ms; /* nothing has been stored since; 0: nothing has failed */
	unsigned workers;
	bool is_stopping, is_ending;
	struct secret *locked; /* the rooms */
	unsigned free_rooms;
	uint16_t rooms[ROOMS]; /* the first free_rooms are those that are free */
	struct passage passages[INTAKE_PLACES];
};

static struct key_seal_subscriber_in *room_at(struct intake *in, unsigned i)
{
	return (struct key_seal_subscriber_in *)(void *)in->locked->at + i;
}

static void leave_room(struct passage *p)
{
	if (p->room != NULL)
		intake_give_back_room(p->in, p->room);
	p->room = NULL;
}

static void end(struct passage *p, enum outcome o)
{
	struct intake *in = p->in;

	leave_room(p);
	p->next = in->free;
	in->free = p;
	in->calls->ended(in->context, p->tag, o, p->stored.was_there);
}

static void submit(struct passage *p)
{
	int64_t deadline_ms = clock_ms() + DEADLINE_MS;

	p->seal.deadline_ms = p->store.deadline_ms = deadline_ms;
	if (p->room != NULL)
		key_submit(p->in->keys, &p->seal);
	else
		db_submit(p->in->db, &p->store);
}

static void try_again(struct passage *p, enum outcome o)
{
	struct intake *in = p->in;
	int64_t now = clock_ms();

	if (in->failing_since_ms == 0)
		in->failing_since_ms = now;
	if (in->is_stopping || now - in->failing_since_ms > GIVE_UP_AFTER_MS) {
		end(p, o);
		return;
	}
	p->next = in->waiting;
	in->waiting = p;
	if (!ev_is_active(&in->retry)) {
		ev_timer_set(&in->retry, RETRY_S, 0);
		ev_timer_start(in->loop, &in->retry);
	}
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct intake *in = timer->data;
	struct passage *p = in->waiting;

	(void)loop;
	(void)events;
	in->waiting = NULL;
	while (p != NULL) {
		struct passage *next = p->next;

		submit(p);
		p = next;
	}
}

static void on_stored(struct db_request *request, enum outcome o)
{
	struct passage *p =
		(struct passage *)(void *)((char *)request - offsetof(struct passage, store));

	if (outcome_kind(o) == KIND_TRANSIENT) {
		try_again(p, o);
		return;
	}
	p->in->failing_since_ms = 0;
	end(p, o == NO_ROW ? CONFLICT : o);
}

static void on_sealed(struct key_request *request, enum outcome o)
{
	struct passage *p =
		(struct passage *)(void *)((char *)request - offsetof(struct passage, seal));

	if (outcome_kind(o) == KIND_TRANSIENT) {
		try_again(p, o);
	} else if (o != FINE || p->sealed.len > sizeof(p->sealed.at)) {
		end(p, o != FINE ? o : BROKEN);
	} else {
		leave_room(p);
		p->row.sealed = bytes_of(p->sealed.at, p->sealed.len);
		submit(p);
	}
}

static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct intake *in = watcher->data;

	(void)loop;
	(void)events;
	if (!in->is_ending)
		in->calls->feed(in->context);
	key_pump(in->keys);
	db_pump(in->db);
}

static void start_passages(struct intake *in, const char *actor)
{
	for (unsigned i = ROOMS; i > 0; i--)
		in->rooms[in->free_rooms++] = (uint16_t)(i - 1);
	for (unsigned i = INTAKE_PLACES; i > 0; i--) {
		struct passage *p = &in->passages[i - 1];

		p->in = in;
		p->seal = (struct key_request){
			.operation = KEY_SEAL_SUBSCRIBER,
			.out = &p->sealed,
			.done = on_sealed,
		};
		p->store = (struct db_request){
			.statement = DB_ADD_SUBSCRIBER,
			.row = &p->row,
			.result = &p->stored,
			.done = on_stored,
			.actor = actor,
		};
		p->next = in->free;
		in->free = p;
	}
}

static bool start_lanes(struct intake *in, struct cli *cli)
{
	const struct settings *s = &cli->settings;

	in->workers = s->key_workers;
	in->loop = ev_loop_new(EVFLAG_AUTO);
	if (in->loop == NULL || !keyd_find(&cli->settings))
		return false;
	in->keys = key_client_new(in->loop, &(struct key_client_settings){
						    .keyd_path = s->keyd_path,
						    .config_path = cli_config_path(cli),
						    .log_level = "warning",
						    .takes_subscribers = true,
						    .workers = s->key_workers,
						    .threads = s->key_threads,
						    .timeout_ms = s->key_timeout_ms,
						    .worker_operations = s->key_worker_operations,
						    .largest_tree = s->largest_tree,
					    });
	in->db = db_new(in->loop, s->database, DB_CONNECTIONS);
	return in->keys != NULL && in->db != NULL;
}

struct intake *intake_new(struct cli *cli, const struct intake_calls *calls, void *context)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (in == NULL) {
		(void)!cli_refuse_outcome(NO_MEMORY, NULL);
		return NULL;
	}
	in->calls = calls;
	in->context = context;
	in->locked = secret_new(ROOMS * sizeof(struct key_seal_subscriber_in));
	if (in->locked == NULL || !start_lanes(in, cli)) {
		(void)!cli_refuse_outcome(
			NO_MEMORY, "no locked memory, or arpf-keyd could not be started");
		intake_free(in);
		return NULL;
	}
	start_passages(in, cli_actor(cli));
	ev_prepare_init(&in->prepare, on_prepare);
	in->prepare.data = in;
	ev_prepare_start(in->loop, &in->prepare);
	ev_init(&in->retry, on_retry);
	in->retry.data = in;
	return in;
}

static bool is_any_starting(const struct intake *in)
{
	struct key_worker_state w;

	for (unsigned i = 0; i < in->workers; i++) {
		key_client_worker(in->keys, i, &w);
		if (w.pid != 0 && !w.ready)
			return true;
	}
	return false;
}

/*
 * A login writes into a token that is files (SoftHSM): a worker that is killed in the middle of it leaves
 * a token that nobody can open any more. What is over before all workers have started waits for them.
 */
static void wait_for_starts(struct intake *in)
{
	int64_t until_ms = clock_ms() + START_WITHIN_MS;

	in->is_ending = true;
	while (is_any_starting(in) && clock_ms() < until_ms)
		ev_run(in->loop, EVRUN_ONCE);
}

void intake_free(struct intake *in)
{
	if (in == NULL)
		return;
	in->is_stopping = true;
	if (in->keys != NULL)
		wait_for_starts(in);
	key_client_free(in->keys);
	db_free(in->db);
	if (in->loop != NULL)
		ev_loop_destroy(in->loop);
	secret_free(in->locked);
	free(in);
}

void intake_run(struct intake *in)
{
	ev_run(in->loop, 0);
}

void intake_break(struct intake *in)
{
	ev_break(in->loop, EVBREAK_ALL);
}

struct key_seal_subscriber_in *intake_take_room(struct intake *in)
{
	return in->free_rooms > 0 && in->free != NULL ? room_at(in, in->rooms[--in->free_rooms])
						      : NULL;
}

void intake_give_back_room(struct intake *in, struct key_seal_subscriber_in *room)
{
	wipe(room, sizeof(*room));
	in->rooms[in->free_rooms++] = (uint16_t)(room - room_at(in, 0));
}

void intake_add(struct intake *in, struct key_seal_subscriber_in *room, uint64_t imsi,
	int64_t since, uint64_t tag)
{
	struct passage *p = in->free;

	in->free = p->next;
	p->room = room;
	p->tag = tag;
	p->row.imsi = (int64_t)imsi;
	p->row.since = since;
	p->stored.was_there = false;
	p->seal.in = room;
	submit(p);
}

void intake_stop(struct intake *in)
{
	struct passage *p = in->waiting;

	in->is_stopping = true;
	ev_timer_stop(in->loop, &in->retry);
	in->waiting = NULL;
	while (p != NULL) {
		struct passage *next = p->next;

		end(p, p->room != NULL ? HSM_UNAVAILABLE : DATABASE_UNAVAILABLE);
		p = next;
	}
}

struct ev_loop *intake_loop(struct intake *in)
{
	return in->loop;
}

struct db *intake_db(struct intake *in)
{
	return in->db;
}

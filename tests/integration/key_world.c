#include "tests/integration/key_world.h"

#include <check.h>

#include "base/clock.h"

struct key_world world;

static void on_prepare(struct ev_loop *l, ev_prepare *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
	key_pump(world.client);
}

static void on_keys(void *context)
{
	(void)context;
	world.keys_changes++;
}

void key_world_begin(unsigned workers, uint32_t operations, const char *keyd)
{
	world.ended = world.fine = world.keys_changes = 0;
	world.loop = ev_loop_new(EVFLAG_AUTO);
	world.client = key_client_new(world.loop, &(struct key_client_settings){
							  .keyd_path = keyd,
							  .config_path = world.token.config,
							  .workers = workers,
							  .threads = 1,
							  .timeout_ms = 1000,
							  .worker_operations = operations,
							  .largest_tree = 64,
						  });
	ck_assert_ptr_nonnull(world.client);
	key_client_on_keys(world.client, on_keys, NULL);
	ev_prepare_init(&world.prepare, on_prepare);
	ev_prepare_start(world.loop, &world.prepare);
}

void key_world_end(void)
{
	key_client_free(world.client);
	ev_prepare_stop(world.loop, &world.prepare);
	ev_loop_destroy(world.loop);
}

static void on_time(struct ev_loop *l, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	ev_break(l, EVBREAK_ALL);
}

void run_for_a_moment(void)
{
	ev_timer timer;

	ev_timer_init(&timer, on_time, 0.01, 0);
	ev_timer_start(world.loop, &timer);
	ev_run(world.loop, 0);
}

void run_until_ended(unsigned count)
{
	for (int i = 0; i < 3000 && world.ended < count; i++)
		run_for_a_moment();
	ck_assert_uint_eq(world.ended, count);
}

void run_until_ready(void)
{
	for (int i = 0; i < 3000 && !key_client_is_ready(world.client); i++)
		run_for_a_moment();
	ck_assert(key_client_is_ready(world.client));
}

static void on_done(struct key_request *request, enum outcome outcome)
{
	(void)request;
	world.ended++;
	world.fine += outcome == FINE ? 1 : 0;
	world.last = outcome;
}

void submit(struct key_request *r, enum key_operation operation, const void *in, void *out)
{
	*r = (struct key_request){ .operation = operation,
		.in = in,
		.out = out,
		.deadline_ms = clock_ms() + 20000,
		.done = on_done };
	key_submit(world.client, r);
}

enum outcome ask(enum key_operation operation, const void *in, void *out)
{
	struct key_request r;
	unsigned before = world.ended;

	submit(&r, operation, in, out);
	ck_assert_uint_eq(world.ended, before); /* never within key_submit */
	run_until_ended(before + 1);
	return world.last;
}

struct key_found find_key(enum key_use use)
{
	unsigned count;
	const struct key_found *keys = key_client_keys(world.client, &count);
	struct key_found newest = { 0 };

	for (unsigned i = 0; i < count; i++)
		if (keys[i].use == use && keys[i].generation > newest.generation)
			newest = keys[i];
	ck_assert_uint_gt(newest.generation, 0);
	return newest;
}

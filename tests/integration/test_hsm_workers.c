/* arpf-keyd's workers killed, stopped, misconfigured, retired and given new keys: every request is ended once. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/integration/key_world.h"
#include "tests/unit/suite.h"

#define MOST 512u

/* Pings enough to keep workers busy; each ends once and brings its own number back. */
static struct key_request requests[MOST];
static struct key_ping in[MOST], out[MOST];

static void submit_many(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		in[i].nonce = i + 1;
		out[i].nonce = 0;
		submit(&requests[i], KEY_PING, &in[i], &out[i]);
	}
}

static void harm_workers(int signal)
{
	enum { ROUNDS = 3 };

	key_world_begin(2, 0, world.token.keyd);
	for (int round = 0; round < ROUNDS; round++) {
		run_until_all_ready();
		struct key_worker_state state;
		unsigned before = world.ended;

		for (unsigned i = 0; i < 3; i++) {
			key_client_worker(world.client, i, &state);
			if (state.pid > 0 && state.ready) {
				kill(state.pid, signal);
				break;
			}
		}
		submit_many(MOST);
		run_until_ended(before + MOST);
		for (unsigned i = 0; i < MOST; i++)
			ck_assert(out[i].nonce == in[i].nonce || out[i].nonce == 0);
		run_until_restarted(
			(unsigned)round + 1); /* one that had nothing to do is found by a ping */
	}
	run_until_all_ready();
	/* What was lost was asked again; a slow machine may have lost another, for its silence. */
	ck_assert_uint_ge(count_restarts(), ROUNDS);
	if (count_restarts() == ROUNDS)
		ck_assert_uint_eq(world.fine, world.ended);
	key_world_end();
}

START_TEST(test_worker_is_killed)
{
	harm_workers(SIGKILL);
}
END_TEST

START_TEST(test_worker_is_stopped)
{
	world.timeout_ms = 2000;
	harm_workers(SIGSTOP);
	world.timeout_ms = KEY_WORLD_TIMEOUT_MS;
}
END_TEST

/* Longer than a worker may be silent. */
START_TEST(test_absence_is_no_silence)
{
	struct key_worker_state before, after;

	world.timeout_ms = 8000;
	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	key_client_worker(world.client, 0, &before);
	for (int round = 0; round < 2; round++) {
		unsigned ended = world.ended;

		submit_many(KEY_BATCH_MAX);
		ev_run(world.loop, EVRUN_NOWAIT);
		sleep(9);
		run_until_ended(ended + KEY_BATCH_MAX);
	}
	ck_assert_uint_eq(world.fine, world.ended);
	key_client_worker(world.client, 0, &after);
	ck_assert_int_eq(before.pid, after.pid);
	ck_assert_uint_eq(after.restarts, 0);
	key_world_end();
	world.timeout_ms = KEY_WORLD_TIMEOUT_MS;
}
END_TEST

START_TEST(test_no_worker_starts)
{
	key_world_begin(2, 0, "/nonexistent/arpf-keyd");
	submit_many(16);
	run_until_ended(16);
	ck_assert_uint_eq(world.fine, 0);
	ck_assert_int_eq(world.last, HSM_UNAVAILABLE);
	key_world_end();
}
END_TEST

START_TEST(test_wrong_pin_then_right)
{
	softhsm_world_set_pin(&world.token, "000000\n");
	key_world_begin(1, 0, world.token.keyd);
	submit_many(4);
	run_until_ended(4);
	ck_assert_int_eq(world.last, HSM_UNAVAILABLE);
	softhsm_world_set_pin(&world.token, "123456\n");
	run_until_ready(); /* without anybody's doing anything */
	submit_many(4);
	run_until_ended(8);
	ck_assert_int_eq(world.last, FINE);
	key_world_end();
}
END_TEST

START_TEST(test_workers_retire)
{
	key_world_begin(2, 200, world.token.keyd);
	run_until_ready();
	struct key_worker_state state;
	int first_pid;

	key_client_worker(world.client, 0, &state);
	first_pid = state.pid;
	for (unsigned round = 1; round <= 8; round++) {
		submit_many(MOST);
		run_until_ended(round * MOST);
		for (int i = 0; i < 20; i++)
			run_for_a_moment();
	}
	ck_assert_uint_eq(world.fine, world.ended);
	for (int i = 0; i < 6000; i++) { /* its replacement may take long to start */
		key_client_worker(world.client, 0, &state);
		if (state.pid != first_pid)
			break;
		run_for_a_moment();
	}
	ck_assert_int_ne(state.pid, first_pid);
	key_world_end();
}
END_TEST

START_TEST(test_new_keys_are_found)
{
	key_world_begin(2, 0, world.token.keyd);
	run_until_ready();
	struct key_found before = find_key(KEY_USE_ECKA);
	json_t *made = softhsm_world_keyd(
		&world.token, (const char *const[]){ "keys", "rotate", "arpf.ecka", NULL });

	ck_assert_ptr_nonnull(made);
	json_decref(made);
	key_client_refresh(world.client);
	for (int i = 0; i < 6000 && find_key(KEY_USE_ECKA).generation == before.generation; i++)
		run_for_a_moment();
	ck_assert_uint_eq(find_key(KEY_USE_ECKA).generation, before.generation + 1);
	ck_assert_uint_gt(world.keys_changes, 0);
	key_world_end();
}
END_TEST

START_TEST(test_shutdown_ends_what_waits)
{
	key_world_begin(1, 0, world.token.keyd);
	submit_many(MOST);
	key_world_end();
	ck_assert_uint_eq(world.ended, MOST);
}
END_TEST

START_TEST(test_commands)
{
	json_t *list =
		softhsm_world_keyd(&world.token, (const char *const[]){ "keys", "list", NULL });
	json_t *again =
		softhsm_world_keyd(&world.token, (const char *const[]){ "keys", "init", NULL });
	/* SoftHSM 2.6.1 loses an object identifier at each agreement on X25519: no leak of ours. */
	const char *given = getenv("ASAN_OPTIONS");
	char options[256], more[288];

	snprintf(options, sizeof(options), "%s", given != NULL ? given : "");
	snprintf(more, sizeof(more), "%s:detect_leaks=0", options);
	setenv("ASAN_OPTIONS", more, 1);
	json_t *probe = softhsm_world_keyd(&world.token, (const char *const[]){ "probe", NULL });

	setenv("ASAN_OPTIONS", options, 1);

	ck_assert_uint_ge(json_array_size(json_object_get(list, "keys")), 4);
	ck_assert_uint_eq(json_array_size(json_object_get(again, "keys")), 7);
	ck_assert(json_is_true(
		json_object_get(json_object_get(probe, "mechanisms"), "CKM_ECDH1_DERIVE")));
	ck_assert_int_gt(
		json_integer_value(json_object_get(json_object_get(probe, "speed"), "ecdhUs")), 0);
	ck_assert_ptr_null(softhsm_world_keyd(
		&world.token, (const char *const[]){ "keys", "rotate", "other", NULL }));
	json_decref(list);
	json_decref(again);
	json_decref(probe);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_worker_is_killed,
		test_worker_is_stopped,
		test_absence_is_no_silence,
		test_no_worker_starts,
		test_wrong_pin_then_right,
		test_workers_retire,
		test_new_keys_are_found,
		test_shutdown_ends_what_waits,
		test_commands,
	};

	softhsm_world_or_skip(&world.token);
	int status = suite_run("hsm workers", tests, sizeof(tests) / sizeof(tests[0]));

	softhsm_world_remove(&world.token);
	return status;
}

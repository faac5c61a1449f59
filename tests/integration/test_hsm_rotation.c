/*
 * Keys that arpf-keyd chooses by itself (the KEK, the session key) are rotated while workers of both ages serve:
 * what the new one has sealed the old one opens.
 */
#include "tests/integration/key_world.h"
#include "tests/unit/suite.h"

#define ROUNDS 300
#define BATCH  8

static void begin_and_rotate(const char *label)
{
	key_world_begin(2, 0, world.token.keyd);
	run_until_all_ready();
	json_t *made = softhsm_world_keyd(
		&world.token, (const char *const[]){ "keys", "rotate", label, NULL });

	ck_assert_ptr_nonnull(made);
	json_decref(made);
	key_client_refresh(world.client);
}

START_TEST(test_session_key)
{
	begin_and_rotate("arpf.session");
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct key_register_session_in in[BATCH] = { 0 };
		struct kept_secret kept[BATCH];
		struct key_check_addition_in additions[BATCH] = { 0 };
		struct key_nothing nothing[BATCH];
		enum outcome outcomes[BATCH];

		for (unsigned j = 0; j < BATCH; j++) {
			in[j].session = (struct key_session){ 1010000000001, 3, "a@b" };
			in[j].af_id_len = 6;
		}
		ask_together(KEY_REGISTER_SESSION, BATCH, in, kept, outcomes);
		for (unsigned j = 0; j < BATCH; j++) {
			ck_assert_int_eq(outcomes[j], FINE);
			additions[j].session = in[j].session;
			additions[j].k = kept[BATCH - 1 - j];
		}
		ask_together(KEY_CHECK_ADDITION, BATCH, additions, nothing, outcomes);
		for (unsigned j = 0; j < BATCH; j++) /* opened: only the MAC, of zeros, is wrong */
			ck_assert_int_eq(outcomes[j], MAC_INVALID);
	}
	key_world_end();
}
END_TEST

START_TEST(test_kek)
{
	begin_and_rotate("arpf.kek");
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct key_seal_subscriber_in in[BATCH] = { 0 };
		struct sealed_key sealed[BATCH];
		struct key_make_vector_in vectors[BATCH] = { 0 };
		struct key_vector made[BATCH];
		enum outcome outcomes[BATCH];

		for (unsigned j = 0; j < BATCH; j++)
			in[j].k_len = 16;
		ask_together(KEY_SEAL_SUBSCRIBER, BATCH, in, sealed, outcomes);
		for (unsigned j = 0; j < BATCH; j++) {
			ck_assert_int_eq(outcomes[j], FINE);
			vectors[j].sealed = sealed[BATCH - 1 - j];
			vectors[j].sqn = 33;
			vectors[j].serving_network = text_of("5G:mnc001.mcc001.3gppnetwork.org");
		}
		ask_together(KEY_MAKE_VECTOR, BATCH, vectors, made, outcomes);
		for (unsigned j = 0; j < BATCH; j++)
			ck_assert_int_eq(outcomes[j], FINE);
	}
	key_world_end();
}
END_TEST

/* A server's workers seal nothing that they are given. */
START_TEST(test_server_takes_no_subscribers)
{
	struct key_seal_subscriber_in in = { .k_len = 16 };
	struct sealed_key sealed;

	world.is_server = true;
	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	ck_assert_int_eq(ask(KEY_SEAL_SUBSCRIBER, &in, &sealed), ROLE_NOT_PERMITTED);
	key_world_end();
	world.is_server = false;
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_session_key,
		test_kek,
		test_server_takes_no_subscribers,
	};

	softhsm_world_or_skip(&world.token);
	int status = suite_run("hsm rotation", tests, sizeof(tests) / sizeof(tests[0]));

	softhsm_world_remove(&world.token);
	return status;
}

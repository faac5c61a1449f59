/*
 * arpf-keyd's operations through the client, on a real SoftHSM token: the test plays the SE, the Target AUSF and the
 * verifier, and computes everything a second time from the protocol page. Then its workers are killed,
 * stopped, misconfigured, retired, and given new keys.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/imsi.h"
#include "crypto/aes.h"
#include "crypto/ecies.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "hsm/client.h"
#include "tests/integration/softhsm_world.h"
#include "tests/unit/suite.h"

#define DIMSI UINT64_C(1990000000007)
#define IMSI  UINT64_C(1010000000042)
#define MOST  512u

static struct softhsm_world world;
static struct ev_loop *loop;
static struct key_client *client;
static ev_prepare prepare;
static unsigned ended, fine;
static enum outcome last;
static unsigned keys_changes;

static void on_prepare(struct ev_loop *l, ev_prepare *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
	key_pump(client);
}

static void on_keys(void *context)
{
	(void)context;
	keys_changes++;
}

static void begin_with(unsigned workers, uint32_t operations, const char *keyd)
{
	ended = fine = keys_changes = 0;
	loop = ev_loop_new(EVFLAG_AUTO);
	client = key_client_new(loop, &(struct key_client_settings){
					      .keyd_path = keyd,
					      .config_path = world.config,
					      .workers = workers,
					      .threads = 1,
					      .timeout_ms = 1000,
					      .worker_operations = operations,
					      .largest_tree = 64,
				      });
	ck_assert_ptr_nonnull(client);
	key_client_on_keys(client, on_keys, NULL);
	ev_prepare_init(&prepare, on_prepare);
	ev_prepare_start(loop, &prepare);
}

static void end(void)
{
	key_client_free(client);
	ev_prepare_stop(loop, &prepare);
	ev_loop_destroy(loop);
}

static void on_time(struct ev_loop *l, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	ev_break(l, EVBREAK_ALL);
}

static void run_for_a_moment(void)
{
	ev_timer timer;

	ev_timer_init(&timer, on_time, 0.01, 0);
	ev_timer_start(loop, &timer);
	ev_run(loop, 0);
}

static void run_until_ended(unsigned count)
{
	for (int i = 0; i < 3000 && ended < count; i++)
		run_for_a_moment();
	ck_assert_uint_eq(ended, count);
}

static void run_until_ready(void)
{
	for (int i = 0; i < 3000 && !key_client_is_ready(client); i++)
		run_for_a_moment();
	ck_assert(key_client_is_ready(client));
}

static void on_done(struct key_request *request, enum outcome outcome)
{
	(void)request;
	ended++;
	fine += outcome == FINE ? 1 : 0;
	last = outcome;
}

static void submit(struct key_request *r, enum key_operation operation, const void *in, void *out)
{
	*r = (struct key_request){ .operation = operation,
		.in = in,
		.out = out,
		.deadline_ms = clock_ms() + 20000,
		.done = on_done };
	key_submit(client, r);
}

static enum outcome ask(enum key_operation operation, const void *in, void *out)
{
	struct key_request r;
	unsigned before = ended;

	submit(&r, operation, in, out);
	ck_assert_uint_eq(ended, before); /* never within key_submit */
	run_until_ended(before + 1);
	return last;
}

static struct key_found find(enum key_use use)
{
	unsigned count;
	const struct key_found *keys = key_client_keys(client, &count);
	struct key_found newest = { 0 };

	for (unsigned i = 0; i < count; i++)
		if (keys[i].use == use && keys[i].generation > newest.generation)
			newest = keys[i];
	ck_assert_uint_gt(newest.generation, 0);
	return newest;
}

/* The SE's side of protocol 4.2. */
struct se {
	uint8_t scalar[32], point[65], ek[32], keys[64];
};

static void make_ek(struct se *se, const struct key_found *ecka)
{
	uint8_t z[32], bcd[8], room[160];
	struct bytes info;

	ck_assert_int_eq(p256_generate(se->scalar, se->point), FINE);
	ck_assert_int_eq(p256_agree(se->scalar, BYTES(ecka->public_key), z), FINE);
	imsi_to_bcd(DIMSI, bcd);
	struct transcript t = transcript_start(room, sizeof(room), "arpf ek v1");

	transcript_add(&t, BYTES(bcd));
	transcript_add(&t, BYTES(se->point));
	transcript_add(&t, BYTES(ecka->key_id));
	ck_assert(transcript_end(&t, &info));
	ck_assert_int_eq(x963_sha256(BYTES(z), info, se->ek, 32), FINE);
	t = transcript_start(room, sizeof(room), "arpf ek keys v1");
	transcript_add(&t, BYTES(bcd));
	ck_assert(transcript_end(&t, &info));
	ck_assert_int_eq(hkdf_expand_sha256(BYTES(se->ek), info, se->keys, 64), FINE);
}

static void check_outputs(const struct se *se, const struct key_ek_outputs *out)
{
	uint8_t plain[16], mac[16], bcd[8], kcv[16];
	static const uint8_t zeros[16];
	struct key_check_value value;

	ck_assert_int_eq(aes_ecb_decrypt(bytes_of(se->keys, 16), out->output_1, plain), FINE);
	imsi_to_bcd(IMSI, bcd);
	ck_assert_mem_eq(plain, bcd, 8);
	ck_assert_mem_eq(plain + 8, "ARPF-CTV", 8);
	ck_assert_int_eq(aes_cmac(bytes_of(se->keys + 16, 16), BYTES(plain), mac), FINE);
	mac[6] |= 0x80;
	ck_assert_mem_eq(out->output_2, mac, 16);
	ck_assert_uint_eq(out->sealed.len, 4 + 40 + 24 + 24);
	ck_assert_int_eq(ask(KEY_CHECK_SEALED, &out->sealed, &value), FINE);
	ck_assert_int_eq(aes_ecb_encrypt(bytes_of(se->keys + 32, 16), zeros, kcv), FINE);
	ck_assert_mem_eq(value.kcv, kcv, 3);
}

START_TEST(test_agree_ek)
{
	struct se se;
	struct key_ek_outputs out;

	begin_with(1, 0, world.keyd);
	run_until_ready();
	struct key_found ecka = find(KEY_USE_ECKA);
	struct key_agree_ek_in in = { .dimsi = DIMSI, .imsi = IMSI };

	make_ek(&se, &ecka);
	memcpy(in.key_id, ecka.key_id, 32);
	memcpy(in.se_public_key, se.point, 65);
	ck_assert_int_eq(ask(KEY_AGREE_EK, &in, &out), FINE);
	check_outputs(&se, &out);
	in.se_public_key[64] ^= 1;
	ck_assert_int_eq(ask(KEY_AGREE_EK, &in, &out), INVALID_PARAMETER);
	in.se_public_key[64] ^= 1;
	in.key_id[0] ^= 1;
	ck_assert_int_eq(ask(KEY_AGREE_EK, &in, &out), INVALID_PARAMETER);
	in.key_id[0] ^= 1;
	in.imsi = IMSI_LIMIT;
	ck_assert_int_eq(ask(KEY_AGREE_EK, &in, &out), INVALID_PARAMETER);
	end();
}
END_TEST

START_TEST(test_sealed_is_tampered_with)
{
	struct se se;
	struct key_ek_outputs out;
	struct key_check_value right, value;

	begin_with(1, 0, world.keyd);
	run_until_ready();
	struct key_found ecka = find(KEY_USE_ECKA);
	struct key_agree_ek_in in = { .dimsi = DIMSI, .imsi = IMSI };

	make_ek(&se, &ecka);
	memcpy(in.key_id, ecka.key_id, 32);
	memcpy(in.se_public_key, se.point, 65);
	ck_assert_int_eq(ask(KEY_AGREE_EK, &in, &out), FINE);
	ck_assert_int_eq(ask(KEY_CHECK_SEALED, &out.sealed, &right), FINE);
	/* Version, length, generation, data key and K; OPc, the last 24 bytes, is not K's business. */
	for (unsigned i = 0; i < 4 + 40 + 24; i++) {
		struct sealed_key bad = out.sealed;

		bad.at[i] ^= 0x40;
		ck_assert_msg(ask(KEY_CHECK_SEALED, &bad, &value) != FINE, "byte %u", i);
	}
	out.sealed.len--;
	ck_assert_int_eq(ask(KEY_CHECK_SEALED, &out.sealed, &value), INVALID_PARAMETER);
	end();
}
END_TEST

START_TEST(test_ek_between_operators)
{
	struct se se;
	uint8_t scalar[32], point[65], opened[32];
	struct key_ek_for_peer sent;
	struct key_ek_outputs out;

	begin_with(1, 0, world.keyd);
	run_until_ready();
	struct key_found ecka = find(KEY_USE_ECKA), recipient = find(KEY_USE_RECIPIENT);
	struct key_agree_ek_for_peer_in in = { .dimsi = DIMSI };

	make_ek(&se, &ecka);
	ck_assert_int_eq(p256_generate(scalar, point), FINE);
	memcpy(in.key_id, ecka.key_id, 32);
	memcpy(in.se_public_key, se.point, 65);
	memcpy(in.recipient, point, 65);
	ck_assert_int_eq(ask(KEY_AGREE_EK_FOR_PEER, &in, &sent), FINE);
	ck_assert_int_eq(ecies_p256_open(scalar, BYTES(sent.ephemeral), BYTES(sent.ciphertext),
				 BYTES(sent.mac), opened),
		FINE);
	ck_assert_mem_eq(opened, se.ek, 32);

	struct key_open_ek_from_peer_in open = { .dimsi = DIMSI, .imsi = IMSI };

	memcpy(open.key_id, recipient.key_id, 32);
	ck_assert_int_eq(ecies_p256_seal(BYTES(recipient.public_key), BYTES(se.ek),
				 open.ek.ephemeral, open.ek.ciphertext, open.ek.mac),
		FINE);
	ck_assert_int_eq(ask(KEY_OPEN_EK_FROM_PEER, &open, &out), FINE);
	check_outputs(&se, &out);
	open.ek.mac[31] ^= 1;
	ck_assert_int_eq(ask(KEY_OPEN_EK_FROM_PEER, &open, &out), MAC_INVALID);
	end();
}
END_TEST

static void check_signature(
	const struct key_found *key, const uint8_t leaf[32], const struct key_signature *s)
{
	uint8_t root[32], text[BATCH_SIGNED_LEN], digest[32];
	struct bytes part = BYTES(text);

	ck_assert_int_eq(merkle_root_from_path(
				 leaf, s->leaf_index, s->tree_size, s->path, s->path_count, root),
		FINE);
	ck_assert_int_eq(batch_signed_string(root, s->tree_size, text), FINE);
	ck_assert_int_eq(sha256(&part, 1, digest), FINE);
	ck_assert_int_eq(p256_verify(BYTES(key->public_key), digest, s->signature), FINE);
}

START_TEST(test_sign_trees_of_every_size)
{
	static struct key_request requests[64];
	static struct key_sign_in in[64];
	static struct key_signature out[64];

	begin_with(1, 0, world.keyd);
	run_until_ready();
	struct key_found key = find(KEY_USE_SIGN);

	for (unsigned size = 1; size <= 64; size++) {
		unsigned before = ended;

		for (unsigned i = 0; i < size; i++) {
			memset(in[i].leaf, (int)(size + i), 32);
			memcpy(in[i].key_id, key.key_id, 32);
			submit(&requests[i], KEY_SIGN, &in[i], &out[i]);
		}
		run_until_ended(before + size);
		for (unsigned i = 0; i < size; i++) {
			ck_assert_uint_eq(out[i].tree_size, size);
			check_signature(&key, in[i].leaf, &out[i]);
		}
	}
	ck_assert_uint_eq(fine, ended);
	end();
}
END_TEST

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
	begin_with(2, 0, world.keyd);
	run_until_ready();
	for (int round = 0; round < 3; round++) {
		struct key_worker_state state;
		unsigned before = ended;

		for (unsigned i = 0; i < 3; i++) {
			key_client_worker(client, i, &state);
			if (state.pid > 0 && state.ready) {
				kill(state.pid, signal);
				break;
			}
		}
		submit_many(MOST);
		run_until_ended(before + MOST);
		for (unsigned i = 0; i < MOST; i++)
			ck_assert(out[i].nonce == in[i].nonce || out[i].nonce == 0);
		run_until_ready();
	}
	ck_assert_uint_eq(fine, ended); /* what was lost was asked again */
	end();
}

START_TEST(test_worker_is_killed)
{
	harm_workers(SIGKILL);
}
END_TEST

START_TEST(test_worker_is_stopped)
{
	harm_workers(SIGSTOP);
}
END_TEST

START_TEST(test_no_worker_starts)
{
	begin_with(2, 0, "/nonexistent/arpf-keyd");
	submit_many(16);
	run_until_ended(16);
	ck_assert_uint_eq(fine, 0);
	ck_assert_int_eq(last, HSM_UNAVAILABLE);
	end();
}
END_TEST

START_TEST(test_wrong_pin_then_right)
{
	softhsm_world_set_pin(&world, "000000\n");
	begin_with(1, 0, world.keyd);
	submit_many(4);
	run_until_ended(4);
	ck_assert_int_eq(last, HSM_UNAVAILABLE);
	softhsm_world_set_pin(&world, "123456\n");
	run_until_ready(); /* without anybody's doing anything */
	submit_many(4);
	run_until_ended(8);
	ck_assert_int_eq(last, FINE);
	end();
}
END_TEST

START_TEST(test_workers_retire)
{
	begin_with(2, 200, world.keyd);
	run_until_ready();
	struct key_worker_state state;
	int first_pid;

	key_client_worker(client, 0, &state);
	first_pid = state.pid;
	for (unsigned round = 1; round <= 8; round++) {
		submit_many(MOST);
		run_until_ended(round * MOST);
		for (int i = 0; i < 20; i++)
			run_for_a_moment();
	}
	ck_assert_uint_eq(fine, ended);
	key_client_worker(client, 0, &state);
	ck_assert_int_ne(state.pid, first_pid);
	end();
}
END_TEST

START_TEST(test_new_keys_are_found)
{
	begin_with(2, 0, world.keyd);
	run_until_ready();
	struct key_found before = find(KEY_USE_ECKA);
	json_t *made = softhsm_world_keyd(
		&world, (const char *const[]){ "keys", "rotate", "arpf.ecka", NULL });

	ck_assert_ptr_nonnull(made);
	json_decref(made);
	key_client_refresh(client);
	for (int i = 0; i < 2000 && find(KEY_USE_ECKA).generation == before.generation; i++)
		run_for_a_moment();
	ck_assert_uint_eq(find(KEY_USE_ECKA).generation, before.generation + 1);
	ck_assert_uint_gt(keys_changes, 0);
	end();
}
END_TEST

START_TEST(test_shutdown_ends_what_waits)
{
	begin_with(1, 0, world.keyd);
	submit_many(MOST);
	end();
	ck_assert_uint_eq(ended, MOST);
}
END_TEST

START_TEST(test_commands)
{
	json_t *list = softhsm_world_keyd(&world, (const char *const[]){ "keys", "list", NULL });
	json_t *again = softhsm_world_keyd(&world, (const char *const[]){ "keys", "init", NULL });
	json_t *probe = softhsm_world_keyd(&world, (const char *const[]){ "probe", NULL });

	ck_assert_uint_ge(json_array_size(json_object_get(list, "keys")), 4);
	ck_assert_uint_eq(json_array_size(json_object_get(again, "keys")), 4);
	ck_assert(json_is_true(
		json_object_get(json_object_get(probe, "mechanisms"), "CKM_ECDH1_DERIVE")));
	ck_assert_int_gt(
		json_integer_value(json_object_get(json_object_get(probe, "speed"), "ecdhUs")), 0);
	ck_assert_ptr_null(softhsm_world_keyd(
		&world, (const char *const[]){ "keys", "rotate", "other", NULL }));
	json_decref(list);
	json_decref(again);
	json_decref(probe);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_agree_ek,
		test_sealed_is_tampered_with,
		test_ek_between_operators,
		test_sign_trees_of_every_size,
		test_worker_is_killed,
		test_worker_is_stopped,
		test_no_worker_starts,
		test_wrong_pin_then_right,
		test_workers_retire,
		test_new_keys_are_found,
		test_shutdown_ends_what_waits,
		test_commands,
	};

	softhsm_world_or_skip(&world);
	int status = suite_run("hsm", tests, sizeof(tests) / sizeof(tests[0]));

	softhsm_world_remove(&world);
	return status;
}

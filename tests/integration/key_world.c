#include "tests/integration/key_world.h"

#include <check.h>

#include <openssl/rand.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/aes.h"
#include "crypto/kdf.h"
#include "crypto/milenage.h"
#include "crypto/transcript.h"

#define DEADLINE_MS 120000 /* no test comes to it, on however slow a machine */
#define MOMENTS     12000

struct key_world world = { .timeout_ms = KEY_WORLD_TIMEOUT_MS };

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
	world.workers = workers;
	world.loop = ev_loop_new(EVFLAG_AUTO);
	world.client = key_client_new(world.loop, &(struct key_client_settings){
							  .takes_subscribers = !world.is_server,
							  .keyd_path = keyd,
							  .config_path = world.token.config,
							  .workers = workers,
							  .threads = 1,
							  .timeout_ms = world.timeout_ms,
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
	for (int i = 0; i < MOMENTS && world.ended < count; i++)
		run_for_a_moment();
	ck_assert_uint_eq(world.ended, count);
}

void run_until_ready(void)
{
	for (int i = 0; i < MOMENTS && !key_client_is_ready(world.client); i++)
		run_for_a_moment();
	ck_assert(key_client_is_ready(world.client));
}

static unsigned count_ready(void)
{
	struct key_worker_state state;
	unsigned count = 0;

	for (unsigned i = 0; i <= world.workers; i++) {
		key_client_worker(world.client, i, &state);
		count += state.pid > 0 && state.ready;
	}
	return count;
}

void run_until_all_ready(void)
{
	for (int i = 0; i < MOMENTS && count_ready() < world.workers; i++)
		run_for_a_moment();
	ck_assert_uint_ge(count_ready(), world.workers);
}

unsigned count_restarts(void)
{
	struct key_worker_state state;
	unsigned count = 0;

	for (unsigned i = 0; i <= world.workers; i++) {
		key_client_worker(world.client, i, &state);
		count += state.restarts;
	}
	return count;
}

void run_until_restarted(unsigned count)
{
	for (int i = 0; i < MOMENTS && count_restarts() < count; i++)
		run_for_a_moment();
	ck_assert_uint_ge(count_restarts(), count);
}

static void on_done(struct key_request *request, enum outcome outcome)
{
	if (world.together != NULL)
		world.outcomes[request - world.together] = outcome;
	world.ended++;
	world.fine += outcome == FINE ? 1 : 0;
	world.last = outcome;
}

void submit(struct key_request *r, enum key_operation operation, const void *in, void *out)
{
	*r = (struct key_request){ .operation = operation,
		.in = in,
		.out = out,
		.deadline_ms = clock_ms() + DEADLINE_MS,
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

void ask_together(enum key_operation operation, unsigned count, const void *in, void *out,
	enum outcome *outcomes)
{
	static struct key_request requests[TOGETHER_MAX];
	size_t in_size = key_operation_in_size(operation);
	size_t out_size = key_operation_out_size(operation);
	unsigned before = world.ended;

	ck_assert_uint_le(count, TOGETHER_MAX);
	world.together = requests;
	world.outcomes = outcomes;
	for (unsigned i = 0; i < count; i++)
		submit(&requests[i], operation, (const uint8_t *)in + i * in_size,
			(uint8_t *)out + i * out_size);
	run_until_ended(before + count);
	world.together = NULL;
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

bool import_aes(const char *label, const char *key)
{
	char path[128];
	int status;

	snprintf(path, sizeof(path), "%s/aes.key", world.token.folder);
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(key, f) < 0 || fclose(f) != 0)
		return false;
	pid_t pid = fork();

	if (pid == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL)
			_exit(126);
		execlp("softhsm2-util", "softhsm2-util", "--import", path, "--aes", "--token",
			"test", "--label", label, "--id", "a1", "--pin", "123456", (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

struct bytes transcript_of(
	const char *label, const struct bytes fields[FIELDS_MAX], uint8_t *room, size_t cap)
{
	struct transcript t = transcript_start(room, cap, label);
	struct bytes out;

	for (unsigned i = 0; i < FIELDS_MAX; i++)
		if (fields[i].at != NULL)
			transcript_add(&t, fields[i]);
	ck_assert(transcript_end(&t, &out));
	return out;
}

void mac_of(
	const char *label, const struct bytes fields[FIELDS_MAX], struct bytes key, uint8_t mac[32])
{
	uint8_t room[2048];
	struct bytes message = transcript_of(label, fields, room, sizeof(room));

	ck_assert_int_eq(hmac_sha256(key, &message, 1, mac), FINE);
}

void expand_of(const char *label, const struct bytes fields[FIELDS_MAX], struct bytes prk,
	uint8_t *out, size_t len)
{
	uint8_t room[2048];
	struct bytes info = transcript_of(label, fields, room, sizeof(room));

	ck_assert_int_eq(hkdf_expand_sha256(prk, info, out, len), FINE);
}

struct key_text text_of(const char *text)
{
	struct key_text t = { .len = (uint16_t)strlen(text) };

	ck_assert_uint_le(t.len, KEY_TEXT_MAX);
	memcpy(t.at, text, t.len);
	return t;
}

void register_session(struct session_of_test *s, uint64_t imsi, const char *akid)
{
	static const char fqdn[] = "arpf.example.org";
	struct key_register_session_in in = { .session = { .imsi = imsi } };
	struct bytes af_id = BYTES(in.af_id);

	in.session.akid_len = (uint16_t)strlen(akid);
	memcpy(in.session.akid, akid, in.session.akid_len);
	memcpy(in.af_id, fqdn, strlen(fqdn));
	in.af_id[strlen(fqdn)] = 0x01; /* the Ua* protocol: 01 00 00 00 00 */
	in.af_id_len = (uint16_t)(strlen(fqdn) + 5);
	af_id.len = in.af_id_len;
	ck_assert_int_eq(RAND_bytes(in.k_akma, sizeof(in.k_akma)), 1);
	s->session = in.session;
	ck_assert_int_eq(ask(KEY_REGISTER_SESSION, &in, &s->kept), FINE);
	ck_assert_int_eq(kdf_3gpp(BYTES(in.k_akma), 0x82, &af_id, 1, s->k), FINE);
}

void check_sealed_pair(const struct sealed_key *sealed, const uint8_t k[16], const uint8_t opc[16])
{
	static const uint8_t zeros[16], sqn[6] = { 0, 0, 0, 0, 0, 32 }, amf[2] = { 0x80, 0 };
	struct key_make_vector_in in = { .sealed = *sealed, .sqn = 32 };
	struct key_check_value value;
	struct key_vector vector;
	struct milenage usim;
	uint8_t kcv[16];

	ck_assert_int_eq(ask(KEY_CHECK_SEALED, sealed, &value), FINE);
	ck_assert_int_eq(aes_ecb_encrypt(bytes_of(k, 16), zeros, kcv), FINE);
	ck_assert_mem_eq(value.kcv, kcv, 3);
	in.serving_network = text_of("5G:mnc001.mcc001.3gppnetwork.org");
	ck_assert_int_eq(ask(KEY_MAKE_VECTOR, &in, &vector), FINE);
	ck_assert_int_eq(milenage_with_k(k, opc, vector.rand, sqn, amf, &usim), FINE);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(vector.autn[i], sqn[i] ^ usim.ak[i]);
	ck_assert_mem_eq(vector.autn + 8, usim.mac_a, 8);
}

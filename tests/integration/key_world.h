/*
 * A key client with real workers on a SoftHSM token, and a loop to run them by: what the tests of arpf-keyd share.
 */
#ifndef TESTS_INTEGRATION_KEY_WORLD_H
#define TESTS_INTEGRATION_KEY_WORLD_H

#include "hsm/client.h"
#include "tests/integration/softhsm_world.h"

/* No worker is taken for silent, on however slow a machine, but where a test sets less before key_world_begin(). */
#define KEY_WORLD_TIMEOUT_MS 30000

struct key_world {
	struct softhsm_world token;
	struct ev_loop *loop;
	struct key_client *client;
	ev_prepare prepare;
	unsigned ended, fine; /* requests, and those with FINE */
	enum outcome last;
	unsigned keys_changes;
	bool is_server; /* set before key_world_begin(): the workers are as a server starts them */
	uint32_t timeout_ms;
	unsigned workers;
	const struct key_request *together; /* of ask_together(), and where their outcomes go */
	enum outcome *outcomes;
};
extern struct key_world world;

/* keyd: the program; the client lives until key_world_end(). */
void key_world_begin(unsigned workers, uint32_t operations, const char *keyd);
void key_world_end(void);
void run_for_a_moment(void);
/* These fail the test where it takes longer than two minutes. */
void run_until_ended(unsigned count);
void run_until_ready(void); /* one worker */
void run_until_all_ready(void);
/* How many workers were lost. */
void run_until_restarted(unsigned count);
unsigned count_restarts(void);
void submit(struct key_request *r, enum key_operation operation, const void *in, void *out);
/* One request to its end. */
enum outcome ask(enum key_operation operation, const void *in, void *out);
/* Begins the requests of a batch and runs them to their end: its items and results one after the other. */
#define TOGETHER_MAX 128
void ask_together(enum key_operation operation, unsigned count, const void *in, void *out,
	enum outcome *outcomes);
/* The newest key of a use that every worker knows. */
struct key_found find_key(enum key_use use);

/* Puts an AES key, a line of text, on the token; false where softhsm2-util refuses it. */
bool import_aes(const char *label, const char *key);

/* T(label; fields), in room; a field that points nowhere is none. */
#define FIELDS_MAX 6
struct bytes transcript_of(
	const char *label, const struct bytes fields[FIELDS_MAX], uint8_t *room, size_t cap);
/* HMAC-SHA-256 over it, and what Expand makes of it. */
void mac_of(const char *label, const struct bytes fields[FIELDS_MAX], struct bytes key,
	uint8_t mac[32]);
void expand_of(const char *label, const struct bytes fields[FIELDS_MAX], struct bytes prk,
	uint8_t *out, size_t len);
struct key_text text_of(const char *text);

/* A companion's session: registered with arpf-keyd, and its K as the companion has it. */
struct session_of_test {
	struct key_session session;
	struct kept_secret kept;
	uint8_t k[32];
};
void register_session(struct session_of_test *s, uint64_t imsi, const char *akid);
/* That what is sealed is this K and OPc: by the key check value and by a vector of 5G AKA. */
void check_sealed_pair(const struct sealed_key *sealed, const uint8_t k[16], const uint8_t opc[16]);

#endif

/*
 * A key client with real workers on a SoftHSM token, and a loop to run them by: what the tests of arpf-keyd share.
 */
#ifndef TESTS_INTEGRATION_KEY_WORLD_H
#define TESTS_INTEGRATION_KEY_WORLD_H

#include "hsm/client.h"
#include "tests/integration/softhsm_world.h"

struct key_world {
	struct softhsm_world token;
	struct ev_loop *loop;
	struct key_client *client;
	ev_prepare prepare;
	unsigned ended, fine; /* requests, and those with FINE */
	enum outcome last;
	unsigned keys_changes;
};
extern struct key_world world;

/* keyd: the program; the client lives until key_world_end(). */
void key_world_begin(unsigned workers, uint32_t operations, const char *keyd);
void key_world_end(void);
void run_for_a_moment(void);
/* Fails the test where it takes longer than half a minute. */
void run_until_ended(unsigned count);
void run_until_ready(void);
void submit(struct key_request *r, enum key_operation operation, const void *in, void *out);
/* One request to its end. */
enum outcome ask(enum key_operation operation, const void *in, void *out);
/* The newest key of a use that every worker knows. */
struct key_found find_key(enum key_use use);

#endif

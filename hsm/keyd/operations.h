/*
 * The operations of arpf-keyd (hsm/messages.h), a row each: perform() does a batch in one thread with one
 * session. An item's outcome stands in outcomes[i]; perform itself fails only where the whole batch does.
 */
#ifndef HSM_KEYD_OPERATIONS_H
#define HSM_KEYD_OPERATIONS_H

#include "hsm/keyd/agree.h"

/* A thread's secrets: allocated once in locked memory, wiped after each item. */
struct workshop {
	uint8_t ek[32];
	uint8_t keys[64]; /* eKc, eKi, eKa, eOPc */
	struct data_key data_key;
};

struct keyd_thread {
	struct token_session session;
	struct workshop *secrets;
	unsigned largest_tree;
};

struct key_batch {
	const uint8_t *items;
	uint8_t *results; /* count times the operation's result, zeroed */
	enum outcome *outcomes;
	unsigned count;
};

/* NULL for an operation that does not exist. */
typedef enum outcome (*perform_function)(struct keyd_thread *t, const struct key_batch *b);
perform_function operation_perform(uint32_t operation);

enum outcome perform_agree_ek(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_agree_ek_for_peer(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_open_ek_from_peer(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_sign(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_check_sealed(struct keyd_thread *t, const struct key_batch *b);

#endif

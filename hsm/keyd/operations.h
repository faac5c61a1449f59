/*
 * The operations of arpf-keyd (hsm/messages.h), a row each: perform() does a batch in one thread with one
 * session. An item's outcome stands in outcomes[i]; perform itself fails only where the whole batch does.
 */
#ifndef HSM_KEYD_OPERATIONS_H
#define HSM_KEYD_OPERATIONS_H

#include "crypto/milenage.h"
#include "hsm/keyd/agree.h"
#include "hsm/keyd/ephemerals.h"

/* What one 5G AKA vector passes through. */
struct auth_room {
	uint8_t in[MILENAGE_BLOCKS_LEN], out[MILENAGE_BLOCKS_LEN];
	uint8_t opc[16], temp[16];
	struct milenage functions;
};

/* A thread's secrets: allocated once in locked memory, wiped after each item. */
struct workshop {
	uint8_t ek[32];
	uint8_t keys[64]; /* eKc, eKi, eKa, eOPc */
	struct data_key data_key;
	struct auth_room auth;
	uint8_t secrets[KEY_BATCH_MAX][KEPT_SECRET_LEN];     /* a batch's, opened */
	uint8_t secrets_out[KEY_BATCH_MAX][KEPT_SECRET_LEN]; /* a batch's, to be kept; K and OPc */
	uint8_t shared[DH_SHARED_MAX];                       /* Z */
	uint8_t kd[32];
	uint8_t kd_keys[64];           /* KDm, KDa, KDo */
	uint8_t scalar[DH_SECRET_MAX]; /* of DH, or an SSK */
	uint8_t profile[PROFILE_MAX];
	struct data_key import_key; /* of KEY_SEAL_SUBSCRIBER, for many batches */
	unsigned import_uses;       /* since it was made; 0: there is none */
	int64_t import_made_ms;
	struct ephemeral_secrets ephemerals;
};

/* A key of the token's that a file of subscribers is encrypted under, looked up once. */
struct transport_key {
	char label[KEY_LABEL_LEN + 1]; /* empty: none yet */
	CK_OBJECT_HANDLE object;
};

struct keyd_thread {
	struct token_session session;
	struct workshop *secrets;
	struct ephemerals ephemerals; /* their secrets lie in the workshop */
	struct transport_key transport_key;
	unsigned largest_tree;
	bool takes_subscribers; /* started by a tool that brings them in */
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
enum outcome perform_make_vector(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_check_auts(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_deconceal(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_register_session(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_agree_companion(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_confirm_companion(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_sign_ibs(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_check_addition(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_derive_device(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_offer_exchange(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_accept_attach(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_bind_profile(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_check_notification(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_make_subscriber(struct keyd_thread *t, const struct key_batch *b);
enum outcome perform_seal_subscriber(struct keyd_thread *t, const struct key_batch *b);

/* The data key of imports (KEY_SEAL_SUBSCRIBER) is wiped: where it has lived its time, or in any case. */
void import_key_end_if_old(struct keyd_thread *t);
void import_key_end(struct keyd_thread *t);

#endif

/*
 * The PKCS#11 token: module, gate, sessions.
 *
 * One process opens one token. What a call of the module answers passes token_outcome(), which says what it means and
 * names what failed in the log. A session belongs to one thread and stays open for its life, because operation
 * state lives in the session without a lock, and closing the last session logs the token out.
 */
#ifndef HSM_KEYD_TOKEN_H
#define HSM_KEYD_TOKEN_H

#include <p11-kit/pkcs11.h>

#include "base/settings.h"
#include "hsm/messages.h"

#define KEY_PREFIX "arpf."

/* A long-term key, as one session reaches it. */
struct token_key {
	enum key_use use;
	unsigned generation;
	uint8_t key_id[KEY_ID_LEN];
	uint8_t public_key[P256_POINT_LEN];
	CK_OBJECT_HANDLE
	handle; /* a session object's where copying pays, else the token object's */
};

struct token {
	void *module;
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	struct secret *pin;
};

/* Where X9.63 turns the agreement into a key; which, the probe decides for each module. */
enum agreement_mode {
	KDF_OUTSIDE, /* CKD_NULL, the x-coordinate readable, X9.63 in this process */
	KDF_INSIDE,  /* CKD_SHA256_KDF: the x-coordinate never leaves the token */
};

struct token_session {
	struct token *token;
	enum agreement_mode mode;
	uint8_t *agreed; /* one x-coordinate, in locked memory */
	CK_SESSION_HANDLE handle;
	unsigned key_count;
	struct token_key keys[KEY_FOUND_MAX];
};

/* Loads the module and finds the token; logged where it cannot. */
enum outcome token_open(struct token *t, const struct settings *s);
void token_close(struct token *t);
/* Opens a session, logs in, finds the keys and, where `copies`, copies them to session objects. */
enum outcome token_session_open(struct token *t, struct token_session *s, bool copies);
/* For the start of a process and after keys were made. */
enum outcome token_find_keys(struct token_session *s, bool copies);

/* FINE, or what the code means: HSM_UNAVAILABLE for troubles that may pass, BROKEN for others; logged by its name. */
enum outcome token_outcome(const char *what, CK_RV code);
/* True after a code that means the session or the token is lost: the process must be replaced. */
bool token_is_lost(void);
const char *token_code_name(CK_RV code);

/* NULL where there is none. */
const struct token_key *token_find(
	const struct token_session *s, enum key_use use, const uint8_t key_id[KEY_ID_LEN]);
const struct token_key *token_newest(const struct token_session *s, enum key_use use);
const struct token_key *token_generation(
	const struct token_session *s, enum key_use use, unsigned generation);

#endif

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
#include "crypto/x25519.h"
#include "hsm/messages.h"

#define KEY_PREFIX "arpf."

/* A long-term key, as one session reaches it. */
struct token_key {
	enum key_use use;
	unsigned generation;
	uint8_t key_id[KEY_ID_LEN];
	uint8_t public_key[P256_POINT_LEN]; /* as in struct key_found */
	CK_OBJECT_HANDLE
	handle; /* a session object's where copying pays, else the token object's */
};

struct token {
	void *module;
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	struct secret *pin;
	bool failure_lasts; /* why it could not be opened: a PIN that is refused, say, is not tried again */
};

/* Where X9.63 turns the agreement into a key; which, the probe decides for each module. */
enum agreement_mode {
	KDF_OUTSIDE, /* CKD_NULL, the x-coordinate readable, X9.63 in this process */
	KDF_INSIDE,  /* CKD_SHA256_KDF: the x-coordinate never leaves the token */
};

struct opened_data_keys;

struct token_session {
	struct token *token;
	enum agreement_mode mode;
	bool private_objects; /* the module takes no session object that is not CKA_PRIVATE */
	struct opened_data_keys *opened; /* of agree.c; NULL until first used */
	uint8_t *agreed;                 /* one x-coordinate, in locked memory */
	CK_SESSION_HANDLE handle;
	int64_t looked_ms; /* when it looked for keys made since */
	unsigned key_count;
	struct token_key keys[KEY_FOUND_MAX];
};

/* Loads the module and finds the token; logged where it cannot. Closed in any case; may be opened anew then. */
enum outcome token_open(struct token *t, const struct settings *s);
void token_close(struct token *t);
/* Opens a session, logs in, finds the keys and, where `copies`, copies them to session objects. */
enum outcome token_session_open(struct token *t, struct token_session *s, bool copies);
/* For the start of a process and after keys were made. */
enum outcome token_find_keys(struct token_session *s, bool copies);

/* FINE, or what the code means: HSM_UNAVAILABLE for troubles that may pass, BROKEN for others; logged by its name. */
enum outcome token_outcome(const char *what, CK_RV code);
/*
 * The same of a C_UnwrapKey of bytes that others may have changed: modules have no code of their own for a blob that does
 * not fit its key, SoftHSM says CKR_GENERAL_ERROR. MAC_INVALID then.
 */
enum outcome token_unwrap_outcome(CK_RV code);
/* True after a code that means the session or the token is lost: the process must be replaced. */
bool token_is_lost(void);
const char *token_code_name(CK_RV code);

/* How many bytes of its public_key a use has: 65, 32 of X25519, 0 of AES. */
size_t token_public_len(enum key_use use);
/*
 * A CKA_EC_POINT as modules have it, with or without an OCTET STRING around it, to token_public_len() bytes; BROKEN
 * where it is none.
 */
enum outcome token_read_point(enum key_use use, struct bytes value, uint8_t out[P256_POINT_LEN]);
#define TOKEN_POINT_MAX (P256_POINT_LEN + 3) /* of CKA_EC_POINT's value */

/* NULL where there is none. */
const struct token_key *token_find(
	const struct token_session *s, enum key_use use, const uint8_t key_id[KEY_ID_LEN]);
const struct token_key *token_newest(const struct token_session *s, enum key_use use);
const struct token_key *token_generation(
	const struct token_session *s, enum key_use use, unsigned generation);

/* The same; one that it does not know it looks for in the token, once a second: it may be newer than this worker. */
const struct token_key *token_generation_or_look(
	struct token_session *s, enum key_use use, unsigned generation);

#endif

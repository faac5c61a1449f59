/*
 * Short-lived secrets at rest (struct kept_secret): a companion session's K, an unconfirmed KDm. A key
 * of use "session" encrypts counter blocks inside the token, one call for a whole batch; what it gives
 * masks the secret and keys its MAC, which also covers a label and whose it is, so that a row of one
 * cannot be put in another's place.
 */
#ifndef HSM_KEYD_KEEP_H
#define HSM_KEYD_KEEP_H

#include "hsm/keyd/token.h"

struct keeping {
	uint8_t *secret;          /* KEPT_SECRET_LEN bytes, in locked memory: read, or written */
	struct kept_secret *kept; /* written, or read */
	const char *label;        /* "session", "kdm" */
	struct bytes whose;       /* valid during the call */
	enum outcome outcome;     /* its own; MAC_INVALID where it does not open */
	bool is_skipped;          /* not to be touched; the outcome stays */
};

/* At most KEY_BATCH_MAX. The outcome of the whole is other than FINE only where the token failed. */
enum outcome keep_secrets(struct token_session *s, struct keeping *all, unsigned count);
enum outcome open_kept(struct token_session *s, struct keeping *all, unsigned count);

/* T("arpf session v1"; imsi, aKId), in room of KEEP_SESSION_MAX bytes. */
#define KEEP_SESSION_MAX (32 + 8 + AKID_MAX)
enum outcome keep_session_whose(
	const struct key_session *session, uint8_t room[KEEP_SESSION_MAX], struct bytes *whose);

#endif

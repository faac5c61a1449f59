/*
 * Companion sessions: the AKMA application key that the companion UE and the operator network share,
 * here K (docs/protocol.md section 6; TS 33.535, TS 29.535), and how the procedures that a companion
 * UE begins (sections 7 and 8) find theirs.
 */
#ifndef PROCEDURES_COMPANION_SESSION_H
#define PROCEDURES_COMPANION_SESSION_H

#include "procedures/procedure.h"

#define AKID_TEXT_MAX 253

/* Part of the state of a procedure that begins with an aKId. */
struct companion_session {
	const char *akid; /* as the request gave it; lives as long as the transaction */
	struct db_akid ask;
	struct db_session row;
	struct key_session whose; /* what KEY operations are told of the session */
	struct kept_secret k;
};

/* For CPU steps, after body_read(): the member aKId; MISSING_PARAMETER, INVALID_PARAMETER. */
enum outcome companion_session_read(struct txn *t, struct companion_session *s);
/* For run of a DB step: asks for the session of s->akid. */
enum outcome companion_session_ask(struct txn *t, struct companion_session *s);
/*
 * For finish of that step: fills in whose and k; SESSION_NOT_FOUND, or SESSION_EXPIRED past its
 * lifetime.
 */
enum outcome companion_session_have(
	struct txn *t, struct companion_session *s, enum outcome brought);

/* Once its MAC was right: whether the companion's own credential is in use. */
enum outcome companion_session_check_credential(struct txn *t, const struct companion_session *s);

extern const struct procedure akma_register_anchor_key; /* POST …/register-anchorkey */
extern const struct procedure akma_remove_context;      /* POST …/remove-context */

#endif

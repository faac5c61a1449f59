/* X25519 (RFC 7748) with a home network key that never leaves the token (TS 33.501 C.3.4.1). */
#ifndef HSM_KEYD_AGREE_X25519_H
#define HSM_KEYD_AGREE_X25519_H

#include "hsm/keyd/token.h"

/*
 * z: in the caller's locked memory, wiped by the caller. INVALID_PARAMETER where the peer's value is of low order,
 * which makes a result of zeros (RFC 7748 6.1).
 */
enum outcome token_agree_x25519(struct token_session *s, const struct token_key *key,
	const uint8_t peer[X25519_LEN], uint8_t z[X25519_LEN]);

#endif

/*
 * Secrets of 32 bytes that no mechanism of the token uses, ECCSI's KSAK and SSK: they rest wrapped (RFC 3394) by the
 * token's KEK and are opened into this process's locked memory for the moment of their use.
 */
#ifndef HSM_KEYD_WRAPPED_SECRET_H
#define HSM_KEYD_WRAPPED_SECRET_H

#include "hsm/keyd/token.h"

#define WRAPPED_SECRET_LEN 32

/* By the newest KEK, whose generation is answered. */
enum outcome wrapped_secret_close(struct token_session *s, const uint8_t secret[WRAPPED_SECRET_LEN],
	uint8_t wrapped[IBS_WRAPPED_LEN], uint16_t *kek_generation);
/* The caller wipes the secret. INVALID_PARAMETER: no such KEK; MAC_INVALID: not wrapped by it. */
enum outcome wrapped_secret_open(struct token_session *s, const uint8_t wrapped[IBS_WRAPPED_LEN],
	unsigned kek_generation, uint8_t secret[WRAPPED_SECRET_LEN]);

#endif

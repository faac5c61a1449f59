/* The HSM's long-term keys made, and certified: arpf-keyd's commands keys-init, keys-list, keys-rotate. */
#ifndef HSM_KEYD_MAKE_KEYS_H
#define HSM_KEYD_MAKE_KEYS_H

#include "hsm/keyd/token.h"

/*
 * Makes arpf.<use>.<generation> on the token. RESOURCE_NOT_FOUND where the module knows no such keys; INVALID_PARAMETER
 * where the generation is none that the use can have; CONFLICT where the token holds KEY_FOUND_MAX keys.
 */
enum outcome key_make(struct token_session *s, enum key_use use, unsigned generation);

/*
 * A certificate for a token's public key, X.509v3 DER: by the CA of the settings where there is one; else by the
 * signing key itself, whose own certificate then is a CA's. `chain` receives the issuer's DER, empty where
 * the certificate is self-signed. Both are malloc'ed.
 */
struct certified {
	struct bytes certificate, chain;
};
enum outcome key_certify(struct token_session *s, const struct settings *settings,
	const struct token_key *key, struct certified *out);

#endif

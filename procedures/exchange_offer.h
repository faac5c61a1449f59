/*
 * A key exchange that the server offers to a certified device (docs/protocol.md sections 9.1, 10.1): an identifier, a
 * nonce, an ephemeral key, and the server's signature over them. Part of a procedure whose state has a struct
 * exchange_offer; the functions are for the lanes that are named.
 */
#ifndef PROCEDURES_EXCHANGE_OFFER_H
#define PROCEDURES_EXCHANGE_OFFER_H

#include "procedures/procedure.h"

struct exchange_offer {
	const struct own_key *key; /* signs; of the transaction's own_keys */
	struct key_offer_exchange_in ask;
	struct key_offer made;
};

/*
 * KEY, run: draws identifier and nonce. subject: at most KEY_TEXT_MAX characters; device_nonce: EXCHANGE_NONCE_LEN
 * bytes. HSM_UNAVAILABLE where there is no signing key.
 */
enum outcome exchange_offer_ask(struct txn *t, struct exchange_offer *x, enum exchange_kind kind,
	const char *subject, struct bytes device_nonce);
/* REPLY: 201, the identifier as the member id_name. */
enum outcome exchange_offer_answer(
	struct txn *t, const struct exchange_offer *x, const char *id_name);

#endif

/*
 * The subscription profile of a headless device (docs/protocol.md section 8, step 8): what its companion
 * UE carries to it, signed by this server.
 */
#ifndef PROCEDURES_DEVICE_PROFILE_H
#define PROCEDURES_DEVICE_PROFILE_H

#include "pki/device_chain.h"
#include "procedures/batch_signature.h"

/* What profiles of every kind say: the member networkIdentity, and issuedAt with notAfter (unix seconds). */
void profile_write_network(struct txn *t, struct json_out *o);
void profile_write_period(struct json_out *o, int64_t issued_at, int64_t not_after);

struct device_profile {
	const struct device_certificate *device;
	const struct key_device *keys;
	uint64_t imsi;
	uint8_t access_id[ACCESS_ID_LEN];
	int64_t issued_at, not_after;
	struct bytes text; /* the profile's JSON, in the arena */
	struct own_signature signature;
};

/* Writes p->text from all the above. For CPU steps. */
enum outcome device_profile_write(struct txn *t, struct device_profile *p);
/* For run of a KEY step: asks for the signature over T("arpf profile v1"; text). */
enum outcome device_profile_ask_signature(struct txn *t, struct device_profile *p);
/* For REPLY steps: the answer of the procedure. nonce: n2. */
enum outcome device_profile_answer(
	struct txn *t, const struct device_profile *p, struct bytes nonce, int status);

#endif

/*
 * Batch signatures (docs/protocol.md section 3): one signature of the HSM for many leaves. One leaf's
 * share of it is asked for in the KEY lane, and written as a BatchSignature, whoever made it.
 */
#ifndef PROCEDURES_BATCH_SIGNATURE_H
#define PROCEDURES_BATCH_SIGNATURE_H

#include "procedures/procedure.h"

#define BATCH_SUITE_ECDSA "ecdsa-p256-sha256"
#define BATCH_SUITE_ECCSI "eccsi-p256-sha256"
#define NO_IDENTITY       "The server has no ECCSI identity that is valid now."

/* What a BatchSignature says. */
struct batch_signature {
	const char *suite;
	struct bytes signer_id; /* ecdsa: 32 bytes, written in hex; eccsi: the identity's text */
	struct bytes signature;
	uint32_t tree_size, leaf_index;
	const uint8_t *path;
	size_t path_count;
};
/* Its members, without brackets. */
void batch_signature_write(struct json_out *o, const struct batch_signature *s);

/* This server's own signature over one leaf, from the asking to the writing. */
struct own_signature {
	bool is_eccsi;
	const struct own_key *key;           /* ecdsa: of the transaction's own_keys */
	const struct own_identity *identity; /* eccsi: likewise */
	union {
		struct key_sign_in ecdsa;
		struct key_sign_ibs_in eccsi;
	} ask;
	union {
		struct key_signature ecdsa;
		struct key_ibs_signature eccsi;
	} made;
};
/*
 * For the run of a KEY step: the signature of the newest signing key, or of the identity that is in
 * use now. leaf is SHA-256(0x00, transcript). HSM_UNAVAILABLE where there is none.
 */
enum outcome own_signature_ask(
	struct txn *t, struct own_signature *s, const uint8_t leaf[MERKLE_HASH_LEN], bool is_eccsi);
/* Once the KEY step was FINE: the members of a BatchSignature, without brackets. */
void own_signature_write(struct json_out *o, const struct own_signature *s);

#endif

/*
 * The endorsement: the ARPF "endorses the responsibility of the SE authenticity checking" (Solution #5.x, 0-e)
 * by a batch signature over T("arpf endorsement v1"; SHA-256(atk), dIMSI, seId, u64 issuedAt).
 */
#ifndef PROCEDURES_ENDORSEMENT_H
#define PROCEDURES_ENDORSEMENT_H

#include "procedures/procedure.h"

struct endorsement {
	int64_t issued_at;
	struct key_sign_in ask;
	struct key_signature signature;
	const struct own_key *key; /* of the transaction's own_keys */
};

/* The leaf to sign: SHA-256(0x00, transcript). */
enum outcome endorsement_leaf(const uint8_t token_hash[32], uint64_t dimsi, struct bytes se_id,
	int64_t issued_at, uint8_t leaf[MERKLE_HASH_LEN]);
/* For the run of a KEY step: asks for the signature of the newest signing key. */
enum outcome endorsement_ask(struct txn *t, struct endorsement *e, const uint8_t token_hash[32],
	uint64_t dimsi, struct bytes se_id);
/* A BatchSignature (docs/protocol.md section 3), whoever made it. */
struct batch_signature {
	struct bytes signer_id, signature;
	uint32_t tree_size, leaf_index;
	const uint8_t *path;
	size_t path_count;
};
/* Its members, without brackets. */
void batch_signature_write(struct json_out *o, const struct batch_signature *s);
struct batch_signature batch_signature_of(
	const struct own_key *key, const struct key_signature *signature);
/* "endorsement": BatchSignature + issuedAt. */
void endorsement_write(struct json_out *o, const struct endorsement *e);

/* Another ARPF's endorsement, as its answer carries it; slices live in the transaction's arena. */
struct foreign_endorsement {
	int64_t issued_at;
	uint8_t signer_id[32];
	uint8_t signature[P256_SIGNATURE_LEN];
	uint32_t tree_size, leaf_index;
	uint8_t *path;
	size_t path_count;
};
/* PEER_FAILED where the answer does not hold it. */
enum outcome foreign_endorsement_read(
	struct txn *t, const json_t *answer, struct foreign_endorsement *e);
/* Under the signer's public key; PEER_FAILED where it does not verify. */
enum outcome foreign_endorsement_verify(struct txn *t, const struct foreign_endorsement *e,
	const uint8_t leaf[MERKLE_HASH_LEN], struct bytes public_key);
/* "endorsement" as it came. */
void foreign_endorsement_write(struct json_out *o, const struct foreign_endorsement *e);

#endif

/*
 * The endorsement: the ARPF "endorses the responsibility of the SE authenticity checking" (Solution #5.x, 0-e)
 * by a batch signature over T("arpf endorsement v1"; SHA-256(atk), dIMSI, seId, u64 issuedAt).
 */
#ifndef PROCEDURES_ENDORSEMENT_H
#define PROCEDURES_ENDORSEMENT_H

#include "procedures/batch_signature.h"

struct endorsement {
	int64_t issued_at;
	struct own_signature signature;
};

/* The leaf to sign: SHA-256(0x00, transcript). */
enum outcome endorsement_leaf(const uint8_t token_hash[32], uint64_t dimsi, struct bytes se_id,
	int64_t issued_at, uint8_t leaf[MERKLE_HASH_LEN]);
/* For the run of a KEY step: asks for the signature of the newest signing key. */
enum outcome endorsement_ask(struct txn *t, struct endorsement *e, const uint8_t token_hash[32],
	uint64_t dimsi, struct bytes se_id);
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

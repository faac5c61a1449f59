/*
 * The other half of batch signatures (docs/protocol.md section 3): checks the endorsements an ARPF gives out
 * (4.3). A tree's root is verified once, by one ECDSA verification, and remembered; each further leaf costs
 * its path.
 *
 * Belongs to one thread.
 */
#ifndef DEVICE_ENDORSEMENT_CHECK_H
#define DEVICE_ENDORSEMENT_CHECK_H

#include "crypto/merkle.h"
#include "crypto/p256.h"

struct signature_checker;

/* public_key: of the signing certificate, whose SHA-256 is signer_id. */
enum outcome signature_checker_new(
	struct bytes public_key, const uint8_t signer_id[32], struct signature_checker **out);
/* NULL is allowed. */
void signature_checker_free(struct signature_checker *c);

/* As it came over the wire; suite ecdsa-p256-sha256. */
struct batch_signature {
	uint8_t signer_id[32];
	uint8_t signature[P256_SIGNATURE_LEN];
	uint64_t tree_size, leaf_index;
	uint8_t path[MERKLE_MAX_PATH * MERKLE_HASH_LEN];
	size_t path_count;
};

/* SIGNATURE_INVALID where it does not sign this message under the checker's key. */
enum outcome batch_signature_check(
	struct signature_checker *c, const struct batch_signature *s, struct bytes message);
/* T("arpf endorsement v1"; SHA-256(atk), dIMSI, seId, u64 issuedAt) */
enum outcome endorsement_check(struct signature_checker *c, const struct batch_signature *s,
	struct bytes atk, uint64_t dimsi, const char *se_id, uint64_t issued_at);
/* How many signatures have been verified by ECDSA. */
uint64_t signature_checker_verified(const struct signature_checker *c);

#endif

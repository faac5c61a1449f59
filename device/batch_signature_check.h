/*
 * The other half of batch signatures (docs/protocol.md section 3), of either suite: ECDSA under a certificate's
 * key, ECCSI by an identity. A tree's root is verified once and remembered; each further leaf costs its
 * path.
 *
 * Belongs to one thread.
 */
#ifndef DEVICE_BATCH_SIGNATURE_CHECK_H
#define DEVICE_BATCH_SIGNATURE_CHECK_H

#include "crypto/eccsi.h"
#include "crypto/merkle.h"
#include "crypto/p256.h"

#define SIGNER_ID_MAX 127

enum batch_suite { SUITE_ECDSA, SUITE_ECCSI };

/* "ecdsa-p256-sha256", "eccsi-p256-sha256" */
const char *batch_suite_name(enum batch_suite suite);
size_t batch_suite_signature_len(enum batch_suite suite);

/* As it came over the wire. */
struct batch_signature {
	enum batch_suite suite;
	char signer_id[SIGNER_ID_MAX + 1]; /* an identity; with ECDSA 64 hex digits in lower case */
	uint8_t signature[ECCSI_SIGNATURE_LEN];
	uint64_t tree_size, leaf_index;
	uint8_t path[MERKLE_MAX_PATH * MERKLE_HASH_LEN];
	size_t path_count;
};

struct signature_checker;

/* public_key: of the signing certificate, whose SHA-256 is signer_id. */
enum outcome signature_checker_new(
	struct bytes public_key, const uint8_t signer_id[32], struct signature_checker **out);
/* The identity signer_id under a KMS's KPAK. INVALID_PARAMETER where either is none. */
enum outcome signature_checker_new_eccsi(
	const uint8_t kpak[ECCSI_POINT_LEN], const char *signer_id, struct signature_checker **out);
/* NULL is allowed. */
void signature_checker_free(struct signature_checker *c);

/* SIGNATURE_INVALID where it does not sign this message by the checker's signer. */
enum outcome batch_signature_check(
	struct signature_checker *c, const struct batch_signature *s, struct bytes message);
/* How many signatures have been verified as such. */
uint64_t signature_checker_verified(const struct signature_checker *c);

#endif

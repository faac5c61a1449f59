/*
 * What the audit trail is made of (docs/security.md): the leaf of an event, the chain that the roots of its trees
 * hang on, and what is signed of each.
 *
 *     leaf   = SHA-256(0x00, T("arpf audit event v1"; u64 xid, u64 number, u64 atMs, u32 action,
 *              u32 outcome, u64 subject, u64 related, actor, detail))
 *     chain  = SHA-256(T("arpf audit chain v1"; u64 number, previous chain, root, u64 count,
 *              u64 fromXid, u64 toXid, u64 sealedAt))
 *     signed = SHA-256(0x00, T("arpf audit root v1"; chain)), a leaf of a batch signature
 *
 * The root is that of RFC 9162 over the leaves in the order of (xid, number). The first tree's previous chain is
 * 32 zero bytes. Signers are known by the SHA-256 of their SubjectPublicKeyInfo, which the HSM has them by.
 */
#ifndef CRYPTO_AUDIT_CHAIN_H
#define CRYPTO_AUDIT_CHAIN_H

#include "crypto/merkle.h"
#include "crypto/p256.h"

#define AUDIT_ACTOR_MAX  128
#define AUDIT_DETAIL_MAX 256

struct audit_event {
	uint64_t xid, number, at_ms;
	uint32_t action, outcome;
	uint64_t subject, related;
	struct bytes actor, detail;
};

struct audit_tree {
	uint64_t number, from_xid, to_xid, count, sealed_at;
	uint8_t root[MERKLE_HASH_LEN], chain[MERKLE_HASH_LEN], signer_id[32];
	uint8_t signature[P256_SIGNATURE_LEN];
	uint64_t tree_size, leaf_index; /* of the batch signature */
	size_t path_count;
	uint8_t path[MERKLE_TREE_PATH * MERKLE_HASH_LEN];
};

/* INVALID_PARAMETER where a text is longer than one is ever written. */
enum outcome audit_leaf(const struct audit_event *e, uint8_t leaf[MERKLE_HASH_LEN]);
/* From the tree's number, root, count, bounds and time. */
enum outcome audit_chain(const struct audit_tree *t, const uint8_t previous[MERKLE_HASH_LEN],
	uint8_t chain[MERKLE_HASH_LEN]);
/* What KEY_SIGN is given for it. */
enum outcome audit_signed_leaf(const uint8_t chain[MERKLE_HASH_LEN], uint8_t leaf[MERKLE_HASH_LEN]);
/* The batch signature over the tree's chain; SIGNATURE_INVALID. */
enum outcome audit_signature_check(const struct audit_tree *t, struct p256_public *signer);

#endif

#include "crypto/audit_chain.h"

#include "crypto/kdf.h"
#include "crypto/transcript.h"

/* A label of 20 bytes with its zero, nine fields with their lengths. */
#define EVENT_MAX (20 + 5 * 10 + 2 * 6 + 2 + AUDIT_ACTOR_MAX + 2 + AUDIT_DETAIL_MAX)
#define CHAIN_MAX (20 + 5 * 10 + 2 * (2 + MERKLE_HASH_LEN))

enum outcome audit_leaf(const struct audit_event *e, uint8_t leaf[MERKLE_HASH_LEN])
{
	uint8_t space[EVENT_MAX];
	struct transcript t = transcript_start(space, sizeof(space), "arpf audit event v1");
	struct bytes message;

	if (e->actor.len > AUDIT_ACTOR_MAX || e->detail.len > AUDIT_DETAIL_MAX)
		return INVALID_PARAMETER;
	transcript_add_u64(&t, e->xid);
	transcript_add_u64(&t, e->number);
	transcript_add_u64(&t, e->at_ms);
	transcript_add_u32(&t, e->action);
	transcript_add_u32(&t, e->outcome);
	transcript_add_u64(&t, e->subject);
	transcript_add_u64(&t, e->related);
	transcript_add(&t, e->actor);
	transcript_add(&t, e->detail);
	return transcript_end(&t, &message) ? merkle_leaf(message, leaf) : BROKEN;
}

enum outcome audit_chain(const struct audit_tree *tree, const uint8_t previous[MERKLE_HASH_LEN],
	uint8_t chain[MERKLE_HASH_LEN])
{
	uint8_t space[CHAIN_MAX];
	struct transcript t = transcript_start(space, sizeof(space), "arpf audit chain v1");
	struct bytes message;

	transcript_add_u64(&t, tree->number);
	transcript_add(&t, bytes_of(previous, MERKLE_HASH_LEN));
	transcript_add(&t, BYTES(tree->root));
	transcript_add_u64(&t, tree->count);
	transcript_add_u64(&t, tree->from_xid);
	transcript_add_u64(&t, tree->to_xid);
	transcript_add_u64(&t, tree->sealed_at);
	return transcript_end(&t, &message) ? sha256(&message, 1, chain) : BROKEN;
}

enum outcome audit_signed_leaf(const uint8_t chain[MERKLE_HASH_LEN], uint8_t leaf[MERKLE_HASH_LEN])
{
	uint8_t space[64];
	struct transcript t = transcript_start(space, sizeof(space), "arpf audit root v1");
	struct bytes message;

	transcript_add(&t, bytes_of(chain, MERKLE_HASH_LEN));
	return transcript_end(&t, &message) ? merkle_leaf(message, leaf) : BROKEN;
}

enum outcome audit_signature_check(const struct audit_tree *t, struct p256_public *signer)
{
	uint8_t leaf[MERKLE_HASH_LEN], root[MERKLE_HASH_LEN], digest[SHA256_LEN];
	uint8_t message[BATCH_SIGNED_LEN];
	struct bytes signed_string = BYTES(message);

	if (t->tree_size == 0 || t->tree_size > MERKLE_MAX_TREE || t->path_count > MERKLE_TREE_PATH)
		return SIGNATURE_INVALID;
	enum outcome o = audit_signed_leaf(t->chain, leaf);

	if (o == FINE)
		o = merkle_root_from_path(
			leaf, t->leaf_index, t->tree_size, t->path, t->path_count, root);
	if (o == FINE)
		o = batch_signed_string(root, (uint32_t)t->tree_size, message);
	if (o == FINE)
		o = sha256(&signed_string, 1, digest);
	return o == FINE ? p256_public_verify(signer, digest, t->signature) : o;
}

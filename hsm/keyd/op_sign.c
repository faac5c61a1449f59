/* Batch signatures (docs/protocol.md section 3) by a key of the token's. */
#include <assert.h>
#include <stddef.h>

#include "crypto/kdf.h"
#include "hsm/keyd/sign_trees.h"

static_assert(offsetof(struct key_sign_in, key_id) == 0, "the signer stands first");

static enum outcome sign_tree(
	struct keyd_thread *t, const struct key_batch *b, const struct leaf_tree *tree)
{
	const struct key_sign_in *in = (const struct key_sign_in *)(const void *)b->items;
	struct key_signature *out = (struct key_signature *)(void *)b->results + tree->first;
	const struct token_key *key = token_find(&t->session, KEY_USE_SIGN, in[tree->first].key_id);
	uint8_t digest[SHA256_LEN], signature[P256_SIGNATURE_LEN];
	struct bytes signed_string = BYTES(tree->signed_string);
	enum outcome o = key != NULL ? sha256(&signed_string, 1, digest) : INVALID_PARAMETER;

	if (o == FINE)
		o = token_sign(&t->session, key, digest, signature);
	for (unsigned i = 0; o == FINE && i < tree->size; i++) {
		memcpy(out[i].signature, signature, sizeof(signature));
		out[i].tree_size = tree->size;
		out[i].leaf_index = i;
		out[i].path_count = tree->path_counts[i];
		memcpy(out[i].path, tree->paths[i], sizeof(out[i].path));
	}
	return o;
}

enum outcome perform_sign(struct keyd_thread *t, const struct key_batch *b)
{
	static const struct tree_kind by_key = {
		.item = sizeof(struct key_sign_in),
		.signer = KEY_ID_LEN,
		.leaf = offsetof(struct key_sign_in, leaf),
		.sign = sign_tree,
	};

	return sign_trees(t, b, &by_key);
}

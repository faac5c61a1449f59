/* Batch signatures (docs/protocol.md section 3): one signature in the token for a tree of leaves. */
#include "crypto/kdf.h"
#include "hsm/keyd/operations.h"

static enum outcome sign_root(struct keyd_thread *t, const struct token_key *key,
	const uint8_t root[MERKLE_HASH_LEN], unsigned size, uint8_t signature[P256_SIGNATURE_LEN])
{
	uint8_t signed_string[BATCH_SIGNED_LEN], digest[SHA256_LEN];
	struct bytes s = BYTES(signed_string);
	enum outcome o = batch_signed_string(root, size, signed_string);

	if (o == FINE)
		o = sha256(&s, 1, digest);
	return o == FINE ? token_sign(&t->session, key, digest, signature) : o;
}

/* One tree over items first … first + size - 1, which name the same key. */
static enum outcome sign_tree(
	struct keyd_thread *t, const struct key_batch *b, unsigned first, unsigned size)
{
	const struct key_sign_in *in = (const struct key_sign_in *)(const void *)b->items + first;
	struct key_signature *out = (struct key_signature *)(void *)b->results + first;
	uint8_t leaves[MERKLE_MAX_TREE * MERKLE_HASH_LEN], root[MERKLE_HASH_LEN];
	uint8_t paths[MERKLE_MAX_TREE * MERKLE_TREE_PATH * MERKLE_HASH_LEN],
		counts[MERKLE_MAX_TREE];
	uint8_t signature[P256_SIGNATURE_LEN];
	const struct token_key *key = token_find(&t->session, KEY_USE_SIGN, in[0].key_id);

	for (unsigned i = 0; i < size; i++)
		memcpy(leaves + i * MERKLE_HASH_LEN, in[i].leaf, MERKLE_HASH_LEN);
	enum outcome o =
		key != NULL ? merkle_tree(leaves, size, root, paths, counts) : INVALID_PARAMETER;

	if (o == FINE)
		o = sign_root(t, key, root, size, signature);
	for (unsigned i = 0; o == FINE && i < size; i++) {
		memcpy(out[i].signature, signature, sizeof(signature));
		out[i].tree_size = size;
		out[i].leaf_index = i;
		out[i].path_count = counts[i];
		memcpy(out[i].path, paths + i * sizeof(out[i].path), sizeof(out[i].path));
	}
	return o;
}

enum outcome perform_sign(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_sign_in *in = (const void *)b->items;

	for (unsigned first = 0, size; first < b->count; first += size) {
		size = 1;
		while (first + size < b->count && size < t->largest_tree &&
			memcmp(in[first].key_id, in[first + size].key_id, KEY_ID_LEN) == 0)
			size++;
		enum outcome o = sign_tree(t, b, first, size);

		for (unsigned i = first; i < first + size; i++)
			b->outcomes[i] = o;
	}
	return FINE;
}

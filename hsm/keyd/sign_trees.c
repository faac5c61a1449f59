#include "hsm/keyd/sign_trees.h"

static const uint8_t *item_at(
	const struct key_batch *b, const struct tree_kind *kind, unsigned index)
{
	return b->items + index * kind->item;
}

static enum outcome plant(
	struct leaf_tree *tree, const struct key_batch *b, const struct tree_kind *kind)
{
	uint8_t leaves[MERKLE_MAX_TREE * MERKLE_HASH_LEN], root[MERKLE_HASH_LEN];

	for (unsigned i = 0; i < tree->size; i++)
		memcpy(leaves + i * MERKLE_HASH_LEN, item_at(b, kind, tree->first + i) + kind->leaf,
			MERKLE_HASH_LEN);
	enum outcome o = merkle_tree(leaves, tree->size, root, tree->paths[0], tree->path_counts);

	return o == FINE ? batch_signed_string(root, tree->size, tree->signed_string) : o;
}

static unsigned run_from(const struct keyd_thread *t, const struct key_batch *b,
	const struct tree_kind *kind, unsigned first)
{
	unsigned size = 1;

	while (first + size < b->count && size < t->largest_tree && size < MERKLE_MAX_TREE &&
		memcmp(item_at(b, kind, first), item_at(b, kind, first + size), kind->signer) == 0)
		size++;
	return size;
}

enum outcome sign_trees(
	struct keyd_thread *t, const struct key_batch *b, const struct tree_kind *kind)
{
	struct leaf_tree tree;

	for (unsigned first = 0; first < b->count; first += tree.size) {
		tree.first = first;
		tree.size = run_from(t, b, kind, first);
		enum outcome o = plant(&tree, b, kind);

		if (o == FINE)
			o = kind->sign(t, b, &tree);
		for (unsigned i = first; i < first + tree.size; i++)
			b->outcomes[i] = o;
	}
	return FINE;
}

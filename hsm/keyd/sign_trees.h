/* Leaves of a batch made into the trees that one signature each serves (docs/protocol.md section 3). */
#ifndef HSM_KEYD_SIGN_TREES_H
#define HSM_KEYD_SIGN_TREES_H

#include "hsm/keyd/operations.h"

/* The tree over items `first` to `first + size - 1` of a batch. */
struct leaf_tree {
	unsigned first, size;
	uint8_t signed_string[BATCH_SIGNED_LEN];
	uint8_t paths[MERKLE_MAX_TREE][MERKLE_TREE_PATH * MERKLE_HASH_LEN];
	uint8_t path_counts[MERKLE_MAX_TREE];
};

struct tree_kind {
	size_t item;   /* an item's size */
	size_t signer; /* how much of its beginning says who signs */
	size_t leaf;   /* where its leaf is */
	/* Signs, and writes the results of the tree's items. */
	enum outcome (*sign)(
		struct keyd_thread *t, const struct key_batch *b, const struct leaf_tree *tree);
};

/* A tree for each run of items that name the same signer, of at most the thread's largest. */
enum outcome sign_trees(
	struct keyd_thread *t, const struct key_batch *b, const struct tree_kind *kind);

#endif

/*
 * The Merkle tree of batch signatures: RFC 9162 sections 2.1.1 to 2.1.3 with SHA-256, and the
 * string that is signed (docs/protocol.md section 3).
 */
#ifndef CRYPTO_MERKLE_H
#define CRYPTO_MERKLE_H

#include "base/bytes.h"

#define MERKLE_HASH_LEN 32
#define MERKLE_MAX_PATH 32
/* T("arpf batch signature v1"; root, u32 treeSize): 23 + 1 + (2 + 32) + (2 + 4) bytes. */
#define BATCH_SIGNED_LEN 64

/* SHA-256(0x00, message). */
enum outcome merkle_leaf(struct bytes message, uint8_t out[MERKLE_HASH_LEN]);
/*
 * A root over any number of leaves in bounded memory: zeroed at first, then leaf after leaf. The root may be
 * asked for at any time, and more leaves added afterwards; BROKEN where there is none yet.
 */
struct merkle_stream {
	uint64_t count;
	uint8_t subtrees[64][MERKLE_HASH_LEN]; /* whose sizes are the bits set in count */
};
enum outcome merkle_stream_add(struct merkle_stream *s, const uint8_t leaf[MERKLE_HASH_LEN]);
enum outcome merkle_stream_root(const struct merkle_stream *s, uint8_t root[MERKLE_HASH_LEN]);
/* leaves: count hashes one after the other; count >= 1. */
enum outcome merkle_root(const uint8_t *leaves, size_t count, uint8_t root[MERKLE_HASH_LEN]);
/*
 * The inclusion proof of one leaf; path holds MERKLE_MAX_PATH hashes. BROKEN where index >= count.
 */
enum outcome merkle_path(
	const uint8_t *leaves, size_t count, size_t index, uint8_t *path, size_t *path_count);
/*
 * Root and all paths of a tree of at most MERKLE_MAX_TREE leaves in one pass over its nodes: path i
 * begins at paths + i * MERKLE_TREE_PATH * 32 and has path_counts[i] hashes.
 */
#define MERKLE_MAX_TREE  64
#define MERKLE_TREE_PATH 6
enum outcome merkle_tree(const uint8_t *leaves, size_t count, uint8_t root[MERKLE_HASH_LEN],
	uint8_t *paths, uint8_t *path_counts);
/*
 * The root that leaf, index and path lead to (RFC 9162 2.1.3.2); SIGNATURE_INVALID where they
 * cannot.
 */
enum outcome merkle_root_from_path(const uint8_t leaf[MERKLE_HASH_LEN], uint64_t index,
	uint64_t size, const uint8_t *path, size_t path_count, uint8_t root[MERKLE_HASH_LEN]);
/* S = T("arpf batch signature v1"; root, u32 size). */
enum outcome batch_signed_string(
	const uint8_t root[MERKLE_HASH_LEN], uint32_t size, uint8_t out[BATCH_SIGNED_LEN]);

#endif

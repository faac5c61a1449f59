#include "crypto/merkle.h"

#include "crypto/kdf.h"
#include "crypto/transcript.h"

enum outcome merkle_leaf(struct bytes message, uint8_t out[MERKLE_HASH_LEN])
{
	return sha256((struct bytes[]){ bytes_of("\x00", 1), message }, 2, out);
}

static enum outcome node(const uint8_t *left, const uint8_t *right, uint8_t out[MERKLE_HASH_LEN])
{
	return sha256((struct bytes[]){ bytes_of("\x01", 1), bytes_of(left, MERKLE_HASH_LEN),
			      bytes_of(right, MERKLE_HASH_LEN) },
		3, out);
}

/*
 * RFC 9162 section 2.1.2: a stack of complete subtrees, whose sizes are the bits set in the count
 * of the leaves so far.
 */
enum outcome merkle_stream_add(struct merkle_stream *s, const uint8_t leaf[MERKLE_HASH_LEN])
{
	unsigned depth = (unsigned)__builtin_popcountll(s->count);
	enum outcome o = FINE;

	memcpy(s->subtrees[depth], leaf, MERKLE_HASH_LEN);
	for (uint64_t bits = s->count; bits % 2 == 1 && o == FINE; bits /= 2, depth--)
		o = node(s->subtrees[depth - 1], s->subtrees[depth], s->subtrees[depth - 1]);
	s->count++;
	return o;
}

enum outcome merkle_stream_root(const struct merkle_stream *s, uint8_t root[MERKLE_HASH_LEN])
{
	unsigned depth = (unsigned)__builtin_popcountll(s->count);
	enum outcome o = FINE;

	if (depth == 0)
		return BROKEN;
	memcpy(root, s->subtrees[--depth], MERKLE_HASH_LEN);
	for (; depth > 0 && o == FINE; depth--)
		o = node(s->subtrees[depth - 1], root, root);
	return o;
}

enum outcome merkle_root(const uint8_t *leaves, size_t count, uint8_t root[MERKLE_HASH_LEN])
{
	struct merkle_stream s = { 0 };
	enum outcome o = FINE;

	for (size_t i = 0; i < count && o == FINE; i++)
		o = merkle_stream_add(&s, leaves + i * MERKLE_HASH_LEN);
	return o == FINE ? merkle_stream_root(&s, root) : o;
}

/* The largest power of two smaller than count, which is at least 2 (RFC 9162 section 2.1.1). */
static size_t split(size_t count)
{
	size_t k = 1;

	while (k < count - k)
		k *= 2;
	return k;
}

/* From the root down to the leaf, so the path is filled from its end. */
enum outcome merkle_path(
	const uint8_t *leaves, size_t count, size_t index, uint8_t *path, size_t *path_count)
{
	uint8_t down[MERKLE_MAX_PATH][MERKLE_HASH_LEN];
	size_t depth = 0;
	enum outcome o = FINE;

	if (index >= count)
		return BROKEN;
	for (; count > 1; depth++) {
		size_t k = split(count);

		if (depth == MERKLE_MAX_PATH)
			return BROKEN;
		if (index < k) {
			o = merkle_root(leaves + k * MERKLE_HASH_LEN, count - k, down[depth]);
			count = k;
		} else {
			o = merkle_root(leaves, k, down[depth]);
			leaves += k * MERKLE_HASH_LEN;
			index -= k;
			count -= k;
		}
		if (o != FINE)
			return o;
	}
	for (size_t i = 0; i < depth; i++)
		memcpy(path + i * MERKLE_HASH_LEN, down[depth - 1 - i], MERKLE_HASH_LEN);
	*path_count = depth;
	return FINE;
}

/* One level's siblings go to the paths of the leaves below them; an odd last node has none. */
static void add_siblings(const uint8_t (*level)[MERKLE_HASH_LEN], size_t width, unsigned height,
	size_t leaf_count, uint8_t *paths, uint8_t *path_counts)
{
	for (size_t i = 0; i < leaf_count; i++) {
		size_t sibling = (i >> height) ^ 1;

		if (sibling >= width)
			continue;
		memcpy(paths + (i * MERKLE_TREE_PATH + path_counts[i]) * MERKLE_HASH_LEN,
			level[sibling], MERKLE_HASH_LEN);
		path_counts[i]++;
	}
}

/* Level by level from the leaves: a last node without a sibling is carried up as it is. */
enum outcome merkle_tree(const uint8_t *leaves, size_t count, uint8_t root[MERKLE_HASH_LEN],
	uint8_t *paths, uint8_t *path_counts)
{
	uint8_t level[MERKLE_MAX_TREE][MERKLE_HASH_LEN];
	size_t width = count;

	if (count == 0 || count > MERKLE_MAX_TREE)
		return BROKEN;
	memcpy(level, leaves, count * MERKLE_HASH_LEN);
	memset(path_counts, 0, count);
	for (unsigned height = 0; width > 1; height++) {
		add_siblings(level, width, height, count, paths, path_counts);
		for (size_t i = 0; i < width / 2; i++) {
			enum outcome o = node(level[2 * i], level[2 * i + 1], level[i]);

			if (o != FINE)
				return o;
		}
		if (width % 2 == 1)
			memcpy(level[width / 2], level[width - 1], MERKLE_HASH_LEN);
		width = (width + 1) / 2;
	}
	memcpy(root, level[0], MERKLE_HASH_LEN);
	return FINE;
}

/* RFC 9162 section 2.1.3.2, with its names fn and sn. */
enum outcome merkle_root_from_path(const uint8_t leaf[MERKLE_HASH_LEN], uint64_t index,
	uint64_t size, const uint8_t *path, size_t path_count, uint8_t root[MERKLE_HASH_LEN])
{
	uint8_t r[MERKLE_HASH_LEN];

	if (index >= size)
		return SIGNATURE_INVALID;
	uint64_t fn = index, sn = size - 1;

	memcpy(r, leaf, sizeof(r));
	for (size_t i = 0; i < path_count; i++, fn >>= 1, sn >>= 1) {
		const uint8_t *p = path + i * MERKLE_HASH_LEN;
		bool p_is_left = fn % 2 == 1 || fn == sn;
		enum outcome o;

		if (sn == 0)
			return SIGNATURE_INVALID;
		o = p_is_left ? node(p, r, r) : node(r, p, r);
		if (o != FINE)
			return o;
		for (; p_is_left && fn % 2 == 0 && fn != 0; fn >>= 1)
			sn >>= 1;
	}
	if (sn != 0)
		return SIGNATURE_INVALID;
	memcpy(root, r, sizeof(r));
	return FINE;
}

enum outcome batch_signed_string(
	const uint8_t root[MERKLE_HASH_LEN], uint32_t size, uint8_t out[BATCH_SIGNED_LEN])
{
	struct transcript t = transcript_start(out, BATCH_SIGNED_LEN, "arpf batch signature v1");
	struct bytes written;

	transcript_add(&t, bytes_of(root, MERKLE_HASH_LEN));
	transcript_add_u32(&t, size);
	return transcript_end(&t, &written) && written.len == BATCH_SIGNED_LEN ? FINE : BROKEN;
}

#include <check.h>
#include <stdlib.h>

#include "crypto/kdf.h"
#include "crypto/merkle.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

static void check_hash(struct arena *a, const json_t *v)
{
	const char *what = vector_text(v, "what");
	uint8_t out[MERKLE_HASH_LEN];
	static const struct bytes parts[] = { { (const uint8_t *)"\x01N123", 5 },
		{ (const uint8_t *)"N456", 4 } };

	if (strcmp(what, "empty leaf") == 0)
		ck_assert_int_eq(merkle_leaf(bytes_of(NULL, 0), out), FINE);
	else if (strcmp(what, "empty tree") == 0)
		ck_assert_int_eq(sha256(NULL, 0, out), FINE);
	else /* a node of two strings, which are no hashes */
		ck_assert_int_eq(sha256(parts, 2, out), FINE);
	vector_check(v, bytes_equal(BYTES(out), vector_bytes(a, v, "hash")), what);
}

static void check_root(struct arena *a, const json_t *v)
{
	const json_t *messages = json_object_get(v, "leaves");
	size_t count = json_array_size(messages);
	uint8_t *leaves = arena_alloc(a, count * MERKLE_HASH_LEN);
	uint8_t root[MERKLE_HASH_LEN];

	for (size_t i = 0; i < count; i++) {
		const char *hex = json_string_value(json_array_get(messages, i));

		ck_assert_int_eq(
			merkle_leaf(vector_hex(a, hex), leaves + i * MERKLE_HASH_LEN), FINE);
	}
	ck_assert_int_eq(merkle_root(leaves, count, root), FINE);
	vector_check(v, bytes_equal(BYTES(root), vector_bytes(a, v, "root")), "root");
}

/* Whoever carries hashes sees to their length; some vectors have others. */
static bool inclusion_holds(struct arena *a, const json_t *v)
{
	const json_t *proof = json_object_get(v, "proof");
	size_t count = json_array_size(proof);
	uint8_t *path = arena_alloc(a, count * MERKLE_HASH_LEN);
	struct bytes leaf = vector_bytes(a, v, "leaf_hash");
	uint8_t root[MERKLE_HASH_LEN];

	if (leaf.len != MERKLE_HASH_LEN)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *hex = json_string_value(json_array_get(proof, i));

		if (!hex_read(hex, strlen(hex), path + i * MERKLE_HASH_LEN, MERKLE_HASH_LEN))
			return false;
	}
	return merkle_root_from_path(leaf.at, strtoull(vector_text(v, "leaf_index"), NULL, 10),
		       strtoull(vector_text(v, "tree_size"), NULL, 10), path, count,
		       root) == FINE &&
	       bytes_equal(BYTES(root), vector_bytes(a, v, "root"));
}

static void check_vector(struct arena *a, const json_t *group, const json_t *v)
{
	const char *op = vector_text(v, "op");

	(void)group;
	if (strcmp(op, "hash") == 0)
		check_hash(a, v);
	else if (strcmp(op, "root") == 0)
		check_root(a, v);
	else
		vector_check(v,
			inclusion_holds(a, v) == (strcmp(vector_text(v, "expect"), "ok") == 0),
			"inclusion");
}

START_TEST(published)
{
	ck_assert_uint_eq(vectors_run("merkle_rfc9162.json", check_vector), 69);
}
END_TEST

static void make_leaves(uint8_t (*leaves)[MERKLE_HASH_LEN], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t message = (uint8_t)i;

		ck_assert_int_eq(merkle_leaf(bytes_of(&message, 1), leaves[i]), FINE);
	}
}

/* RFC 9162 section 2.1.1 as it is written, to compare with. */
static void root_by_definition(const uint8_t *leaves, size_t count, uint8_t root[MERKLE_HASH_LEN])
{
	uint8_t node[1 + 2 * MERKLE_HASH_LEN] = { 1 };
	size_t k = 1;

	if (count == 1) {
		memcpy(root, leaves, MERKLE_HASH_LEN);
		return;
	}
	while (2 * k < count)
		k *= 2;
	root_by_definition(leaves, k, node + 1);
	root_by_definition(leaves + k * MERKLE_HASH_LEN, count - k, node + 1 + MERKLE_HASH_LEN);
	ck_assert_int_eq(sha256(&BYTES(node), 1, root), FINE);
}

static bool leads_to(const uint8_t *root, const uint8_t *leaf, uint64_t index, uint64_t size,
	const uint8_t *path, size_t path_count)
{
	uint8_t found[MERKLE_HASH_LEN];

	return merkle_root_from_path(leaf, index, size, path, path_count, found) == FINE &&
	       memcmp(root, found, MERKLE_HASH_LEN) == 0;
}

/* No other index, length of the path, or hash leads from this leaf to the root. */
static void refuse_others(const uint8_t *root, const uint8_t *leaf, size_t index, size_t size,
	const uint8_t *path, size_t path_count)
{
	uint8_t other[(MERKLE_TREE_PATH + 1) * MERKLE_HASH_LEN] = { 0 };

	for (size_t i = 0; i <= size; i++)
		ck_assert(i == index || !leads_to(root, leaf, i, size, path, path_count));
	ck_assert(!leads_to(root, leaf, index + (UINT64_C(1) << 63), size, path, path_count));
	ck_assert(!leads_to(root, leaf, index, 0, path, path_count));
	memcpy(other, path, path_count * MERKLE_HASH_LEN);
	ck_assert(!leads_to(root, leaf, index, size, other, path_count + 1));
	ck_assert(path_count == 0 || !leads_to(root, leaf, index, size, path, path_count - 1));
	for (size_t i = 0; i < path_count * MERKLE_HASH_LEN; i += 7) {
		other[i] ^= 1;
		ck_assert(!leads_to(root, leaf, index, size, other, path_count));
		other[i] ^= 1;
	}
}

static void check_size(const uint8_t (*leaves)[MERKLE_HASH_LEN], size_t size)
{
	static uint8_t paths[MERKLE_MAX_TREE][MERKLE_TREE_PATH * MERKLE_HASH_LEN];
	uint8_t counts[MERKLE_MAX_TREE];
	uint8_t defined[MERKLE_HASH_LEN];
	uint8_t root[MERKLE_HASH_LEN];
	uint8_t path[MERKLE_MAX_PATH * MERKLE_HASH_LEN];
	size_t path_count;

	root_by_definition(leaves[0], size, defined);
	ck_assert_int_eq(merkle_root(leaves[0], size, root), FINE);
	ck_assert_mem_eq(root, defined, sizeof(root));
	ck_assert_int_eq(merkle_tree(leaves[0], size, root, paths[0], counts), FINE);
	ck_assert_mem_eq(root, defined, sizeof(root));
	for (size_t i = 0; i < size; i++) {
		ck_assert_int_eq(merkle_path(leaves[0], size, i, path, &path_count), FINE);
		ck_assert_uint_eq(path_count, counts[i]);
		ck_assert_int_eq(memcmp(path, paths[i], path_count * MERKLE_HASH_LEN), 0);
		ck_assert(leads_to(root, leaves[i], i, size, path, path_count));
		refuse_others(root, leaves[i], i, size, path, path_count);
	}
	ck_assert_int_eq(merkle_path(leaves[0], size, size, path, &path_count), BROKEN);
}

START_TEST(every_size_and_index)
{
	uint8_t leaves[MERKLE_MAX_TREE][MERKLE_HASH_LEN];

	make_leaves(leaves, MERKLE_MAX_TREE);
	for (size_t size = 1; size <= MERKLE_MAX_TREE; size++)
		check_size((const uint8_t(*)[MERKLE_HASH_LEN])leaves, size);
}
END_TEST

/* The last leaf of five stands alone under the root; no other size puts it there. */
START_TEST(wrong_size)
{
	uint8_t leaves[MERKLE_MAX_TREE][MERKLE_HASH_LEN];
	uint8_t path[MERKLE_MAX_PATH * MERKLE_HASH_LEN];
	uint8_t root[MERKLE_HASH_LEN];
	size_t path_count;

	make_leaves(leaves, 5);
	ck_assert_int_eq(merkle_root(leaves[0], 5, root), FINE);
	ck_assert_int_eq(merkle_path(leaves[0], 5, 4, path, &path_count), FINE);
	ck_assert_uint_eq(path_count, 1);
	for (uint64_t size = 0; size < 20; size++)
		ck_assert(leads_to(root, leaves[4], 4, size, path, path_count) == (size == 5));
}
END_TEST

START_TEST(limits)
{
	static uint8_t leaves[MERKLE_MAX_TREE + 1][MERKLE_HASH_LEN];
	static uint8_t paths[MERKLE_MAX_TREE + 1][MERKLE_TREE_PATH * MERKLE_HASH_LEN];
	uint8_t counts[MERKLE_MAX_TREE + 1];
	uint8_t root[MERKLE_HASH_LEN];

	ck_assert_int_eq(merkle_root(leaves[0], 0, root), BROKEN);
	ck_assert_int_eq(merkle_tree(leaves[0], 0, root, paths[0], counts), BROKEN);
	ck_assert_int_eq(
		merkle_tree(leaves[0], MERKLE_MAX_TREE + 1, root, paths[0], counts), BROKEN);
}
END_TEST

START_TEST(signed_string)
{
	static const char label[] = "arpf batch signature v1";
	uint8_t root[MERKLE_HASH_LEN];
	uint8_t out[BATCH_SIGNED_LEN];

	memset(root, 0xab, sizeof(root));
	ck_assert_int_eq(batch_signed_string(root, 0x01020304, out), FINE);
	ck_assert_mem_eq(out, label, sizeof(label));
	ck_assert_mem_eq(out + 24, "\x00\x20", 2);
	ck_assert_mem_eq(out + 26, root, sizeof(root));
	ck_assert_mem_eq(out + 58, "\x00\x04\x01\x02\x03\x04", 6);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { published, every_size_and_index, wrong_size, limits,
		signed_string };

	return suite_run("crypto/merkle", tests, sizeof(tests) / sizeof(tests[0]));
}

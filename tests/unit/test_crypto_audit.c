/* The audit trail's hashes against bytes written out by hand, its signatures, and the file of a root. */
#include <stdlib.h>

#include "crypto/audit_root.h"
#include "crypto/kdf.h"
#include "tests/unit/suite.h"

#define LEAVES 70

static const struct audit_event sample = {
	.xid = 0x0102030405060708,
	.number = 260,
	.at_ms = 1795269820123,
	.action = 10,
	.outcome = 9,
	.subject = 900010000000001,
	.related = 262010000000001,
	.actor = { (const uint8_t *)"ausf:a", 6 },
	.detail = { (const uint8_t *)"SE-1", 4 },
};

/* T of section 1, field after field. */
static void put_field(struct buffer *b, const void *at, size_t len)
{
	buffer_put_u16(b, (uint16_t)len);
	buffer_put(b, at, len);
}

static void put_u64(struct buffer *b, uint64_t v)
{
	buffer_put_u16(b, 8);
	buffer_put_u64(b, v);
}

static void put_u32(struct buffer *b, uint32_t v)
{
	buffer_put_u16(b, 4);
	buffer_put_u32(b, v);
}

START_TEST(test_a_leaf_is_its_transcript)
{
	uint8_t space[512], leaf[32], expected[32];
	struct buffer b = buffer_over(space, sizeof(space));

	buffer_put_u8(&b, 0);
	buffer_put(&b, "arpf audit event v1", 20);
	put_u64(&b, sample.xid);
	put_u64(&b, sample.number);
	put_u64(&b, sample.at_ms);
	put_u32(&b, sample.action);
	put_u32(&b, sample.outcome);
	put_u64(&b, sample.subject);
	put_u64(&b, sample.related);
	put_field(&b, "ausf:a", 6);
	put_field(&b, "SE-1", 4);
	struct bytes whole = buffer_bytes(&b);

	ck_assert_int_eq(sha256(&whole, 1, expected), FINE);
	ck_assert_int_eq(audit_leaf(&sample, leaf), FINE);
	ck_assert_mem_eq(leaf, expected, 32);
}
END_TEST

START_TEST(test_a_leaf_covers_every_field)
{
	struct audit_event others[9];
	uint8_t leaf[32], other[32];

	for (size_t i = 0; i < 9; i++)
		others[i] = sample;
	others[0].xid++;
	others[1].number++;
	others[2].at_ms++;
	others[3].action++;
	others[4].outcome++;
	others[5].subject++;
	others[6].related++;
	others[7].actor = bytes_of("ausf:b", 6);
	others[8].actor = bytes_of("ausf:aS", 7); /* the texts' border */
	others[8].detail = bytes_of("E-1", 3);
	ck_assert_int_eq(audit_leaf(&sample, leaf), FINE);
	for (size_t i = 0; i < 9; i++) {
		ck_assert_int_eq(audit_leaf(&others[i], other), FINE);
		ck_assert(memcmp(leaf, other, 32) != 0);
	}
}
END_TEST

START_TEST(test_texts_have_a_greatest_length)
{
	static const uint8_t long_text[AUDIT_DETAIL_MAX + 1];
	struct audit_event e = sample;
	uint8_t leaf[32];

	e.actor = bytes_of(long_text, AUDIT_ACTOR_MAX);
	e.detail = bytes_of(long_text, AUDIT_DETAIL_MAX);
	ck_assert_int_eq(audit_leaf(&e, leaf), FINE);
	e.detail.len++;
	ck_assert_int_eq(audit_leaf(&e, leaf), INVALID_PARAMETER);
	e.detail.len = 0;
	e.actor.len++;
	ck_assert_int_eq(audit_leaf(&e, leaf), INVALID_PARAMETER);
}
END_TEST

/* RFC 9162 section 2.1.1, as it is defined there. */
static void defined_root(const uint8_t *leaves, size_t count, uint8_t out[32])
{
	uint8_t left[32], right[32];
	size_t k = 1;

	if (count == 1) {
		memcpy(out, leaves, 32);
		return;
	}
	while (k * 2 < count)
		k *= 2;
	defined_root(leaves, k, left);
	defined_root(leaves + k * 32, count - k, right);
	ck_assert_int_eq(
		sha256((struct bytes[]){ bytes_of("\x01", 1), BYTES(left), BYTES(right) }, 3, out),
		FINE);
}

START_TEST(test_a_stream_has_the_root_of_its_leaves_at_any_time)
{
	uint8_t leaves[LEAVES][32], expected[32], root[32];
	struct merkle_stream s = { 0 };

	ck_assert_int_eq(merkle_stream_root(&s, root), BROKEN);
	for (size_t i = 0; i < LEAVES; i++) {
		for (size_t j = 0; j < 32; j++)
			leaves[i][j] = (uint8_t)(i * 7 + j);
		ck_assert_int_eq(merkle_stream_add(&s, leaves[i]), FINE);
		ck_assert_int_eq(merkle_stream_root(&s, root), FINE);
		defined_root(leaves[0], i + 1, expected);
		ck_assert_mem_eq(root, expected, 32);
		ck_assert_int_eq(merkle_root(leaves[0], i + 1, root), FINE);
		ck_assert_mem_eq(root, expected, 32);
	}
	ck_assert_uint_eq(s.count, LEAVES);
}
END_TEST

static struct audit_tree sample_tree(void)
{
	struct audit_tree t = {
		.number = 57,
		.from_xid = 812,
		.to_xid = 816,
		.count = 120,
		.sealed_at = 1795269820,
		.tree_size = 1,
	};

	memset(t.root, 0xa1, sizeof(t.root));
	memset(t.signer_id, 0xb2, sizeof(t.signer_id));
	return t;
}

START_TEST(test_the_chain_is_its_transcript)
{
	static const uint8_t previous[32] = { 1, 2, 3 };
	struct audit_tree t = sample_tree();
	uint8_t space[512], chain[32], expected[32];
	struct buffer b = buffer_over(space, sizeof(space));

	buffer_put(&b, "arpf audit chain v1", 20);
	put_u64(&b, 57);
	put_field(&b, previous, 32);
	put_field(&b, t.root, 32);
	put_u64(&b, 120);
	put_u64(&b, 812);
	put_u64(&b, 816);
	put_u64(&b, 1795269820);
	struct bytes whole = buffer_bytes(&b);

	ck_assert_int_eq(sha256(&whole, 1, expected), FINE);
	ck_assert_int_eq(audit_chain(&t, previous, chain), FINE);
	ck_assert_mem_eq(chain, expected, 32);
}
END_TEST

/* Signs the tree as the leaf `index` of a batch of four. */
static void sign_in_batch(struct audit_tree *t, const uint8_t scalar[P256_SCALAR_LEN], size_t index)
{
	uint8_t leaves[4][32] = { 0 }, root[32], message[BATCH_SIGNED_LEN], digest[32];
	struct bytes whole = BYTES(message);

	ck_assert_int_eq(audit_signed_leaf(t->chain, leaves[index]), FINE);
	ck_assert_int_eq(merkle_root(leaves[0], 4, root), FINE);
	ck_assert_int_eq(merkle_path(leaves[0], 4, index, t->path, &t->path_count), FINE);
	ck_assert_int_eq(batch_signed_string(root, 4, message), FINE);
	ck_assert_int_eq(sha256(&whole, 1, digest), FINE);
	ck_assert_int_eq(p256_sign(scalar, digest, t->signature), FINE);
	t->tree_size = 4;
	t->leaf_index = index;
}

START_TEST(test_a_signature_holds_for_its_tree_only)
{
	uint8_t scalar[P256_SCALAR_LEN], point[P256_POINT_LEN];
	struct audit_tree t = sample_tree(), other;
	struct p256_public *key;
	static const uint8_t none[32];

	ck_assert_int_eq(p256_generate(scalar, point), FINE);
	ck_assert_int_eq(p256_public_new(BYTES(point), &key), FINE);
	ck_assert_int_eq(audit_chain(&t, none, t.chain), FINE);
	sign_in_batch(&t, scalar, 2);
	ck_assert_int_eq(audit_signature_check(&t, key), FINE);
	other = t;
	other.chain[31] ^= 1;
	ck_assert_int_eq(audit_signature_check(&other, key), SIGNATURE_INVALID);
	other = t;
	other.signature[5] ^= 1;
	ck_assert_int_eq(audit_signature_check(&other, key), SIGNATURE_INVALID);
	other = t;
	other.path[40] ^= 1;
	ck_assert_int_eq(audit_signature_check(&other, key), SIGNATURE_INVALID);
	other = t;
	other.leaf_index = 3;
	ck_assert_int_eq(audit_signature_check(&other, key), SIGNATURE_INVALID);
	other = t;
	other.tree_size = 3;
	ck_assert_int_eq(audit_signature_check(&other, key), SIGNATURE_INVALID);
	other = t;
	other.tree_size = UINT64_C(1) << 32 | 4; /* not cut to 32 bits */
	ck_assert_int_eq(audit_signature_check(&other, key), SIGNATURE_INVALID);
	other = t;
	other.path_count--;
	ck_assert_int_eq(audit_signature_check(&other, key), SIGNATURE_INVALID);
	p256_public_free(key);
}
END_TEST

START_TEST(test_a_root_file_is_read_as_it_was_written)
{
	struct audit_tree t = sample_tree(), back;
	char text[AUDIT_ROOT_TEXT_MAX];

	t.path_count = 6;
	memset(t.path, 0xc3, sizeof(t.path));
	size_t len = audit_root_write(&t, text);

	ck_assert_uint_lt(len, sizeof(text));
	ck_assert(audit_root_read(text, len, &back));
	ck_assert_mem_eq(&back, &t, sizeof(t));
	t.path_count = 0;
	memset(t.path, 0, sizeof(t.path));
	len = audit_root_write(&t, text);
	ck_assert(audit_root_read(text, len, &back));
	ck_assert_mem_eq(&back, &t, sizeof(t));
}
END_TEST

START_TEST(test_what_is_no_root_file_is_refused)
{
	struct audit_tree t = sample_tree(), back;
	char text[AUDIT_ROOT_TEXT_MAX + 2], other[AUDIT_ROOT_TEXT_MAX + 2];
	size_t len = audit_root_write(&t, text);

	for (size_t cut = 0; cut < len; cut++)
		ck_assert(!audit_root_read(text, cut, &back));
	memcpy(other, text, len);
	other[len] = '\n';
	ck_assert(!audit_root_read(other, len + 1, &back));
	const char *const changes[][2] = {
		{ "root 1\n", "root 2\n" },
		{ "number 57", "number x7" },
		{ "number 57", "number  7" },
		{ "number 57", "number -7" },
		{ "count 120", "count\t120" },
		{ "from-xid", "to---xid" },
		{ "root a1", "root g1" },
		{ "tree-size 1", "tree-size \n" },
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(other, text, len + 1);
		char *at = strstr(other, changes[i][0]);

		ck_assert_ptr_nonnull(at);
		memcpy(at, changes[i][1], strlen(changes[i][1]));
		ck_assert_msg(!audit_root_read(other, len, &back), "%s", changes[i][1]);
	}
	/* One digit more than 64 bits have. */
	static const char big[] = "openarpf audit root 1\nnumber 18446744073709551616\n";

	ck_assert(!audit_root_read(big, sizeof(big) - 1, &back));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_a_leaf_is_its_transcript,
		test_a_leaf_covers_every_field,
		test_texts_have_a_greatest_length,
		test_a_stream_has_the_root_of_its_leaves_at_any_time,
		test_the_chain_is_its_transcript,
		test_a_signature_holds_for_its_tree_only,
		test_a_root_file_is_read_as_it_was_written,
		test_what_is_no_root_file_is_refused,
	};

	return suite_run("crypto_audit", tests, sizeof(tests) / sizeof(tests[0]));
}

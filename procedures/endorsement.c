#include "procedures/endorsement.h"

#include "base/clock.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "procedures/body.h"

enum outcome endorsement_leaf(const uint8_t token_hash[32], uint64_t dimsi, struct bytes se_id,
	int64_t issued_at, uint8_t leaf[MERKLE_HASH_LEN])
{
	uint8_t room[256];
	char digits[IMSI_DIGITS + 1];
	struct bytes message;
	struct transcript m = transcript_start(room, sizeof(room), "arpf endorsement v1");

	imsi_write(dimsi, digits);
	transcript_add(&m, bytes_of(token_hash, 32));
	transcript_add_text(&m, digits);
	transcript_add(&m, se_id);
	transcript_add_u64(&m, (uint64_t)issued_at);
	return transcript_end(&m, &message) ? merkle_leaf(message, leaf) : BROKEN;
}

enum outcome endorsement_ask(struct txn *t, struct endorsement *e, const uint8_t token_hash[32],
	uint64_t dimsi, struct bytes se_id)
{
	uint8_t leaf[MERKLE_HASH_LEN];

	e->issued_at = clock_unix();
	enum outcome o = endorsement_leaf(token_hash, dimsi, se_id, e->issued_at, leaf);

	return o == FINE ? own_signature_ask(t, &e->signature, leaf, false) : o;
}

void endorsement_write(struct json_out *o, const struct endorsement *e)
{
	json_key(o, "endorsement");
	json_open(o, '{');
	own_signature_write(o, &e->signature);
	json_member_number(o, "issuedAt", e->issued_at);
	json_close(o, '}');
}

void foreign_endorsement_write(struct json_out *o, const struct foreign_endorsement *e)
{
	struct batch_signature s = {
		.suite = BATCH_SUITE_ECDSA,
		.signer_id = BYTES(e->signer_id),
		.signature = BYTES(e->signature),
		.tree_size = e->tree_size,
		.leaf_index = e->leaf_index,
		.path = e->path,
		.path_count = e->path_count,
	};

	json_key(o, "endorsement");
	json_open(o, '{');
	batch_signature_write(o, &s);
	json_member_number(o, "issuedAt", e->issued_at);
	json_close(o, '}');
}

static enum outcome read_path(struct txn *t, const json_t *in, struct foreign_endorsement *e)
{
	const json_t *path;
	enum outcome o = body_array(t, in, "path", &path);

	if (o != FINE)
		return o;
	e->path_count = json_array_size(path);
	if (e->path_count > MERKLE_MAX_PATH)
		return INVALID_PARAMETER;
	e->path = arena_alloc(t->arena, MERKLE_MAX_PATH * MERKLE_HASH_LEN);
	if (e->path == NULL)
		return NO_MEMORY;
	for (size_t i = 0; i < e->path_count; i++) {
		const json_t *node = json_array_get(path, i);
		uint8_t hash[BASE64_LEN(MERKLE_HASH_LEN)];
		size_t len;

		if (!json_is_string(node) ||
			json_string_length(node) != BASE64_LEN(MERKLE_HASH_LEN) ||
			!base64_read(
				json_string_value(node), json_string_length(node), hash, &len) ||
			len != MERKLE_HASH_LEN)
			return INVALID_PARAMETER;
		memcpy(e->path + i * MERKLE_HASH_LEN, hash, MERKLE_HASH_LEN);
	}
	return FINE;
}

enum outcome foreign_endorsement_read(
	struct txn *t, const json_t *answer, struct foreign_endorsement *e)
{
	const json_t *in;
	const char *named;
	struct bytes signature;
	int64_t size, index;
	enum outcome o = body_object(t, answer, "endorsement", &in);

	if (o == FINE)
		o = body_text(t, in, "suite", 64, &named);
	if (o == FINE && strcmp(named, BATCH_SUITE_ECDSA) != 0)
		o = INVALID_PARAMETER;
	if (o == FINE)
		o = body_hex(t, in, "signerId", e->signer_id, sizeof(e->signer_id));
	if (o == FINE)
		o = body_bytes(
			t, in, "signature", P256_SIGNATURE_LEN, P256_SIGNATURE_LEN, &signature);
	if (o == FINE)
		o = body_number(t, in, "treeSize", 1, UINT32_MAX, &size);
	if (o == FINE)
		o = body_number(t, in, "leafIndex", 0, UINT32_MAX, &index);
	if (o == FINE)
		o = body_number(t, in, "issuedAt", 0, INT64_MAX, &e->issued_at);
	if (o == FINE)
		o = read_path(t, in, e);
	if (o == NO_MEMORY)
		return o;
	t->invalid_count = 0; /* the peer's members, not the request's */
	if (o != FINE)
		return txn_refuse(t, PEER_FAILED, "The ARPF's endorsement is not well formed.");
	memcpy(e->signature, signature.at, sizeof(e->signature));
	e->tree_size = (uint32_t)size;
	e->leaf_index = (uint32_t)index;
	return FINE;
}

enum outcome foreign_endorsement_verify(struct txn *t, const struct foreign_endorsement *e,
	const uint8_t leaf[MERKLE_HASH_LEN], struct bytes public_key)
{
	uint8_t root[MERKLE_HASH_LEN], signed_string[BATCH_SIGNED_LEN], digest[SHA256_LEN];
	struct bytes s = BYTES(signed_string);
	enum outcome o = merkle_root_from_path(
		leaf, e->leaf_index, e->tree_size, e->path, e->path_count, root);

	if (o == FINE)
		o = batch_signed_string(root, e->tree_size, signed_string);
	if (o == FINE)
		o = sha256(&s, 1, digest);
	if (o == FINE)
		o = p256_verify(public_key, digest, e->signature);
	return o == FINE ? FINE
			 : txn_refuse(t, PEER_FAILED, "The ARPF's endorsement does not verify.");
}

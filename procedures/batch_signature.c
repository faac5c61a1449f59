#include "procedures/batch_signature.h"

#include "base/clock.h"

void batch_signature_write(struct json_out *o, const struct batch_signature *s)
{
	json_member_text(o, "suite", s->suite);
	json_key(o, "signerId");
	if (strcmp(s->suite, BATCH_SUITE_ECCSI) == 0)
		json_text_of(o, s->signer_id);
	else
		json_hex(o, s->signer_id);
	json_member_base64(o, "signature", s->signature);
	json_member_number(o, "treeSize", s->tree_size);
	json_member_number(o, "leafIndex", s->leaf_index);
	json_key(o, "path");
	json_open(o, '[');
	for (size_t i = 0; i < s->path_count; i++)
		json_base64(o, bytes_of(s->path + i * MERKLE_HASH_LEN, MERKLE_HASH_LEN));
	json_close(o, ']');
}

static enum outcome ask_ecdsa(
	struct txn *t, struct own_signature *s, const uint8_t leaf[MERKLE_HASH_LEN])
{
	s->key = own_keys_newest(t->own_keys, KEY_USE_SIGN);
	if (s->key == NULL)
		return txn_refuse(t, HSM_UNAVAILABLE, "The server has no signing key.");
	memcpy(s->ask.ecdsa.key_id, s->key->key_id, sizeof(s->ask.ecdsa.key_id));
	memcpy(s->ask.ecdsa.leaf, leaf, sizeof(s->ask.ecdsa.leaf));
	return txn_ask_key(t, KEY_SIGN, &s->ask.ecdsa, &s->made.ecdsa);
}

static enum outcome ask_eccsi(
	struct txn *t, struct own_signature *s, const uint8_t leaf[MERKLE_HASH_LEN])
{
	s->identity = own_keys_identity(t->own_keys, clock_unix());
	if (s->identity == NULL)
		return txn_refuse(t, HSM_UNAVAILABLE, NO_IDENTITY);
	s->ask.eccsi.identity = s->identity->ibs;
	memcpy(s->ask.eccsi.leaf, leaf, sizeof(s->ask.eccsi.leaf));
	return txn_ask_key(t, KEY_SIGN_IBS, &s->ask.eccsi, &s->made.eccsi);
}

enum outcome own_signature_ask(
	struct txn *t, struct own_signature *s, const uint8_t leaf[MERKLE_HASH_LEN], bool is_eccsi)
{
	s->is_eccsi = is_eccsi;
	return is_eccsi ? ask_eccsi(t, s, leaf) : ask_ecdsa(t, s, leaf);
}

static struct batch_signature made_by_key(const struct own_signature *s)
{
	const struct key_signature *made = &s->made.ecdsa;

	return (struct batch_signature){
		.suite = BATCH_SUITE_ECDSA,
		.signer_id = BYTES(s->key->signer_id),
		.signature = BYTES(made->signature),
		.tree_size = made->tree_size,
		.leaf_index = made->leaf_index,
		.path = made->path,
		.path_count = made->path_count,
	};
}

static struct batch_signature made_by_identity(const struct own_signature *s)
{
	const struct key_ibs_signature *made = &s->made.eccsi;

	return (struct batch_signature){
		.suite = BATCH_SUITE_ECCSI,
		.signer_id = bytes_of(s->identity->ibs.id, s->identity->ibs.id_len),
		.signature = BYTES(made->signature),
		.tree_size = made->tree_size,
		.leaf_index = made->leaf_index,
		.path = made->path,
		.path_count = made->path_count,
	};
}

void own_signature_write(struct json_out *o, const struct own_signature *s)
{
	struct batch_signature b = s->is_eccsi ? made_by_identity(s) : made_by_key(s);

	batch_signature_write(o, &b);
}

#include "device/endorsement_check.h"

#include <stdlib.h>

#include "base/imsi.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"

/* More trees than a server under load has answers of on their way at once. */
#define ROOTS_KEPT 1024u

struct verified_root {
	uint8_t root[MERKLE_HASH_LEN];
	uint8_t signature[P256_SIGNATURE_LEN];
	uint64_t tree_size; /* 0: none here */
};

struct signature_checker {
	struct p256_public *key;
	uint8_t signer_id[32];
	uint64_t verified;
	struct verified_root roots[ROOTS_KEPT];
};

enum outcome signature_checker_new(
	struct bytes public_key, const uint8_t signer_id[32], struct signature_checker **out)
{
	struct signature_checker *c = calloc(1, sizeof(*c));

	*out = c;
	if (c == NULL)
		return NO_MEMORY;
	memcpy(c->signer_id, signer_id, sizeof(c->signer_id));
	enum outcome o = p256_public_new(public_key, &c->key);

	/* Now rather than in the midst of a measurement. */
	if (o == FINE)
		o = p256_public_precompute(c->key);
	if (o != FINE) {
		signature_checker_free(c);
		*out = NULL;
	}
	return o;
}

void signature_checker_free(struct signature_checker *c)
{
	if (c == NULL)
		return;
	p256_public_free(c->key);
	free(c);
}

static enum outcome verify_root(struct signature_checker *c, const struct batch_signature *s,
	const uint8_t root[MERKLE_HASH_LEN])
{
	/* A root is as good as random, so that its first bytes spread well. */
	size_t slot = (size_t)(root[0] << 8 | root[1]) % ROOTS_KEPT;
	struct verified_root *known = &c->roots[slot];
	uint8_t signed_string[BATCH_SIGNED_LEN], digest[SHA256_LEN];
	struct bytes whole = BYTES(signed_string);

	if (known->tree_size == s->tree_size &&
		memcmp(known->root, root, sizeof(known->root)) == 0 &&
		memcmp(known->signature, s->signature, sizeof(known->signature)) == 0)
		return FINE;
	enum outcome o = batch_signed_string(root, (uint32_t)s->tree_size, signed_string);

	if (o == FINE)
		o = sha256(&whole, 1, digest);
	if (o == FINE)
		o = p256_public_verify(c->key, digest, s->signature);
	c->verified++;
	if (o != FINE)
		return o;
	known->tree_size = s->tree_size;
	memcpy(known->root, root, sizeof(known->root));
	memcpy(known->signature, s->signature, sizeof(known->signature));
	return FINE;
}

enum outcome batch_signature_check(
	struct signature_checker *c, const struct batch_signature *s, struct bytes message)
{
	uint8_t leaf[MERKLE_HASH_LEN], root[MERKLE_HASH_LEN];

	if (memcmp(s->signer_id, c->signer_id, sizeof(c->signer_id)) != 0 || s->tree_size == 0 ||
		s->tree_size > UINT32_MAX)
		return SIGNATURE_INVALID;
	enum outcome o = merkle_leaf(message, leaf);

	if (o == FINE)
		o = merkle_root_from_path(
			leaf, s->leaf_index, s->tree_size, s->path, s->path_count, root);
	return o == FINE ? verify_root(c, s, root) : o;
}

enum outcome endorsement_check(struct signature_checker *c, const struct batch_signature *s,
	struct bytes atk, uint64_t dimsi, const char *se_id, uint64_t issued_at)
{
	uint8_t room[256], token_hash[SHA256_LEN];
	char digits[IMSI_DIGITS + 1];
	struct transcript t = transcript_start(room, sizeof(room), "arpf endorsement v1");
	struct bytes message;
	enum outcome o = sha256(&atk, 1, token_hash);

	if (o != FINE)
		return o;
	imsi_write(dimsi, digits);
	transcript_add(&t, BYTES(token_hash));
	transcript_add_text(&t, digits);
	transcript_add_text(&t, se_id);
	transcript_add_u64(&t, issued_at);
	return transcript_end(&t, &message) ? batch_signature_check(c, s, message) : BROKEN;
}

uint64_t signature_checker_verified(const struct signature_checker *c)
{
	return c->verified;
}

#include "device/batch_signature_check.h"

#include <stdlib.h>

#include "crypto/kdf.h"
#include "device/eccsi_signer.h"

/* More trees than a server under load has answers of on their way at once. */
#define ROOTS_KEPT 1024u

struct verified_root {
	uint8_t root[MERKLE_HASH_LEN];
	uint8_t signature[ECCSI_SIGNATURE_LEN];
	uint64_t tree_size; /* 0: none here */
};

struct signature_checker {
	enum batch_suite suite;
	struct p256_public *key;       /* ECDSA */
	struct eccsi_signer *identity; /* ECCSI */
	char signer_id[SIGNER_ID_MAX + 1];
	uint64_t verified;
	struct verified_root roots[ROOTS_KEPT];
};

const char *batch_suite_name(enum batch_suite suite)
{
	return suite == SUITE_ECCSI ? "eccsi-p256-sha256" : "ecdsa-p256-sha256";
}

size_t batch_suite_signature_len(enum batch_suite suite)
{
	return suite == SUITE_ECCSI ? ECCSI_SIGNATURE_LEN : P256_SIGNATURE_LEN;
}

/* A checker whose key was made or could not be. */
static enum outcome end_new(
	struct signature_checker *c, enum outcome o, struct signature_checker **out)
{
	if (o != FINE) {
		signature_checker_free(c);
		c = NULL;
	}
	*out = c;
	return o;
}

enum outcome signature_checker_new(
	struct bytes public_key, const uint8_t signer_id[32], struct signature_checker **out)
{
	struct signature_checker *c = calloc(1, sizeof(*c));

	*out = c;
	if (c == NULL)
		return NO_MEMORY;
	c->suite = SUITE_ECDSA;
	hex_write(bytes_of(signer_id, 32), c->signer_id);
	enum outcome o = p256_public_new(public_key, &c->key);

	/* Now rather than in the midst of a measurement. */
	return end_new(c, o == FINE ? p256_public_precompute(c->key) : o, out);
}

enum outcome signature_checker_new_eccsi(
	const uint8_t kpak[ECCSI_POINT_LEN], const char *signer_id, struct signature_checker **out)
{
	size_t len = strlen(signer_id);
	struct signature_checker *c = calloc(1, sizeof(*c));

	*out = c;
	if (c == NULL)
		return NO_MEMORY;
	if (len > SIGNER_ID_MAX)
		return end_new(c, INVALID_PARAMETER, out);
	c->suite = SUITE_ECCSI;
	memcpy(c->signer_id, signer_id, len + 1);
	return end_new(c, eccsi_signer_new(kpak, bytes_of(signer_id, len), &c->identity), out);
}

void signature_checker_free(struct signature_checker *c)
{
	if (c == NULL)
		return;
	p256_public_free(c->key);
	eccsi_signer_free(c->identity);
	free(c);
}

static enum outcome verify_signature(
	struct signature_checker *c, struct bytes message, const uint8_t *signature)
{
	uint8_t digest[SHA256_LEN];

	c->verified++;
	if (c->suite == SUITE_ECCSI)
		return eccsi_signer_verify(c->identity, message, signature);
	enum outcome o = sha256(&message, 1, digest);

	return o == FINE ? p256_public_verify(c->key, digest, signature) : o;
}

static enum outcome verify_root(struct signature_checker *c, const struct batch_signature *s,
	const uint8_t root[MERKLE_HASH_LEN])
{
	/* A root is as good as random, so that its first bytes spread well. */
	size_t slot = (size_t)(root[0] << 8 | root[1]) % ROOTS_KEPT;
	size_t signature_len = batch_suite_signature_len(c->suite);
	struct verified_root *known = &c->roots[slot];
	uint8_t signed_string[BATCH_SIGNED_LEN];

	if (known->tree_size == s->tree_size &&
		memcmp(known->root, root, sizeof(known->root)) == 0 &&
		memcmp(known->signature, s->signature, signature_len) == 0)
		return FINE;
	enum outcome o = batch_signed_string(root, (uint32_t)s->tree_size, signed_string);

	if (o == FINE)
		o = verify_signature(c, BYTES(signed_string), s->signature);
	if (o != FINE)
		return o;
	known->tree_size = s->tree_size;
	memcpy(known->root, root, sizeof(known->root));
	memcpy(known->signature, s->signature, signature_len);
	return FINE;
}

enum outcome batch_signature_check(
	struct signature_checker *c, const struct batch_signature *s, struct bytes message)
{
	uint8_t leaf[MERKLE_HASH_LEN], root[MERKLE_HASH_LEN];

	if (s->suite != c->suite || strcmp(s->signer_id, c->signer_id) != 0 || s->tree_size == 0 ||
		s->tree_size > UINT32_MAX)
		return SIGNATURE_INVALID;
	enum outcome o = merkle_leaf(message, leaf);

	if (o == FINE)
		o = merkle_root_from_path(
			leaf, s->leaf_index, s->tree_size, s->path, s->path_count, root);
	return o == FINE ? verify_root(c, s, root) : o;
}

uint64_t signature_checker_verified(const struct signature_checker *c)
{
	return c->verified;
}

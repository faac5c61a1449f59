/*
 * Batch signatures by the server's identity (RFC 6507; docs/protocol.md sections 3 and 7). No mechanism of a token
 * computes them: the SSK is opened into locked memory once a tree, and wiped.
 */
#include <assert.h>
#include <stddef.h>

#include "base/secret.h"
#include "hsm/keyd/sign_trees.h"
#include "hsm/keyd/wrapped_secret.h"

static_assert(offsetof(struct key_sign_ibs_in, identity) == 0, "the signer stands first");

static enum outcome sign_by(struct keyd_thread *t, const struct ibs_identity *identity,
	struct bytes message, uint8_t signature[ECCSI_SIGNATURE_LEN])
{
	uint8_t *ssk = t->secrets->scalar, hs[32];

	if (identity->id_len == 0 || identity->id_len > IBS_ID_MAX)
		return INVALID_PARAMETER;
	enum outcome o = p256_check_point(BYTES(identity->kpak));

	if (o == FINE)
		o = p256_check_point(BYTES(identity->pvt));
	if (o == FINE)
		o = eccsi_hs(identity->kpak, bytes_of(identity->id, identity->id_len),
			identity->pvt, hs);
	if (o == FINE)
		o = wrapped_secret_open(
			&t->session, identity->wrapped_ssk, identity->kek_generation, ssk);
	if (o ==
		MAC_INVALID) /* the server's own row, or the token's trouble: no MAC of a caller's */
		o = HSM_UNAVAILABLE;
	if (o == FINE)
		o = eccsi_sign(ssk, identity->pvt, hs, message, signature);
	wipe(ssk, sizeof(t->secrets->scalar));
	return o;
}

static enum outcome sign_tree(
	struct keyd_thread *t, const struct key_batch *b, const struct leaf_tree *tree)
{
	const struct key_sign_ibs_in *in = (const struct key_sign_ibs_in *)(const void *)b->items;
	struct key_ibs_signature *out =
		(struct key_ibs_signature *)(void *)b->results + tree->first;
	uint8_t signature[ECCSI_SIGNATURE_LEN];
	enum outcome o =
		sign_by(t, &in[tree->first].identity, BYTES(tree->signed_string), signature);

	for (unsigned i = 0; o == FINE && i < tree->size; i++) {
		memcpy(out[i].signature, signature, sizeof(signature));
		out[i].tree_size = tree->size;
		out[i].leaf_index = i;
		out[i].path_count = tree->path_counts[i];
		memcpy(out[i].path, tree->paths[i], sizeof(out[i].path));
	}
	return o;
}

enum outcome perform_sign_ibs(struct keyd_thread *t, const struct key_batch *b)
{
	static const struct tree_kind by_identity = {
		.item = sizeof(struct key_sign_ibs_in),
		.signer = sizeof(struct ibs_identity),
		.leaf = offsetof(struct key_sign_ibs_in, leaf),
		.sign = sign_tree,
	};

	return sign_trees(t, b, &by_identity);
}

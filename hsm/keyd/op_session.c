/* Companion sessions (docs/protocol.md section 6), and a SUCI's concealment opened (TS 33.501 C.3). */
#include "base/secret.h"
#include "crypto/ecies.h"
#include "crypto/kdf.h"
#include "crypto/kdf_5g.h"
#include "hsm/keyd/agree_x25519.h"
#include "hsm/keyd/keep.h"
#include "hsm/keyd/operations.h"

/* K = K_AF (TS 33.535 A.4), kept for the session's life. */
enum outcome perform_register_session(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_register_session_in *in = (const void *)b->items;
	struct kept_secret *out = (void *)b->results;
	struct workshop *w = t->secrets;
	uint8_t whose[KEY_BATCH_MAX][KEEP_SESSION_MAX];
	struct keeping keeping[KEY_BATCH_MAX];

	for (unsigned i = 0; i < b->count; i++) {
		struct keeping *k = &keeping[i];

		*k = (struct keeping){
			.secret = w->secrets[i], .kept = &out[i], .label = "session"
		};
		k->outcome = in[i].af_id_len <= AF_ID_MAX ? FINE : INVALID_PARAMETER;
		if (k->outcome == FINE)
			k->outcome = keep_session_whose(&in[i].session, whose[i], &k->whose);
		if (k->outcome == FINE)
			k->outcome = kdf_af(
				in[i].k_akma, bytes_of(in[i].af_id, in[i].af_id_len), k->secret);
		k->is_skipped = k->outcome != FINE;
	}
	enum outcome o = keep_secrets(&t->session, keeping, b->count);

	for (unsigned i = 0; i < b->count; i++)
		b->outcomes[i] = keeping[i].outcome;
	wipe(w->secrets, sizeof(w->secrets));
	return o;
}

#define SUCI_MAC_LEN 8u

/* EK, ICB and MK of the profile, at keys. The ephemeral key as sent is SharedInfo1; of Profile B, compressed. */
static enum outcome derive_profile_a(struct keyd_thread *t, const struct token_key *key,
	struct bytes ephemeral, uint8_t keys[ECIES_KEYS_LEN])
{
	uint8_t *z = t->secrets->ek;
	enum outcome o = token_agree_x25519(&t->session, key, ephemeral.at, z);

	if (o == FINE)
		o = x963_sha256(bytes_of(z, X25519_LEN), ephemeral, keys, ECIES_KEYS_LEN);
	wipe(z, X25519_LEN);
	return o;
}

static enum outcome derive_profile_b(struct keyd_thread *t, const struct token_key *key,
	struct bytes ephemeral, uint8_t keys[ECIES_KEYS_LEN])
{
	uint8_t point[P256_POINT_LEN], compressed[P256_COMPRESSED_LEN];
	enum outcome o = p256_uncompress(ephemeral, point);

	if (o == FINE)
		o = p256_compress(point, compressed);
	return o == FINE ? token_agree_x963(
				   &t->session, key, point, BYTES(compressed), keys, ECIES_KEYS_LEN)
			 : o;
}

static enum outcome deconceal(
	struct keyd_thread *t, const struct key_deconceal_in *in, struct key_msin *out)
{
	uint8_t *keys = t->secrets->keys;
	bool is_a = in->scheme == 1;
	struct bytes rest = bytes_of(in->output, in->len), ephemeral, mac;
	const struct token_key *key =
		token_generation(&t->session, is_a ? KEY_USE_SUCI_A : KEY_USE_SUCI_B, in->home_key);

	if ((!is_a && in->scheme != 2) || key == NULL || in->len > sizeof(in->output) ||
		in->len == 0)
		return INVALID_PARAMETER;
	size_t ephemeral_len = is_a                 ? X25519_LEN
			       : in->output[0] == 4 ? P256_POINT_LEN
						    : P256_COMPRESSED_LEN;

	if (!bytes_take(&rest, ephemeral_len, &ephemeral) || rest.len <= SUCI_MAC_LEN)
		return INVALID_PARAMETER;
	out->len = (uint16_t)(rest.len - SUCI_MAC_LEN);
	mac = bytes_of(rest.at + out->len, SUCI_MAC_LEN);
	enum outcome o = is_a ? derive_profile_a(t, key, ephemeral, keys)
			      : derive_profile_b(t, key, ephemeral, keys);

	if (o == FINE)
		o = ecies_p256_open_derived(keys, bytes_of(rest.at, out->len), mac, out->bcd);
	wipe(keys, ECIES_KEYS_LEN);
	return o;
}

enum outcome perform_deconceal(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_deconceal_in *in = (const void *)b->items;
	struct key_msin *out = (void *)b->results;

	for (unsigned i = 0; i < b->count; i++)
		b->outcomes[i] = deconceal(t, &in[i], &out[i]);
	return FINE;
}

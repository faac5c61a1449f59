/*
 * eK (docs/protocol.md section 4.2): agreed with the SE, made into the pair RAND, AUTN and the device's sealed keys
 * (4.4), or handed to a Target AUSF under ECIES (4.3), or received that way.
 */
#include "base/imsi.h"
#include "base/secret.h"
#include "crypto/aes.h"
#include "crypto/ecies.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "hsm/keyd/operations.h"

/* eK = X963(SHS, T("arpf ek v1"; BCD(dIMSI), PK.SE.ECDHE, keyId), 32), at w->ek. */
static enum outcome agree_ek(struct keyd_thread *t, uint64_t dimsi,
	const uint8_t key_id[KEY_ID_LEN], const uint8_t se_public_key[P256_POINT_LEN])
{
	struct workshop *w = t->secrets;
	const struct token_key *key = token_find(&t->session, KEY_USE_ECKA, key_id);
	uint8_t room[160], bcd[8];
	struct bytes info;

	if (key == NULL || dimsi >= IMSI_LIMIT)
		return INVALID_PARAMETER;
	imsi_to_bcd(dimsi, bcd);
	struct transcript m = transcript_start(room, sizeof(room), "arpf ek v1");

	transcript_add(&m, BYTES(bcd));
	transcript_add(&m, bytes_of(se_public_key, P256_POINT_LEN));
	transcript_add(&m, bytes_of(key_id, KEY_ID_LEN));
	if (!transcript_end(&m, &info))
		return BROKEN;
	return token_agree_x963(&t->session, key, se_public_key, info, w->ek, sizeof(w->ek));
}

/* eKc, eKi, eKa, eOPc of 16 bytes each from w->ek, at w->keys. */
static enum outcome expand_ek(struct workshop *w, uint64_t dimsi)
{
	uint8_t room[64], bcd[8];
	struct bytes info;
	struct transcript m = transcript_start(room, sizeof(room), "arpf ek keys v1");

	imsi_to_bcd(dimsi, bcd);
	transcript_add(&m, BYTES(bcd));
	if (!transcript_end(&m, &info))
		return BROKEN;
	return hkdf_expand_sha256(BYTES(w->ek), info, w->keys, sizeof(w->keys));
}

/* output_1 and output_2 (Solution #5.x, 1), and what is kept of eK. */
static enum outcome make_outputs(
	struct keyd_thread *t, uint64_t dimsi, uint64_t imsi, struct key_ek_outputs *out)
{
	static const uint8_t ctv[8] = { 'A', 'R', 'P', 'F', '-', 'C', 'T', 'V' };
	struct workshop *w = t->secrets;
	uint8_t plain[16];
	enum outcome o = imsi < IMSI_LIMIT ? expand_ek(w, dimsi) : INVALID_PARAMETER;

	if (o != FINE)
		return o;
	imsi_to_bcd(imsi, plain);
	memcpy(plain + 8, ctv, sizeof(ctv));
	o = aes_ecb_encrypt(bytes_of(w->keys, 16), plain, out->output_1);
	if (o == FINE)
		o = aes_cmac(bytes_of(w->keys + 16, 16), BYTES(plain), out->output_2);
	/* The AMF separation bit, which a 5G ME checks before its SE sees the value (TS 33.501 6.1.3.2). */
	out->output_2[6] |= 0x80;
	if (o == FINE)
		o = seal_keys(&w->data_key, bytes_of(w->keys + 32, 16), w->keys + 48, &out->sealed);
	return o;
}

static void wipe_item(struct workshop *w)
{
	wipe(w->ek, sizeof(w->ek));
	wipe(w->keys, sizeof(w->keys));
}

enum outcome perform_agree_ek(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_agree_ek_in *in = (const void *)b->items;
	struct key_ek_outputs *out = (void *)b->results;
	struct workshop *w = t->secrets;
	enum outcome o = data_key_make(&t->session, &w->data_key);

	for (unsigned i = 0; o == FINE && i < b->count; i++) {
		b->outcomes[i] = agree_ek(t, in[i].dimsi, in[i].key_id, in[i].se_public_key);
		if (b->outcomes[i] == FINE)
			b->outcomes[i] = make_outputs(t, in[i].dimsi, in[i].imsi, &out[i]);
		wipe_item(w);
	}
	data_key_end(&t->session, &w->data_key);
	return o;
}

enum outcome perform_agree_ek_for_peer(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_agree_ek_for_peer_in *in = (const void *)b->items;
	struct key_ek_for_peer *out = (void *)b->results;
	struct workshop *w = t->secrets;

	for (unsigned i = 0; i < b->count; i++) {
		b->outcomes[i] = agree_ek(t, in[i].dimsi, in[i].key_id, in[i].se_public_key);
		if (b->outcomes[i] == FINE)
			b->outcomes[i] = ecies_p256_seal(BYTES(in[i].recipient), BYTES(w->ek),
				out[i].ephemeral, out[i].ciphertext, out[i].mac);
		wipe_item(w);
	}
	return FINE;
}

static enum outcome open_ek(struct keyd_thread *t, const struct key_open_ek_from_peer_in *in)
{
	struct workshop *w = t->secrets;
	const struct token_key *key = token_find(&t->session, KEY_USE_RECIPIENT, in->key_id);
	uint8_t ephemeral[P256_POINT_LEN];
	enum outcome o = key != NULL ? p256_uncompress(BYTES(in->ek.ephemeral), ephemeral)
				     : INVALID_PARAMETER;

	/* EK, ICB and MK of the profile (TS 33.501 C.3.4.2), in the room of the keys that come later. */
	if (o == FINE)
		o = token_agree_x963(&t->session, key, ephemeral, BYTES(in->ek.ephemeral), w->keys,
			ECIES_KEYS_LEN);
	if (o == FINE)
		o = ecies_p256_open_derived(
			w->keys, BYTES(in->ek.ciphertext), BYTES(in->ek.mac), w->ek);
	return o;
}

enum outcome perform_open_ek_from_peer(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_open_ek_from_peer_in *in = (const void *)b->items;
	struct key_ek_outputs *out = (void *)b->results;
	struct workshop *w = t->secrets;
	enum outcome o = data_key_make(&t->session, &w->data_key);

	for (unsigned i = 0; o == FINE && i < b->count; i++) {
		b->outcomes[i] = in[i].dimsi < IMSI_LIMIT ? open_ek(t, &in[i]) : INVALID_PARAMETER;
		if (b->outcomes[i] == FINE)
			b->outcomes[i] = make_outputs(t, in[i].dimsi, in[i].imsi, &out[i]);
		wipe_item(w);
	}
	data_key_end(&t->session, &w->data_key);
	return o;
}

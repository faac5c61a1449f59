/* A headless device on a companion's subscription (docs/protocol.md section 8, Solution #12.z). */
#include <openssl/rand.h>

#include "base/secret.h"
#include "crypto/aes.h"
#include "crypto/kdf.h"
#include "hsm/keyd/item_text.h"
#include "hsm/keyd/seal_to_device.h"

#define ADD_MAX    (16 + 2 + AKID_MAX + 2 + DEVICE_URL_MAX)
#define DERIVE_MAX (32 + 4 * (2 + KEY_TEXT_MAX) + 3 * (2 + 32)) /* any transcript of step 6 */

static enum outcome check_addition(struct bytes k, const struct key_check_addition_in *in)
{
	uint8_t room[ADD_MAX], mac[SHA256_LEN];
	struct transcript t = transcript_start(room, sizeof(room), "arpf add v1");

	if (in->url_len > DEVICE_URL_MAX)
		return INVALID_PARAMETER;
	transcript_add(&t, bytes_of(in->session.akid, in->session.akid_len));
	transcript_add(&t, bytes_of(in->url, in->url_len));
	enum outcome o = transcript_mac(&t, k, mac);

	if (o == FINE && !equal_in_constant_time(mac, in->mac, sizeof(mac)))
		o = MAC_INVALID;
	wipe(mac, sizeof(mac));
	return o;
}

enum outcome perform_check_addition(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_check_addition_in *in = (const void *)b->items;
	struct workshop *w = t->secrets;
	enum outcome o = open_session_keys(t, b, sizeof(*in));

	for (unsigned i = 0; o == FINE && i < b->count; i++)
		if (b->outcomes[i] == FINE)
			b->outcomes[i] = check_addition(BYTES(w->secrets[i]), &in[i]);
	wipe(w->secrets, sizeof(w->secrets));
	return o;
}

/* 0x01 and I; the second half of K' is made with 0x02 in its place. */
static enum outcome write_i(
	const struct key_derive_device_in *in, uint8_t room[1 + DERIVE_MAX], struct bytes *message)
{
	uint8_t supi[ITEM_SUPI_LEN];
	struct transcript t = transcript_start(room + 1, DERIVE_MAX, "arpf kprime v1");
	enum outcome o = item_supi(in->session.imsi, supi);

	if (o != FINE)
		return o;
	transcript_add(&t, BYTES(supi));
	transcript_add(&t, bytes_of(in->device_id.at, in->device_id.len));
	transcript_add(&t, BYTES(in->spki_hash));
	transcript_add(&t, BYTES(in->n1));
	if (!transcript_end(&t, message))
		return BROKEN;
	room[0] = 0x01;
	*message = bytes_of(room, message->len + 1);
	return FINE;
}

/* K' = AES-CMAC(K_C, 0x01, I), AES-CMAC(K_C, 0x02, I), in the token, at w->kd. */
static enum outcome make_k_prime(struct keyd_thread *t, const struct key_derive_device_in *in)
{
	uint8_t room[1 + DERIVE_MAX], *k_prime = t->secrets->kd;
	struct token_session *s = &t->session;
	struct opened_key k_c;
	struct bytes message;
	enum outcome o = write_i(in, room, &message);

	if (o == FINE)
		o = open_sealed_k(s, &in->companion, OPENED_MAKES_MACS, &k_c);
	if (o != FINE)
		return o;
	o = token_cmac(s, k_c.k, message, k_prime);
	room[0] = 0x02;
	if (o == FINE)
		o = token_cmac(s, k_c.k, message, k_prime + 16);
	token_destroy(s, k_c.k);
	return o;
}

/* K'' of K', at w->ek; Ka and OPc, at w->kd_keys. */
static enum outcome derive_keys(struct workshop *w, const struct key_derive_device_in *in,
	const uint8_t supi[ITEM_SUPI_LEN])
{
	uint8_t room[DERIVE_MAX];
	struct transcript t = transcript_start(room, sizeof(room), "arpf kdoubleprime v1");

	transcript_add(&t, BYTES(in->n2));
	transcript_add(&t, bytes_of(in->device_id.at, in->device_id.len));
	transcript_add(&t, bytes_of(in->manufacturer.at, in->manufacturer.len));
	transcript_add(&t, bytes_of(in->model.at, in->model.len));
	enum outcome o = transcript_mac(&t, BYTES(w->kd), w->ek);

	t = transcript_start(room, sizeof(room), "arpf kprime keys v1");
	transcript_add(&t, bytes_of(supi, ITEM_SUPI_LEN));
	return o == FINE ? transcript_expand(&t, BYTES(w->kd), w->kd_keys, 32) : o;
}

/* K'' for the companion, under a key of its session's K, at w->keys. */
static enum outcome seal_to_companion(struct workshop *w, struct bytes k,
	const struct key_derive_device_in *in, const uint8_t supi[ITEM_SUPI_LEN],
	struct key_device *out)
{
	uint8_t room[32 + AKID_MAX];
	struct bytes aad;
	struct transcript t = transcript_start(room, sizeof(room), "arpf seal v1");

	transcript_add(&t, bytes_of(in->session.akid, in->session.akid_len));
	enum outcome o = transcript_expand(&t, k, w->keys, 32);

	t = transcript_start(room, sizeof(room), "arpf add answer v1");
	transcript_add(&t, bytes_of(in->device_id.at, in->device_id.len));
	transcript_add(&t, bytes_of(supi, ITEM_SUPI_LEN));
	if (o == FINE && (!transcript_end(&t, &aad) || RAND_bytes(out->iv, sizeof(out->iv)) != 1))
		o = BROKEN;
	return o == FINE ? aes_gcm_seal(bytes_of(w->keys, 32), out->iv, aad, BYTES(w->ek),
				   out->sealed_k_double_prime)
			 : o;
}

static bool has_good_texts(const struct key_derive_device_in *in)
{
	struct bytes text;

	return text_read(&in->device_id, &text) && text_read(&in->manufacturer, &text) &&
	       text_read(&in->model, &text);
}

static enum outcome derive_device(struct keyd_thread *t, struct bytes k,
	const struct key_derive_device_in *in, struct key_device *out)
{
	struct workshop *w = t->secrets;
	uint8_t supi[ITEM_SUPI_LEN];
	enum outcome o = has_good_texts(in) ? item_supi(in->imsi, supi) : INVALID_PARAMETER;

	if (o == FINE)
		o = make_k_prime(t, in);
	if (o == FINE)
		o = derive_keys(w, in, supi);
	if (o == FINE)
		o = seal_to_device(in, w->kd, out);
	if (o == FINE)
		o = seal_to_companion(w, k, in, supi, out);
	if (o == FINE)
		o = seal_keys(
			&w->data_key, bytes_of(w->kd_keys, 16), w->kd_keys + 16, &out->sealed);
	wipe(w->kd, sizeof(w->kd));
	wipe(w->kd_keys, sizeof(w->kd_keys));
	wipe(w->ek, sizeof(w->ek));
	wipe(w->keys, sizeof(w->keys));
	return o;
}

enum outcome perform_derive_device(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_derive_device_in *in = (const void *)b->items;
	struct key_device *out = (void *)b->results;
	struct workshop *w = t->secrets;
	enum outcome o = open_session_keys(t, b, sizeof(*in));

	if (o == FINE)
		o = data_key_make(&t->session, &w->data_key);
	for (unsigned i = 0; o == FINE && i < b->count; i++)
		if (b->outcomes[i] == FINE)
			b->outcomes[i] = derive_device(t, BYTES(w->secrets[i]), &in[i], &out[i]);
	data_key_end(&t->session, &w->data_key);
	wipe(w->secrets, sizeof(w->secrets));
	return o;
}

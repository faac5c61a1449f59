#include "device/handshake.h"

#include <openssl/rand.h>

#include "base/secret.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"

#define TRANSCRIPT_MAX 384

static const struct {
	const char *offer, *answer, *keys;
	size_t key_len;
} labels[] = {
	[HANDSHAKE_ATTACH] = { "arpf attach server v1", "arpf attach ue v1", "arpf attach keys v1",
		32 },
	[HANDSHAKE_DOWNLOAD] = { "arpf dp server v1", "arpf dp device v1", "arpf dp keys v1", 64 },
};

enum outcome handshake_begin(struct handshake *h, enum handshake_kind kind, const char *subject)
{
	size_t len = strlen(subject);

	if (len == 0 || len > HANDSHAKE_SUBJECT_MAX)
		return INVALID_PARAMETER;
	*h = (struct handshake){ .kind = kind };
	memcpy(h->subject, subject, len + 1);
	return RAND_bytes(h->device_nonce, sizeof(h->device_nonce)) == 1 ? FINE : BROKEN;
}

bool handshake_id_is_valid(const char *id)
{
	return strspn(id, "0123456789abcdef") == HANDSHAKE_ID_LEN && id[HANDSHAKE_ID_LEN] == '\0';
}

enum outcome handshake_take_offer(struct handshake *h, const struct server_offer *offer)
{
	if (!handshake_id_is_valid(offer->id))
		return INVALID_PARAMETER;
	memcpy(h->id, offer->id, sizeof(h->id));
	memcpy(h->server_nonce, offer->nonce, sizeof(h->server_nonce));
	memcpy(h->server_ephemeral, offer->ephemeral, sizeof(h->server_ephemeral));
	return FINE;
}

enum outcome handshake_check_offer(
	struct handshake *h, struct signature_checker *c, const struct server_offer *offer)
{
	uint8_t room[TRANSCRIPT_MAX];
	struct transcript t = transcript_start(room, sizeof(room), labels[h->kind].offer);
	struct bytes message;
	enum outcome o = handshake_take_offer(h, offer);

	if (o != FINE)
		return o;
	transcript_add_text(&t, h->id);
	transcript_add_text(&t, h->subject);
	transcript_add(&t, BYTES(h->device_nonce));
	transcript_add(&t, BYTES(h->server_nonce));
	transcript_add(&t, BYTES(h->server_ephemeral));
	return transcript_end(&t, &message) ? batch_signature_check(c, &offer->signature, message)
					    : BROKEN;
}

static enum outcome derive_keys(struct handshake *h, const uint8_t z[P256_SCALAR_LEN])
{
	uint8_t room[TRANSCRIPT_MAX], salt[2 * HANDSHAKE_NONCE_LEN];
	struct transcript t = transcript_start(room, sizeof(room), labels[h->kind].keys);
	struct bytes info;

	memcpy(salt, h->server_nonce, HANDSHAKE_NONCE_LEN);
	memcpy(salt + HANDSHAKE_NONCE_LEN, h->device_nonce, HANDSHAKE_NONCE_LEN);
	transcript_add_text(&t, h->id);
	transcript_add_text(&t, h->subject);
	if (!transcript_end(&t, &info))
		return BROKEN;
	return hkdf_sha256(
		BYTES(salt), bytes_of(z, P256_SCALAR_LEN), info, h->keys, labels[h->kind].key_len);
}

static enum outcome sign(const struct handshake *h, const uint8_t key[P256_SCALAR_LEN],
	uint8_t signature[P256_SIGNATURE_LEN])
{
	uint8_t room[TRANSCRIPT_MAX], digest[SHA256_LEN];
	struct transcript t = transcript_start(room, sizeof(room), labels[h->kind].answer);
	struct bytes message;

	transcript_add_text(&t, h->id);
	transcript_add_text(&t, h->subject);
	transcript_add(&t, BYTES(h->server_nonce));
	transcript_add(&t, BYTES(h->device_nonce));
	transcript_add(&t, BYTES(h->server_ephemeral));
	transcript_add(&t, BYTES(h->device_ephemeral));
	if (!transcript_end(&t, &message))
		return BROKEN;
	enum outcome o = sha256(&message, 1, digest);

	return o == FINE ? p256_sign(key, digest, signature) : o;
}

enum outcome handshake_answer(struct handshake *h, const uint8_t key[P256_SCALAR_LEN],
	uint8_t signature[P256_SIGNATURE_LEN])
{
	uint8_t scalar[P256_SCALAR_LEN], z[P256_SCALAR_LEN];
	enum outcome o = p256_generate(scalar, h->device_ephemeral);

	if (o == FINE)
		o = p256_agree(scalar, BYTES(h->server_ephemeral), z);
	if (o == FINE)
		o = derive_keys(h, z);
	wipe(scalar, sizeof(scalar));
	wipe(z, sizeof(z));
	return o == FINE ? sign(h, key, signature) : o;
}

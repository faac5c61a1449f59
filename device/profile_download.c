#include "device/profile_download.h"

#include "crypto/aes.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"

#define KEY_LEN 32 /* of Kb and Kn */

enum outcome download_open_profile(const struct handshake *h, const uint8_t iv[12],
	struct bytes ciphertext, uint8_t *out, size_t *len)
{
	uint8_t room[128];
	struct transcript t = transcript_start(room, sizeof(room), "arpf dp profile v1");
	struct bytes aad;

	if (ciphertext.len < AES_GCM_TAG_LEN)
		return MAC_INVALID;
	if (ciphertext.len > BOUND_PROFILE_MAX)
		return PAYLOAD_TOO_LARGE;
	transcript_add_text(&t, h->id);
	transcript_add_text(&t, h->subject);
	if (!transcript_end(&t, &aad))
		return BROKEN;
	*len = ciphertext.len - AES_GCM_TAG_LEN;
	return aes_gcm_open(bytes_of(h->keys, KEY_LEN), iv, aad, ciphertext, out);
}

enum outcome download_notification_mac(
	const struct handshake *h, const char *result, uint8_t mac[32])
{
	uint8_t room[128];
	struct transcript t = transcript_start(room, sizeof(room), "arpf dp notification v1");
	struct bytes message;

	transcript_add_text(&t, h->id);
	transcript_add_text(&t, result);
	if (!transcript_end(&t, &message))
		return INVALID_PARAMETER;
	return hmac_sha256(bytes_of(h->keys + KEY_LEN, KEY_LEN), &message, 1, mac);
}

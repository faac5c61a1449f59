#include "hsm/keyd/item_text.h"

#include <assert.h>
#include <stddef.h>

#include "crypto/kdf.h"
#include "hsm/keyd/keep.h"

static_assert(
	offsetof(struct key_agree_companion_in, k) == offsetof(struct session_item, k) &&
		offsetof(struct key_check_addition_in, k) == offsetof(struct session_item, k) &&
		offsetof(struct key_derive_device_in, k) == offsetof(struct session_item, k),
	"the session and its kept K stand first");

bool text_read(const struct key_text *text, struct bytes *out)
{
	*out = bytes_of(text->at, text->len);
	return text->len <= KEY_TEXT_MAX;
}

enum outcome item_supi(uint64_t imsi, uint8_t out[ITEM_SUPI_LEN])
{
	char digits[IMSI_DIGITS + 1];

	if (imsi >= IMSI_LIMIT)
		return INVALID_PARAMETER;
	imsi_write(imsi, digits);
	memcpy(out, "imsi-", 5);
	memcpy(out + 5, digits, IMSI_DIGITS);
	return FINE;
}

enum outcome transcript_mac(const struct transcript *t, struct bytes key, uint8_t mac[32])
{
	struct bytes message;

	return transcript_end(t, &message) ? hmac_sha256(key, &message, 1, mac) : BROKEN;
}

enum outcome transcript_expand(
	const struct transcript *t, struct bytes prk, uint8_t *out, size_t len)
{
	struct bytes info;

	return transcript_end(t, &info) ? hkdf_expand_sha256(prk, info, out, len) : BROKEN;
}

enum outcome open_session_keys(struct keyd_thread *t, const struct key_batch *b, size_t item_size)
{
	uint8_t whose[KEY_BATCH_MAX][KEEP_SESSION_MAX];
	struct keeping keeping[KEY_BATCH_MAX];

	for (unsigned i = 0; i < b->count; i++) {
		const struct session_item *item = (const void *)(b->items + i * item_size);
		struct keeping *k = &keeping[i];

		*k = (struct keeping){
			.secret = t->secrets->secrets[i],
			.kept = (struct kept_secret *)(uintptr_t)&item->k, /* is only read */
			.label = "session",
		};
		k->outcome = keep_session_whose(&item->session, whose[i], &k->whose);
		k->is_skipped = k->outcome != FINE;
	}
	enum outcome o = open_kept(&t->session, keeping, b->count);

	for (unsigned i = 0; i < b->count; i++)
		b->outcomes[i] = keeping[i].outcome;
	return o;
}

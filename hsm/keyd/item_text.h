/* What several operations make of their items: texts, the SUPI's text, MACs over transcripts. */
#ifndef HSM_KEYD_ITEM_TEXT_H
#define HSM_KEYD_ITEM_TEXT_H

#include "base/imsi.h"
#include "crypto/transcript.h"
#include "hsm/keyd/operations.h"

/* False where a text says that it is longer than its room. */
bool text_read(const struct key_text *text, struct bytes *out);

/* "imsi-" and 15 digits; INVALID_PARAMETER where the number is no IMSI. */
#define ITEM_SUPI_LEN (5 + IMSI_DIGITS)
enum outcome item_supi(uint64_t imsi, uint8_t out[ITEM_SUPI_LEN]);

/* HMAC-SHA-256 over a transcript; BROKEN where it did not fit its room. */
enum outcome transcript_mac(const struct transcript *t, struct bytes key, uint8_t mac[32]);
/* Expand(prk, transcript, len). */
enum outcome transcript_expand(
	const struct transcript *t, struct bytes prk, uint8_t *out, size_t len);

/* What items begin with that need a companion session's K. */
struct session_item {
	struct key_session session;
	struct kept_secret k;
};
/*
 * Opens the K of every item, in one call of the token: at the thread's secrets[i], where outcomes[i] is FINE. The
 * caller wipes them. item_size: of the operation's items.
 */
enum outcome open_session_keys(struct keyd_thread *t, const struct key_batch *b, size_t item_size);

#endif

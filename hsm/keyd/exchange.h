/*
 * Key exchanges with certified devices (docs/protocol.md sections 9 and 10): the server's scalar, kept between its offer
 * and the device's answer, and what both derive of it.
 */
#ifndef HSM_KEYD_EXCHANGE_H
#define HSM_KEYD_EXCHANGE_H

#include "crypto/transcript.h"
#include "hsm/keyd/keep.h"
#include "hsm/keyd/operations.h"

/* False where kind or subject is none that could be. */
bool exchange_is_good(const struct key_exchange *x);
/* The identifier's text, as the fields of transcripts have it. */
void exchange_add_id(struct transcript *t, const uint8_t id[EXCHANGE_ID_LEN]);

/* T(label; id): whose a kept Kn is. Of a scalar: T("arpf exchange v1"; kind, id). */
#define EXCHANGE_WHOSE_MAX 64
enum outcome exchange_whose(
	const struct key_exchange *x, uint8_t room[EXCHANGE_WHOSE_MAX], struct bytes *whose);
const char *exchange_scalar_label(const struct key_exchange *x);

/* What items begin with that answer an offer. */
struct exchange_item {
	struct key_exchange exchange;
	struct kept_secret scalar;
	uint8_t device_ephemeral[P256_POINT_LEN];
};
/*
 * Opens the scalars of a batch, all of one kind, in one call of the token: at the thread's secrets[i], where outcomes[i] is
 * FINE. The caller wipes them. item_size: of the operation's items.
 */
enum outcome exchange_open_scalars(struct keyd_thread *t, const struct key_batch *b,
	size_t item_size, enum exchange_kind kind);
/*
 * HKDF(serverNonce, deviceNonce; x-coordinate; T(label; id, subject)) with the scalar at secrets[index]. The device's
 * point is checked first: INVALID_PARAMETER where it is none.
 */
enum outcome exchange_agree(struct workshop *w, unsigned index, const struct exchange_item *item,
	const char *label, uint8_t *out, size_t len);

#endif

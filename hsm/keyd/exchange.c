#include "hsm/keyd/exchange.h"

#include <assert.h>
#include <stddef.h>

#include "base/secret.h"
#include "crypto/kdf.h"
#include "hsm/keyd/item_text.h"

static_assert(offsetof(struct key_accept_attach_in, device_ephemeral) ==
			      offsetof(struct exchange_item, device_ephemeral) &&
		      offsetof(struct key_bind_profile_in, device_ephemeral) ==
			      offsetof(struct exchange_item, device_ephemeral),
	"the exchange, its kept scalar and the device's point stand first");

bool exchange_is_good(const struct key_exchange *x)
{
	struct bytes subject;

	return (x->kind == EXCHANGE_ATTACH || x->kind == EXCHANGE_DOWNLOAD) &&
	       text_read(&x->subject, &subject) && subject.len > 0;
}

void exchange_add_id(struct transcript *t, const uint8_t id[EXCHANGE_ID_LEN])
{
	char text[2 * EXCHANGE_ID_LEN + 1];

	hex_write(bytes_of(id, EXCHANGE_ID_LEN), text);
	transcript_add_text(t, text);
}

enum outcome exchange_whose(
	const struct key_exchange *x, uint8_t room[EXCHANGE_WHOSE_MAX], struct bytes *whose)
{
	struct transcript t = transcript_start(room, EXCHANGE_WHOSE_MAX, "arpf exchange v1");

	transcript_add_u32(&t, x->kind);
	transcript_add(&t, BYTES(x->id));
	return transcript_end(&t, whose) ? FINE : BROKEN;
}

const char *exchange_scalar_label(const struct key_exchange *x)
{
	return x->kind == EXCHANGE_ATTACH ? "attach" : "download";
}

enum outcome exchange_open_scalars(
	struct keyd_thread *t, const struct key_batch *b, size_t item_size, enum exchange_kind kind)
{
	uint8_t whose[KEY_BATCH_MAX][EXCHANGE_WHOSE_MAX];
	struct keeping keeping[KEY_BATCH_MAX];

	for (unsigned i = 0; i < b->count; i++) {
		const struct exchange_item *item = (const void *)(b->items + i * item_size);
		bool is_good = exchange_is_good(&item->exchange) && item->exchange.kind == kind;
		struct keeping *k = &keeping[i];

		*k = (struct keeping){
			.secret = t->secrets->secrets[i],
			.kept = (struct kept_secret *)(uintptr_t)&item->scalar, /* is only read */
			.label = exchange_scalar_label(&item->exchange),
		};
		k->outcome = is_good ? exchange_whose(&item->exchange, whose[i], &k->whose)
				     : INVALID_PARAMETER;
		k->is_skipped = k->outcome != FINE;
	}
	enum outcome o = open_kept(&t->session, keeping, b->count);

	for (unsigned i = 0; i < b->count; i++)
		b->outcomes[i] = keeping[i].outcome;
	return o;
}

enum outcome exchange_agree(struct workshop *w, unsigned index, const struct exchange_item *item,
	const char *label, uint8_t *out, size_t len)
{
	const struct key_exchange *x = &item->exchange;
	uint8_t room[128], salt[2 * EXCHANGE_NONCE_LEN];
	struct transcript t = transcript_start(room, sizeof(room), label);
	struct bytes info;

	memcpy(salt, x->server_nonce, EXCHANGE_NONCE_LEN);
	memcpy(salt + EXCHANGE_NONCE_LEN, x->device_nonce, EXCHANGE_NONCE_LEN);
	exchange_add_id(&t, x->id);
	transcript_add(&t, bytes_of(x->subject.at, x->subject.len));
	enum outcome o =
		transcript_end(&t, &info)
			? p256_agree(w->secrets[index], BYTES(item->device_ephemeral), w->shared)
			: BROKEN;

	if (o == FINE)
		o = hkdf_sha256(BYTES(salt), bytes_of(w->shared, P256_SCALAR_LEN), info, out, len);
	wipe(w->shared, P256_SCALAR_LEN);
	return o;
}

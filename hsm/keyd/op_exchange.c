/* Key exchanges with certified devices: the server's signed offer (9.1, 10.1), and an attach accepted (9.2). */
#include "base/secret.h"
#include "crypto/kdf.h"
#include "hsm/keyd/exchange.h"
#include "hsm/keyd/item_text.h"

#define OFFER_MAX  256
#define ACCEPT_MAX 512

/* What the server signs: T(label; id, subject, device nonce, server nonce, its ephemeral key). */
static enum outcome hash_offer(const struct key_exchange *x,
	const uint8_t ephemeral[P256_POINT_LEN], uint8_t leaf[MERKLE_HASH_LEN])
{
	uint8_t room[OFFER_MAX];
	struct transcript t = transcript_start(room, sizeof(room),
		x->kind == EXCHANGE_ATTACH ? "arpf attach server v1" : "arpf dp server v1");
	struct bytes message;

	exchange_add_id(&t, x->id);
	transcript_add(&t, bytes_of(x->subject.at, x->subject.len));
	transcript_add(&t, BYTES(x->device_nonce));
	transcript_add(&t, BYTES(x->server_nonce));
	transcript_add(&t, bytes_of(ephemeral, P256_POINT_LEN));
	return transcript_end(&t, &message) ? merkle_leaf(message, leaf) : BROKEN;
}

/* The scalar at secrets_out[index], the leaf of what is to be signed. */
static enum outcome offer(struct keyd_thread *t, unsigned index,
	const struct key_offer_exchange_in *in, struct key_offer *out,
	uint8_t leaf[MERKLE_HASH_LEN])
{
	struct workshop *w = t->secrets;

	if (!exchange_is_good(&in->exchange))
		return INVALID_PARAMETER;
	enum outcome o =
		ephemerals_take(&t->ephemerals, &w->ephemerals, DH_P256, w->scalar, out->ephemeral);

	if (o == FINE) {
		memcpy(w->secrets_out[index], w->scalar, P256_SCALAR_LEN);
		o = hash_offer(&in->exchange, out->ephemeral, leaf);
	}
	wipe(w->scalar, sizeof(w->scalar));
	return o;
}

static enum outcome keep_scalars(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_offer_exchange_in *in = (const void *)b->items;
	struct key_offer *out = (void *)b->results;
	uint8_t whose[KEY_BATCH_MAX][EXCHANGE_WHOSE_MAX];
	struct keeping keeping[KEY_BATCH_MAX];

	for (unsigned i = 0; i < b->count; i++) {
		struct keeping *k = &keeping[i];

		*k = (struct keeping){
			.secret = t->secrets->secrets_out[i],
			.kept = &out[i].scalar,
			.label = exchange_scalar_label(&in[i].exchange),
			.outcome = b->outcomes[i],
		};
		if (k->outcome == FINE)
			k->outcome = exchange_whose(&in[i].exchange, whose[i], &k->whose);
		k->is_skipped = k->outcome != FINE;
	}
	enum outcome o = keep_secrets(&t->session, keeping, b->count);

	for (unsigned i = 0; i < b->count; i++)
		b->outcomes[i] = keeping[i].outcome;
	return o;
}

/* A batch's good items, those of one signing key together: a tree is a run of one key's leaves. */
struct signing {
	unsigned count;
	unsigned item[KEY_BATCH_MAX]; /* where each stands in the batch */
	struct key_sign_in in[KEY_BATCH_MAX];
	struct key_signature out[KEY_BATCH_MAX];
	enum outcome outcomes[KEY_BATCH_MAX];
};

static void gather(struct signing *s, const struct key_batch *b,
	const uint8_t leaves[KEY_BATCH_MAX][MERKLE_HASH_LEN])
{
	const struct key_offer_exchange_in *in = (const void *)b->items;
	bool is_taken[KEY_BATCH_MAX] = { false };

	s->count = 0;
	for (unsigned first = 0; first < b->count; first++) {
		const uint8_t *key_id = in[first].sign_key_id;

		if (b->outcomes[first] != FINE || is_taken[first])
			continue;
		for (unsigned i = first; i < b->count; i++) {
			if (b->outcomes[i] != FINE ||
				memcmp(in[i].sign_key_id, key_id, KEY_ID_LEN) != 0)
				continue;
			memcpy(s->in[s->count].key_id, key_id, KEY_ID_LEN);
			memcpy(s->in[s->count].leaf, leaves[i], MERKLE_HASH_LEN);
			s->item[s->count++] = i;
			is_taken[i] = true;
		}
	}
}

static enum outcome sign_offers(struct keyd_thread *t, const struct key_batch *b,
	const uint8_t leaves[KEY_BATCH_MAX][MERKLE_HASH_LEN])
{
	struct key_offer *out = (void *)b->results;
	struct signing s;

	gather(&s, b, leaves);
	memset(s.out, 0, sizeof(s.out));
	struct key_batch to_sign = { (const void *)s.in, (void *)s.out, s.outcomes, s.count };
	enum outcome o = perform_sign(t, &to_sign);

	for (unsigned i = 0; i < s.count; i++) {
		out[s.item[i]].signature = s.out[i];
		b->outcomes[s.item[i]] = s.outcomes[i];
	}
	return o;
}

enum outcome perform_offer_exchange(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_offer_exchange_in *in = (const void *)b->items;
	struct key_offer *out = (void *)b->results;
	uint8_t leaves[KEY_BATCH_MAX][MERKLE_HASH_LEN];

	for (unsigned i = 0; i < b->count; i++)
		b->outcomes[i] = offer(t, i, &in[i], &out[i], leaves[i]);
	enum outcome o = keep_scalars(t, b);

	wipe(t->secrets->secrets_out, sizeof(t->secrets->secrets_out));
	return o == FINE ? sign_offers(t, b, leaves) : o;
}

/* T(…; attachId, session's id, dnn, provisioning server, expiry) under Ks, which is at w->kd. */
static enum outcome make_accept_mac(
	struct workshop *w, const struct key_accept_attach_in *in, struct key_accept *out)
{
	uint8_t room[ACCEPT_MAX];
	struct transcript t = transcript_start(room, sizeof(room), "arpf attach accept v1");

	exchange_add_id(&t, in->exchange.id);
	exchange_add_id(&t, in->session_id);
	transcript_add(&t, bytes_of(in->dnn.at, in->dnn.len));
	transcript_add(&t, bytes_of(in->server, in->server_len));
	transcript_add_u64(&t, in->expires_at);
	return transcript_mac(&t, BYTES(w->kd), out->mac);
}

static enum outcome accept_attach(struct keyd_thread *t, unsigned index,
	const struct key_accept_attach_in *in, struct key_accept *out)
{
	struct workshop *w = t->secrets;
	struct bytes dnn;

	if (!text_read(&in->dnn, &dnn) || dnn.len == 0 || in->server_len == 0 ||
		in->server_len > PROVISIONING_SERVER_MAX)
		return INVALID_PARAMETER;
	enum outcome o = exchange_agree(w, index, (const struct exchange_item *)(const void *)in,
		"arpf attach keys v1", w->kd, sizeof(w->kd));

	if (o == FINE)
		o = make_accept_mac(w, in, out);
	wipe(w->kd, sizeof(w->kd));
	return o;
}

enum outcome perform_accept_attach(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_accept_attach_in *in = (const void *)b->items;
	struct key_accept *out = (void *)b->results;
	enum outcome o = exchange_open_scalars(t, b, sizeof(*in), EXCHANGE_ATTACH);

	for (unsigned i = 0; o == FINE && i < b->count; i++)
		if (b->outcomes[i] == FINE)
			b->outcomes[i] = accept_attach(t, i, &in[i], &out[i]);
	wipe(t->secrets->secrets, sizeof(t->secrets->secrets));
	return o;
}

/*
 * Profiles for download (docs/protocol.md section 10), and new versions of subscriptions (section 11). K and OPc come from
 * the token's generator, and K is wrapped in the token by the batch's data key.
 */
#include <openssl/rand.h>

#include "base/imsi.h"
#include "base/secret.h"
#include "crypto/aes.h"
#include "hsm/keyd/exchange.h"
#include "hsm/keyd/item_text.h"

#define K_LEN 16u

/* What of a download is kept, beside its scalar: whose it is is T(transcript; id). */
struct kept_part {
	const char *label, *transcript;
};
static const struct kept_part kn_part = { "notification", "arpf notification v1" };
static const struct kept_part k_opc_part = { "profile", "arpf profile v1" };

/*
 * A K as a session object that nobody reads: of this value, or, with NULL, made by the token. It can encrypt and be
 * wrapped, for seal_token_key().
 */
static enum outcome make_k_object(
	struct token_session *s, const uint8_t *value, CK_OBJECT_HANDLE *out)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_GEN };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ULONG len = K_LEN;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, is_private = s->private_objects;
	CK_ATTRIBUTE as[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_ENCRYPT, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &is_private, sizeof(is_private) },
		{ CKA_VALUE_LEN, &len, sizeof(len) },
	};

	if (value != NULL)
		as[7] = (CK_ATTRIBUTE){ CKA_VALUE, (void *)(uintptr_t)value, K_LEN };
	for (;;) {
		CK_RV code = value != NULL ? f->C_CreateObject(s->handle, as, 8, out)
					   : f->C_GenerateKey(s->handle, &mechanism, as, 8, out);

		if (!token_wants_private(s, code))
			return token_outcome(
				value != NULL ? "C_CreateObject" : "C_GenerateKey", code);
		is_private = CK_TRUE;
	}
}

/* A batch's data key is made when its first good item needs it. k: of this value, or NULL for a fresh one. */
static enum outcome seal(
	struct keyd_thread *t, const uint8_t *k, const uint8_t opc[16], struct sealed_key *sealed)
{
	struct token_session *s = &t->session;
	struct data_key *d = &t->secrets->data_key;
	CK_OBJECT_HANDLE object;
	enum outcome o = d->kek_generation == 0 ? data_key_make(s, d) : FINE;

	if (o == FINE)
		o = make_k_object(s, k, &object);
	if (o != FINE)
		return o;
	o = k != NULL ? seal_known_key(s, d, object, bytes_of(k, K_LEN), opc, sealed)
		      : seal_token_key(s, d, object, K_LEN, opc, false, sealed);
	token_destroy(s, object);
	return o;
}

/* K and OPc of each item of a batch, in one call, at secrets_out. */
static enum outcome draw(struct keyd_thread *t, unsigned count)
{
	struct token_session *s = &t->session;

	return token_outcome(
		"C_GenerateRandom", s->token->f->C_GenerateRandom(s->handle,
					    t->secrets->secrets_out[0], count * KEPT_SECRET_LEN));
}

static bool are_good_parts(const struct key_profile_part *head, const struct key_profile_part *tail)
{
	if (head->len == 0 || head->len > PROFILE_PART_MAX || tail->len == 0 ||
		tail->len > PROFILE_PART_MAX)
		return false;
	char before = head->at[head->len - 1], after = tail->at[0];

	return (before == '{' || before == ',') && (after == '}' || after == ',');
}

static void put_key(struct buffer *b, const char *name, const uint8_t key[16])
{
	char hex[2 * 16 + 1];

	hex_write(bytes_of(key, 16), hex);
	buffer_put(b, name, strlen(name));
	buffer_put(b, hex, 2 * 16);
	wipe(hex, sizeof(hex));
}

/* The profile's JSON, under Kb, which is at w->kd_keys. k_opc: K and OPc. */
static enum outcome write_profile(struct workshop *w, const struct key_bind_profile_in *in,
	const uint8_t k_opc[32], struct key_bound_profile *out)
{
	struct buffer json = buffer_over(w->profile, sizeof(w->profile));
	uint8_t room[128];
	struct transcript t = transcript_start(room, sizeof(room), "arpf dp profile v1");
	struct bytes aad;

	buffer_put(&json, in->head.at, in->head.len);
	put_key(&json, "\"k\":\"", k_opc);
	put_key(&json, "\",\"opc\":\"", k_opc + 16);
	buffer_put(&json, "\"", 1);
	buffer_put(&json, in->tail.at, in->tail.len);
	exchange_add_id(&t, in->exchange.id);
	transcript_add(&t, bytes_of(in->exchange.subject.at, in->exchange.subject.len));
	enum outcome o =
		!json.full && transcript_end(&t, &aad) && RAND_bytes(out->iv, sizeof(out->iv)) == 1
			? FINE
			: BROKEN;

	if (o == FINE)
		o = aes_gcm_seal(bytes_of(w->kd_keys, 32), out->iv, aad, buffer_bytes(&json),
			out->ciphertext);
	out->ciphertext_len = (uint16_t)(json.len + AES_GCM_TAG_LEN);
	wipe(w->profile, sizeof(w->profile));
	return o;
}

/* Kn takes the place of the scalar that it was agreed with, at secrets[index]. A K that was given is sealed already. */
static enum outcome bind_profile(struct keyd_thread *t, unsigned index,
	const struct key_bind_profile_in *in, struct key_bound_profile *out)
{
	struct workshop *w = t->secrets;
	const uint8_t *k_opc = w->secrets_out[index];

	if (!are_good_parts(&in->head, &in->tail))
		return INVALID_PARAMETER;
	enum outcome o = exchange_agree(w, index, (const struct exchange_item *)(const void *)in,
		"arpf dp keys v1", w->kd_keys, sizeof(w->kd_keys));

	if (o == FINE && !in->has_k_opc)
		o = seal(t, k_opc, k_opc + K_LEN, &out->sealed);
	if (o == FINE)
		o = write_profile(w, in, k_opc, out);
	if (o == FINE)
		memcpy(w->secrets[index], w->kd_keys + 32, KEPT_SECRET_LEN);
	wipe(w->kd_keys, sizeof(w->kd_keys));
	return o;
}

static enum outcome write_whose(const struct kept_part *part, const uint8_t id[EXCHANGE_ID_LEN],
	uint8_t room[EXCHANGE_WHOSE_MAX], struct bytes *whose)
{
	struct transcript t = transcript_start(room, EXCHANGE_WHOSE_MAX, part->transcript);

	transcript_add(&t, bytes_of(id, EXCHANGE_ID_LEN));
	return transcript_end(&t, whose) ? FINE : BROKEN;
}

typedef enum outcome keep_or_open(struct token_session *s, struct keeping *all, unsigned count);

/* One part of each item that is good so far, in one call of the token. all: secret, kept and is_skipped are set. */
static enum outcome do_parts(struct keyd_thread *t, const struct key_batch *b,
	const struct kept_part *part, keep_or_open *action, struct keeping *all)
{
	const struct key_bind_profile_in *in = (const void *)b->items;
	uint8_t whose[KEY_BATCH_MAX][EXCHANGE_WHOSE_MAX];
	unsigned wanted = 0;

	for (unsigned i = 0; i < b->count; i++) {
		struct keeping *k = &all[i];

		k->label = part->label;
		k->outcome = b->outcomes[i];
		if (k->outcome == FINE && !k->is_skipped)
			k->outcome = write_whose(part, in[i].exchange.id, whose[i], &k->whose);
		k->is_skipped |= k->outcome != FINE;
		wanted += k->is_skipped ? 0 : 1;
	}
	enum outcome o = wanted > 0 ? action(&t->session, all, b->count) : FINE;

	for (unsigned i = 0; i < b->count; i++)
		b->outcomes[i] = all[i].outcome;
	return o;
}

/* K and OPc that were given, in place of those that were drawn. */
static enum outcome open_k_opcs(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_bind_profile_in *in = (const void *)b->items;
	struct keeping keeping[KEY_BATCH_MAX];

	for (unsigned i = 0; i < b->count; i++) {
		keeping[i] = (struct keeping){
			.secret = t->secrets->secrets_out[i],
			.kept = (struct kept_secret *)(uintptr_t)&in[i].k_opc, /* is only read */
			.is_skipped = in[i].has_k_opc == 0,
		};
		if (in[i].has_k_opc > 1 && b->outcomes[i] == FINE)
			b->outcomes[i] = INVALID_PARAMETER;
	}
	return do_parts(t, b, &k_opc_part, open_kept, keeping);
}

static enum outcome keep_k_opcs(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_bind_profile_in *in = (const void *)b->items;
	struct key_bound_profile *out = (void *)b->results;
	struct keeping keeping[KEY_BATCH_MAX];

	for (unsigned i = 0; i < b->count; i++)
		keeping[i] = (struct keeping){
			.secret = t->secrets->secrets_out[i],
			.kept = &out[i].k_opc,
			.is_skipped = in[i].has_k_opc != 0,
		};
	return do_parts(t, b, &k_opc_part, keep_secrets, keeping);
}

static enum outcome keep_kns(struct keyd_thread *t, const struct key_batch *b)
{
	struct key_bound_profile *out = (void *)b->results;
	struct keeping keeping[KEY_BATCH_MAX];

	for (unsigned i = 0; i < b->count; i++)
		keeping[i] = (struct keeping){
			.secret = t->secrets->secrets[i],
			.kept = &out[i].kn,
		};
	return do_parts(t, b, &kn_part, keep_secrets, keeping);
}

enum outcome perform_bind_profile(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_bind_profile_in *in = (const void *)b->items;
	struct key_bound_profile *out = (void *)b->results;
	struct workshop *w = t->secrets;
	enum outcome o = exchange_open_scalars(t, b, sizeof(*in), EXCHANGE_DOWNLOAD);

	if (o == FINE)
		o = draw(t, b->count);
	if (o == FINE)
		o = open_k_opcs(t, b);
	for (unsigned i = 0; o == FINE && i < b->count; i++)
		if (b->outcomes[i] == FINE)
			b->outcomes[i] = bind_profile(t, i, &in[i], &out[i]);
	if (o == FINE)
		o = keep_k_opcs(t, b);
	if (o == FINE)
		o = keep_kns(t, b);
	data_key_end(&t->session, &w->data_key);
	wipe(w->secrets, sizeof(w->secrets));
	wipe(w->secrets_out, sizeof(w->secrets_out));
	return o;
}

static enum outcome check_notification(struct bytes kn, const struct key_check_notification_in *in)
{
	uint8_t room[160], mac[32];
	struct transcript t = transcript_start(room, sizeof(room), "arpf dp notification v1");

	exchange_add_id(&t, in->download_id);
	transcript_add(&t, bytes_of(in->result.at, in->result.len));
	enum outcome o = transcript_mac(&t, kn, mac);

	if (o == FINE && !equal_in_constant_time(mac, in->mac, sizeof(mac)))
		o = MAC_INVALID;
	wipe(mac, sizeof(mac));
	return o;
}

enum outcome perform_check_notification(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_check_notification_in *in = (const void *)b->items;
	struct workshop *w = t->secrets;
	uint8_t whose[KEY_BATCH_MAX][EXCHANGE_WHOSE_MAX];
	struct keeping keeping[KEY_BATCH_MAX];
	struct bytes result;

	for (unsigned i = 0; i < b->count; i++) {
		struct keeping *k = &keeping[i];

		*k = (struct keeping){
			.secret = w->secrets[i],
			.kept = (struct kept_secret *)(uintptr_t)&in[i].kn, /* is only read */
			.label = kn_part.label,
		};
		k->outcome = text_read(&in[i].result, &result)
				     ? write_whose(&kn_part, in[i].download_id, whose[i], &k->whose)
				     : INVALID_PARAMETER;
		k->is_skipped = k->outcome != FINE;
	}
	enum outcome o = open_kept(&t->session, keeping, b->count);

	for (unsigned i = 0; o == FINE && i < b->count; i++)
		b->outcomes[i] = keeping[i].outcome == FINE
					 ? check_notification(BYTES(w->secrets[i]), &in[i])
					 : keeping[i].outcome;
	wipe(w->secrets, sizeof(w->secrets));
	return o;
}

/* K never leaves the token but wrapped. */
enum outcome perform_make_subscriber(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_make_subscriber_in *in = (const void *)b->items;
	struct sealed_key *out = (void *)b->results;
	struct workshop *w = t->secrets;
	enum outcome o = draw(t, b->count);

	for (unsigned i = 0; o == FINE && i < b->count; i++)
		b->outcomes[i] = in[i].imsi < IMSI_LIMIT ? seal(t, NULL, w->secrets_out[i], &out[i])
							 : INVALID_PARAMETER;
	data_key_end(&t->session, &w->data_key);
	wipe(w->secrets_out, sizeof(w->secrets_out));
	return o;
}

/*
 * Companion DH (docs/protocol.md section 7, Solution #12.x). A batch's kept secrets, K of the companions' sessions
 * and KDm of what waits for its confirmation, are opened in one call of the token and kept in another.
 */
#include "base/secret.h"
#include "crypto/kdf.h"
#include "hsm/keyd/item_text.h"
#include "hsm/keyd/keep.h"

#define KDM_LEN   KEPT_SECRET_LEN
#define KDM_LABEL "kdm"
#define WHOSE_MAX 128
#define MAC1_MAX  (32 + 3 * (2 + KEY_TEXT_MAX) + 2 + COMPANION_A_MAX + 2 + AKID_MAX)
#define KD_MAX    (32 + 18 + 2 * (2 + KEY_TEXT_MAX) + 2 + COMPANION_A_MAX + 2 + DH_ELEMENT_MAX)

/* An item's parts, once their lengths have been looked at. */
struct request {
	struct bytes p_type, device_id, group_name, a, akid;
	enum dh_group group;
};

static bool read_request(const struct key_agree_companion_in *in, struct request *r)
{
	r->a = bytes_of(in->a, in->a_len);
	r->akid = bytes_of(in->session.akid, in->session.akid_len);
	return text_read(&in->p_type, &r->p_type) && text_read(&in->device_id, &r->device_id) &&
	       text_read(&in->group, &r->group_name) && in->a_len <= COMPANION_A_MAX;
}

static enum outcome check_mac1(
	struct bytes k, const struct request *r, const uint8_t mac1[SHA256_LEN])
{
	uint8_t room[MAC1_MAX], mac[SHA256_LEN];
	struct transcript t = transcript_start(room, sizeof(room), "arpf mac1 v1");

	transcript_add(&t, r->p_type);
	transcript_add(&t, r->device_id);
	transcript_add(&t, r->group_name);
	transcript_add(&t, r->a);
	transcript_add(&t, r->akid);
	enum outcome o = transcript_mac(&t, k, mac);

	if (o == FINE && !equal_in_constant_time(mac, mac1, sizeof(mac)))
		o = MAC_INVALID;
	wipe(mac, sizeof(mac));
	return o;
}

/* Of MAC1, so that the same request gets the same one. */
static enum outcome make_access_id(
	struct bytes k, const uint8_t mac1[SHA256_LEN], uint8_t access_id[ACCESS_ID_LEN])
{
	uint8_t room[64], mac[SHA256_LEN];
	struct transcript t = transcript_start(room, sizeof(room), "arpf access id v1");

	transcript_add(&t, bytes_of(mac1, SHA256_LEN));
	enum outcome o = transcript_mac(&t, k, mac);

	memcpy(access_id, mac, ACCESS_ID_LEN);
	wipe(mac, sizeof(mac));
	return o;
}

/* Z at w->shared, b in the result. */
static enum outcome agree(struct keyd_thread *t, const struct request *r, struct key_companion *out)
{
	struct workshop *w = t->secrets;
	enum outcome o =
		ephemerals_take(&t->ephemerals, &w->ephemerals, r->group, w->scalar, out->b);

	if (o == FINE)
		o = dh_agree(r->group, w->scalar, r->a, w->shared);
	wipe(w->scalar, sizeof(w->scalar));
	out->b_len = (uint16_t)dh_element_len(r->group);
	return o;
}

/* KDm, KDa, KDo at w->kd_keys. */
static enum outcome derive_kd(
	struct workshop *w, const struct request *r, const struct key_companion *out)
{
	uint8_t room[KD_MAX], salt[SHA256_LEN];
	struct bytes message;
	struct transcript t = transcript_start(room, sizeof(room), "arpf kd v1");

	transcript_add(&t, BYTES(out->access_id));
	transcript_add(&t, r->device_id);
	transcript_add(&t, r->group_name);
	transcript_add(&t, r->a);
	transcript_add(&t, bytes_of(out->b, out->b_len));
	enum outcome o = transcript_end(&t, &message) ? sha256(&message, 1, salt) : BROKEN;

	if (o == FINE)
		o = hkdf_sha256(BYTES(salt), bytes_of(w->shared, dh_shared_len(r->group)),
			bytes_of_text("arpf kd v1"), w->kd, sizeof(w->kd));
	t = transcript_start(room, sizeof(room), "arpf kd keys v1");
	transcript_add(&t, BYTES(out->access_id));
	if (o == FINE)
		o = transcript_expand(&t, BYTES(w->kd), w->kd_keys, sizeof(w->kd_keys));
	return o;
}

/* A batch's data key is made when its first good item needs it. */
static enum outcome seal(struct keyd_thread *t, struct key_companion *out)
{
	struct workshop *w = t->secrets;
	const uint8_t *kda = w->kd_keys + KDM_LEN;
	enum outcome o =
		w->data_key.kek_generation == 0 ? data_key_make(&t->session, &w->data_key) : FINE;

	return o == FINE ? seal_keys(&w->data_key, bytes_of(kda, 16), kda + 16, &out->sealed) : o;
}

/* MAC1 before anything else is looked at; KDm at secrets_out[index]. */
static enum outcome agree_one(struct keyd_thread *t, unsigned index,
	const struct key_agree_companion_in *in, struct key_companion *out)
{
	struct workshop *w = t->secrets;
	struct bytes k = BYTES(w->secrets[index]);
	struct request r;
	enum outcome o = read_request(in, &r) ? check_mac1(k, &r, in->mac1) : INVALID_PARAMETER;

	if (o == FINE && !dh_group_read((const char *)r.group_name.at, r.group_name.len, &r.group))
		o = INVALID_PARAMETER;
	if (o == FINE)
		o = make_access_id(k, in->mac1, out->access_id);
	if (o == FINE)
		o = agree(t, &r, out);
	if (o == FINE)
		o = derive_kd(w, &r, out);
	if (o == FINE)
		o = seal(t, out);
	if (o == FINE)
		memcpy(w->secrets_out[index], w->kd_keys, KDM_LEN);
	wipe(w->shared, sizeof(w->shared));
	wipe(w->kd, sizeof(w->kd));
	wipe(w->kd_keys, sizeof(w->kd_keys));
	return o;
}

/* T("arpf kdm v1"; accessId, deviceId): whose a kept KDm is. */
static enum outcome write_whose(const uint8_t access_id[ACCESS_ID_LEN],
	const struct key_text *device_id, uint8_t room[WHOSE_MAX], struct bytes *whose)
{
	struct transcript t = transcript_start(room, WHOSE_MAX, "arpf kdm v1");
	struct bytes device;

	if (!text_read(device_id, &device))
		return INVALID_PARAMETER;
	transcript_add(&t, bytes_of(access_id, ACCESS_ID_LEN));
	transcript_add(&t, device);
	return transcript_end(&t, whose) ? FINE : BROKEN;
}

static enum outcome keep_kdms(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_agree_companion_in *in = (const void *)b->items;
	struct key_companion *out = (void *)b->results;
	uint8_t whose[KEY_BATCH_MAX][WHOSE_MAX];
	struct keeping keeping[KEY_BATCH_MAX];
	bool has_good = false;

	for (unsigned i = 0; i < b->count; i++) {
		struct keeping *k = &keeping[i];

		*k = (struct keeping){
			.secret = t->secrets->secrets_out[i],
			.kept = &out[i].kdm,
			.label = KDM_LABEL,
			.outcome = b->outcomes[i],
		};
		if (k->outcome == FINE)
			k->outcome = write_whose(
				out[i].access_id, &in[i].device_id, whose[i], &k->whose);
		k->is_skipped = k->outcome != FINE;
		has_good = has_good || !k->is_skipped;
	}
	enum outcome o = has_good ? keep_secrets(&t->session, keeping, b->count) : FINE;

	for (unsigned i = 0; i < b->count; i++)
		b->outcomes[i] = keeping[i].outcome;
	return o;
}

enum outcome perform_agree_companion(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_agree_companion_in *in = (const void *)b->items;
	struct key_companion *out = (void *)b->results;
	struct workshop *w = t->secrets;
	enum outcome o = open_session_keys(t, b, sizeof(*in));

	for (unsigned i = 0; o == FINE && i < b->count; i++)
		if (b->outcomes[i] == FINE)
			b->outcomes[i] = agree_one(t, i, &in[i], &out[i]);
	if (o == FINE)
		o = keep_kdms(t, b);
	data_key_end(&t->session, &w->data_key);
	wipe(w->secrets, sizeof(w->secrets));
	wipe(w->secrets_out, sizeof(w->secrets_out));
	return o;
}

static enum outcome make_mac(struct bytes kdm, const char *label,
	const struct key_confirm_companion_in *in, struct bytes supi, uint8_t mac[SHA256_LEN])
{
	uint8_t room[160];
	struct transcript t = transcript_start(room, sizeof(room), label);

	transcript_add(&t, BYTES(in->access_id));
	transcript_add(&t, bytes_of(in->device_id.at, in->device_id.len));
	if (supi.len > 0)
		transcript_add(&t, supi);
	return transcript_mac(&t, kdm, mac);
}

static enum outcome confirm(
	struct bytes kdm, const struct key_confirm_companion_in *in, struct key_confirmation *out)
{
	uint8_t mac2[SHA256_LEN], supi[ITEM_SUPI_LEN];
	enum outcome o = make_mac(kdm, "arpf mac2 v1", in, (struct bytes){ 0 }, mac2);

	if (o == FINE && !equal_in_constant_time(mac2, in->mac2, sizeof(mac2)))
		o = MAC_INVALID;
	wipe(mac2, sizeof(mac2));
	if (o == FINE)
		o = item_supi(in->imsi, supi);
	return o == FINE ? make_mac(kdm, "arpf mac3 v1", in, BYTES(supi), out->mac3) : o;
}

enum outcome perform_confirm_companion(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_confirm_companion_in *in = (const void *)b->items;
	struct key_confirmation *out = (void *)b->results;
	struct workshop *w = t->secrets;
	uint8_t whose[KEY_BATCH_MAX][WHOSE_MAX];
	struct keeping keeping[KEY_BATCH_MAX];

	for (unsigned i = 0; i < b->count; i++) {
		struct keeping *k = &keeping[i];

		*k = (struct keeping){
			.secret = w->secrets[i],
			.kept = (struct kept_secret *)(uintptr_t)&in[i].kdm, /* is only read */
			.label = KDM_LABEL,
		};
		k->outcome = write_whose(in[i].access_id, &in[i].device_id, whose[i], &k->whose);
		k->is_skipped = k->outcome != FINE;
	}
	enum outcome o = open_kept(&t->session, keeping, b->count);

	for (unsigned i = 0; o == FINE && i < b->count; i++)
		b->outcomes[i] = keeping[i].outcome == FINE
					 ? confirm(BYTES(w->secrets[i]), &in[i], &out[i])
					 : keeping[i].outcome;
	wipe(w->secrets, sizeof(w->secrets));
	return o;
}

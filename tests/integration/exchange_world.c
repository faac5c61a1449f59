#include "tests/integration/exchange_world.h"

#include <check.h>
#include <openssl/rand.h>

#include "crypto/kdf.h"

struct key_offer_exchange_in exchange_start(struct device_exchange *d, enum exchange_kind kind,
	const char *subject, const struct key_found *sign)
{
	struct key_exchange *x = &d->exchange;
	struct key_offer_exchange_in in;

	memset(d, 0, sizeof(*d));
	x->kind = (uint16_t)kind;
	x->subject = text_of(subject);
	ck_assert_int_eq(RAND_bytes(x->id, sizeof(x->id)), 1);
	ck_assert_int_eq(RAND_bytes(x->server_nonce, sizeof(x->server_nonce)), 1);
	ck_assert_int_eq(RAND_bytes(x->device_nonce, sizeof(x->device_nonce)), 1);
	ck_assert_int_eq(p256_generate(d->scalar, d->ephemeral), FINE);
	in.exchange = *x;
	memcpy(in.sign_key_id, sign->key_id, KEY_ID_LEN);
	return in;
}

struct bytes exchange_id_text(const uint8_t id[EXCHANGE_ID_LEN], char room[2 * EXCHANGE_ID_LEN + 1])
{
	hex_write(bytes_of(id, EXCHANGE_ID_LEN), room);
	return bytes_of(room, 2 * EXCHANGE_ID_LEN);
}

void exchange_verify_offer(const struct device_exchange *d, const struct key_found *sign)
{
	const struct key_exchange *x = &d->exchange;
	const struct key_signature *s = &d->offer.signature;
	char id[2 * EXCHANGE_ID_LEN + 1];
	const struct bytes fields[FIELDS_MAX] = {
		exchange_id_text(x->id, id),
		bytes_of(x->subject.at, x->subject.len),
		BYTES(x->device_nonce),
		BYTES(x->server_nonce),
		BYTES(d->offer.ephemeral),
	};
	uint8_t room[512], leaf[32], root[32], string[BATCH_SIGNED_LEN], digest[32];
	struct bytes message = transcript_of(
		x->kind == EXCHANGE_ATTACH ? "arpf attach server v1" : "arpf dp server v1", fields,
		room, sizeof(room));
	struct bytes signed_string = BYTES(string);

	ck_assert_int_eq(merkle_leaf(message, leaf), FINE);
	ck_assert_int_eq(merkle_root_from_path(
				 leaf, s->leaf_index, s->tree_size, s->path, s->path_count, root),
		FINE);
	ck_assert_int_eq(batch_signed_string(root, s->tree_size, string), FINE);
	ck_assert_int_eq(sha256(&signed_string, 1, digest), FINE);
	ck_assert_int_eq(p256_verify(BYTES(sign->public_key), digest, s->signature), FINE);
}

void exchange_offered(struct device_exchange *d, enum exchange_kind kind, const char *subject)
{
	struct key_found sign = find_key(KEY_USE_SIGN);
	struct key_offer_exchange_in in = exchange_start(d, kind, subject, &sign);

	ck_assert_int_eq(ask(KEY_OFFER_EXCHANGE, &in, &d->offer), FINE);
	exchange_verify_offer(d, &sign);
}

void exchange_derive(const struct device_exchange *d, const char *label, uint8_t *out, size_t len)
{
	const struct key_exchange *x = &d->exchange;
	char id[2 * EXCHANGE_ID_LEN + 1];
	const struct bytes fields[FIELDS_MAX] = {
		exchange_id_text(x->id, id),
		bytes_of(x->subject.at, x->subject.len),
	};
	uint8_t room[256], salt[2 * EXCHANGE_NONCE_LEN], z[32];
	struct bytes info = transcript_of(label, fields, room, sizeof(room));

	memcpy(salt, x->server_nonce, EXCHANGE_NONCE_LEN);
	memcpy(salt + EXCHANGE_NONCE_LEN, x->device_nonce, EXCHANGE_NONCE_LEN);
	ck_assert_int_eq(p256_agree(d->scalar, BYTES(d->offer.ephemeral), z), FINE);
	ck_assert_int_eq(hkdf_sha256(BYTES(salt), BYTES(z), info, out, len), FINE);
}

enum outcome exchange_in_kept(unsigned byte)
{
	return byte == 0 ? BROKEN : byte < 3 ? HSM_UNAVAILABLE : MAC_INVALID;
}

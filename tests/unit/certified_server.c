#include "tests/unit/certified_server.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>

struct hand_text hand_start(const char *label)
{
	struct hand_text t = { .len = strlen(label) + 1 };

	memcpy(t.at, label, t.len);
	return t;
}

void hand_add(struct hand_text *t, const void *from, size_t len)
{
	t->at[t->len] = (uint8_t)(len >> 8);
	t->at[t->len + 1] = (uint8_t)len;
	memcpy(t->at + t->len + 2, from, len);
	t->len += 2 + len;
}

void hand_add_text(struct hand_text *t, const char *text)
{
	hand_add(t, text, strlen(text));
}

struct certified_server certified_attach_server(void)
{
	struct certified_server s = { .offer = "arpf attach server v1",
		.answer = "arpf attach ue v1",
		.keys = "arpf attach keys v1",
		.nonce = { 1, 2, 3 } };
	uint8_t point[65], id[32] = { 9 };

	ck_assert_int_eq(p256_generate(s.sign_key, point), FINE);
	ck_assert_int_eq(p256_generate(s.scalar, s.ephemeral), FINE);
	ck_assert_int_eq(signature_checker_new(BYTES(point), id, &s.checker), FINE);
	return s;
}

struct certified_server certified_download_server(void)
{
	struct certified_server s = certified_attach_server();

	s.offer = "arpf dp server v1";
	s.answer = "arpf dp device v1";
	s.keys = "arpf dp keys v1";
	return s;
}

/* A tree of one leaf (section 3). */
void certified_sign(const struct certified_server *s, const struct hand_text *message,
	struct batch_signature *out)
{
	uint8_t leaf_in[1200] = { 0 }, leaf[32], digest[32], id[32] = { 9 };
	struct hand_text t = hand_start("arpf batch signature v1");

	memcpy(leaf_in + 1, message->at, message->len);
	SHA256(leaf_in, message->len + 1, leaf);
	hand_add(&t, leaf, 32);
	hand_add(&t, "\0\0\0\1", 4);
	SHA256(t.at, t.len, digest);
	*out = (struct batch_signature){ .suite = SUITE_ECDSA, .tree_size = 1 };
	hex_write(BYTES(id), out->signer_id);
	ck_assert_int_eq(p256_sign(s->sign_key, digest, out->signature), FINE);
}

void certified_offer(const struct certified_server *s, const char *subject,
	const uint8_t device_nonce[16], struct server_offer *out)
{
	struct hand_text t = hand_start(s->offer);

	memcpy(out->id, CERTIFIED_ID, sizeof(out->id));
	memcpy(out->nonce, s->nonce, 16);
	memcpy(out->ephemeral, s->ephemeral, 65);
	hand_add_text(&t, CERTIFIED_ID);
	hand_add_text(&t, subject);
	hand_add(&t, device_nonce, 16);
	hand_add(&t, s->nonce, 16);
	hand_add(&t, s->ephemeral, 65);
	certified_sign(s, &t, &out->signature);
}

enum outcome certified_verify_answer(const struct certified_server *s, const struct handshake *h,
	const char *subject, struct bytes point, const uint8_t signature[64])
{
	struct hand_text t = hand_start(s->answer);
	uint8_t digest[32];

	hand_add_text(&t, CERTIFIED_ID);
	hand_add_text(&t, subject);
	hand_add(&t, s->nonce, 16);
	hand_add(&t, h->device_nonce, 16);
	hand_add(&t, s->ephemeral, 65);
	hand_add(&t, h->device_ephemeral, 65);
	SHA256(t.at, t.len, digest);
	return p256_verify(point, digest, signature);
}

void certified_derive(const struct certified_server *s, const struct handshake *h,
	const char *subject, uint8_t *keys, size_t len)
{
	uint8_t z[32], salt[32];
	struct hand_text t = hand_start(s->keys);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

	ck_assert_int_eq(p256_agree(s->scalar, BYTES(h->device_ephemeral), z), FINE);
	memcpy(salt, s->nonce, 16);
	memcpy(salt + 16, h->device_nonce, 16);
	hand_add_text(&t, CERTIFIED_ID);
	hand_add_text(&t, subject);
	ck_assert_int_eq(EVP_PKEY_derive_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt, 32), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set1_hkdf_key(ctx, z, 32), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_add1_hkdf_info(ctx, t.at, (int)t.len), 1);
	ck_assert_int_eq(EVP_PKEY_derive(ctx, keys, &len), 1);
	EVP_PKEY_CTX_free(ctx);
}

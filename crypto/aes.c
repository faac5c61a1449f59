#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/aes.h"

#include <limits.h>

#include "base/secret.h"
#include "crypto/scratch.h"

/* No message of the protocol comes near what EVP's int lengths can hold. */
#define MAX_LEN ((size_t)INT_MAX / 2)

static struct bytes key128(const uint8_t key[16])
{
	return bytes_of(key, 16);
}

/* Gives the thread's context the key, or answers NULL and *why. */
static EVP_CIPHER_CTX *keyed(
	enum aes_mode mode, struct bytes key, const uint8_t *iv, bool encrypt, enum outcome *why)
{
	struct scratch *s = scratch_get();
	const EVP_CIPHER *cipher = s != NULL ? scratch_cipher(mode, key.len) : NULL;

	*why = s == NULL ? NO_MEMORY : BROKEN;
	if (cipher == NULL)
		return NULL;
	if (mode == AES_MODE_WRAP)
		EVP_CIPHER_CTX_set_flags(s->cipher, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex(s->cipher, cipher, NULL, key.at, iv, encrypt) != 1 ||
		(mode == AES_MODE_ECB && EVP_CIPHER_CTX_set_padding(s->cipher, 0) != 1)) {
		EVP_CIPHER_CTX_reset(s->cipher);
		*why = scratch_failed(BROKEN);
		return NULL;
	}
	return s->cipher;
}

/* Takes the key out of the context again. */
static enum outcome done(EVP_CIPHER_CTX *ctx, bool fine, enum outcome otherwise)
{
	EVP_CIPHER_CTX_reset(ctx);
	return fine ? FINE : scratch_failed(otherwise);
}

static bool run(EVP_CIPHER_CTX *ctx, struct bytes in, uint8_t *out, size_t out_len)
{
	int len = 0;

	return in.len <= MAX_LEN && EVP_CipherUpdate(ctx, out, &len, in.at, (int)in.len) == 1 &&
	       len >= 0 && (size_t)len == out_len;
}

static enum outcome one_block(struct bytes key, bool encrypt, const uint8_t in[16], uint8_t out[16])
{
	enum outcome o;
	EVP_CIPHER_CTX *ctx = keyed(AES_MODE_ECB, key, NULL, encrypt, &o);

	if (ctx == NULL)
		return o;
	return done(ctx, run(ctx, bytes_of(in, AES_BLOCK_LEN), out, AES_BLOCK_LEN), BROKEN);
}

enum outcome aes_ecb_encrypt(struct bytes key, const uint8_t in[16], uint8_t out[16])
{
	return one_block(key, true, in, out);
}

enum outcome aes_ecb_decrypt(struct bytes key, const uint8_t in[16], uint8_t out[16])
{
	return one_block(key, false, in, out);
}

static enum outcome ctr_run(
	const uint8_t key[16], const uint8_t block[16], struct bytes in, uint8_t *out)
{
	enum outcome o;
	EVP_CIPHER_CTX *ctx = keyed(AES_MODE_CTR, key128(key), block, true, &o);

	if (ctx == NULL)
		return o;
	return done(ctx, run(ctx, in, out, in.len), BROKEN);
}

enum outcome aes128_ctr(const uint8_t key[16], const uint8_t icb[16], struct bytes in, uint8_t *out)
{
	/* OpenSSL counts on all 128 bits, so the run is cut where the low 32 wrap. */
	struct bytes low = bytes_of(icb + 12, 4);
	uint32_t counter;
	struct bytes first = in;

	if (in.len == 0)
		return FINE;
	if (!bytes_take_u32(&low, &counter))
		return BROKEN;
	uint64_t until_wrap = (UINT64_C(0x100000000) - counter) * AES_BLOCK_LEN;

	if (in.len <= until_wrap)
		return ctr_run(key, icb, in, out);
	first.len = (size_t)until_wrap;
	uint8_t wrapped[AES_BLOCK_LEN] = { 0 };
	enum outcome o = ctr_run(key, icb, first, out);

	if (o != FINE)
		return o;
	memcpy(wrapped, icb, 12);
	return ctr_run(
		key, wrapped, bytes_of(in.at + first.len, in.len - first.len), out + first.len);
}

enum outcome aes_cmac(struct bytes key, struct bytes message, uint8_t out[16])
{
	struct scratch *s = scratch_get();
	const EVP_CIPHER *cipher = s != NULL ? scratch_cipher(AES_MODE_CBC, key.len) : NULL;
	size_t len;

	if (cipher == NULL)
		return s == NULL ? NO_MEMORY : BROKEN;
	bool fine = CMAC_Init(s->cmac, key.at, key.len, cipher, NULL) == 1 &&
		    CMAC_Update(s->cmac, message.at, message.len) == 1 &&
		    CMAC_Final(s->cmac, out, &len) == 1;

	CMAC_CTX_cleanup(s->cmac);
	return fine ? FINE : scratch_failed(BROKEN);
}

static bool take_aad(EVP_CIPHER_CTX *ctx, struct bytes aad)
{
	int len;

	return aad.len == 0 ||
	       (aad.len <= MAX_LEN && EVP_CipherUpdate(ctx, NULL, &len, aad.at, (int)aad.len) == 1);
}

enum outcome aes_gcm_seal(struct bytes key, const uint8_t iv[AES_GCM_IV_LEN], struct bytes aad,
	struct bytes plaintext, uint8_t *out)
{
	enum outcome o;
	EVP_CIPHER_CTX *ctx = keyed(AES_MODE_GCM, key, iv, true, &o);
	uint8_t *tag = out + plaintext.len;
	int len;

	if (ctx == NULL)
		return o;
	bool fine = take_aad(ctx, aad) &&
		    (plaintext.len == 0 || run(ctx, plaintext, out, plaintext.len)) &&
		    EVP_CipherFinal_ex(ctx, tag, &len) == 1 &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AES_GCM_TAG_LEN, tag) == 1;

	return done(ctx, fine, BROKEN);
}

enum outcome aes_gcm_open(struct bytes key, const uint8_t iv[AES_GCM_IV_LEN], struct bytes aad,
	struct bytes sealed, uint8_t *out)
{
	if (sealed.len < AES_GCM_TAG_LEN)
		return MAC_INVALID;
	struct bytes ciphertext = bytes_of(sealed.at, sealed.len - AES_GCM_TAG_LEN);
	uint8_t tag[AES_GCM_TAG_LEN];
	uint8_t nothing[AES_BLOCK_LEN];
	enum outcome o;
	EVP_CIPHER_CTX *ctx = keyed(AES_MODE_GCM, key, iv, false, &o);
	int len;

	if (ctx == NULL)
		return o;
	memcpy(tag, sealed.at + ciphertext.len, sizeof(tag));
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) != 1 ||
		!take_aad(ctx, aad) ||
		(ciphertext.len > 0 && !run(ctx, ciphertext, out, ciphertext.len)))
		o = done(ctx, false, BROKEN);
	else
		o = done(ctx, EVP_CipherFinal_ex(ctx, nothing, &len) == 1, MAC_INVALID);
	if (o != FINE)
		wipe(out, ciphertext.len);
	return o;
}

enum outcome aes_kw_wrap(struct bytes kek, struct bytes plain, uint8_t *out)
{
	enum outcome o;

	if (plain.len < 16 || plain.len % 8 != 0)
		return BROKEN;
	EVP_CIPHER_CTX *ctx = keyed(AES_MODE_WRAP, kek, NULL, true, &o);

	if (ctx == NULL)
		return o;
	return done(ctx, run(ctx, plain, out, plain.len + AES_KW_OVERHEAD), BROKEN);
}

enum outcome aes_kw_unwrap(struct bytes kek, struct bytes wrapped, uint8_t *out)
{
	enum outcome o;

	if (wrapped.len < 16 + AES_KW_OVERHEAD || wrapped.len % 8 != 0)
		return MAC_INVALID;
	EVP_CIPHER_CTX *ctx = keyed(AES_MODE_WRAP, kek, NULL, false, &o);
	size_t plain_len = wrapped.len - AES_KW_OVERHEAD;

	if (ctx == NULL)
		return o;
	o = done(ctx, run(ctx, wrapped, out, plain_len), MAC_INVALID);
	if (o != FINE)
		wipe(out, plain_len);
	return o;
}

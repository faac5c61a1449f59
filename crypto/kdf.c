#include "crypto/kdf.h"

#include "base/secret.h"
#include "crypto/scratch.h"

#define BLOCK_LEN          64 /* of SHA-256 */
#define KDF_MAX_PARAMETERS 8

/* The context is started anew at once, because a finished one still holds the hash. */
static enum outcome finish(EVP_MD_CTX *ctx, bool fine, uint8_t out[SHA256_LEN])
{
	fine = fine && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	fine = EVP_DigestInit_ex(ctx, NULL, NULL) == 1 && fine;
	return fine ? FINE : scratch_failed(BROKEN);
}

static bool update(EVP_MD_CTX *ctx, const struct bytes *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (EVP_DigestUpdate(ctx, parts[i].at, parts[i].len) != 1)
			return false;
	return true;
}

enum outcome sha256(const struct bytes *parts, size_t count, uint8_t out[SHA256_LEN])
{
	struct scratch *s = scratch_get();

	if (s == NULL)
		return NO_MEMORY;
	return finish(s->sha256, update(s->sha256, parts, count), out);
}

/* H((key ^ pad), parts): one of the two hashes of RFC 2104. */
static enum outcome hmac_half(EVP_MD_CTX *ctx, const uint8_t key[BLOCK_LEN], uint8_t pad,
	const struct bytes *parts, size_t count, uint8_t out[SHA256_LEN])
{
	uint8_t block[BLOCK_LEN];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	bool fine = EVP_DigestUpdate(ctx, block, sizeof(block)) == 1 && update(ctx, parts, count);

	wipe(block, sizeof(block));
	return finish(ctx, fine, out);
}

enum outcome hmac_sha256(
	struct bytes key, const struct bytes *parts, size_t count, uint8_t out[SHA256_LEN])
{
	struct scratch *s = scratch_get();
	uint8_t block[BLOCK_LEN] = { 0 };
	uint8_t inner[SHA256_LEN];
	enum outcome o = FINE;

	if (s == NULL)
		return NO_MEMORY;
	if (key.len > sizeof(block))
		o = sha256(&key, 1, block);
	else if (key.len > 0)
		memcpy(block, key.at, key.len);
	if (o == FINE)
		o = hmac_half(s->sha256, block, 0x36, parts, count, inner);
	if (o == FINE)
		o = hmac_half(s->sha256, block, 0x5c, &BYTES(inner), 1, out);
	wipe(block, sizeof(block));
	wipe(inner, sizeof(inner));
	return o;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

enum outcome x963_sha256(struct bytes z, struct bytes shared_info, uint8_t *out, size_t len)
{
	uint8_t block[SHA256_LEN];
	enum outcome o = FINE;

	if (len / SHA256_LEN >= UINT32_MAX)
		return BROKEN;
	for (uint32_t i = 1; len > 0 && o == FINE; i++) {
		uint8_t counter[4];
		struct buffer b = buffer_over(counter, sizeof(counter));
		size_t part = smaller(len, SHA256_LEN);

		buffer_put_u32(&b, i);
		o = sha256((struct bytes[]){ z, BYTES(counter), shared_info }, 3, block);
		if (o == FINE)
			memcpy(out, block, part);
		out += part;
		len -= part;
	}
	wipe(block, sizeof(block));
	return o;
}

enum outcome hkdf_expand_sha256(struct bytes prk, struct bytes info, uint8_t *out, size_t len)
{
	uint8_t t[SHA256_LEN];
	enum outcome o = FINE;

	if (len > 255 * SHA256_LEN)
		return BROKEN;
	for (uint8_t i = 1; len > 0 && o == FINE; i++) {
		struct bytes before = bytes_of(t, i == 1 ? 0 : sizeof(t));
		size_t part = smaller(len, SHA256_LEN);

		o = hmac_sha256(prk, (struct bytes[]){ before, info, bytes_of(&i, 1) }, 3, t);
		if (o == FINE)
			memcpy(out, t, part);
		out += part;
		len -= part;
	}
	wipe(t, sizeof(t));
	return o;
}

enum outcome hkdf_sha256(
	struct bytes salt, struct bytes ikm, struct bytes info, uint8_t *out, size_t len)
{
	uint8_t prk[SHA256_LEN];
	/* An empty salt is 32 zero bytes (RFC 5869 section 2.2), which HMAC pads it to anyway. */
	enum outcome o = hmac_sha256(salt, &ikm, 1, prk);

	if (o == FINE)
		o = hkdf_expand_sha256(BYTES(prk), info, out, len);
	wipe(prk, sizeof(prk));
	return o;
}

enum outcome kdf_3gpp(struct bytes key, uint8_t fc, const struct bytes *parameters, size_t count,
	uint8_t out[SHA256_LEN])
{
	uint8_t lengths[KDF_MAX_PARAMETERS][2];
	struct bytes parts[1 + 2 * KDF_MAX_PARAMETERS] = { bytes_of(&fc, 1) };

	if (count > KDF_MAX_PARAMETERS)
		return BROKEN;
	for (size_t i = 0; i < count; i++) {
		if (parameters[i].len > UINT16_MAX)
			return BROKEN;
		lengths[i][0] = (uint8_t)(parameters[i].len >> 8);
		lengths[i][1] = (uint8_t)parameters[i].len;
		parts[1 + 2 * i] = parameters[i];
		parts[2 + 2 * i] = BYTES(lengths[i]);
	}
	return hmac_sha256(key, parts, 1 + 2 * count, out);
}

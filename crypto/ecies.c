#include "crypto/ecies.h"

#include "base/secret.h"
#include "crypto/aes.h"
#include "crypto/kdf.h"

#define PROFILE_MAC_LEN 8

/* What X9.63 gives (TS 33.501 clause C.3.2), in this order. */
struct keys {
	uint8_t ek[16];
	uint8_t icb[16];
	uint8_t mk[32];
};

/* Both profiles' shared secrets are of 32 bytes. */
#define Z_LEN 32
_Static_assert(Z_LEN == P256_SCALAR_LEN && Z_LEN == X25519_LEN, "one length");

static enum outcome derive(const uint8_t z[Z_LEN], struct bytes ephemeral, struct keys *keys)
{
	return x963_sha256(bytes_of(z, Z_LEN), ephemeral, (uint8_t *)keys, sizeof(*keys));
}

static enum outcome seal_agreed(const uint8_t z[Z_LEN], struct bytes ephemeral, struct bytes plain,
	uint8_t *ciphertext, uint8_t mac[ECIES_MAC_LEN])
{
	struct keys keys;
	struct bytes sealed = bytes_of(ciphertext, plain.len);
	enum outcome o = derive(z, ephemeral, &keys);

	if (o == FINE)
		o = aes128_ctr(keys.ek, keys.icb, plain, ciphertext);
	if (o == FINE)
		o = hmac_sha256(BYTES(keys.mk), &sealed, 1, mac);
	wipe(&keys, sizeof(keys));
	return o;
}

static enum outcome seal_from(const uint8_t scalar[P256_SCALAR_LEN],
	const uint8_t point[P256_POINT_LEN], struct bytes recipient, struct bytes plain,
	uint8_t ephemeral[P256_COMPRESSED_LEN], uint8_t *ciphertext, uint8_t mac[ECIES_MAC_LEN])
{
	uint8_t z[P256_SCALAR_LEN];
	enum outcome o = p256_agree(scalar, recipient, z);

	if (o == FINE)
		o = p256_compress(point, ephemeral);
	if (o == FINE)
		o = seal_agreed(
			z, bytes_of(ephemeral, P256_COMPRESSED_LEN), plain, ciphertext, mac);
	wipe(z, sizeof(z));
	return o;
}

enum outcome ecies_p256_seal(struct bytes recipient, struct bytes plain,
	uint8_t ephemeral[P256_COMPRESSED_LEN], uint8_t *ciphertext, uint8_t mac[ECIES_MAC_LEN])
{
	uint8_t scalar[P256_SCALAR_LEN];
	uint8_t point[P256_POINT_LEN];
	enum outcome o = p256_generate(scalar, point);

	if (o == FINE)
		o = seal_from(scalar, point, recipient, plain, ephemeral, ciphertext, mac);
	wipe(scalar, sizeof(scalar));
	return o;
}

enum outcome ecies_p256_seal_with(const uint8_t scalar[P256_SCALAR_LEN], struct bytes recipient,
	struct bytes plain, uint8_t ephemeral[P256_COMPRESSED_LEN], uint8_t *ciphertext,
	uint8_t mac[ECIES_MAC_LEN])
{
	uint8_t point[P256_POINT_LEN];
	enum outcome o = p256_public_of(scalar, point);

	if (o != FINE)
		return o;
	return seal_from(scalar, point, recipient, plain, ephemeral, ciphertext, mac);
}

static enum outcome open_with(
	const struct keys *keys, struct bytes ciphertext, struct bytes mac, uint8_t *plain)
{
	uint8_t expected[ECIES_MAC_LEN];

	if (mac.len != PROFILE_MAC_LEN && mac.len != ECIES_MAC_LEN)
		return MAC_INVALID;
	enum outcome o = hmac_sha256(BYTES(keys->mk), &ciphertext, 1, expected);

	if (o == FINE && !equal_in_constant_time(expected, mac.at, mac.len))
		o = MAC_INVALID;
	if (o == FINE)
		o = aes128_ctr(keys->ek, keys->icb, ciphertext, plain);
	wipe(expected, sizeof(expected));
	return o;
}

static enum outcome open_agreed(const uint8_t z[Z_LEN], struct bytes ephemeral,
	struct bytes ciphertext, struct bytes mac, uint8_t *plain)
{
	struct keys keys;
	enum outcome o = derive(z, ephemeral, &keys);

	if (o == FINE)
		o = open_with(&keys, ciphertext, mac, plain);
	wipe(&keys, sizeof(keys));
	return o;
}

enum outcome ecies_p256_open_agreed(const uint8_t z[P256_SCALAR_LEN],
	const uint8_t ephemeral[P256_COMPRESSED_LEN], struct bytes ciphertext, struct bytes mac,
	uint8_t *plain)
{
	return open_agreed(z, bytes_of(ephemeral, P256_COMPRESSED_LEN), ciphertext, mac, plain);
}

enum outcome ecies_p256_open_derived(const uint8_t derived[ECIES_KEYS_LEN], struct bytes ciphertext,
	struct bytes mac, uint8_t *plain)
{
	struct keys keys;

	_Static_assert(sizeof(keys) == ECIES_KEYS_LEN, "EK, ICB, MK without gaps");
	memcpy(&keys, derived, sizeof(keys));
	enum outcome o = open_with(&keys, ciphertext, mac, plain);

	wipe(&keys, sizeof(keys));
	return o;
}

enum outcome ecies_p256_open(const uint8_t scalar[P256_SCALAR_LEN], struct bytes ephemeral,
	struct bytes ciphertext, struct bytes mac, uint8_t *plain)
{
	uint8_t point[P256_POINT_LEN];
	uint8_t compressed[P256_COMPRESSED_LEN];
	uint8_t z[P256_SCALAR_LEN];
	enum outcome o = p256_uncompress(ephemeral, point);

	if (o == FINE)
		o = p256_compress(point, compressed);
	if (o == FINE)
		o = p256_agree(scalar, BYTES(point), z);
	if (o == FINE)
		o = open_agreed(z, BYTES(compressed), ciphertext, mac, plain);
	wipe(z, sizeof(z));
	return o;
}

static enum outcome seal_from_x25519(const uint8_t secret[X25519_LEN],
	const uint8_t ephemeral[X25519_LEN], struct bytes recipient, struct bytes plain,
	uint8_t *ciphertext, uint8_t mac[ECIES_MAC_LEN])
{
	uint8_t z[X25519_LEN];
	enum outcome o = x25519_agree(secret, recipient, z);

	if (o == FINE)
		o = seal_agreed(z, bytes_of(ephemeral, X25519_LEN), plain, ciphertext, mac);
	wipe(z, sizeof(z));
	return o;
}

enum outcome ecies_x25519_seal(struct bytes recipient, struct bytes plain,
	uint8_t ephemeral[X25519_LEN], uint8_t *ciphertext, uint8_t mac[ECIES_MAC_LEN])
{
	uint8_t secret[X25519_LEN];
	enum outcome o = x25519_generate(secret, ephemeral);

	if (o == FINE)
		o = seal_from_x25519(secret, ephemeral, recipient, plain, ciphertext, mac);
	wipe(secret, sizeof(secret));
	return o;
}

enum outcome ecies_x25519_seal_with(const uint8_t secret[X25519_LEN], struct bytes recipient,
	struct bytes plain, uint8_t ephemeral[X25519_LEN], uint8_t *ciphertext,
	uint8_t mac[ECIES_MAC_LEN])
{
	enum outcome o = x25519_public_of(secret, ephemeral);

	return o == FINE ? seal_from_x25519(secret, ephemeral, recipient, plain, ciphertext, mac)
			 : o;
}

enum outcome ecies_x25519_open(const uint8_t secret[X25519_LEN], struct bytes ephemeral,
	struct bytes ciphertext, struct bytes mac, uint8_t *plain)
{
	uint8_t z[X25519_LEN];
	enum outcome o = x25519_agree(secret, ephemeral, z);

	if (o == FINE)
		o = open_agreed(z, ephemeral, ciphertext, mac, plain);
	wipe(z, sizeof(z));
	return o;
}

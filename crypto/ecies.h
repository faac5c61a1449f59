/*
 * ECIES of TS 33.501 clause C.3.4, Profiles A and B, with the MAC tag left at its full 32 bytes
 * (docs/protocol.md section 4.3; the profiles' tag is the first 8 of them).
 *
 * SharedInfo1 is the ephemeral public key as it is sent: of Profile B compressed. X9.63 gives EK
 * (16), ICB (16), MK (32); AES-128-CTR; HMAC-SHA-256 over the ciphertext; SharedInfo2 is empty.
 */
#ifndef CRYPTO_ECIES_H
#define CRYPTO_ECIES_H

#include "crypto/p256.h"
#include "crypto/x25519.h"

#define ECIES_MAC_LEN 32

/*
 * Seals to a recipient's uncompressed point with a fresh ephemeral key. ciphertext: plain.len
 * bytes.
 */
enum outcome ecies_p256_seal(struct bytes recipient, struct bytes plain,
	uint8_t ephemeral[P256_COMPRESSED_LEN], uint8_t *ciphertext, uint8_t mac[ECIES_MAC_LEN]);
/* The same with a given ephemeral scalar: for vectors. */
enum outcome ecies_p256_seal_with(const uint8_t scalar[P256_SCALAR_LEN], struct bytes recipient,
	struct bytes plain, uint8_t ephemeral[P256_COMPRESSED_LEN], uint8_t *ciphertext,
	uint8_t mac[ECIES_MAC_LEN]);
/*
 * Opens with the shared secret that somebody (a token) has agreed already. mac may be the profile's
 * 8 bytes or the full 32, no other; it is checked first, in constant time: MAC_INVALID. plain:
 * ciphertext.len.
 */
enum outcome ecies_p256_open_agreed(const uint8_t z[P256_SCALAR_LEN],
	const uint8_t ephemeral[P256_COMPRESSED_LEN], struct bytes ciphertext, struct bytes mac,
	uint8_t *plain);
/*
 * Opens with EK, ICB and MK (16, 16, 32 bytes) that somebody (a token) has derived already, of either
 * profile.
 */
#define ECIES_KEYS_LEN 64
enum outcome ecies_p256_open_derived(const uint8_t keys[ECIES_KEYS_LEN], struct bytes ciphertext,
	struct bytes mac, uint8_t *plain);
/* Opens with a scalar; ephemeral of 33 or 65 bytes. */
enum outcome ecies_p256_open(const uint8_t scalar[P256_SCALAR_LEN], struct bytes ephemeral,
	struct bytes ciphertext, struct bytes mac, uint8_t *plain);

/* Profile A. Seals to a recipient's public key with a fresh ephemeral key; as ecies_p256_seal(). */
enum outcome ecies_x25519_seal(struct bytes recipient, struct bytes plain,
	uint8_t ephemeral[X25519_LEN], uint8_t *ciphertext, uint8_t mac[ECIES_MAC_LEN]);
/* The same with a given ephemeral secret: for vectors. */
enum outcome ecies_x25519_seal_with(const uint8_t secret[X25519_LEN], struct bytes recipient,
	struct bytes plain, uint8_t ephemeral[X25519_LEN], uint8_t *ciphertext,
	uint8_t mac[ECIES_MAC_LEN]);
/* Opens with the home network's secret; INVALID_PARAMETER where ephemeral is of small order. */
enum outcome ecies_x25519_open(const uint8_t secret[X25519_LEN], struct bytes ephemeral,
	struct bytes ciphertext, struct bytes mac, uint8_t *plain);

#endif

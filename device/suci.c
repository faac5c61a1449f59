#include "device/suci.h"

#include <stdio.h>

#include "crypto/ecies.h"

#define MSIN_BCD_MAX 5
#define TAG_LEN      8
#define OUTPUT_MAX   (P256_COMPRESSED_LEN + MSIN_BCD_MAX + TAG_LEN)

/* The MSIN's digits in TBCD, the last half octet F where their number is odd (clause C.3.2). */
static size_t pack_digits(const char *digits, uint8_t out[MSIN_BCD_MAX])
{
	size_t len = strlen(digits);

	for (size_t i = 0; i < len; i += 2) {
		uint8_t high = i + 1 < len ? (uint8_t)(digits[i + 1] - '0') : 0xf;

		out[i / 2] = (uint8_t)(high << 4 | (uint8_t)(digits[i] - '0'));
	}
	return (len + 1) / 2;
}

/* Clause C.3.4.1 */
static enum outcome seal_profile_a(
	struct bytes recipient, struct bytes plain, struct buffer *output)
{
	uint8_t ephemeral[X25519_LEN], ciphertext[MSIN_BCD_MAX], mac[ECIES_MAC_LEN];
	enum outcome o = ecies_x25519_seal(recipient, plain, ephemeral, ciphertext, mac);

	if (o != FINE)
		return o;
	buffer_put(output, ephemeral, sizeof(ephemeral));
	buffer_put(output, ciphertext, plain.len);
	buffer_put(output, mac, TAG_LEN);
	return FINE;
}

/* Clause C.3.4.2 */
static enum outcome seal_profile_b(
	struct bytes recipient, struct bytes plain, struct buffer *output)
{
	uint8_t point[P256_POINT_LEN], ephemeral[P256_COMPRESSED_LEN], ciphertext[MSIN_BCD_MAX];
	uint8_t mac[ECIES_MAC_LEN];
	enum outcome o = p256_uncompress(recipient, point);

	if (o == FINE)
		o = ecies_p256_seal(BYTES(point), plain, ephemeral, ciphertext, mac);
	if (o != FINE)
		return o;
	buffer_put(output, ephemeral, sizeof(ephemeral));
	buffer_put(output, ciphertext, plain.len);
	buffer_put(output, mac, TAG_LEN);
	return FINE;
}

enum outcome suci_conceal(const struct suci_network *n, uint64_t imsi, char out[SUCI_MAX + 1])
{
	char digits[IMSI_DIGITS + 1], text[2 * OUTPUT_MAX + 1];
	uint8_t plain[MSIN_BCD_MAX], room[OUTPUT_MAX];
	struct buffer output = buffer_over(room, sizeof(room));
	enum outcome o = FINE;

	imsi_write(imsi, digits);
	if (!plmn_has_imsi(n->plmn, imsi))
		return INVALID_PARAMETER;
	const char *msin = digits + n->plmn.digits;
	struct bytes packed = bytes_of(plain, pack_digits(msin, plain));

	switch (n->scheme) {
	case SUCI_NULL:
		memcpy(text, msin, strlen(msin) + 1);
		break;
	case SUCI_PROFILE_A:
		o = seal_profile_a(n->public_key, packed, &output);
		hex_write(buffer_bytes(&output), text);
		break;
	case SUCI_PROFILE_B:
		o = seal_profile_b(n->public_key, packed, &output);
		hex_write(buffer_bytes(&output), text);
		break;
	}
	if (o != FINE)
		return o;
	int len = snprintf(out, SUCI_MAX + 1, "suci-0-%.3s-%.*s-%s-%d-%u-%s", digits,
		n->plmn.digits - 3, digits + 3, n->routing_indicator, (int)n->scheme, n->key_id,
		text);

	return len > 0 && len <= SUCI_MAX ? FINE : INVALID_PARAMETER;
}

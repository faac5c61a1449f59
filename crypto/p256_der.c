/* ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 section 2.2.3) */
#include "crypto/p256.h"

#define TAG_SEQUENCE 0x30
#define TAG_INTEGER  0x02

/* All lengths here are below 128, so DER writes them in one byte. */
static bool take_value(struct bytes *in, uint8_t tag, struct bytes *value)
{
	struct bytes head;

	return bytes_take(in, 2, &head) && head.at[0] == tag && head.at[1] < 128 &&
	       bytes_take(in, head.at[1], value);
}

/* A DER integer of at most 32 bytes, not negative, as 32 bytes. */
static bool take_number(struct bytes *in, uint8_t out[32])
{
	struct bytes v;

	if (!take_value(in, TAG_INTEGER, &v) || v.len == 0 || v.at[0] >= 0x80)
		return false;
	if (v.at[0] == 0 && v.len > 1) {
		if (v.at[1] < 0x80)
			return false;
		v = bytes_of(v.at + 1, v.len - 1);
	}
	if (v.len > 32)
		return false;
	memset(out, 0, 32 - v.len);
	memcpy(out + 32 - v.len, v.at, v.len);
	return true;
}

bool p256_signature_from_der(struct bytes der, uint8_t signature[P256_SIGNATURE_LEN])
{
	struct bytes pair;

	return take_value(&der, TAG_SEQUENCE, &pair) && der.len == 0 &&
	       take_number(&pair, signature) && take_number(&pair, signature + 32) && pair.len == 0;
}

static void put_number(struct buffer *b, const uint8_t number[32])
{
	size_t zeros = 0;

	while (zeros < 31 && number[zeros] == 0)
		zeros++;
	bool padded = number[zeros] >= 0x80;

	buffer_put_u8(b, TAG_INTEGER);
	buffer_put_u8(b, (uint8_t)(32 - zeros + padded));
	if (padded)
		buffer_put_u8(b, 0);
	buffer_put(b, number + zeros, 32 - zeros);
}

size_t p256_signature_to_der(const uint8_t signature[P256_SIGNATURE_LEN], uint8_t out[72])
{
	struct buffer b = buffer_over(out, 72);

	buffer_put(&b, (uint8_t[]){ TAG_SEQUENCE, 0 }, 2);
	put_number(&b, signature);
	put_number(&b, signature + 32);
	out[1] = (uint8_t)(b.len - 2);
	return b.len;
}

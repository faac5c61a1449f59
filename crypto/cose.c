#include "crypto/cose.h"

#include "base/imsi.h"
#include "crypto/cbor.h"
#include "crypto/kdf.h"
#include "crypto/p256.h"

#define TAG_COSE_SIGN1  18 /* RFC 9052 section 2 */
#define HEADER_ALG      1
#define ES256           6 /* as -1 - n: -7 */
#define MAX_MESSAGE_LEN 4096

enum { TOKEN_DIMSI = 1, TOKEN_POINT, TOKEN_KEY_ID, TOKEN_NONCE, TOKEN_KEYS = TOKEN_NONCE };

static const uint8_t protected_es256[] = { 0xa1, HEADER_ALG, 0x20 | ES256 };

/* Exactly {1: -7}: a header parameter that is not understood must not be passed over. */
static bool is_es256(struct bytes header)
{
	struct cbor_head map, label, value;

	return cbor_take_kind(&header, CBOR_MAP, &map) && map.number == 1 &&
	       cbor_take_kind(&header, CBOR_UNSIGNED, &label) && label.number == HEADER_ALG &&
	       cbor_take_kind(&header, CBOR_NEGATIVE, &value) && value.number == ES256 &&
	       header.len == 0;
}

enum outcome cose_sign1_read(struct bytes message, struct cose_sign1 *out)
{
	struct cbor_head head, protected, unprotected, payload, signature;

	if (message.len > MAX_MESSAGE_LEN || !cbor_take(&message, &head))
		return INVALID_PARAMETER;
	if (head.kind == CBOR_TAG && (head.number != TAG_COSE_SIGN1 || !cbor_take(&message, &head)))
		return INVALID_PARAMETER;
	if (head.kind != CBOR_ARRAY || head.number != 4 ||
		!cbor_take_kind(&message, CBOR_BYTES, &protected) ||
		!cbor_take_kind(&message, CBOR_MAP, &unprotected) ||
		!cbor_skip_pairs(&message, unprotected.number) ||
		!cbor_take_kind(&message, CBOR_BYTES, &payload) ||
		!cbor_take_kind(&message, CBOR_BYTES, &signature) || message.len != 0 ||
		signature.string.len != P256_SIGNATURE_LEN || !is_es256(protected.string))
		return INVALID_PARAMETER;
	*out = (struct cose_sign1){ protected.string, payload.string, signature.string };
	return FINE;
}

/* Sig_structure of RFC 9052 section 4.4: all but the payload's content is written here. */
static enum outcome digest_of(
	struct bytes protected_header, struct bytes payload, uint8_t digest[32])
{
	uint8_t at[64];
	struct buffer start = buffer_over(at, sizeof(at));

	cbor_put_array(&start, 4);
	cbor_put_text(&start, "Signature1");
	cbor_put_bytes(&start, protected_header);
	cbor_put_bytes(&start, bytes_of(NULL, 0));
	cbor_put_bytes_head(&start, payload.len);
	if (start.full)
		return BROKEN;
	return sha256((struct bytes[]){ buffer_bytes(&start), payload }, 2, digest);
}

enum outcome cose_sign1_digest(const struct cose_sign1 *token, uint8_t digest[32])
{
	return digest_of(token->protected_header, token->payload, digest);
}

enum outcome cose_sign1_digest_to_sign(struct bytes payload, uint8_t digest[32])
{
	return digest_of(BYTES(protected_es256), payload, digest);
}

void cose_sign1_write(
	struct buffer *out, struct bytes payload, const uint8_t signature[64], bool tagged)
{
	if (tagged)
		cbor_put_tag(out, TAG_COSE_SIGN1);
	cbor_put_array(out, 4);
	cbor_put_bytes(out, BYTES(protected_es256));
	cbor_put_map(out, 0);
	cbor_put_bytes(out, payload);
	cbor_put_bytes(out, bytes_of(signature, P256_SIGNATURE_LEN));
}

/* One value of the payload's map, by its key. */
static bool read_entry(uint64_t key, struct cbor_head value, struct attach_token *out)
{
	struct bytes s = value.string;

	if (value.kind != (key == TOKEN_DIMSI ? CBOR_TEXT : CBOR_BYTES))
		return false;
	switch (key) {
	case TOKEN_DIMSI:
		return imsi_read((const char *)s.at, s.len, &out->dimsi);
	case TOKEN_POINT:
		out->public_key = s;
		return s.len == P256_POINT_LEN;
	case TOKEN_KEY_ID:
		out->key_id = s;
		return s.len == 32;
	case TOKEN_NONCE:
		out->nonce = s;
		return s.len == 16;
	default:
		return false;
	}
}

enum outcome attach_token_read(struct bytes payload, struct attach_token *out)
{
	struct cbor_head map, key, value;
	struct attach_token token = { 0 };
	unsigned seen = 0;

	if (!cbor_take_kind(&payload, CBOR_MAP, &map) || map.number != TOKEN_KEYS)
		return INVALID_PARAMETER;
	for (int i = 0; i < TOKEN_KEYS; i++) {
		if (!cbor_take_kind(&payload, CBOR_UNSIGNED, &key) || key.number > TOKEN_KEYS ||
			(seen & 1u << key.number) != 0 || !cbor_take(&payload, &value) ||
			!read_entry(key.number, value, &token))
			return INVALID_PARAMETER;
		seen |= 1u << key.number;
	}
	if (payload.len != 0)
		return INVALID_PARAMETER;
	*out = token;
	return FINE;
}

void attach_token_write(struct buffer *out, const struct attach_token *token)
{
	char dimsi[IMSI_DIGITS + 1];

	imsi_write(token->dimsi, dimsi);
	cbor_put_map(out, TOKEN_KEYS);
	cbor_put_unsigned(out, TOKEN_DIMSI);
	cbor_put_text(out, dimsi);
	cbor_put_unsigned(out, TOKEN_POINT);
	cbor_put_bytes(out, token->public_key);
	cbor_put_unsigned(out, TOKEN_KEY_ID);
	cbor_put_bytes(out, token->key_id);
	cbor_put_unsigned(out, TOKEN_NONCE);
	cbor_put_bytes(out, token->nonce);
}

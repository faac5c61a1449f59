#include "device/euicc.h"

#include "base/secret.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"

#define EID_NUMBER_LEN (EID_LEN - 2)

bool eid_complete(const char *digits, char eid[EID_LEN + 1])
{
	unsigned rest = 0;

	if (strspn(digits, "0123456789") != EID_NUMBER_LEN || digits[EID_NUMBER_LEN] != '\0')
		return false;
	for (size_t i = 0; i < EID_NUMBER_LEN; i++)
		rest = (rest * 10 + (unsigned)(digits[i] - '0')) % 97;
	/* 98 less the number, with zeros in their place, modulo 97 (ISO/IEC 7064). */
	unsigned check = 98 - rest * 100 % 97;

	memcpy(eid, digits, EID_NUMBER_LEN);
	eid[EID_NUMBER_LEN] = (char)('0' + check / 10);
	eid[EID_NUMBER_LEN + 1] = (char)('0' + check % 10);
	eid[EID_LEN] = '\0';
	return true;
}

enum outcome euicc_make(struct euicc *e, const struct authority *eum, const char *eid,
	const struct validity *validity)
{
	uint8_t point[P256_POINT_LEN];

	if (!eid_is_valid(bytes_of_text(eid)))
		return INVALID_PARAMETER;
	memcpy(e->eid, eid, sizeof(e->eid));
	enum outcome o = p256_generate(e->key, point);

	if (o == FINE)
		o = certificate_make_euicc(
			eum, point, eid, validity, e->certificate, &e->certificate_len);
	return o;
}

enum outcome euicc_check_accept(const struct handshake *h, const struct attach_accept *accept)
{
	uint8_t room[1024], expected[SHA256_LEN];
	struct transcript t = transcript_start(room, sizeof(room), "arpf attach accept v1");
	struct bytes message;

	transcript_add_text(&t, h->id);
	transcript_add_text(&t, accept->session_id);
	transcript_add(&t, accept->dnn);
	transcript_add(&t, accept->provisioning_server);
	transcript_add_u64(&t, accept->expires_at);
	if (!transcript_end(&t, &message))
		return MAC_INVALID;
	enum outcome o = hmac_sha256(bytes_of(h->keys, 32), &message, 1, expected);

	if (o != FINE)
		return o;
	return equal_in_constant_time(expected, accept->mac, sizeof(expected)) ? FINE : MAC_INVALID;
}

#include "loadtest/offer.h"

#include <stdio.h>

#include "device/certificate_maker.h"
#include "loadtest/json_scan.h"
#include "loadtest/signature_json.h"

bool offer_read_answer(struct bytes in, const char *id_member, struct offer_answer *out)
{
	enum { HAS_ID = 1, HAS_NONCE = 2, HAS_KEY = 4, HAS_CHAIN = 8, HAS_SIGNATURE = 16 };
	enum { HAS_ALL = 31 };
	struct server_offer *o = &out->offer;
	struct json_scan scan;
	struct json_member m;
	unsigned has = 0;

	out->room.used = 0;
	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, id_member) && json_scan_copy(m.value, o->id, sizeof(o->id)) &&
			handshake_id_is_valid(o->id))
			has |= HAS_ID;
		else if (json_is(&m, "serverNonce") &&
			 json_scan_base64(m.value, o->nonce, sizeof(o->nonce)))
			has |= HAS_NONCE;
		else if (json_is(&m, "ephemeralPublicKey") &&
			 json_scan_base64(m.value, o->ephemeral, sizeof(o->ephemeral)))
			has |= HAS_KEY;
		else if (json_is(&m, "certificateChain") &&
			 certificate_list_read_json(&out->room, m.value, &out->chain))
			has |= HAS_CHAIN;
		else if (json_is(&m, "signature") &&
			 signature_read_json(m.value, &o->signature, NULL))
			has |= HAS_SIGNATURE;
	}
	return has == HAS_ALL && !scan.broken;
}

size_t offer_write_reply(const struct handshake *h, const uint8_t signature[P256_SIGNATURE_LEN],
	const struct shown_chain *chain, char *out)
{
	char leaf[BASE64_LEN(CERTIFICATE_MAX) + 1], key[BASE64_LEN(P256_POINT_LEN) + 1];
	char signed_by[BASE64_LEN(P256_SIGNATURE_LEN) + 1];

	if (chain->leaf.len > CERTIFICATE_MAX)
		return 0;
	base64_write(chain->leaf, leaf);
	base64_write(BYTES(h->device_ephemeral), key);
	base64_write(bytes_of(signature, P256_SIGNATURE_LEN), signed_by);
	int len = snprintf(out, OFFER_REPLY_MAX,
		"{\"certificateChain\":[\"%s\",\"%s\"],\"ephemeralPublicKey\":\"%s\","
		"\"signature\":\"%s\"}",
		leaf, chain->issuer, key, signed_by);

	return len > 0 && len < OFFER_REPLY_MAX ? (size_t)len : 0;
}

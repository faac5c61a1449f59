#include "loadtest/download.h"

#include <stdio.h>

#include "base/eid.h"
#include "base/imsi.h"
#include "loadtest/json_scan.h"

size_t download_write_request(const struct handshake *h, const char *attach_id, char *out)
{
	bool is_eid = strlen(h->subject) == EID_LEN;
	char nonce[BASE64_LEN(HANDSHAKE_NONCE_LEN) + 1];

	base64_write(BYTES(h->device_nonce), nonce);
	int len = snprintf(out, DOWNLOAD_BODY_MAX, "{\"%s\":\"%s\",%s%s%s\"deviceNonce\":\"%s\"}",
		is_eid ? "eid" : "supi", h->subject, attach_id != NULL ? "\"attachId\":\"" : "",
		attach_id != NULL ? attach_id : "", attach_id != NULL ? "\"," : "", nonce);

	return (size_t)len;
}

static bool read_bound(struct bytes in, struct bound_profile *out)
{
	struct json_scan scan;
	struct json_member m;
	bool iv = false, ciphertext = false;

	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "iv"))
			iv = json_scan_base64(m.value, out->iv, sizeof(out->iv));
		else if (json_is(&m, "ciphertext"))
			ciphertext = json_scan_base64_any(m.value, out->ciphertext,
				sizeof(out->ciphertext), &out->ciphertext_len);
	}
	return iv && ciphertext && !scan.broken;
}

bool bound_profile_read_answer(struct bytes in, struct bound_profile *out)
{
	struct json_scan scan;
	struct json_member m;
	bool bound = false;

	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m))
		if (json_is(&m, "boundProfile"))
			bound = read_bound(m.value, out);
	return bound && !scan.broken;
}

static bool read_supi(struct bytes value, struct installed_profile *out)
{
	return json_scan_copy(value, out->supi, sizeof(out->supi)) &&
	       imsi_read_supi(out->supi, strlen(out->supi), &out->imsi);
}

static bool read_profile(struct bytes json, struct installed_profile *out)
{
	enum { VERSION = 1, SUPI = 2, K = 4, OPC = 8, NETWORK = 16, ISSUED = 32, ENDS = 64 };
	enum { HAS_ALL = 127 };
	struct json_scan scan;
	struct json_member m;
	uint64_t version;
	unsigned has = 0;

	if (!json_scan_object(json, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "version") && json_scan_number(m.value, &version) && version == 1)
			has |= VERSION;
		else if (json_is(&m, "supi") && read_supi(m.value, out))
			has |= SUPI;
		else if (json_is(&m, "k") && json_scan_hex(m.value, out->k, sizeof(out->k)))
			has |= K;
		else if (json_is(&m, "opc") && json_scan_hex(m.value, out->opc, sizeof(out->opc)))
			has |= OPC;
		else if (json_is(&m, "networkIdentity")) {
			out->network = m.value;
			has |= NETWORK;
		} else if (json_is(&m, "issuedAt") && json_scan_text(m.value, &out->issued_at))
			has |= ISSUED;
		else if (json_is(&m, "notAfter") && json_scan_text(m.value, &out->not_after))
			has |= ENDS;
	}
	return has == HAS_ALL && !scan.broken;
}

enum outcome bound_profile_open(const struct handshake *h, const struct bound_profile *bound,
	uint8_t *json, struct installed_profile *out)
{
	size_t len;
	enum outcome o = download_open_profile(
		h, bound->iv, bytes_of(bound->ciphertext, bound->ciphertext_len), json, &len);

	if (o != FINE)
		return o;
	return read_profile(bytes_of(json, len), out) ? FINE : INVALID_PARAMETER;
}

enum outcome download_write_notification(
	const struct handshake *h, const char *result, char *out, size_t *len)
{
	uint8_t mac[32];
	char text[BASE64_LEN(sizeof(mac)) + 1];
	enum outcome o = download_notification_mac(h, result, mac);

	base64_write(BYTES(mac), text);
	*len = (size_t)snprintf(
		out, DOWNLOAD_BODY_MAX, "{\"result\":\"%s\",\"mac\":\"%s\"}", result, text);
	return o == FINE && *len >= DOWNLOAD_BODY_MAX ? INVALID_PARAMETER : o;
}

#include "loadtest/device_addition.h"

#include <stdio.h>

#include "loadtest/json_scan.h"
#include "loadtest/signature_json.h"

enum outcome addition_write_request(
	const struct companion_ue *c, const char *device_url, char *out, size_t *len)
{
	uint8_t mac[MAC_LEN];
	char text[BASE64_LEN(MAC_LEN) + 1];
	enum outcome o = companion_mac_addition(c, device_url, mac);

	base64_write(BYTES(mac), text);
	int written = snprintf(out, ADDITION_BODY_MAX,
		"{\"aKId\":\"%s\",\"deviceUrl\":\"%s\",\"mac\":\"%s\"}", c->a_kid, device_url,
		text);

	*len = (size_t)written;
	return o == FINE && written >= ADDITION_BODY_MAX ? INVALID_PARAMETER : o;
}

static bool read_sealed(struct bytes value, struct addition_answer *out)
{
	struct json_scan scan;
	struct json_member m;
	bool iv = false, ciphertext = false;

	if (!json_scan_object(value, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "iv"))
			iv = json_scan_base64(m.value, out->iv, sizeof(out->iv));
		else if (json_is(&m, "ciphertext"))
			ciphertext = json_scan_base64(m.value, out->sealed, sizeof(out->sealed));
	}
	return iv && ciphertext && !scan.broken;
}

bool addition_read_answer(struct bytes in, struct addition_answer *out)
{
	struct json_scan scan;
	struct json_member m;
	bool profile = false, signature = false, nonce = false, sealed = false;

	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "profile"))
			profile = json_scan_base64_any(
				m.value, out->profile, sizeof(out->profile), &out->profile_len);
		else if (json_is(&m, "profileSignature"))
			signature = signature_read_json(m.value, &out->signature, NULL);
		else if (json_is(&m, "nonce"))
			nonce = json_scan_base64(m.value, out->n2, sizeof(out->n2));
		else if (json_is(&m, "sealedKDoublePrime"))
			sealed = read_sealed(m.value, out);
	}
	return profile && signature && nonce && sealed && !scan.broken;
}

/* A base64 member into the room that is left. */
static bool take_bytes(struct bytes value, struct buffer *room, struct bytes *out)
{
	size_t len;

	if (!json_scan_base64_any(value, room->at + room->len, room->cap - room->len, &len))
		return false;
	*out = bytes_of(room->at + room->len, len);
	room->len += len;
	return len > 0;
}

static bool read_kprime(struct bytes value, struct buffer *room, struct encrypted_kprime *out)
{
	struct json_scan scan;
	struct json_member m;
	char scheme[24] = "";
	bool ephemeral = false, ciphertext = false, mac = false;

	if (!json_scan_object(value, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "scheme") && !json_scan_copy(m.value, scheme, sizeof(scheme)))
			return false;
		if (json_is(&m, "ephemeralPublicKey"))
			ephemeral = take_bytes(m.value, room, &out->ephemeral);
		else if (json_is(&m, "ciphertext"))
			ciphertext = take_bytes(m.value, room, &out->ciphertext);
		else if (json_is(&m, "mac"))
			mac = take_bytes(m.value, room, &out->mac);
	}
	if (scan.broken || !ciphertext)
		return false;
	out->is_rsa = strcmp(scheme, "rsa-oaep-sha256") == 0;
	return out->is_rsa || (strcmp(scheme, "ecies-p256") == 0 && ephemeral && mac);
}

bool profile_read(struct bytes json, struct device_profile *out)
{
	struct buffer room = buffer_over(out->room, sizeof(out->room));
	struct json_scan scan;
	struct json_member m;
	bool supi = false, device = false, access = false, maker = false, model = false;
	bool kprime = false;

	out->network = bytes_of(NULL, 0);
	if (!json_scan_object(json, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "supi"))
			supi = json_scan_copy(m.value, out->supi, sizeof(out->supi)) &&
			       imsi_read_supi(out->supi, strlen(out->supi), &out->imsi);
		else if (json_is(&m, "accessId"))
			access = json_scan_copy(m.value, out->access_id, sizeof(out->access_id));
		else if (json_is(&m, "deviceId"))
			device = json_scan_copy(m.value, out->device_id, sizeof(out->device_id));
		else if (json_is(&m, "manufacturer"))
			maker = json_scan_copy(
				m.value, out->manufacturer, sizeof(out->manufacturer));
		else if (json_is(&m, "model"))
			model = json_scan_copy(m.value, out->model, sizeof(out->model));
		else if (json_is(&m, "networkIdentity"))
			out->network = m.value;
		else if (json_is(&m, "encryptedKPrime"))
			kprime = read_kprime(m.value, &room, &out->kprime);
	}
	return supi && access && device && maker && model && kprime && out->network.len > 0 &&
	       !scan.broken;
}

bool profile_is_for(const struct device_profile *p, const struct headless_device *d)
{
	return strcmp(p->device_id, d->device_id) == 0 &&
	       strcmp(p->manufacturer, d->manufacturer) == 0 && strcmp(p->model, d->model) == 0;
}

#include "loadtest/credential_request.h"

#include <stdio.h>

#include "loadtest/json_scan.h"
#include "loadtest/signature_json.h"

enum outcome credential_write_request(
	const struct companion_ue *c, const struct dh_device *d, char *out, size_t *len)
{
	const char *group = dh_group_name(d->group);
	uint8_t mac1[MAC_LEN];
	char a_text[BASE64_LEN(DH_ELEMENT_MAX) + 1], mac_text[BASE64_LEN(MAC_LEN) + 1];
	enum outcome o = companion_mac1(c, d->device_id, group, dh_device_a(d), mac1);

	base64_write(dh_device_a(d), a_text);
	base64_write(BYTES(mac1), mac_text);
	int written = snprintf(out, CREDENTIAL_BODY_MAX,
		"{\"pType\":\"" P_TYPE_CREDENTIAL_REQUEST "\",\"deviceId\":\"%s\",\"group\":\"%s\","
		"\"a\":\"%s\",\"aKId\":\"%s\",\"mac1\":\"%s\"}",
		d->device_id, group, a_text, c->a_kid, mac_text);

	*len = (size_t)written;
	return o == FINE && written >= CREDENTIAL_BODY_MAX ? INVALID_PARAMETER : o;
}

bool credential_read_answer(struct bytes in, enum dh_group group, struct dh_answer *out)
{
	enum { HAS_ID = 1, HAS_B = 2, HAS_A = 4, HAS_SIGNATURE = 8, HAS_ALL = 15 };
	struct json_scan scan;
	struct json_member m;
	unsigned has = 0;

	out->a_len = out->b_len = dh_element_len(group);
	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "accessId") &&
			json_scan_hex(m.value, out->access_id, sizeof(out->access_id)))
			has |= HAS_ID;
		else if (json_is(&m, "b") && json_scan_base64(m.value, out->b, out->b_len))
			has |= HAS_B;
		else if (json_is(&m, "a") && json_scan_base64(m.value, out->a, out->a_len))
			has |= HAS_A;
		else if (json_is(&m, "sigCn") && signature_read_json(m.value, &out->sig_cn, NULL))
			has |= HAS_SIGNATURE;
	}
	return has == HAS_ALL && !scan.broken;
}

enum outcome confirmation_write_request(const struct dh_device *d, char *out, size_t *len)
{
	uint8_t mac2[32];
	char text[BASE64_LEN(32) + 1];
	enum outcome o = dh_device_mac2(d, mac2);

	base64_write(BYTES(mac2), text);
	*len = (size_t)snprintf(out, CREDENTIAL_BODY_MAX, "{\"deviceId\":\"%s\",\"mac2\":\"%s\"}",
		d->device_id, text);
	return o;
}

bool confirmation_read_answer(struct bytes in, struct confirmation_answer *out)
{
	struct json_scan scan;
	struct json_member m;
	bool complete = false, supi = false, mac3 = false;

	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "provisionComplete"))
			complete = bytes_equal(m.value, bytes_of_text("true"));
		else if (json_is(&m, "supi"))
			supi = json_scan_copy(m.value, out->supi, sizeof(out->supi)) &&
			       imsi_read_supi(out->supi, strlen(out->supi), &out->imsi);
		else if (json_is(&m, "mac3"))
			mac3 = json_scan_base64(m.value, out->mac3, sizeof(out->mac3));
	}
	return complete && supi && mac3 && !scan.broken;
}

#include "loadtest/credential_attach.h"

#include <stdio.h>

#include "loadtest/json_scan.h"

size_t credential_attach_write_request(const struct handshake *h, char *out)
{
	char nonce[BASE64_LEN(HANDSHAKE_NONCE_LEN) + 1];

	base64_write(BYTES(h->device_nonce), nonce);
	int len = snprintf(out, CREDENTIAL_ATTACH_BODY_MAX,
		"{\"attachType\":\"REMOTE_PROVISIONING\",\"eid\":\"%s\",\"ueNonce\":\"%s\"}",
		h->subject, nonce);

	return (size_t)len;
}

/* At least one host:port; a session that lists none would lead nowhere. */
static bool has_texts(struct bytes array)
{
	struct json_scan scan;
	struct json_member m;
	struct bytes text;
	size_t count = 0;

	if (!json_scan_array(array, &scan))
		return false;
	for (; json_scan_member(&scan, &m); count++)
		if (!json_scan_text(m.value, &text) || memchr(text.at, ':', text.len) == NULL)
			return false;
	return count > 0 && !scan.broken;
}

static bool read_session(struct bytes in, struct credential_accept *out)
{
	struct attach_accept *a = &out->accept;
	struct json_scan scan;
	struct json_member m;
	bool id = false, dnn = false, destinations = false, expires = false;

	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "id"))
			id = json_scan_copy(m.value, a->session_id, sizeof(a->session_id)) &&
			     handshake_id_is_valid(a->session_id);
		else if (json_is(&m, "dnn"))
			dnn = json_scan_text(m.value, &a->dnn) && a->dnn.len > 0;
		else if (json_is(&m, "allowedDestinations"))
			destinations = has_texts(out->destinations = m.value);
		else if (json_is(&m, "expiresAt"))
			expires = json_scan_number(m.value, &a->expires_at);
	}
	return id && dnn && destinations && expires && !scan.broken;
}

bool credential_attach_read_answer(struct bytes in, struct credential_accept *out)
{
	struct attach_accept *a = &out->accept;
	struct json_scan scan;
	struct json_member m;
	bool session = false, server = false, mac = false;

	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "pduSession"))
			session = read_session(m.value, out);
		else if (json_is(&m, "provisioningServer"))
			server = json_scan_text(m.value, &a->provisioning_server) &&
				 a->provisioning_server.len > 0;
		else if (json_is(&m, "mac"))
			mac = json_scan_base64(m.value, a->mac, sizeof(a->mac));
	}
	return session && server && mac && !scan.broken;
}

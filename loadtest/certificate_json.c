#include "loadtest/certificate_json.h"

#include "loadtest/json_scan.h"

bool certificate_read_json(struct certificate_room *room, struct bytes value, struct bytes *der)
{
	uint8_t *at = room->at + room->used;
	struct bytes text;
	size_t len;

	if (!json_scan_text(value, &text) || text.len > BASE64_LEN(ARPF_CERT_MAX) - 4 ||
		room->used + ARPF_CERT_MAX > sizeof(room->at) ||
		!base64_read((const char *)text.at, text.len, at, &len))
		return false;
	*der = bytes_of(at, len);
	room->used += len;
	return true;
}

bool certificate_list_read_json(
	struct certificate_room *room, struct bytes value, struct certificate_list *out)
{
	struct json_scan scan;
	struct json_member m;

	out->count = 0;
	if (!json_scan_array(value, &scan))
		return false;
	while (json_scan_member(&scan, &m))
		if (out->count == CHAIN_MOST ||
			!certificate_read_json(room, m.value, &out->der[out->count++]))
			return false;
	return !scan.broken;
}

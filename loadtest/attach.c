#include "loadtest/attach.h"

#include <assert.h>
#include <stdio.h>

#include "loadtest/aka.h"
#include "loadtest/json_scan.h"
#include "loadtest/signature_json.h"

void attach_texts_make(struct attach_texts *t, const struct maker *m)
{
	t->ci_len = base64_write(authority_certificate(&m->ci), t->ci);
	for (unsigned i = 0; i < m->part_count; i++)
		t->part_lens[i] = base64_write(authority_certificate(&m->parts[i]), t->parts[i]);
}

static char *put(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	return out + len;
}

static char *put_text(char *out, const char *text)
{
	return put(out, text, strlen(text));
}

size_t attach_write_item(const struct attach_texts *t, const struct fleet_record *r, char *out)
{
	char *at = put_text(out, "{\"seCredentials\":{\"atk\":\"");

	at += base64_write(bytes_of(r->atk, r->atk_len), at);
	at = put_text(at, "\",\"certSe\":\"");
	at += base64_write(bytes_of(r->certificate, r->certificate_len), at);
	at = put_text(at, "\",\"certPn\":\"");
	at = put(at, t->parts[r->part], t->part_lens[r->part]);
	at = put_text(at, "\",\"certCi\":\"");
	at = put(at, t->ci, t->ci_len);
	at = put_text(at, "\"}}");
	assert(at < out + ATTACH_ITEM_MAX);
	return (size_t)(at - out);
}

void attach_serving_network(const char *plmn, char *out, size_t size)
{
	char name[SERVING_NETWORK_MAX + 1];

	serving_network_name(plmn, name);
	snprintf(out, size, "{\"servingNetworkName\":\"%s\"}", name);
}

static bool read_dimsi(struct bytes value, uint64_t *dimsi)
{
	struct bytes text;

	return json_scan_text(value, &text) && imsi_read((const char *)text.at, text.len, dimsi);
}

static bool read_supi(struct bytes value, uint64_t *imsi)
{
	struct bytes text;

	return json_scan_text(value, &text) &&
	       imsi_read_supi((const char *)text.at, text.len, imsi);
}

static bool is_ready(struct bytes value)
{
	struct bytes text;

	return json_scan_text(value, &text) && text.len > 0;
}

bool attach_read_answer(struct bytes in, struct attach_answer *out)
{
	struct json_scan scan;
	struct json_member m;
	uint64_t number;
	bool dimsi = false, supi = false, se_id = false, state = false, endorsed = false;

	out->status = 0;
	out->cause = BROKEN;
	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "dimsi"))
			dimsi = read_dimsi(m.value, &out->dimsi);
		else if (json_is(&m, "supi"))
			supi = read_supi(m.value, &out->imsi);
		else if (json_is(&m, "seId"))
			se_id = json_scan_text(m.value, &out->se_id);
		else if (json_is(&m, "state"))
			state = is_ready(m.value);
		else if (json_is(&m, "endorsement"))
			endorsed =
				signature_read_json(m.value, &out->endorsement, &out->issued_at) &&
				out->issued_at > 0;
		else if (json_is(&m, "cause"))
			out->cause = json_scan_cause(m.value);
		else if (json_is(&m, "status") && json_scan_number(m.value, &number))
			out->status = number < 1000 ? (int)number : 0;
	}
	out->is_complete = dimsi && supi && se_id && state && endorsed;
	return !scan.broken && scan.ended;
}

bool vectors_read_answer(struct bytes in, uint8_t rand[16], uint8_t autn[16])
{
	struct json_scan scan;
	struct json_member m;
	struct bytes text;
	bool has_rand = false, has_autn = false, has_type = false;

	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "rand"))
			has_rand = json_scan_hex(m.value, rand, 16);
		else if (json_is(&m, "autn"))
			has_autn = json_scan_hex(m.value, autn, 16);
		else if (json_is(&m, "authType"))
			has_type = json_scan_text(m.value, &text) &&
				   bytes_equal(text, bytes_of_text("INITIAL_ATTACH"));
	}
	return has_rand && has_autn && has_type && !scan.broken;
}

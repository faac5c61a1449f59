#include "loadtest/signature_json.h"

#include "loadtest/json_scan.h"

#define HASH_LEN 32 /* of a certificate: an ECDSA signer's id */

static bool read_path(struct bytes value, struct batch_signature *s)
{
	struct json_scan scan;
	struct json_member m;

	s->path_count = 0;
	if (!json_scan_array(value, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (s->path_count == MERKLE_MAX_PATH ||
			!json_scan_base64(m.value, s->path + s->path_count * MERKLE_HASH_LEN,
				MERKLE_HASH_LEN))
			return false;
		s->path_count++;
	}
	return !scan.broken;
}

static bool read_suite(struct bytes value, enum batch_suite *suite)
{
	struct bytes text;

	if (!json_scan_text(value, &text))
		return false;
	*suite = bytes_equal(text, bytes_of_text(batch_suite_name(SUITE_ECCSI))) ? SUITE_ECCSI
										 : SUITE_ECDSA;
	return bytes_equal(text, bytes_of_text(batch_suite_name(*suite)));
}

/* Of which form they must be is known once the suite is. */
static bool finish(struct batch_signature *s, struct bytes signer, struct bytes signature)
{
	uint8_t hash[HASH_LEN];
	struct bytes text;

	if (!json_scan_base64(signature, s->signature, batch_suite_signature_len(s->suite)))
		return false;
	if (s->suite == SUITE_ECCSI)
		return json_scan_copy(signer, s->signer_id, sizeof(s->signer_id));
	if (!json_scan_text(signer, &text) ||
		!hex_read((const char *)text.at, text.len, hash, sizeof(hash)))
		return false;
	hex_write(BYTES(hash), s->signer_id);
	return true;
}

bool signature_read_json(struct bytes in, struct batch_signature *s, uint64_t *issued_at)
{
	enum { HAS_SUITE = 1, HAS_SIZE = 2, HAS_INDEX = 4, HAS_PATH = 8, HAS_ALL = 15 };
	struct bytes signer = bytes_of(NULL, 0), signature = signer;
	struct json_scan scan;
	struct json_member m;
	unsigned has = 0;

	if (issued_at != NULL)
		*issued_at = 0;
	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "suite") && read_suite(m.value, &s->suite))
			has |= HAS_SUITE;
		else if (json_is(&m, "signerId"))
			signer = m.value;
		else if (json_is(&m, "signature"))
			signature = m.value;
		else if (json_is(&m, "treeSize") && json_scan_number(m.value, &s->tree_size))
			has |= HAS_SIZE;
		else if (json_is(&m, "leafIndex") && json_scan_number(m.value, &s->leaf_index))
			has |= HAS_INDEX;
		else if (json_is(&m, "path") && read_path(m.value, s))
			has |= HAS_PATH;
		else if (issued_at != NULL && json_is(&m, "issuedAt") &&
			 !json_scan_number(m.value, issued_at))
			*issued_at = 0;
	}
	return has == HAS_ALL && !scan.broken && finish(s, signer, signature);
}

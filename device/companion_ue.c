#include "device/companion_ue.h"

#include <stdio.h>

#include "base/secret.h"
#include "crypto/aes.h"
#include "crypto/kdf.h"
#include "crypto/kdf_5g.h"
#include "crypto/transcript.h"

#define FC_A_TID 0x81 /* TS 33.535 clause A.3 */

void companion_make(struct companion_ue *c, struct plmn plmn, uint64_t imsi, const uint8_t k[16],
	const uint8_t opc[16])
{
	*c = (struct companion_ue){ .plmn = plmn, .imsi = imsi };
	usim_make(&c->usim, k, opc);
}

/* TS 23.003 clause 28.13 has the routing indicator, which is 0 here, and A-TID before the @. */
static enum outcome make_a_kid(struct companion_ue *c, const uint8_t kausf[32], const char *digits)
{
	struct bytes parameters[] = { bytes_of_text("A-TID"), bytes_of_text(digits) };
	uint8_t a_tid[SHA256_LEN];
	char text[2 * SHA256_LEN + 1];
	enum outcome o = kdf_3gpp(bytes_of(kausf, 32), FC_A_TID, parameters, 2, a_tid);

	if (o != FINE)
		return o;
	hex_write(BYTES(a_tid), text);
	int len = snprintf(c->a_kid, sizeof(c->a_kid),
		"r0%s@akma.5gc.mnc%s%.*s.mcc%.3s.3gppnetwork.org", text,
		c->plmn.digits == 5 ? "0" : "", c->plmn.digits - 3, digits + 3, digits);

	return len > 0 && (size_t)len < sizeof(c->a_kid) ? FINE : BROKEN;
}

static enum outcome make_k(struct companion_ue *c, const struct af_id *af)
{
	uint8_t room[AF_FQDN_MAX + sizeof(af->ua_protocol)];
	struct buffer id = buffer_over(room, sizeof(room));

	buffer_put(&id, af->fqdn, strlen(af->fqdn));
	buffer_put(&id, af->ua_protocol, sizeof(af->ua_protocol));
	return id.full ? INVALID_PARAMETER : kdf_af(c->k_akma, buffer_bytes(&id), c->k);
}

enum outcome companion_open_session(
	struct companion_ue *c, const uint8_t kausf[32], const struct af_id *af)
{
	char digits[IMSI_DIGITS + 1];

	/* The SUPI of an IMSI enters a derivation as its digits (TS 33.501 clause A.7.0). */
	imsi_write(c->imsi, digits);
	enum outcome o = kdf_akma(kausf, bytes_of_text(digits), c->k_akma);

	if (o == FINE)
		o = make_a_kid(c, kausf, digits);
	return o == FINE ? make_k(c, af) : o;
}

static enum outcome mac_by_k(
	const struct companion_ue *c, const struct transcript *t, uint8_t mac[MAC_LEN])
{
	struct bytes message;

	if (!transcript_end(t, &message))
		return INVALID_PARAMETER;
	return hmac_sha256(BYTES(c->k), &message, 1, mac);
}

enum outcome companion_mac1(const struct companion_ue *c, const char *device_id, const char *group,
	struct bytes a, uint8_t mac[MAC_LEN])
{
	uint8_t room[1024];
	struct transcript t = transcript_start(room, sizeof(room), "arpf mac1 v1");

	transcript_add_text(&t, P_TYPE_CREDENTIAL_REQUEST);
	transcript_add_text(&t, device_id);
	transcript_add_text(&t, group);
	transcript_add(&t, a);
	transcript_add_text(&t, c->a_kid);
	return mac_by_k(c, &t, mac);
}

enum outcome companion_mac_addition(
	const struct companion_ue *c, const char *device_url, uint8_t mac[MAC_LEN])
{
	uint8_t room[4096];
	struct transcript t = transcript_start(room, sizeof(room), "arpf add v1");

	transcript_add_text(&t, c->a_kid);
	transcript_add_text(&t, device_url);
	return mac_by_k(c, &t, mac);
}

enum outcome companion_open_kdoubleprime(const struct companion_ue *c, const uint8_t iv[12],
	struct bytes ciphertext, const char *device_id, const char *supi, uint8_t out[32])
{
	uint8_t info_room[256], aad_room[256], key[32];
	struct transcript info = transcript_start(info_room, sizeof(info_room), "arpf seal v1");
	struct transcript aad = transcript_start(aad_room, sizeof(aad_room), "arpf add answer v1");
	struct bytes info_text, aad_text;

	if (ciphertext.len != 32 + AES_GCM_TAG_LEN)
		return INVALID_PARAMETER;
	transcript_add_text(&info, c->a_kid);
	transcript_add_text(&aad, device_id);
	transcript_add_text(&aad, supi);
	if (!transcript_end(&info, &info_text) || !transcript_end(&aad, &aad_text))
		return INVALID_PARAMETER;
	enum outcome o = hkdf_expand_sha256(BYTES(c->k), info_text, key, sizeof(key));

	if (o == FINE)
		o = aes_gcm_open(BYTES(key), iv, aad_text, ciphertext, out);
	wipe(key, sizeof(key));
	return o;
}

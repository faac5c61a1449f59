#include "tests/unit/exchange_reply.h"

#include <check.h>

#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "tests/unit/exchange_world.h"

#define BODY_MAX 16384u

static void sign(EVP_PKEY *key, struct bytes message, uint8_t raw[P256_SIGNATURE_LEN])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[80];
	size_t len = sizeof(der);

	ck_assert(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestSign(context, der, &len, message.at, message.len) == 1);
	ck_assert(p256_signature_from_der(bytes_of(der, len), raw));
	EVP_MD_CTX_free(context);
}

static void sign_reply(
	const struct exchange_reply *r, EVP_PKEY *key, struct bytes point, uint8_t raw[64])
{
	bool is_attach = r->kind == EXCHANGE_ATTACH;
	uint8_t room[400];
	struct transcript m = transcript_start(
		room, sizeof(room), is_attach ? "arpf attach ue v1" : "arpf dp device v1");
	struct bytes message;

	transcript_add_text(&m, r->is_of_another ? "b1" : access_id_text);
	transcript_add_text(&m, is_attach ? exchange.attach.eid : exchange.download.subject);
	transcript_add(&m, BYTES(exchange.attach.server_nonce));
	transcript_add(&m, BYTES(exchange.attach.device_nonce));
	transcript_add(&m, BYTES(exchange.attach.ephemeral));
	transcript_add(&m, point);
	ck_assert(transcript_end(&m, &message));
	sign(key, message, raw);
}

static size_t put_base64(char *out, struct bytes in)
{
	size_t len = 0;

	out[len++] = '"';
	len += base64_write(in, out + len);
	out[len++] = '"';
	return len;
}

const char *reply_of(const struct exchange_reply *r)
{
	static char rooms[2][BODY_MAX];
	static unsigned turn;
	bool is_se = r->kind == EXCHANGE_DOWNLOAD && exchange.download.imsi != 0 &&
		     exchange.download.subject[0] == 'i';
	const struct pki_made *own[] = { is_se ? &se_made[SE] : &euicc_made[EUICC_LEAF],
		is_se ? &se_made[PN] : &euicc_made[EUICC_EUM], NULL };
	const struct pki_made *const *chain = r->certificates[0] != NULL ? r->certificates : own;
	EVP_PKEY *key = r->key != NULL ? r->key : is_se ? world_keys[SE] : euicc_keys[EUICC_LEAF];
	static uint8_t last[P256_POINT_LEN];
	uint8_t scalar[P256_SCALAR_LEN], point[P256_POINT_LEN], raw[P256_SIGNATURE_LEN];
	char *out = rooms[turn++ % 2];

	if (!r->has_last_point)
		ck_assert_int_eq(p256_generate(scalar, last), FINE);
	memcpy(point, last, sizeof(point));
	point[64] ^= r->is_point_bad;
	sign_reply(r, key, BYTES(point), raw);
	size_t len = (size_t)snprintf(out, BODY_MAX, "{\"certificateChain\":[");
	for (size_t i = 0; chain[i] != NULL; i++) {
		if (i > 0)
			out[len++] = ',';
		len += put_base64(out + len, pki_bytes(chain[i]));
	}
	len += (size_t)snprintf(out + len, BODY_MAX - len, "],\"ephemeralPublicKey\":");
	len += put_base64(out + len, BYTES(point));
	len += (size_t)snprintf(out + len, BODY_MAX - len, ",\"signature\":");
	len += put_base64(out + len, BYTES(raw));
	snprintf(out + len, BODY_MAX - len, "}");
	return out;
}

static size_t take_base64(const json_t *text, uint8_t *at)
{
	size_t len;

	ck_assert(base64_read(json_string_value(text), json_string_length(text), at, &len));
	return len;
}

void reply_hash(enum exchange_kind kind, const char *body, uint8_t hash[32])
{
	json_t *json = json_loads(body, 0, NULL);
	const json_t *chain = json_object_get(json, "certificateChain");
	uint8_t room[400], der[4096], fingerprint[32];
	struct transcript m = transcript_start(room, sizeof(room), "arpf exchange answer v1");
	struct bytes message;

	transcript_add(
		&m, bytes_of(der, take_base64(json_object_get(json, "ephemeralPublicKey"), der)));
	if (kind == EXCHANGE_ATTACH)
		transcript_add(
			&m, bytes_of(der, take_base64(json_object_get(json, "signature"), der)));
	for (size_t i = 0; kind == EXCHANGE_ATTACH && i < json_array_size(chain); i++) {
		struct bytes one = bytes_of(der, take_base64(json_array_get(chain, i), der));

		ck_assert_int_eq(sha256(&one, 1, fingerprint), FINE);
		transcript_add(&m, BYTES(fingerprint));
	}
	ck_assert(transcript_end(&m, &message) && sha256(&message, 1, hash) == FINE);
	json_decref(json);
}

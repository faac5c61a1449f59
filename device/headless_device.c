#include "device/headless_device.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/secret.h"
#include "crypto/ecies.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"

#define RSA_BITS 2048
#define RSA_MOST 512 /* bytes of a modulus */

static bool copy_text(const char *from, char *to, size_t max)
{
	size_t len = strlen(from);

	if (len == 0 || len > max)
		return false;
	memcpy(to, from, len + 1);
	return true;
}

static enum outcome certify_rsa(struct headless_device *d, const struct authority *ca,
	const struct device_subject *subject, const struct validity *validity)
{
	uint8_t *spki = NULL;

	d->rsa = EVP_RSA_gen(RSA_BITS);
	int len = d->rsa != NULL ? i2d_PUBKEY(d->rsa, &spki) : -1;

	if (len <= 0)
		return BROKEN;
	enum outcome o = certificate_make_device(ca, bytes_of(spki, (size_t)len), subject, validity,
		d->certificate, &d->certificate_len);

	OPENSSL_free(spki);
	return o;
}

static enum outcome certify_p256(struct headless_device *d, const struct authority *ca,
	const struct device_subject *subject, const struct validity *validity)
{
	uint8_t point[P256_POINT_LEN];
	enum outcome o = p256_generate(d->key, point);

	if (o == FINE)
		o = certificate_make_device(
			ca, BYTES(point), subject, validity, d->certificate, &d->certificate_len);
	return o;
}

enum outcome headless_device_make(struct headless_device *d, const struct authority *ca,
	enum device_key_kind kind, const struct device_subject *subject,
	const struct validity *validity)
{
	*d = (struct headless_device){ 0 };
	if (!copy_text(subject->device_id, d->device_id, DEVICE_ID_MAX) ||
		!copy_text(subject->manufacturer, d->manufacturer, SUBJECT_TEXT_MAX) ||
		!copy_text(subject->model, d->model, SUBJECT_TEXT_MAX))
		return INVALID_PARAMETER;
	enum outcome o = kind == DEVICE_KEY_RSA2048 ? certify_rsa(d, ca, subject, validity)
						    : certify_p256(d, ca, subject, validity);

	if (o != FINE)
		headless_device_end(d);
	return o;
}

void headless_device_end(struct headless_device *d)
{
	EVP_PKEY_free(d->rsa);
	wipe(d, sizeof(*d));
}

enum outcome headless_device_check_profile(
	struct signature_checker *c, const struct batch_signature *s, struct bytes profile)
{
	uint8_t room[4096];
	struct transcript t = transcript_start(room, sizeof(room), "arpf profile v1");
	struct bytes message;

	transcript_add(&t, profile);
	return transcript_end(&t, &message) ? batch_signature_check(c, s, message)
					    : PAYLOAD_TOO_LARGE;
}

/* RFC 8017 section 7.1 with SHA-256 in both places and no label. */
static enum outcome open_rsa(EVP_PKEY *key, struct bytes ciphertext, uint8_t kprime[KPRIME_LEN])
{
	uint8_t plain[RSA_MOST];
	size_t len = sizeof(plain);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	enum outcome o = BROKEN;

	if (ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1)
		o = EVP_PKEY_decrypt(ctx, plain, &len, ciphertext.at, ciphertext.len) == 1 &&
				    len == KPRIME_LEN
			    ? FINE
			    : MAC_INVALID;
	if (o == FINE)
		memcpy(kprime, plain, KPRIME_LEN);
	EVP_PKEY_CTX_free(ctx);
	wipe(plain, sizeof(plain));
	return o;
}

enum outcome headless_device_open_kprime(const struct headless_device *d,
	const struct encrypted_kprime *e, uint8_t kprime[KPRIME_LEN])
{
	if (e->is_rsa != (d->rsa != NULL))
		return MAC_INVALID;
	if (e->is_rsa)
		return open_rsa(d->rsa, e->ciphertext, kprime);
	if (e->ciphertext.len != KPRIME_LEN || e->mac.len != ECIES_MAC_LEN)
		return MAC_INVALID;
	return ecies_p256_open(d->key, e->ephemeral, e->ciphertext, e->mac, kprime);
}

enum outcome headless_device_kdoubleprime(const struct headless_device *d,
	const uint8_t kprime[KPRIME_LEN], const uint8_t n2[16], uint8_t out[32])
{
	uint8_t room[512];
	struct transcript t = transcript_start(room, sizeof(room), "arpf kdoubleprime v1");
	struct bytes message;

	transcript_add(&t, bytes_of(n2, 16));
	transcript_add_text(&t, d->device_id);
	transcript_add_text(&t, d->manufacturer);
	transcript_add_text(&t, d->model);
	if (!transcript_end(&t, &message))
		return BROKEN;
	return hmac_sha256(bytes_of(kprime, KPRIME_LEN), &message, 1, out);
}

enum outcome headless_device_usim(
	const uint8_t kprime[KPRIME_LEN], const char *supi, struct usim *usim)
{
	uint8_t room[128], keys[32];
	struct transcript t = transcript_start(room, sizeof(room), "arpf kprime keys v1");
	struct bytes info;

	transcript_add_text(&t, supi);
	if (!transcript_end(&t, &info))
		return INVALID_PARAMETER;
	enum outcome o = hkdf_expand_sha256(bytes_of(kprime, KPRIME_LEN), info, keys, sizeof(keys));

	if (o == FINE)
		usim_make(usim, keys, keys + 16);
	wipe(keys, sizeof(keys));
	return o;
}

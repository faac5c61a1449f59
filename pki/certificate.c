#include "pki/certificate.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "crypto/kdf.h"
#include "pki/certificate_parts.h"
#include "pki/der.h"

#define SERIAL_MAX 20 /* RFC 5280 section 4.1.2.2 */

/* [0] EXPLICIT INTEGER 2: version 3 */
static const uint8_t version_3[] = { 0xa0, 0x03, 0x02, 0x01, 0x02 };
/* AlgorithmIdentifier of ecdsa-with-SHA256, parameters absent (RFC 5758 section 3.2) */
static const uint8_t ecdsa_with_sha256[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
	0x04, 0x03, 0x02 };
/*
 * SubjectPublicKeyInfo of id-ecPublicKey on prime256v1 up to the 65 bytes of the point (RFC 5480)
 */
static const uint8_t p256_key_info[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
	0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42,
	0x00 };

static bool take_validity(struct bytes *in, struct certificate *c)
{
	struct bytes validity;

	return der_take(in, DER_SEQUENCE, &validity) && der_take_time(&validity, &c->not_before) &&
	       der_take_time(&validity, &c->not_after) && validity.len == 0;
}

static bool take_public_key(struct bytes *in, struct certificate *c)
{
	const uint8_t *start = in->at;

	if (!der_take_exact(in, BYTES(p256_key_info)) ||
		!bytes_take(in, P256_POINT_LEN, &c->public_key) || c->public_key.at[0] != 0x04)
		return false;
	c->spki = bytes_of(start, sizeof(p256_key_info) + P256_POINT_LEN);
	return true;
}

static bool take_extensions(struct bytes *in, struct certificate *c)
{
	struct bytes wrapper, extensions;

	if (in->len == 0)
		return true;
	return der_take(in, DER_CONTEXT_CONSTRUCTED | 3, &wrapper) &&
	       der_take(&wrapper, DER_SEQUENCE, &extensions) && wrapper.len == 0 &&
	       extensions_read(extensions, c);
}

/* TBSCertificate, RFC 5280 section 4.1. The unique identifiers of version 2 are not taken. */
static bool read_tbs(struct bytes in, struct certificate *c)
{
	return der_take_exact(&in, BYTES(version_3)) && der_take_integer(&in, &c->serial) &&
	       c->serial.len <= SERIAL_MAX && der_take_exact(&in, BYTES(ecdsa_with_sha256)) &&
	       name_take(&in, &c->issuer) && c->issuer.len > 2 && take_validity(&in, c) &&
	       name_take(&in, &c->subject) && name_read_subject(c->subject, c) &&
	       take_public_key(&in, c) && take_extensions(&in, c) && in.len == 0;
}

static bool take_signature(struct bytes *in, struct certificate *c)
{
	struct bytes bits, unused;

	return der_take(in, DER_BIT_STRING, &bits) && bytes_take(&bits, 1, &unused) &&
	       unused.at[0] == 0 && p256_signature_from_der(bits, c->signature);
}

static bool read_certificate(struct bytes in, struct certificate *c)
{
	struct bytes content, tbs;

	return der_take(&in, DER_SEQUENCE, &content) && in.len == 0 &&
	       der_take_whole(&content, DER_SEQUENCE, &c->tbs, &tbs) && read_tbs(tbs, c) &&
	       der_take_exact(&content, BYTES(ecdsa_with_sha256)) && take_signature(&content, c) &&
	       content.len == 0;
}

/* Whether OpenSSL takes it for a certificate, one of any kind. */
static bool is_some_certificate(struct bytes der)
{
	const unsigned char *end = der.at;
	X509 *x = der.len > 0 ? d2i_X509(NULL, &end, (long)der.len) : NULL;
	bool whole = x != NULL && end == der.at + der.len;

	X509_free(x);
	ERR_clear_error();
	return whole;
}

enum outcome certificate_read(struct bytes der, struct certificate *out)
{
	*out = (struct certificate){ .der = der, .path_length = -1 };
	if (read_certificate(der, out))
		return FINE;
	*out = (struct certificate){};
	return is_some_certificate(der) ? CERTIFICATE_UNTRUSTED : INVALID_PARAMETER;
}

enum outcome certificate_fingerprint(struct bytes der, uint8_t out[FINGERPRINT_LEN])
{
	return sha256(&der, 1, out);
}

enum outcome certificate_digest(const struct certificate *c, uint8_t digest[32])
{
	return sha256(&c->tbs, 1, digest);
}

static bool is_device_id_character(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == ':' || c == '-';
}

bool device_id_is_valid(struct bytes text)
{
	if (text.len == 0 || text.len > DEVICE_ID_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!is_device_id_character(text.at[i]))
			return false;
	return true;
}

#include "pki/device_anchor.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "pki/pem.h"

#define RSA_LEAST_BITS 2048

static X509 *read_exactly(struct bytes der)
{
	const unsigned char *end = der.at;
	X509 *x = der.len > 0 ? d2i_X509(NULL, &end, (long)der.len) : NULL;

	if (x != NULL && end == der.at + der.len)
		return x;
	X509_free(x);
	return NULL;
}

static bool is_strong_key(EVP_PKEY *key)
{
	char group[32];
	size_t len;

	if (EVP_PKEY_is_a(key, "RSA") == 1)
		return EVP_PKEY_get_bits(key) >= RSA_LEAST_BITS;
	return EVP_PKEY_is_a(key, "EC") == 1 &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	       (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0);
}

static bool is_strong_digest(X509 *x)
{
	int digest = NID_undef;

	return X509_get_signature_info(x, &digest, NULL, NULL, NULL) == 1 &&
	       (digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512);
}

/* NULL: it may be one. */
static const char *find_fault(X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);

	if (X509_get_version(x) != X509_VERSION_3)
		return "This certificate is not of version 3.";
	if (X509_check_ca(x) != 1 || (X509_get_key_usage(x) & KU_KEY_CERT_SIGN) == 0)
		return "This certificate is not that of a CA.";
	if (key == NULL || !is_strong_key(key))
		return "An anchor for devices has a key of P-256, P-384, or RSA of at least 2048 "
		       "bits.";
	if (!is_strong_digest(x))
		return "An anchor for devices is signed with SHA-256, SHA-384 or SHA-512.";
	if (X509_self_signed(x, 0) == 1 && X509_verify(x, key) != 1)
		return "This certificate's signature does not verify.";
	return NULL;
}

enum outcome device_anchor_read(struct bytes der, struct x509_st **out, const char **reason)
{
	X509 *x = read_exactly(der);

	*out = NULL;
	*reason = "This is no X.509 certificate in DER.";
	if (x == NULL) {
		ERR_clear_error();
		return INVALID_PARAMETER;
	}
	*reason = find_fault(x);
	ERR_clear_error();
	if (*reason != NULL) {
		X509_free(x);
		return CERTIFICATE_UNTRUSTED;
	}
	*out = x;
	return FINE;
}

static int64_t unix_seconds(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

enum outcome certificate_summarise(struct bytes der, struct certificate_summary *out)
{
	X509 *x = read_exactly(der);
	const unsigned char *name = NULL;
	size_t len = 0;
	enum outcome o = INVALID_PARAMETER;

	if (x != NULL && X509_NAME_get0_der(X509_get_subject_name(x), &name, &len) == 1) {
		certificate_subject_text(bytes_of(name, len), out->subject, sizeof(out->subject));
		out->not_before = unix_seconds(X509_get0_notBefore(x));
		out->not_after = unix_seconds(X509_get0_notAfter(x));
		o = issuer_id_of(x, &out->id);
	}
	X509_free(x);
	ERR_clear_error();
	return o;
}

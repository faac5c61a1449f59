/* What certificate_read accepts OpenSSL accepts too, and reads the same in it. */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "pki/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool same_name(const X509_NAME *name, struct bytes read)
{
	const unsigned char *der;
	size_t len;

	return X509_NAME_get0_der(name, &der, &len) == 1 && bytes_equal(bytes_of(der, len), read);
}

static bool same_time(const ASN1_TIME *time, int64_t read)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 && timegm(&tm) == read;
}

static bool same_serial(X509 *x, struct bytes read)
{
	unsigned char der[32], *at = der;
	int len = i2d_ASN1_INTEGER(X509_get_serialNumber(x), NULL);

	if (len < 3 || (size_t)len > sizeof(der))
		return false;
	i2d_ASN1_INTEGER(X509_get_serialNumber(x), &at);
	return bytes_equal(bytes_of(der + 2, (size_t)len - 2), read);
}

/* Where OpenSSL can make nothing of some extension that decides nothing here, it has no opinion. */
static bool same_extensions(X509 *x, const struct certificate *c)
{
	uint32_t flags = X509_get_extension_flags(x), usage = X509_get_key_usage(x);

	if ((flags & EXFLAG_INVALID) != 0)
		return true;
	if (c->has_key_usage != ((flags & EXFLAG_KUSAGE) != 0) ||
		c->is_ca != ((flags & EXFLAG_CA) != 0))
		return false;
	return !c->has_key_usage || (((c->key_usage & KEY_USAGE_DIGITAL_SIGNATURE) != 0) ==
						    ((usage & KU_DIGITAL_SIGNATURE) != 0) &&
					    ((c->key_usage & KEY_USAGE_KEY_CERT_SIGN) != 0) ==
						    ((usage & KU_KEY_CERT_SIGN) != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *end = data;
	struct certificate c;

	if (certificate_read(bytes_of(data, size), &c) != FINE)
		return 0;
	X509 *x = d2i_X509(NULL, &end, (long)size);
	must(x != NULL && end == data + size && X509_get_version(x) == X509_VERSION_3);
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(x);
	must(bytes_equal(bytes_of(key->data, (size_t)key->length), c.public_key));
	must(same_serial(x, c.serial));
	must(same_name(X509_get_subject_name(x), c.subject));
	must(same_name(X509_get_issuer_name(x), c.issuer));
	must(same_time(X509_get0_notBefore(x), c.not_before));
	must(same_time(X509_get0_notAfter(x), c.not_after));
	must(same_extensions(x, &c));
	X509_free(x);
	return 0;
}

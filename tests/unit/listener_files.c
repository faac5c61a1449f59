#include "tests/unit/listener_files.h"

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define SERVER      "extendedKeyUsage=serverAuth"
#define CRITICAL_CA "basicConstraints=critical,CA:TRUE"

const char *const ca_extensions[] = { CRITICAL_CA, "keyUsage=critical,keyCertSign,cRLSign", NULL };

static char folder[] = "/tmp/arpf-test-XXXXXX";
char certificate_file[64], key_file[64], ca_file[64];
EVP_PKEY *ca_key, *stranger_key, *own_key;
struct pki_made ca, other_ca, own;
struct settings listener_settings = {
	.tls_certificate_file = certificate_file,
	.tls_key_file = key_file,
	.tls_client_ca_file = ca_file,
};
static FILE *open_file(const char *path, const char *mode)
{
	FILE *out = fopen(path, mode);

	ck_assert_ptr_nonnull(out);
	return out;
}

void write_certificate(const char *path, const char *mode, const struct pki_made *made)
{
	const unsigned char *at = made->der;
	X509 *x = d2i_X509(NULL, &at, (long)made->len);
	FILE *out = open_file(path, mode);

	ck_assert_int_eq(PEM_write_X509(out, x), 1);
	fclose(out);
	X509_free(x);
}

void write_private_key(const char *path, EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	FILE *out = open_file(path, "w");

	ck_assert_int_eq(PEM_write_PKCS8PrivateKey(
				 out, key, cipher, cipher != NULL ? "word" : NULL, 4, NULL, NULL),
		1);
	fclose(out);
}

void append_crl(const struct pki_made *issuer, EVP_PKEY *signer, long serial, long next_s)
{
	const unsigned char *at = issuer->der;
	X509 *x = d2i_X509(NULL, &at, (long)issuer->len);
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	ASN1_TIME *then = ASN1_TIME_set(NULL, clock_unix() - 7200);
	ASN1_TIME *next = ASN1_TIME_set(NULL, clock_unix() + next_s);
	FILE *out = open_file(ca_file, "a");

	ASN1_INTEGER_set(number, serial);
	X509_REVOKED_set_serialNumber(entry, number);
	X509_REVOKED_set_revocationDate(entry, then);
	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(x));
	X509_CRL_set1_lastUpdate(crl, then);
	X509_CRL_set1_nextUpdate(crl, next);
	ck_assert_int_eq(X509_CRL_add0_revoked(crl, entry), 1);
	ck_assert_int_gt(X509_CRL_sign(crl, signer, EVP_sha256()), 0);
	ck_assert_int_eq(PEM_write_X509_CRL(out, crl), 1);
	fclose(out);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(then);
	ASN1_TIME_free(next);
	X509_CRL_free(crl);
	X509_free(x);
}

void make_signed(const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *signer,
	const char *const *extensions, struct pki_made *out)
{
	pki_make(&(struct pki_recipe){ .subject = subject,
			 .issuer = issuer,
			 .key = key,
			 .signer = signer,
			 .extensions = extensions },
		out);
}

void listener_files_begin(void)
{
	static const char *const server[] = { SERVER, NULL };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(certificate_file, sizeof(certificate_file), "%s/own.pem", folder);
	snprintf(key_file, sizeof(key_file), "%s/own.key", folder);
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
	ca_key = pki_key("P-256");
	stranger_key = pki_key("P-256");
	own_key = pki_key("P-256");
	make_signed("CN=CA", NULL, ca_key, ca_key, ca_extensions, &ca);
	make_signed("CN=Other CA", NULL, stranger_key, stranger_key, ca_extensions, &other_ca);
	make_signed("CN=server", "CN=CA", own_key, ca_key, server, &own);
	write_certificate(certificate_file, "w", &own);
	write_private_key(key_file, own_key, NULL);
	write_certificate(ca_file, "w", &ca);
}

void listener_files_end(void)
{
	unlink(certificate_file);
	unlink(key_file);
	unlink(ca_file);
	ck_assert_int_eq(rmdir(folder), 0);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(stranger_key);
	EVP_PKEY_free(own_key);
}

#include "tests/unit/device_pki.h"

#include <check.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

EVP_PKEY *device_keys[DEVICE_LEVELS], *rsa_key;

static const char *const root_extensions[] = { "basicConstraints=critical,CA:TRUE",
	"keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=C1C1C1C1", NULL };
static const char *const issuing_extensions[] = { "basicConstraints=critical,CA:TRUE,pathlen:0",
	"keyUsage=critical,keyCertSign", "subjectKeyIdentifier=B0B0B0B0",
	"2.5.29.35=DER:30068004C1C1C1C1", NULL };
static const char *const device_extensions[] = { "basicConstraints=CA:FALSE",
	"keyUsage=critical,digitalSignature,keyAgreement", "2.5.29.35=DER:30068004B0B0B0B0", NULL };

static const struct pki_recipe good[DEVICE_LEVELS] = {
	{ .subject = "CN=Root", .issuer = "CN=Root", .extensions = root_extensions },
	{ .subject = "CN=Issuing", .issuer = "CN=Root", .extensions = issuing_extensions },
	{ .subject = DEVICE_SUBJECT,
		.issuer = "CN=Issuing",
		.serial = "5E01",
		.extensions = device_extensions },
};

void device_make_keys(void)
{
	for (int i = 0; i < DEVICE_LEVELS; i++)
		device_keys[i] = pki_key("P-256");
	rsa_key = pki_key("RSA");
}

void device_free_keys(void)
{
	for (int i = 0; i < DEVICE_LEVELS; i++)
		EVP_PKEY_free(device_keys[i]);
	EVP_PKEY_free(rsa_key);
}

struct pki_recipe device_recipe(int level)
{
	struct pki_recipe recipe = good[level];

	recipe.key = device_keys[level];
	recipe.signer = device_keys[level == ROOT ? ROOT : level - 1];
	return recipe;
}

void device_make(int level, struct pki_made *out)
{
	struct pki_recipe recipe = device_recipe(level);

	pki_make(&recipe, out);
}

static X509 *x509_of(const struct pki_made *made)
{
	const unsigned char *at = made->der;
	X509 *x = d2i_X509(NULL, &at, (long)made->len);

	ck_assert_ptr_nonnull(x);
	return x;
}

static struct bytes take(BIO *out)
{
	char *at;
	long len = BIO_get_mem_data(out, &at);
	struct bytes body;

	ck_assert(bytes_duplicate(bytes_of(at, (size_t)len), &body));
	BIO_free(out);
	return body;
}

struct bytes pem_of(const struct pki_made *const *made, size_t count)
{
	BIO *out = BIO_new(BIO_s_mem());

	for (size_t i = 0; i < count; i++) {
		X509 *x = x509_of(made[i]);

		ck_assert_int_eq(PEM_write_bio_X509(out, x), 1);
		X509_free(x);
	}
	return take(out);
}

struct bytes pkcs7_of(const struct pki_made *const *made, size_t count)
{
	BIO *out = BIO_new(BIO_s_mem());
	PKCS7 *p = PKCS7_new();

	ck_assert_int_eq(PKCS7_set_type(p, NID_pkcs7_signed), 1);
	ck_assert_int_eq(PKCS7_content_new(p, NID_pkcs7_data), 1);
	PKCS7_set_detached(p, 1);
	for (size_t i = 0; i < count; i++) {
		X509 *x = x509_of(made[i]);

		ck_assert_int_eq(PKCS7_add_certificate(p, x), 1);
		X509_free(x);
	}
	ck_assert_int_eq(i2d_PKCS7_bio(out, p), 1);
	PKCS7_free(p);
	return take(out);
}

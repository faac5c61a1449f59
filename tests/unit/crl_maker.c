#include "tests/unit/crl_maker.h"

#include <openssl/bn.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY 86400

static uint8_t *made;

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "crl_maker: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static void add_entry(X509_CRL *crl, const char *hex, const char *extension)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *at = X509_time_adj_ex(NULL, 0, 0, &(time_t){ PKI_NOW });
	BIGNUM *number = NULL;

	BN_hex2bn(&number, hex);
	ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(number, NULL);
	X509_REVOKED_set_serialNumber(r, serial);
	X509_REVOKED_set_revocationDate(r, at);
	if (extension != NULL) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(extension, "="), extension);
		X509_EXTENSION *e =
			X509V3_EXT_nconf(NULL, NULL, name, extension + strcspn(extension, "=") + 1);
		need(e != NULL, extension);
		X509_REVOKED_add_ext(r, e, -1);
		X509_EXTENSION_free(e);
	}
	X509_CRL_add0_revoked(crl, r);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(at);
	BN_free(number);
}

static void add_number(X509_CRL *crl, const char *hex)
{
	BIGNUM *number = NULL;

	BN_hex2bn(&number, hex);
	ASN1_INTEGER *n = BN_to_ASN1_INTEGER(number, NULL);
	need(X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) == 1, hex);
	ASN1_INTEGER_free(n);
	BN_free(number);
}

static void add_list_extension(X509_CRL *crl, const char *text)
{
	char name[64];
	CONF *none = NCONF_new(NULL);
	X509V3_CTX context;

	X509V3_set_ctx(&context, NULL, NULL, NULL, crl, 0);
	X509V3_set_nconf(&context, none);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
	X509_EXTENSION *e = X509V3_EXT_nconf(none, &context, name, text + strcspn(text, "=") + 1);
	need(e != NULL, text);
	X509_CRL_add_ext(crl, e, -1);
	X509_EXTENSION_free(e);
	NCONF_free(none);
}

X509_CRL *crl_make_x509(const struct made_list *l)
{
	X509_CRL *crl = X509_CRL_new();
	X509_NAME *name = X509_NAME_new();
	time_t now = PKI_NOW;
	ASN1_TIME *from = X509_time_adj_ex(NULL, 0, l->this_s != 0 ? l->this_s : -3600, &now);
	ASN1_TIME *to = X509_time_adj_ex(NULL, 0, l->to_s != 0 ? l->to_s : DAY, &now);

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		(const unsigned char *)(l->issuer != NULL ? l->issuer : "CA"), -1, -1, 0);
	X509_CRL_set_issuer_name(crl, name);
	X509_CRL_set1_lastUpdate(crl, from);
	if (!l->no_next_update)
		X509_CRL_set1_nextUpdate(crl, to);
	if (!l->no_number)
		add_number(crl, l->number != NULL ? l->number : "07");
	if (l->extension != NULL)
		add_list_extension(crl, l->extension);
	add_entry(crl, "00DEADBEEF", NULL);
	add_entry(crl, "7f", l->entry_extension);
	if (l->serial != NULL)
		add_entry(crl, l->serial, NULL);
	for (unsigned i = 0; i < l->more; i++) {
		char hex[48];

		snprintf(hex, sizeof(hex), "51%030x%06x", 0, i);
		add_entry(crl, hex, NULL);
	}
	need(X509_CRL_sign(crl, l->signer, l->digest != NULL ? l->digest : EVP_sha256()) > 0,
		"sign");
	X509_NAME_free(name);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return crl;
}

struct bytes crl_make(const struct made_list *l)
{
	X509_CRL *crl = crl_make_x509(l);

	OPENSSL_free(made);
	made = NULL;
	int len = i2d_X509_CRL(crl, &made);
	need(len > 0, "size");
	X509_CRL_free(crl);
	return bytes_of(made, (size_t)len);
}

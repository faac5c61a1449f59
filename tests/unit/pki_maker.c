#include "tests/unit/pki_maker.h"

#include <openssl/bn.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "pki/der.h"

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "pki_maker: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static EVP_PKEY *rsa_key_of_all;

void pki_make_rsa_key(void)
{
	if (rsa_key_of_all == NULL)
		rsa_key_of_all = EVP_RSA_gen(2048);
	need(rsa_key_of_all != NULL, "RSA");
}

static EVP_PKEY *take_rsa_key(void)
{
	pki_make_rsa_key();
	EVP_PKEY_up_ref(rsa_key_of_all);
	return rsa_key_of_all;
}

EVP_PKEY *pki_key(const char *kind)
{
	EVP_PKEY *key = strcmp(kind, "RSA") == 0 ? take_rsa_key() : EVP_EC_gen(kind);

	need(key != NULL, kind);
	return key;
}

static void set_name(X509_NAME *name, const char *text)
{
	char copy[256], *rest = copy, *part;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((part = strsep(&rest, "/")) != NULL) {
		char *value = strchr(part, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		need(X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8,
			     (const unsigned char *)value, -1, -1, 0) == 1,
			part);
	}
}

/* X509_set1_notBefore insists on nothing, so that a wrong time can be made. */
static ASN1_TIME *make_time(const char *text)
{
	ASN1_STRING *time =
		ASN1_STRING_type_new(strlen(text) == 13 ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME);

	need(time != NULL && ASN1_STRING_set(time, text, -1) == 1, text);
	return time;
}

static void set_times(X509 *x, const struct pki_recipe *recipe)
{
	ASN1_TIME *from = make_time(recipe->not_before ? recipe->not_before : PKI_NOT_BEFORE);
	ASN1_TIME *to = make_time(recipe->not_after ? recipe->not_after : PKI_NOT_AFTER);

	need(X509_set1_notBefore(x, from) == 1 && X509_set1_notAfter(x, to) == 1, "validity");
	ASN1_STRING_free(from);
	ASN1_STRING_free(to);
}

static void set_serial(X509 *x, const char *hex)
{
	BIGNUM *number = NULL;

	need(BN_hex2bn(&number, hex) > 0 &&
			BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL,
		"serial");
	BN_free(number);
}

static void add_extension(X509 *x, const char *text)
{
	char name[64];
	const char *value = strchr(text, '=');
	X509V3_CTX context;

	need(value != NULL && (size_t)(value - text) < sizeof(name), text);
	snprintf(name, sizeof(name), "%.*s", (int)(value - text), text);
	CONF *none = NCONF_new(NULL); /* some extensions insist on a configuration to look into */
	X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
	X509V3_set_nconf(&context, none);
	X509_EXTENSION *extension = X509V3_EXT_nconf(none, &context, name, value + 1);
	need(extension != NULL && X509_add_ext(x, extension, -1) == 1, text);
	X509_EXTENSION_free(extension);
	NCONF_free(none);
}

void pki_make(const struct pki_recipe *recipe, struct pki_made *out)
{
	X509 *x = X509_new();

	need(x != NULL, "certificate");
	X509_set_version(x, recipe->version == 0 ? X509_VERSION_3 : recipe->version - 1);
	set_serial(x, recipe->serial ? recipe->serial : "1001");
	set_name(X509_get_subject_name(x), recipe->subject);
	set_name(X509_get_issuer_name(x), recipe->issuer ? recipe->issuer : recipe->subject);
	set_times(x, recipe);
	need(X509_set_pubkey(x, recipe->key) == 1, "key");
	for (const char *const *e = recipe->extensions; e != NULL && *e != NULL; e++)
		add_extension(x, *e);
	need(X509_sign(x, recipe->signer, recipe->digest ? recipe->digest : EVP_sha256()) > 0,
		"sign");
	unsigned char *at = out->der;
	int len = i2d_X509(x, NULL);
	need(len > 0 && (size_t)len <= sizeof(out->der), "size");
	out->len = (size_t)i2d_X509(x, &at);
	X509_free(x);
}

/* The outer SEQUENCE: algorithm and signature are written anew behind the part that is signed. */
void pki_sign_again(struct pki_made *made, EVP_PKEY *signer)
{
	static const uint8_t algorithm[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
		0x04, 0x03, 0x02 };
	struct bytes whole = pki_bytes(made), content, tbs, ignored;
	uint8_t signature[80], body[sizeof(made->der)];
	size_t signature_len = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	need(der_take(&whole, DER_SEQUENCE, &content) &&
			der_take_whole(&content, DER_SEQUENCE, &tbs, &ignored),
		"frame");
	need(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer) == 1 &&
			EVP_DigestSign(context, signature, &signature_len, tbs.at, tbs.len) == 1,
		"sign again");
	EVP_MD_CTX_free(context);
	struct buffer b = buffer_over(body, sizeof(body));
	buffer_put(&b, tbs.at, tbs.len);
	buffer_put(&b, algorithm, sizeof(algorithm));
	buffer_put(&b, (uint8_t[]){ 0x03, (uint8_t)(signature_len + 1), 0x00 }, 3);
	buffer_put(&b, signature, signature_len);
	struct buffer out = buffer_over(made->der, sizeof(made->der));
	buffer_put_u16(&out, 0x3082);
	buffer_put_u16(&out, (uint16_t)b.len);
	buffer_put(&out, body, b.len);
	need(!out.full && !b.full && b.len >= 256, "size");
	made->len = out.len;
}

uint8_t *pki_find(struct pki_made *made, struct bytes wanted)
{
	uint8_t *found = memmem(made->der, made->len, wanted.at, wanted.len);

	need(found != NULL, "bytes to be found");
	return found;
}

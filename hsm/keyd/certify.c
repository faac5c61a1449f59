#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "crypto/kdf.h"
#include "hsm/keyd/agree.h"
#include "hsm/keyd/make_keys.h"

#define VALID_DAYS 3650
#define SERIAL_LEN 16

/* Who signs: a CA whose key lies in a file, or the token's own signing key. */
struct signer {
	X509 *certificate; /* NULL: the new certificate signs itself */
	EVP_PKEY *ca_key;  /* NULL: the token signs */
	const struct token_key *token_key;
};

static EVP_PKEY *public_key_of(const struct token_key *key)
{
	EVP_PKEY *pkey = EVP_PKEY_new();
	EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	const uint8_t *at = key->public_key;

	if (pkey != NULL && ec != NULL && o2i_ECPublicKey(&ec, &at, P256_POINT_LEN) != NULL &&
		EVP_PKEY_set1_EC_KEY(pkey, ec) == 1) {
		EC_KEY_free(ec);
		return pkey;
	}
	EC_KEY_free(ec);
	EVP_PKEY_free(pkey);
	return NULL;
}

static bool add_extension(X509 *x, const struct signer *by, int nid, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx(&context, by->certificate != NULL ? by->certificate : x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool added = e != NULL && X509_add_ext(x, e, -1) == 1;

	X509_EXTENSION_free(e);
	return added;
}

static bool add_extensions(X509 *x, const struct signer *by, enum key_use use)
{
	bool is_ca = by->certificate == NULL; /* the signing key that has to certify itself */
	const char *usage = use == KEY_USE_SIGN
				    ? is_ca ? "critical,digitalSignature,keyCertSign,cRLSign"
					    : "critical,digitalSignature"
				    : "critical,keyAgreement";

	return add_extension(x, by, NID_basic_constraints,
		       is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
	       add_extension(x, by, NID_key_usage, usage) &&
	       add_extension(x, by, NID_subject_key_identifier, "hash") &&
	       add_extension(x, by, NID_authority_key_identifier, "keyid");
}

static bool set_names(
	X509 *x, const struct signer *by, const struct settings *s, const struct token_key *key)
{
	char name[64];
	X509_NAME *subject = X509_get_subject_name(x);
	const char *fqdn = s->af_fqdn;

	snprintf(name, sizeof(name), KEY_PREFIX "%s.%u", key_use_name(key->use), key->generation);
	return X509_NAME_add_entry_by_txt(
		       subject, "CN", MBSTRING_UTF8, (const uint8_t *)fqdn, -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(
		       subject, "OU", MBSTRING_UTF8, (const uint8_t *)name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x, by->certificate != NULL
					       ? X509_get_subject_name(by->certificate)
					       : subject) == 1;
}

static bool set_serial_and_dates(X509 *x)
{
	uint8_t serial[SERIAL_LEN];

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return false;
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, never shorter */
	BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
	bool good = number != NULL &&
		    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL &&
		    X509_gmtime_adj(X509_getm_notBefore(x), -300) != NULL &&
		    X509_time_adj_ex(X509_getm_notAfter(x), VALID_DAYS, 0, NULL) != NULL;

	BN_free(number);
	return good;
}

static bool take_der(X509 *x, struct bytes *out)
{
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);

	if (len <= 0)
		return false;
	*out = bytes_of(malloc((size_t)len), (size_t)len);
	if (out->at != NULL)
		memcpy((void *)(uintptr_t)out->at, der, (size_t)len);
	OPENSSL_free(der);
	return out->at != NULL;
}

/*
 * OpenSSL cannot sign with a key that is in a token: it is given a signature of a key made for the moment, which
 * sets the algorithm, and the token's then replaces it.
 */
static enum outcome sign_in_token(struct token_session *s, X509 *x, const struct token_key *key)
{
	uint8_t digest[SHA256_LEN], signature[P256_SIGNATURE_LEN], der[72];
	uint8_t *tbs = NULL;
	EVP_PKEY *moment = EVP_EC_gen("P-256");
	bool good = moment != NULL && X509_sign(x, moment, EVP_sha256()) > 0;
	int len = good ? i2d_re_X509_tbs(x, &tbs) : 0;
	struct bytes part = bytes_of(tbs, len > 0 ? (size_t)len : 0);
	enum outcome o = len > 0 ? sha256(&part, 1, digest) : BROKEN;
	const ASN1_BIT_STRING *old;

	EVP_PKEY_free(moment);
	OPENSSL_free(tbs);
	if (o == FINE)
		o = token_sign(s, key, digest, signature);
	if (o != FINE)
		return o;
	X509_get0_signature(&old, NULL, x);
	size_t der_len = p256_signature_to_der(signature, der);

	return ASN1_BIT_STRING_set((ASN1_BIT_STRING *)(uintptr_t)old, der, (int)der_len) == 1
		       ? FINE
		       : BROKEN;
}

static enum outcome make_certificate(struct token_session *s, const struct settings *settings,
	const struct token_key *key, const struct signer *by, struct bytes *der)
{
	X509 *x = X509_new();
	EVP_PKEY *pkey = public_key_of(key);
	bool good = x != NULL && pkey != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
		    X509_set_pubkey(x, pkey) == 1 && set_names(x, by, settings, key) &&
		    set_serial_and_dates(x) && add_extensions(x, by, key->use);
	enum outcome o = good ? FINE : BROKEN;

	if (good && by->ca_key != NULL)
		o = X509_sign(x, by->ca_key, EVP_sha256()) > 0 ? FINE : BROKEN;
	else if (good)
		o = sign_in_token(s, x, by->token_key);
	if (o == FINE && !take_der(x, der))
		o = NO_MEMORY;
	EVP_PKEY_free(pkey);
	X509_free(x);
	return o;
}

static enum outcome read_ca(const struct settings *s, struct signer *by)
{
	FILE *certificate = fopen(s->ca_certificate_file, "r");
	FILE *key = certificate != NULL ? fopen(s->ca_key_file, "r") : NULL;

	if (key != NULL) {
		by->certificate = PEM_read_X509(certificate, NULL, NULL, NULL);
		by->ca_key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
		fclose(key);
	}
	if (certificate != NULL)
		fclose(certificate);
	if (by->certificate != NULL && by->ca_key != NULL &&
		X509_check_private_key(by->certificate, by->ca_key) == 1)
		return FINE;
	ERR_clear_error();
	log_error("ca_not_read", "certificate=%s key=%s", s->ca_certificate_file, s->ca_key_file);
	return INVALID_PARAMETER;
}

/* Without a CA the signing key certifies itself, as a CA, and then the others. */
static enum outcome use_own_key(struct token_session *s, const struct settings *settings,
	const struct token_key *key, struct signer *by)
{
	struct bytes der = { 0 };

	by->token_key = token_newest(s, KEY_USE_SIGN);
	if (by->token_key == NULL)
		return HSM_UNAVAILABLE;
	if (key->use == KEY_USE_SIGN)
		return FINE;
	struct signer itself = { .token_key = by->token_key };
	enum outcome o = make_certificate(s, settings, by->token_key, &itself, &der);
	const uint8_t *at = der.at;

	if (o == FINE)
		by->certificate = d2i_X509(NULL, &at, (long)der.len);
	bytes_free(der);
	return o == FINE && by->certificate == NULL ? BROKEN : o;
}

enum outcome key_certify(struct token_session *s, const struct settings *settings,
	const struct token_key *key, struct certified *out)
{
	struct signer by = { 0 };
	enum outcome o = settings->ca_certificate_file[0] != '\0'
				 ? read_ca(settings, &by)
				 : use_own_key(s, settings, key, &by);

	*out = (struct certified){ 0 };
	if (key->use == KEY_USE_SIGN && by.ca_key == NULL)
		by.token_key = key;
	if (o == FINE)
		o = make_certificate(s, settings, key, &by, &out->certificate);
	if (o == FINE && by.certificate != NULL && !take_der(by.certificate, &out->chain))
		o = NO_MEMORY;
	EVP_PKEY_free(by.ca_key);
	X509_free(by.certificate);
	return o;
}

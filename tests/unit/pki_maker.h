/*
 * Makes certificates with OpenSSL, good ones and ones with any field wrong, for tests. What fails
 * here ends the program: a test that cannot make its world has nothing to say.
 */
#ifndef TESTS_UNIT_PKI_MAKER_H
#define TESTS_UNIT_PKI_MAKER_H

#include <openssl/evp.h>

#include "base/bytes.h"

#define PKI_NOT_BEFORE "20200101000000Z"
#define PKI_NOT_AFTER  "99991231235959Z"
/* A moment at which what is made by default is valid: 2026-01-01. */
#define PKI_NOW 1767225600

struct pki_made {
	uint8_t der[4096];
	size_t len;
};

static inline struct bytes pki_bytes(const struct pki_made *made)
{
	return bytes_of(made->der, made->len);
}

struct pki_recipe {
	const char *subject, *issuer; /* "CN=Name/serialNumber=1" */
	EVP_PKEY *key, *signer;
	const char *serial; /* hex, a leading '-' allowed; NULL: 1001 */
	/*
	 * 13 characters become a UTCTime, others a GeneralizedTime, unchecked; NULL: the defaults
	 */
	const char *not_before, *not_after;
	/*
	 * "name=value" as OpenSSL's configuration has them ("1.2.3=critical,DER:0500"),
	 * NULL-terminated
	 */
	const char *const *extensions;
	const EVP_MD *digest; /* NULL: SHA-256 */
	int version;          /* 0: 3 */
};

/* "P-256", "P-384", "secp256k1", "RSA". */
EVP_PKEY *pki_key(const char *kind);
/* The one of all in this process. Called before the tests, it is made once for all of them, which takes long. */
void pki_make_rsa_key(void);
void pki_make(const struct pki_recipe *recipe, struct pki_made *out);
/* Signs a certificate again whose to-be-signed bytes have been changed in place. */
void pki_sign_again(struct pki_made *made, EVP_PKEY *signer);
/* Where `wanted` is first found in what was made. */
uint8_t *pki_find(struct pki_made *made, struct bytes wanted);

#endif

/*
 * Certificates as certification authorities serve them over HTTP, read by OpenSSL: PEM
 * (application/pem-certificate-chain, RFC 8555 section 9.1), one in DER (application/pkix-cert, RFC
 * 2585) or PKCS#7 certs-only (application/pkcs7-mime, RFC 8551 section 3.8). Pure.
 */
#ifndef PKI_CERTIFICATES_READ_H
#define PKI_CERTIFICATES_READ_H

#include "base/bytes.h"

#define CERTIFICATES_MAX 8

struct x509_st; /* OpenSSL's X509 */

enum certificates_form { CERTIFICATES_PEM, CERTIFICATES_DER, CERTIFICATES_PKCS7 };

struct certificates {
	struct x509_st *at[CERTIFICATES_MAX];
	size_t count;
	bool is_ordered; /* the form has an order: a certificate is followed by its issuer's */
};

/* A Content-Type, its parameters and all; false for a type that is none of the three. */
bool certificates_form_of(const char *content_type, enum certificates_form *form);
/*
 * One to CERTIFICATES_MAX certificates in the order of the body, and nothing beside them (in PEM: but white
 * space). INVALID_PARAMETER: it is not that; NO_MEMORY. On FINE the caller frees them.
 */
enum outcome certificates_read(
	struct bytes body, enum certificates_form form, struct certificates *out);
void certificates_free(struct certificates *c);

#endif

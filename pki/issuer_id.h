/*
 * Who has issued a certificate or a CRL. A name alone does not say: a CA that has a new key keeps its name, and two
 * CAs may bear one. Pure.
 */
#ifndef PKI_ISSUER_ID_H
#define PKI_ISSUER_ID_H

#include "base/bytes.h"

struct x509_st;      /* OpenSSL's X509 */
struct X509_name_st; /* its X509_NAME */

struct issuer_id {
	uint8_t name[32]; /* SHA-256 of the Name, tag and length too */
	uint8_t key[32];  /* SHA-256 of the SubjectPublicKeyInfo, where it is known */
	bool knows_key;   /* so that another hash is another key */
};

/* No spki: the key is not known. */
enum outcome issuer_id_make(struct bytes name, struct bytes spki, struct issuer_id *out);
/* By another's name: a certificate may spell its issuer otherwise than that one does itself; NULL: the key is not known. */
enum outcome issuer_id_of_name(
	const struct X509_name_st *name, const struct x509_st *key_of, struct issuer_id *out);
/* Of what this certificate issues. */
enum outcome issuer_id_of(const struct x509_st *x, struct issuer_id *out);

#endif

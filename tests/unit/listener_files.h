/*
 * The files of a TLS listener in a folder of their own: its certificate and key, by a CA, and that CA's certificate
 * for its callers.
 */
#ifndef TESTS_UNIT_LISTENER_FILES_H
#define TESTS_UNIT_LISTENER_FILES_H

#include <openssl/evp.h>

#include "base/settings.h"
#include "tests/unit/pki_maker.h"

/* From listener_files_begin() to listener_files_end(). */
extern char certificate_file[64], key_file[64], ca_file[64];
extern EVP_PKEY *ca_key, *stranger_key, *own_key;
extern struct pki_made ca, other_ca, own;
extern struct settings listener_settings;
extern const char *const ca_extensions[];

void listener_files_begin(void);
void listener_files_end(void);

/* issuer: NULL: itself. */
void make_signed(const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *signer,
	const char *const *extensions, struct pki_made *out);
/* mode: as fopen's. */
void write_certificate(const char *path, const char *mode, const struct pki_made *made);
/* cipher: with a passphrase; NULL: without. */
void write_private_key(const char *path, EVP_PKEY *key, const EVP_CIPHER *cipher);
/* Appends to ca_file one that revokes `serial` and is good for so many seconds from now. */
void append_crl(const struct pki_made *issuer, EVP_PKEY *signer, long serial, long next_s);

#endif

/*
 * What the files of [tls] held when they were read: the listener's certificate and key, and the CAs of its
 * callers. Never changed after it was read, and counted, so that connections keep the one they began with
 * while a reload puts another in its place. Any thread. Private to server/tls*.c.
 */
#ifndef SERVER_TLS_FILES_H
#define SERVER_TLS_FILES_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/settings.h"

struct tls_files {
	gnutls_certificate_credentials_t credentials;
	gnutls_x509_trust_list_t trust; /* the credentials' own */
	gnutls_datum_t ticket_key;      /* of session tickets; a reload makes them void */
	int64_t not_after;              /* the listener's certificate */
	int64_t crls_until;             /* the first nextUpdate of the CRLs; 0: none has one */
	unsigned ca_count, crl_count;
	_Atomic unsigned owners;
};

/* Opens files. NULL: the reason is in error. */
struct tls_files *tls_files_read(const struct settings *s, char *error, size_t error_size);
struct tls_files *tls_files_take(struct tls_files *files);
/* NULL is allowed. */
void tls_files_give_back(struct tls_files *files);

#endif

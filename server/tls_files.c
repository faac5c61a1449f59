#include "server/tls_files.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"

#define CRL_MARK "-----BEGIN X509 CRL-----"

struct reading {
	struct tls_files *files;
	const struct settings *settings;
	char *error;
	size_t error_size;
};

static bool refuse(struct reading *r, const char *path, const char *why)
{
	snprintf(r->error, r->error_size, "%s: %s", path, why);
	return false;
}

/* The text has a NUL behind it. */
static bool read_text(struct reading *r, const char *path, gnutls_datum_t *text)
{
	int result = gnutls_load_file(path, text);

	return result == 0 || refuse(r, path, gnutls_strerror(result));
}

static bool read_end(struct reading *r)
{
	gnutls_datum_t der;
	gnutls_x509_crt_t certificate;

	if (gnutls_certificate_get_crt_raw(r->files->credentials, 0, 0, &der) != 0 ||
		gnutls_x509_crt_init(&certificate) != 0)
		return refuse(r, r->settings->tls_certificate_file, "no certificate in it");
	bool read = gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER) == 0;

	r->files->not_after = read ? gnutls_x509_crt_get_expiration_time(certificate) : 0;
	gnutls_x509_crt_deinit(certificate);
	if (!read)
		return refuse(r, r->settings->tls_certificate_file, "no certificate in it");
	return r->files->not_after > clock_unix() ||
	       refuse(r, r->settings->tls_certificate_file, "the certificate has expired");
}

/* gnutls keeps its own copy of the key, for as long as the credentials live. */
static bool read_own(struct reading *r)
{
	gnutls_datum_t certificate = { 0 }, key = { 0 };
	bool read = read_text(r, r->settings->tls_certificate_file, &certificate) &&
		    read_text(r, r->settings->tls_key_file, &key);
	int result = read ? gnutls_certificate_set_x509_key_mem2(r->files->credentials,
				    &certificate, &key, GNUTLS_X509_FMT_PEM, NULL, 0)
			  : 0;

	if (key.data != NULL)
		wipe(key.data, key.size);
	gnutls_free(key.data);
	gnutls_free(certificate.data);
	if (!read)
		return false;
	if (result == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return refuse(r, r->settings->tls_key_file,
			"not the key of the certificate in certificate_file");
	if (result < 0)
		return refuse(r, r->settings->tls_certificate_file, gnutls_strerror(result));
	return read_end(r);
}

static bool is_signed(gnutls_x509_crl_t crl, const gnutls_x509_crt_t *cas, unsigned ca_count)
{
	const unsigned of_time = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED |
				 GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;

	for (unsigned i = 0; i < ca_count; i++) {
		unsigned status;

		if (gnutls_x509_crl_verify(crl, &cas[i], 1, 0, &status) == 0 &&
			((status & ~of_time) == 0 || (status & ~of_time) == GNUTLS_CERT_INVALID))
			return true;
	}
	return false;
}

/* One that none of the file's CAs has signed would be looked at by nobody. Each becomes the list's or is freed. */
static bool add_crl(
	struct reading *r, gnutls_x509_crl_t crl, const gnutls_x509_crt_t *cas, unsigned ca_count)
{
	struct tls_files *f = r->files;
	int64_t end = gnutls_x509_crl_get_next_update(crl);

	if (!is_signed(crl, cas, ca_count)) {
		gnutls_x509_crl_deinit(crl);
		return refuse(r, r->settings->tls_client_ca_file,
			"a CRL that none of its CAs has signed");
	}
	if (end >= 0 && (f->crls_until == 0 || end < f->crls_until))
		f->crls_until = end;
	return gnutls_x509_trust_list_add_crls(f->trust, &crl, 1, GNUTLS_TL_NO_DUPLICATES, 0) >= 0;
}

static bool read_crls(struct reading *r, const gnutls_datum_t *text)
{
	gnutls_x509_crl_t *crls = NULL;
	gnutls_x509_crt_t *cas = NULL;
	unsigned ca_count = 0;

	if (strstr((const char *)text->data, CRL_MARK) == NULL)
		return true;
	int result = gnutls_x509_crt_list_import2(&cas, &ca_count, text, GNUTLS_X509_FMT_PEM, 0);

	if (result >= 0)
		result = gnutls_x509_crl_list_import2(
			&crls, &r->files->crl_count, text, GNUTLS_X509_FMT_PEM, 0);
	bool good =
		result >= 0 || refuse(r, r->settings->tls_client_ca_file, gnutls_strerror(result));

	for (unsigned i = 0; result >= 0 && i < r->files->crl_count; i++)
		good &= add_crl(r, crls[i], cas, ca_count);
	for (unsigned i = 0; i < ca_count; i++)
		gnutls_x509_crt_deinit(cas[i]);
	gnutls_free(crls);
	gnutls_free(cas);
	return good;
}

static bool read_trust(struct reading *r)
{
	gnutls_datum_t text = { 0 };

	if (!read_text(r, r->settings->tls_client_ca_file, &text))
		return false;
	int added = gnutls_certificate_set_x509_trust_mem(
		r->files->credentials, &text, GNUTLS_X509_FMT_PEM);
	bool good = added > 0;

	if (!good)
		(void)refuse(r, r->settings->tls_client_ca_file,
			added < 0 ? gnutls_strerror(added) : "no CA in it");
	r->files->ca_count = good ? (unsigned)added : 0;
	if (good)
		gnutls_certificate_get_trust_list(r->files->credentials, &r->files->trust);
	good = good && read_crls(r, &text);
	gnutls_free(text.data);
	return good;
}

struct tls_files *tls_files_read(const struct settings *s, char *error, size_t error_size)
{
	struct reading r = {
		.files = calloc(1, sizeof(struct tls_files)),
		.settings = s,
		.error = error,
		.error_size = error_size,
	};

	snprintf(error, error_size, "no memory");
	if (r.files == NULL)
		return NULL;
	atomic_init(&r.files->owners, 1);
	if (gnutls_certificate_allocate_credentials(&r.files->credentials) == 0 && read_own(&r) &&
		read_trust(&r) && gnutls_session_ticket_key_generate(&r.files->ticket_key) == 0)
		return r.files;
	tls_files_give_back(r.files);
	return NULL;
}

struct tls_files *tls_files_take(struct tls_files *files)
{
	atomic_fetch_add(&files->owners, 1);
	return files;
}

void tls_files_give_back(struct tls_files *files)
{
	if (files == NULL || atomic_fetch_sub(&files->owners, 1) > 1)
		return;
	if (files->credentials != NULL)
		gnutls_certificate_free_credentials(files->credentials);
	if (files->ticket_key.data != NULL)
		wipe(files->ticket_key.data, files->ticket_key.size);
	gnutls_free(files->ticket_key.data);
	free(files);
}

#include "peers/http_identity.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"

#define FILE_MOST (4u * 1024u * 1024u)

static bool refuse(const char *path, const char *why, char *error, size_t error_size)
{
	snprintf(error, error_size, "%s: %s", path, why);
	return false;
}

static bool read_whole(const char *path, struct bytes *to, char *error, size_t error_size)
{
	if (path == NULL || path[0] == '\0')
		return true;
	FILE *in = fopen(path, "rb");
	/* A buffer would keep some of a key. */
	long size = in != NULL && setvbuf(in, NULL, _IONBF, 0) == 0 && fseek(in, 0, SEEK_END) == 0
			    ? ftell(in)
			    : -1;
	bool is_sane = size > 0 && size <= (long)FILE_MOST && fseek(in, 0, SEEK_SET) == 0;
	uint8_t *at = is_sane ? malloc((size_t)size) : NULL;

	if (at != NULL)
		*to = bytes_of(at, fread(at, 1, (size_t)size, in));
	int why = errno;

	if (in != NULL)
		fclose(in);
	if (at != NULL && to->len == (size_t)size)
		return true;
	return refuse(path, in == NULL ? strerror(why) : "empty, or too large", error, error_size);
}

static X509 *first_certificate(struct bytes pem)
{
	BIO *in = BIO_new_mem_buf(pem.at, (int)pem.len);
	X509 *certificate = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;

	BIO_free(in);
	return certificate;
}

/* A key with a passphrase is none: nobody would type it. */
static int no_passphrase(char *out, int size, int writing, void *context)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static EVP_PKEY *first_key(struct bytes pem)
{
	BIO *in = BIO_new_mem_buf(pem.at, (int)pem.len);
	EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;

	BIO_free(in);
	return key;
}

/* Found here and said with the file's name, not at the first connection and in libcurl's words. */
static bool check(const struct http_identity *i, const struct http_identity_files *files,
	char *error, size_t error_size)
{
	if ((i->certificate.len > 0) != (i->key.len > 0))
		return refuse(i->key.len > 0 ? files->key : files->certificate,
			"certificate and key go together", error, error_size);
	X509 *ca = i->ca.len > 0 ? first_certificate(i->ca) : NULL;
	X509 *certificate = i->certificate.len > 0 ? first_certificate(i->certificate) : NULL;
	EVP_PKEY *key = i->key.len > 0 ? first_key(i->key) : NULL;
	const char *wrong = i->ca.len > 0 && ca == NULL                     ? files->ca
			    : i->certificate.len > 0 && certificate == NULL ? files->certificate
			    : i->key.len > 0 && key == NULL                 ? files->key
									    : NULL;
	bool fits =
		key == NULL || certificate == NULL || X509_check_private_key(certificate, key) == 1;

	X509_free(ca);
	X509_free(certificate);
	EVP_PKEY_free(key);
	if (wrong != NULL)
		return refuse(wrong, "no PEM that can be read", error, error_size);
	return fits || refuse(files->key, "not the key of the certificate", error, error_size);
}

struct http_identity *http_identity_read(
	const struct http_identity_files *files, char *error, size_t error_size)
{
	struct http_identity *i = calloc(1, sizeof(*i));

	snprintf(error, error_size, "no memory");
	if (i == NULL)
		return NULL;
	atomic_init(&i->owners, 1);
	if (read_whole(files->ca, &i->ca, error, error_size) &&
		read_whole(files->certificate, &i->certificate, error, error_size) &&
		read_whole(files->key, &i->key, error, error_size) &&
		check(i, files, error, error_size))
		return i;
	http_identity_give_back(i);
	return NULL;
}

struct http_identity *http_identity_take(struct http_identity *i)
{
	atomic_fetch_add(&i->owners, 1);
	return i;
}

void http_identity_give_back(struct http_identity *i)
{
	if (i == NULL || atomic_fetch_sub(&i->owners, 1) > 1)
		return;
	if (i->key.at != NULL)
		wipe((void *)(uintptr_t)i->key.at, i->key.len);
	bytes_free(i->ca);
	bytes_free(i->certificate);
	bytes_free(i->key);
	free(i);
}

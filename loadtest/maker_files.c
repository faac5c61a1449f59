#include "loadtest/maker_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "device/der_writer.h"
#include "pki/pem.h"

#define FILE_MOST   (PARTS_MOST * 2048u)
#define KEY_DER_MAX 160
#define TEN_YEARS_S (INT64_C(3652) * 86400)
#define HOUR_S      3600

static const char key_label[] = "EC PRIVATE KEY";
static const char certificate_label[] = "CERTIFICATE";
/* prime256v1, 1.2.840.10045.3.1.7 */
static const uint8_t oid_p256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };

bool path_in(const char *folder, const char *name, char *out, size_t size)
{
	int len = snprintf(out, size, "%s/%s", folder, name);

	return len > 0 && (size_t)len < size;
}

void maker_ein(unsigned i, char out[EIN_LEN + 1])
{
	snprintf(out, EIN_LEN + 1, "89049%03u", i % 1000);
}

static enum outcome make_part(
	struct maker *m, enum maker_kind kind, unsigned i, const struct validity *validity)
{
	char name[AUTHORITY_NAME_MAX], ein[EIN_LEN + 1];

	if (kind == MAKER_OF_PARTS) {
		snprintf(name, sizeof(name), "Simulated part number %u", i + 1);
		return authority_make_part_number(&m->parts[i], &m->ci, name, validity);
	}
	maker_ein(i, ein);
	snprintf(name, sizeof(name), "Simulated EUM %u", i + 1);
	return authority_make_eum(&m->parts[i], &m->ci,
		&(struct eum_subject){ name, "Simulated manufacturer", ein }, validity);
}

enum outcome maker_make(
	struct maker *m, enum maker_kind kind, unsigned part_count, struct validity *validity)
{
	int64_t now = clock_unix();

	*validity = (struct validity){ now - HOUR_S, now + TEN_YEARS_S };
	m->part_count = part_count;
	enum outcome o = authority_make_root(&m->ci, "Simulated certificate issuer", validity);

	for (unsigned i = 0; i < part_count && o == FINE; i++)
		o = make_part(m, kind, i, validity);
	return o;
}

static void put_pem(FILE *out, const char *label, struct bytes der)
{
	char text[BASE64_LEN(CERTIFICATE_MAX) + 1];
	size_t len = base64_write(der, text);

	fprintf(out, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < len; i += 64)
		fprintf(out, "%.64s\n", text + i);
	fprintf(out, "-----END %s-----\n", label);
	wipe(text, sizeof(text));
}

void pem_put_certificate(struct buffer *out, struct bytes der)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
	static const char end[] = "-----END CERTIFICATE-----\n";
	char text[BASE64_LEN(DEVICE_CERTIFICATE_MAX) + 1];

	if (der.len > DEVICE_CERTIFICATE_MAX) {
		out->full = true;
		return;
	}
	size_t len = base64_write(der, text);

	buffer_put(out, begin, sizeof(begin) - 1);
	for (size_t i = 0; i < len; i += 64) {
		buffer_put(out, text + i, len - i < 64 ? len - i : 64);
		buffer_put_u8(out, '\n');
	}
	buffer_put(out, end, sizeof(end) - 1);
}

/* ECPrivateKey of RFC 5915 */
static void put_key(FILE *out, const struct authority *a)
{
	uint8_t room[KEY_DER_MAX];
	struct der_writer w = der_start(room, sizeof(room));
	struct bytes der;
	size_t end = der_open(&w), inner = end;

	der_put_bits(&w, BYTES(a->point));
	der_close(&w, DER_CONTEXT_CONSTRUCTED | 1, inner);
	inner = der_open(&w);
	der_put(&w, DER_OID, BYTES(oid_p256));
	der_close(&w, DER_CONTEXT_CONSTRUCTED | 0, inner);
	der_put(&w, DER_OCTET_STRING, BYTES(a->scalar));
	der_put_integer(&w, bytes_of("\x01", 1));
	der_close(&w, DER_SEQUENCE, end);
	if (der_end(&w, &der))
		put_pem(out, key_label, der);
	wipe(room, sizeof(room));
}

static bool write_file(const char *folder, const char *name, const struct authority *list,
	unsigned count, bool keys)
{
	char path[PATH_MAX];
	int fd = path_in(folder, name, path, sizeof(path))
			 ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, keys ? 0600 : 0644)
			 : -1;
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (out == NULL) {
		fprintf(stderr, "arpfload: %s: %s\n", path, strerror(errno));
		return false;
	}
	for (unsigned i = 0; i < count; i++)
		if (keys)
			put_key(out, &list[i]);
		else
			put_pem(out, certificate_label, authority_certificate(&list[i]));
	bool fine = ferror(out) == 0;

	fine = fclose(out) == 0 && fine;
	if (!fine)
		fprintf(stderr, "arpfload: %s: not all could be written\n", path);
	return fine;
}

bool maker_write(const struct maker *m, const char *folder)
{
	return write_file(folder, "ci.key.pem", &m->ci, 1, true) &&
	       write_file(folder, "pn.key.pem", m->parts, m->part_count, true) &&
	       write_file(folder, "ci.pem", &m->ci, 1, false) &&
	       write_file(folder, "pn.pem", m->parts, m->part_count, false);
}

/* A whole file; *room is the caller's to wipe and free. */
static bool read_file(const char *folder, const char *name, char **room, struct bytes *content)
{
	char path[PATH_MAX];
	FILE *in = path_in(folder, name, path, sizeof(path)) ? fopen(path, "re") : NULL;

	*room = in != NULL ? malloc(FILE_MOST) : NULL;
	if (*room == NULL) {
		fprintf(stderr, "arpfload: %s: %s\n", path, strerror(errno));
		if (in != NULL)
			fclose(in);
		return false;
	}
	*content = bytes_of(*room, fread(*room, 1, FILE_MOST, in));
	fclose(in);
	return true;
}

static bool read_key(struct bytes der, uint8_t scalar[P256_SCALAR_LEN])
{
	struct bytes whole, version, key;

	if (!der_take(&der, DER_SEQUENCE, &whole) || !der_take_integer(&whole, &version) ||
		!der_take(&whole, DER_OCTET_STRING, &key) || key.len != P256_SCALAR_LEN)
		return false;
	memcpy(scalar, key.at, key.len);
	return true;
}

/* The next certificate and the next key, as one authority. NO_ROW: both are at their end. */
static enum outcome take_authority(
	struct bytes *certificates, struct bytes *keys, struct authority *a)
{
	uint8_t certificate[CERTIFICATE_MAX], key[KEY_DER_MAX], scalar[P256_SCALAR_LEN];
	size_t certificate_len, key_len;
	enum outcome o = pem_take(certificates, certificate_label, certificate, sizeof(certificate),
		&certificate_len);

	if (o == FINE)
		o = pem_take(keys, key_label, key, sizeof(key), &key_len);
	if (o == FINE && !read_key(bytes_of(key, key_len), scalar))
		o = INVALID_PARAMETER;
	if (o == FINE)
		o = authority_restore(a, bytes_of(certificate, certificate_len), scalar);
	wipe(key, sizeof(key));
	wipe(scalar, sizeof(scalar));
	return o;
}

static bool read_authorities(const char *folder, const char *certificate_file, const char *key_file,
	struct authority *list, unsigned most, unsigned *count)
{
	char *certificate_room = NULL, *key_room = NULL;
	struct bytes certificates, keys;
	enum outcome o = BROKEN;

	*count = 0;
	if (read_file(folder, certificate_file, &certificate_room, &certificates) &&
		read_file(folder, key_file, &key_room, &keys))
		o = FINE;
	while (o == FINE && *count < most) {
		o = take_authority(&certificates, &keys, &list[*count]);
		*count += o == FINE;
	}
	if (key_room != NULL)
		wipe(key_room, FILE_MOST);
	free(certificate_room);
	free(key_room);
	if ((o == FINE || o == NO_ROW) && *count > 0)
		return true;
	fprintf(stderr, "arpfload: %s: %s and %s do not hold certificates and their keys\n", folder,
		certificate_file, key_file);
	return false;
}

bool maker_read(struct maker *m, const char *folder)
{
	unsigned one;

	return read_authorities(folder, "ci.pem", "ci.key.pem", &m->ci, 1, &one) &&
	       read_authorities(
		       folder, "pn.pem", "pn.key.pem", m->parts, PARTS_MOST, &m->part_count);
}

void maker_wipe(struct maker *m)
{
	wipe(m, sizeof(*m));
}

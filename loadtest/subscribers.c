#include "loadtest/subscribers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/secret.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"

uint64_t subscribers_count(const struct fleet_header *h, uint64_t devices)
{
	if (h->companion_count > 0)
		return h->companion_count;
	return strcmp(h->procedure, "auth-data") == 0 ? devices : 0;
}

static enum outcome derive(
	const struct fleet_header *h, const char *label, uint64_t i, uint8_t out[32])
{
	uint8_t room[64];
	struct transcript t = transcript_start(room, sizeof(room), label);
	struct bytes info;

	transcript_add_u64(&t, i);
	if (!transcript_end(&t, &info))
		return BROKEN;
	return hkdf_expand_sha256(BYTES(h->subscriber_secret), info, out, 32);
}

enum outcome subscriber_at(const struct fleet_header *h, uint64_t i, struct subscriber *out)
{
	uint8_t keys[32];

	if (!fleet_imsi(h, i, &out->imsi))
		return INVALID_PARAMETER;
	enum outcome o = derive(h, "arpfload subscriber", i, keys);

	memcpy(out->k, keys, sizeof(out->k));
	memcpy(out->opc, keys + 16, sizeof(out->opc));
	wipe(keys, sizeof(keys));
	return o;
}

enum outcome subscriber_kausf(const struct fleet_header *h, uint64_t i, uint8_t kausf[32])
{
	return derive(h, "arpfload kausf", i, kausf);
}

static bool put_rows(FILE *out, const struct fleet_header *h, uint64_t count)
{
	struct subscriber s;
	char digits[IMSI_DIGITS + 1], k[33], opc[33];
	bool fine = fputs("supi,k,opc\n", out) >= 0;

	for (uint64_t i = 0; i < count && fine; i++) {
		fine = subscriber_at(h, i, &s) == FINE;
		imsi_write(s.imsi, digits);
		hex_write(BYTES(s.k), k);
		hex_write(BYTES(s.opc), opc);
		fine = fine && fprintf(out, "imsi-%s,%s,%s\n", digits, k, opc) > 0;
	}
	wipe(&s, sizeof(s));
	wipe(k, sizeof(k));
	return fine;
}

/* Under another name first: what has its name is whole. */
bool subscribers_write(const struct fleet_header *h, uint64_t count, const char *folder)
{
	char path[PATH_MAX], made[PATH_MAX];

	if (!path_in(folder, SUBSCRIBERS_FILE, path, sizeof(path)) ||
		!path_in(folder, SUBSCRIBERS_FILE ".new", made, sizeof(made)))
		return false;
	int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool fine = out != NULL && put_rows(out, h, count);

	if (out != NULL)
		fine = fclose(out) == 0 && fine;
	else if (fd >= 0)
		close(fd);
	fine = fine && rename(made, path) == 0;
	if (!fine)
		fprintf(stderr, "arpfload: %s: %s\n", path, strerror(errno));
	return fine;
}

#include "loadtest/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLEET_VERSION 1

static const char magic[8] = { 'A', 'R', 'P', 'F', 'L', 'E', 'E', 'T' };
static const char devices_file[] = "devices.bin";

_Static_assert(sizeof(struct fleet_header) == FLEET_RECORD_LEN, "the header is one record long");
_Static_assert(sizeof(struct fleet_record) == FLEET_RECORD_LEN, "a record's length");

static bool complain(const char *folder, const char *what)
{
	fprintf(stderr, "arpfload: %s: %s\n", folder, what);
	return false;
}

static int open_devices(const char *folder, int flags)
{
	char path[PATH_MAX];

	if (!path_in(folder, devices_file, path, sizeof(path))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC, 0600);
}

bool fleet_exists(const char *folder)
{
	char path[PATH_MAX];
	struct stat st;

	/* A shorter one is what an interruption right at the beginning left. */
	return path_in(folder, devices_file, path, sizeof(path)) && stat(path, &st) == 0 &&
	       st.st_size >= (off_t)sizeof(struct fleet_header);
}

static bool read_header(struct fleet *f, const char *folder)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0 ||
		pread(f->fd, &f->header, sizeof(f->header), 0) != (ssize_t)sizeof(f->header) ||
		memcmp(f->header.magic, magic, sizeof(magic)) != 0 ||
		f->header.version != FLEET_VERSION || f->header.record_len != FLEET_RECORD_LEN)
		return complain(folder, "devices.bin is no fleet of this version");
	f->header.procedure[sizeof(f->header.procedure) - 1] = '\0';
	f->header.plmn[sizeof(f->header.plmn) - 1] = '\0';
	f->count = ((uint64_t)st.st_size - sizeof(f->header)) / FLEET_RECORD_LEN;
	if (!maker_read(&f->maker, folder))
		return false;
	if (f->maker.part_count != f->header.part_count || f->header.group >= DH_GROUP_COUNT)
		return complain(folder, "pn.pem or the header is not of this fleet");
	return true;
}

static bool is_whole(const struct fleet *f, const struct fleet_record *r)
{
	return r->mark == FLEET_MARK && r->fault < FAULT_COUNT && r->part < f->header.part_count &&
	       r->atk_len <= sizeof(r->atk) && r->certificate_len <= sizeof(r->certificate) &&
	       memchr(r->id, '\0', sizeof(r->id)) != NULL;
}

bool fleet_open(struct fleet *f, const char *folder)
{
	*f = (struct fleet){ .fd = open_devices(folder, O_RDONLY) };
	if (f->fd < 0)
		return complain(folder, strerror(errno));
	if (!read_header(f, folder)) {
		fleet_close(f);
		return false;
	}
	f->map_len = (size_t)(f->count + 1) * FLEET_RECORD_LEN;
	f->map = mmap(NULL, f->map_len, PROT_READ, MAP_SHARED, f->fd, 0);
	if (f->map == MAP_FAILED) {
		complain(folder, strerror(errno));
		f->map = NULL;
		fleet_close(f);
		return false;
	}
	for (uint64_t i = 0; i < f->count; i++)
		if (!is_whole(f, fleet_at(f, i))) {
			/* The file system came back without what had been written last. */
			f->count = i;
			break;
		}
	if (f->count == 0) {
		fleet_close(f);
		return complain(folder, "a fleet without devices");
	}
	return true;
}

const struct fleet_record *fleet_at(const struct fleet *f, uint64_t i)
{
	return (const struct fleet_record *)f->map + 1 + i;
}

static bool begin_new(struct fleet *f, const char *folder)
{
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return complain(folder, strerror(errno));
	/* devices.bin comes last: where it is, the maker's files are whole. */
	if (!maker_write(&f->maker, folder))
		return false;
	memcpy(f->header.magic, magic, sizeof(magic));
	f->header.version = FLEET_VERSION;
	f->header.record_len = FLEET_RECORD_LEN;
	f->header.part_count = f->maker.part_count;
	f->fd = open_devices(folder, O_RDWR | O_CREAT | O_TRUNC);
	if (f->fd < 0)
		return complain(folder, strerror(errno));
	struct fleet_header whole = f->header;

	if (write(f->fd, &whole, sizeof(whole)) != (ssize_t)sizeof(whole))
		return complain(folder, "devices.bin could not be written");
	return true;
}

/* Whole records only: the piece of one that an interruption left is cut off. */
static bool go_on(struct fleet *f, const char *folder)
{
	struct fleet_header wanted = f->header;

	f->fd = open_devices(folder, O_RDWR);
	if (f->fd < 0)
		return complain(folder, strerror(errno));
	if (!read_header(f, folder))
		return false;
	if (strcmp(wanted.procedure, f->header.procedure) != 0 ||
		strcmp(wanted.plmn, f->header.plmn) != 0)
		return complain(folder, "there is a fleet of another procedure or PLMN");
	off_t end = (off_t)((f->count + 1) * FLEET_RECORD_LEN);

	if (ftruncate(f->fd, end) != 0 || lseek(f->fd, end, SEEK_SET) != end)
		return complain(folder, strerror(errno));
	return true;
}

bool fleet_open_for_more(struct fleet *f, const char *folder)
{
	f->map = NULL;
	f->count = 0;
	f->fd = -1;
	if (fleet_exists(folder) ? go_on(f, folder) : begin_new(f, folder))
		return true;
	fleet_close(f);
	return false;
}

bool fleet_append(struct fleet *f, const struct fleet_record *records, size_t count)
{
	const uint8_t *at = (const uint8_t *)records;
	size_t left = count * FLEET_RECORD_LEN;

	while (left > 0) {
		ssize_t n = write(f->fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return complain("devices.bin", strerror(errno));
		at += n;
		left -= (size_t)n;
	}
	f->count += count;
	return true;
}

void fleet_close(struct fleet *f)
{
	if (f->map != NULL)
		munmap(f->map, f->map_len);
	if (f->fd >= 0)
		close(f->fd);
	maker_wipe(&f->maker);
	f->map = NULL;
	f->fd = -1;
}

bool fleet_imsi(const struct fleet_header *h, uint64_t i, uint64_t *imsi)
{
	struct plmn plmn;

	return plmn_read(h->plmn, strlen(h->plmn), &plmn) &&
	       plmn_make_imsi(plmn, h->first_msin + i, imsi);
}

enum outcome fleet_expected(const struct fleet_record *r)
{
	static const enum outcome expected[FAULT_COUNT] = {
		[FAULT_NONE] = FINE,
		[FAULT_TOKEN_SIGNATURE] = SIGNATURE_INVALID,
		[FAULT_STRANGER] = CERTIFICATE_UNTRUSTED,
		[FAULT_EXPIRED] = CERTIFICATE_EXPIRED,
	};

	return r->fault < FAULT_COUNT ? expected[r->fault] : BROKEN;
}

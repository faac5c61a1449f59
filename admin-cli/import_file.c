#include "admin-cli/import_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "crypto/kdf.h"

#define HASHED_MOST 65536
/* With what struct secret adds not over a power of two, which is what the secure heap gives. */
#define ROOM_BYTES (32768 - sizeof(struct secret))

static ssize_t read_some(int fd, uint8_t *at, size_t len)
{
	ssize_t n;

	do
		n = read(fd, at, len);
	while (n < 0 && errno == EINTR);
	return n;
}

/* In locked memory too: these are lines with keys. */
static bool hash_file(struct import_file *f)
{
	uint8_t size[8];
	struct buffer b = buffer_over(size, sizeof(size));
	struct secret *head = secret_new(HASHED_MOST);
	size_t len = 0;
	ssize_t n = 0;

	errno = ENOMEM;
	if (head == NULL)
		return false;
	while (len < HASHED_MOST && (n = read_some(f->fd, head->at + len, HASHED_MOST - len)) > 0)
		len += (size_t)n;
	buffer_put_u64(&b, (uint64_t)f->size);
	struct bytes parts[] = { bytes_of(head->at, len), buffer_bytes(&b) };
	bool is_hashed = n >= 0 && sha256(parts, 2, f->hash) == FINE;
	secret_free(head);
	return is_hashed && lseek(f->fd, 0, SEEK_SET) == 0;
}

static enum cli_end refuse_file(const char *path)
{
	return cli_refuse("FILE_NOT_READ", "%s: %s", path, strerror(errno));
}

static enum cli_end read_header(struct import_file *f, const char *path, struct csv_form *form)
{
	struct csv_line line;
	enum csv_step step = import_file_next(f, &line);

	if (step == CSV_MORE)
		return refuse_file(path);
	if (step == CSV_END || line.is_too_long || !csv_read_header(line.content, form))
		return cli_refuse_outcome(
			INVALID_PARAMETER, "the first line is neither supi,k,opc nor supi,k,op");
	return CLI_DONE;
}

enum cli_end import_file_open(struct import_file *f, const char *path, struct csv_form *form)
{
	struct stat s;

	*f = (struct import_file){ .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
	if (f->fd < 0 || fstat(f->fd, &s) != 0)
		return refuse_file(path);
	if (!S_ISREG(s.st_mode))
		return cli_refuse("FILE_NOT_READ", "%s: this is no regular file", path);
	f->size = s.st_size;
	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? cli_refuse_outcome(CONFLICT,
						      "another import of this file is under way")
					    : refuse_file(path);
	if (!hash_file(f))
		return refuse_file(path);
	f->room = secret_new(ROOM_BYTES);
	if (f->room == NULL)
		return cli_refuse_outcome(NO_MEMORY, "there is no locked memory");
	f->reader = (struct csv_reader){ .at = f->room->at, .cap = ROOM_BYTES };
	return read_header(f, path, form);
}

void import_file_close(struct import_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	secret_free(f->room);
}

bool import_file_seek(struct import_file *f, int64_t line, int64_t offset)
{
	if (line < 1 || offset < 1 || offset > f->size || lseek(f->fd, offset, SEEK_SET) != offset)
		return false;
	wipe(f->room->at, f->room->len);
	f->reader = (struct csv_reader){
		.at = f->room->at, .cap = f->room->len, .line = line, .offset = offset
	};
	return true;
}

enum csv_step import_file_next(struct import_file *f, struct csv_line *line)
{
	enum csv_step step;
	uint8_t *at;

	while ((step = csv_next(&f->reader, line)) == CSV_MORE) {
		size_t room = csv_room(&f->reader, &at);
		ssize_t n = read_some(f->fd, at, room);

		if (n < 0)
			break;
		csv_fill(&f->reader, (size_t)n);
	}
	return step;
}

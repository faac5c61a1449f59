#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* 64 threads of arpf-keyd, of 32 KiB each: what a thread keeps, and a batch's rooms. */
#define SECURE_HEAP_BYTES (1u << 21)
#define SECURE_HEAP_LEAST 32u

bool secret_start(void)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return false;
	return CRYPTO_secure_malloc_initialized() ||
	       CRYPTO_secure_malloc_init(SECURE_HEAP_BYTES, SECURE_HEAP_LEAST) == 1;
}

struct secret *secret_new(size_t len)
{
	if (!CRYPTO_secure_malloc_initialized())
		return NULL;
	struct secret *s = OPENSSL_secure_zalloc(sizeof(*s) + len);

	if (s != NULL)
		s->len = len;
	return s;
}

void secret_free(struct secret *s)
{
	if (s != NULL)
		OPENSSL_secure_clear_free(s, sizeof(*s) + s->len);
}

struct secret *secret_read_file(const char *path, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	struct secret *s = secret_new(max);
	size_t len = 0;
	ssize_t n = 0;

	if (s == NULL) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	while (len < max && (n = read(fd, s->at + len, max - len)) > 0)
		len += (size_t)n;
	int error = n < 0 ? errno : 0;
	char more;

	if (error == 0 && len == max && read(fd, &more, 1) == 1 && more != '\n')
		error = EFBIG;
	close(fd);
	if (error != 0) {
		secret_free(s);
		errno = error;
		return NULL;
	}
	if (len > 0 && s->at[len - 1] == '\n')
		s->at[--len] = 0;
	struct secret *exact = secret_new(len);

	if (exact != NULL)
		memcpy(exact->at, s->at, len);
	else
		errno = ENOMEM;
	secret_free(s);
	return exact;
}

void wipe(void *at, size_t len)
{
	OPENSSL_cleanse(at, len);
}

bool equal_in_constant_time(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

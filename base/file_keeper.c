#include "base/file_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define MODE        0644
#define TRY_AGAIN_S 5

struct file_keeper {
	char path[PATH_MAX], beside[PATH_MAX], folder[PATH_MAX];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t told;
	char text[FILE_KEEPER_MOST]; /* under the lock */
	size_t len;
	bool is_due, is_ending;
	atomic_bool fails;
};

static bool write_whole(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return fchmod(fd, MODE) == 0 && fsync(fd) == 0;
}

static bool sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return done;
}

static bool replace(const struct file_keeper *k, const char *text, size_t len)
{
	int fd = open(k->beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, MODE);

	if (fd < 0)
		return false;
	bool written = write_whole(fd, text, len);

	written = close(fd) == 0 && written;
	return written && rename(k->beside, k->path) == 0 && sync_folder(k->folder);
}

static void note(struct file_keeper *k, bool written, int error)
{
	char path[256], reason[128];

	if (!written && !atomic_load(&k->fails))
		log_error("file_not_written", "path=%s reason=%s",
			log_value(k->path, path, sizeof(path)),
			log_value(strerror(error), reason, sizeof(reason)));
	if (written && atomic_load(&k->fails))
		log_info("file_written_again", "path=%s", log_value(k->path, path, sizeof(path)));
	atomic_store(&k->fails, !written);
}

/* Under the lock, which is given back while it writes. */
static void write_latest(struct file_keeper *k)
{
	char text[FILE_KEEPER_MOST];
	size_t len = k->len;

	memcpy(text, k->text, len);
	k->is_due = false;
	pthread_mutex_unlock(&k->lock);
	bool written = replace(k, text, len);

	note(k, written, errno);
	pthread_mutex_lock(&k->lock);
	k->is_due = k->is_due || !written;
}

static void wait_a_while(struct file_keeper *k)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += TRY_AGAIN_S;
	pthread_cond_timedwait(&k->told, &k->lock, &until);
}

static void *keep(void *keeper)
{
	struct file_keeper *k = keeper;

	pthread_mutex_lock(&k->lock);
	while (!k->is_ending) {
		if (k->is_due)
			write_latest(k);
		if (k->is_ending)
			break;
		if (!k->is_due)
			pthread_cond_wait(&k->told, &k->lock);
		else if (atomic_load(&k->fails))
			wait_a_while(k);
	}
	if (k->is_due)
		write_latest(k);
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

static bool set_paths(struct file_keeper *k, const char *path)
{
	char copy[PATH_MAX];
	/* Not the same file where two processes are told of one path. */
	int len = snprintf(k->beside, sizeof(k->beside), "%s.new-%d", path, (int)getpid());

	if (len < 0 || (size_t)len >= sizeof(k->beside))
		return false;
	memcpy(k->path, path, strlen(path) + 1);
	memcpy(copy, path, strlen(path) + 1);
	const char *folder = dirname(copy);

	memcpy(k->folder, folder, strlen(folder) + 1);
	return true;
}

struct file_keeper *file_keeper_new(const char *path)
{
	struct file_keeper *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->told, NULL);
	if (set_paths(k, path) && pthread_create(&k->thread, NULL, keep, k) == 0)
		return k;
	pthread_cond_destroy(&k->told);
	pthread_mutex_destroy(&k->lock);
	free(k);
	return NULL;
}

void file_keeper_free(struct file_keeper *k)
{
	if (k == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->is_ending = true;
	pthread_cond_signal(&k->told);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->told);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

void file_keeper_put(struct file_keeper *k, const char *text, size_t len)
{
	if (len > FILE_KEEPER_MOST)
		return;
	pthread_mutex_lock(&k->lock);
	memcpy(k->text, text, len);
	k->len = len;
	k->is_due = true;
	pthread_cond_signal(&k->told);
	pthread_mutex_unlock(&k->lock);
}

bool file_keeper_fails(const struct file_keeper *k)
{
	return atomic_load(&k->fails);
}

#include "hsm/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#define CHILD_FD        3
#define BUFFER_BYTES    (1u << 20)
#define AWAIT_MOST_MS   5000
#define LEAVE_WITHIN_MS 60000

/* In the child, between fork and exec: only what is safe there. */
static void become_keyd(const struct key_client_settings *s, int fd, const char *threads)
{
	const char *words[12] = { s->keyd_path, "--socket", "3", "--threads", threads };
	unsigned n = 5;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (s->config_path != NULL) {
		words[n++] = "--config";
		words[n++] = s->config_path;
	}
	if (s->log_level != NULL) {
		words[n++] = "--log-level";
		words[n++] = s->log_level;
	}
	if (s->takes_subscribers)
		words[n++] = "--subscribers";
	if (fd == CHILD_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, CHILD_FD);
	/* Libraries open sockets without close-on-exec: the key process has no network. */
	close_range(CHILD_FD + 1, ~0u, 0);
	execv(s->keyd_path, (char *const *)(uintptr_t)words);
	_exit(127);
}

bool worker_start(struct worker *w)
{
	const struct key_client_settings *s = key_client_settings_of(w->client);
	int pair[2], size = BUFFER_BYTES;
	char threads[16];

	snprintf(threads, sizeof(threads), "%u", s->threads);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
		log_error("key_worker_not_started", "worker=%u reason=\"%s\"", w->index,
			strerror(errno));
		return false;
	}
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fcntl(pair[1], F_SETFL, 0); /* the worker's threads wait in recv */
	pid_t pid = fork();

	if (pid == 0)
		become_keyd(s, pair[1], threads);
	close(pair[1]);
	if (pid < 0) {
		log_error("key_worker_not_started", "worker=%u reason=\"%s\"", w->index,
			strerror(errno));
		close(pair[0]);
		return false;
	}
	w->pid = pid;
	w->fd = pair[0];
	w->is_ready = w->is_retiring = false;
	w->started_ms = w->last_heard_ms = clock_ms();
	w->operations = 0;
	w->places = s->threads + 1 < WORKER_MOST_BATCHES ? s->threads + 1 : WORKER_MOST_BATCHES;
	log_info("key_worker_started", "worker=%u pid=%d", w->index, (int)pid);
	return true;
}

void worker_await_start(const struct worker *w)
{
	struct pollfd hello = { .fd = w->fd, .events = POLLIN };
	int64_t until_ms = clock_ms() + AWAIT_MOST_MS, left_ms = AWAIT_MOST_MS;

	if (w->pid == 0 || w->is_ready)
		return;
	while (left_ms > 0 && poll(&hello, 1, (int)left_ms) < 0 && errno == EINTR)
		left_ms = until_ms - clock_ms();
}

void worker_end(
	struct worker *w, void (*take_back)(struct key_client *c, struct key_request *first))
{
	if (w->pid == 0)
		return;
	ev_io_stop(key_client_loop(w->client), &w->io);
	close(w->fd);
	if (w->is_ready) {
		kill(w->pid, SIGKILL);
		while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
			;
	} else { /* perhaps within its login: it ends by itself when nobody takes its hello */
		w->leaving = w->pid;
		w->left_ms = clock_ms();
	}
	w->pid = 0;
	w->is_ready = false;
	for (unsigned i = 0; i < WORKER_MOST_BATCHES; i++) {
		struct worker_batch *b = &w->batches[i];

		if (b->number == 0)
			continue;
		b->number = 0;
		take_back(w->client, b->first);
	}
}

bool worker_has_left(struct worker *w)
{
	if (w->leaving != 0 && clock_ms() - w->left_ms > LEAVE_WITHIN_MS)
		kill(w->leaving, SIGKILL);
	if (w->leaving != 0 && waitpid(w->leaving, NULL, WNOHANG) != 0)
		w->leaving = 0;
	return w->leaving == 0;
}

unsigned worker_free_places(const struct worker *w)
{
	unsigned used = 0;

	if (!w->is_ready || w->is_retiring)
		return 0;
	for (unsigned i = 0; i < w->places; i++)
		used += w->batches[i].number != 0 ? 1 : 0;
	return w->places - used;
}

bool worker_is_idle(const struct worker *w)
{
	for (unsigned i = 0; i < w->places; i++)
		if (w->batches[i].number != 0)
			return false;
	return true;
}

bool worker_send(struct worker *w, enum key_operation operation, struct key_request *first,
	unsigned count, uint64_t number)
{
	static _Thread_local uint8_t message[KEY_MESSAGE_MAX];
	struct key_batch_header header = {
		.magic = KEY_MAGIC, .operation = operation, .count = count, .batch = number
	};
	size_t item = key_operation_in_size(operation);
	struct buffer b = buffer_over(message, sizeof(message));
	struct worker_batch *place = w->batches;

	while (place->number != 0)
		place++;
	buffer_put(&b, &header, sizeof(header));
	for (const struct key_request *r = first; r != NULL; r = r->next)
		buffer_put(&b, r->in, item);
	bool is_sent = !b.full && send(w->fd, b.at, b.len, MSG_NOSIGNAL) == (ssize_t)b.len;
	int error = errno;

	wipe(b.at, b.len); /* K_AKMA was among it, perhaps */
	errno = error;
	if (!is_sent)
		return false;
	*place = (struct worker_batch){ number, operation, count, clock_ms(), first };
	return true;
}

#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_LEN 1024u
#define QUEUE_BYTES  (256u * 1024u)

static const char *const level_names[] = { "debug", "info", "warning", "error" };

static struct {
	const char *program;
	_Atomic int least;
	pthread_mutex_t lock;
	pthread_cond_t filled;
	pthread_t thread;
	bool threaded;
	bool stopping;
	size_t len;
	unsigned long lost;
	char queue[QUEUE_BYTES];
	char writing[QUEUE_BYTES];
} log_state = {
	.program = "arpf",
	.least = LOG_LEVEL_INFO,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.filled = PTHREAD_COND_INITIALIZER,
};

static void write_out(const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, at, len);

		if (n <= 0)
			return; /* nowhere left to complain to */
		at += n;
		len -= (size_t)n;
	}
}

void log_start(const char *program, enum log_level least)
{
	log_state.program = program;
	log_set_level(least);
}

void log_set_level(enum log_level least)
{
	atomic_store(&log_state.least, (int)least);
}

bool log_level_read(const char *text, enum log_level *level)
{
	for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	return false;
}

static void *write_lines(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&log_state.lock);
	while (log_state.len > 0 || !log_state.stopping) {
		if (log_state.len == 0) {
			pthread_cond_wait(&log_state.filled, &log_state.lock);
			continue;
		}
		size_t len = log_state.len;
		unsigned long lost = log_state.lost;

		memcpy(log_state.writing, log_state.queue, len);
		log_state.len = 0;
		log_state.lost = 0;
		pthread_mutex_unlock(&log_state.lock);
		write_out(log_state.writing, len);
		if (lost > 0)
			log_warning("log_lines_lost", "count=%lu", lost);
		pthread_mutex_lock(&log_state.lock);
	}
	pthread_mutex_unlock(&log_state.lock);
	return NULL;
}

bool log_start_thread(void)
{
	log_state.stopping = false;
	log_state.threaded = pthread_create(&log_state.thread, NULL, write_lines, NULL) == 0;
	return log_state.threaded;
}

void log_stop(void)
{
	if (!log_state.threaded)
		return;
	pthread_mutex_lock(&log_state.lock);
	log_state.stopping = true;
	pthread_cond_signal(&log_state.filled);
	pthread_mutex_unlock(&log_state.lock);
	pthread_join(log_state.thread, NULL);
	log_state.threaded = false;
}

static void queue_line(const char *line, size_t len)
{
	pthread_mutex_lock(&log_state.lock);
	if (len > QUEUE_BYTES - log_state.len) {
		log_state.lost++;
	} else {
		memcpy(log_state.queue + log_state.len, line, len);
		log_state.len += len;
		pthread_cond_signal(&log_state.filled);
	}
	pthread_mutex_unlock(&log_state.lock);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	if ((int)level < atomic_load(&log_state.least))
		return;
	char line[LINE_MAX_LEN];
	char time[CLOCK_TEXT_LEN];
	va_list args;

	clock_write(clock_unix(), time);
	int head = snprintf(line, sizeof(line), "time=%s level=%s program=%s event=%s ", time,
		level_names[level], log_state.program, event);
	size_t len = head > 0 && (size_t)head < sizeof(line) ? (size_t)head : 0;

	va_start(args, format);
	int tail = vsnprintf(line + len, sizeof(line) - len, format, args);
	va_end(args);
	if (tail > 0)
		len += (size_t)tail < sizeof(line) - len ? (size_t)tail : sizeof(line) - len - 1;
	for (size_t i = 0; i < len; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	if (len == sizeof(line) - 1)
		len--;
	line[len++] = '\n';
	if (log_state.threaded)
		queue_line(line, len);
	else
		write_out(line, len);
}

const char *log_value(const char *text, char *out, size_t out_size)
{
	size_t n = 0;

	for (; text != NULL && text[n] != '\0' && n + 1 < out_size; n++) {
		char c = text[n];

		out[n] = c > ' ' && c < 0x7f && c != '"' && c != '=' ? c : '_';
	}
	out[n] = '\0';
	return out;
}

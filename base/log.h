/*
 * The log: one line an event on stderr, as key=value.
 *
 *     time=2026-01-02T03:04:05Z level=info program=arpfd event=hsm_worker_started worker=1 pid=77
 *
 * `event` is a noun and what happened to it; the rest is printf text of the caller's, itself
 * key=value. Values that come from outside are passed through log_value(), which makes them one
 * word. Never a secret, at any level.
 *
 * Any thread. After log_start_thread() a line is queued and written by a thread of the log's own,
 * so that a slow terminal or pipe never holds up the caller; what does not fit in the queue is
 * counted and the count logged.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* program is kept by pointer. */
void log_start(const char *program, enum log_level least);
bool log_start_thread(void);
/* Writes what is queued and ends the thread. */
void log_stop(void);
void log_set_level(enum log_level least);
bool log_level_read(const char *text, enum log_level *level);

void log_event(enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* text as one word: printable, no blanks, quotes or '='; cut at what out holds. Returns out. */
const char *log_value(const char *text, char *out, size_t out_size);

#define log_debug(event, ...)   log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)    log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warning(event, ...) log_event(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_error(event, ...)   log_event(LOG_LEVEL_ERROR, event, __VA_ARGS__)

#endif

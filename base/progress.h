/* A bar on stderr for long work, drawn only where stderr is a terminal. One thread. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what;
	uint64_t total; /* 0: not known */
	bool shown;
	int64_t started_us, drawn_us;
	uint64_t from; /* what had been done when it began */
};

struct progress progress_start(const char *what, uint64_t done, uint64_t total);
/* Cheap; draws at most ten times a second. */
void progress_show(struct progress *p, uint64_t done);
void progress_end(struct progress *p, uint64_t done);

#endif

/* Time: a monotonic clock for waits, the calendar for what is written down. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds and microseconds of a clock that never jumps. */
int64_t clock_ms(void);
int64_t clock_us(void);
/* Seconds since 1970-01-01 UTC. */
int64_t clock_unix(void);
/* RFC 3339 in UTC, to the second: 2026-01-02T03:04:05Z. */
#define CLOCK_TEXT_LEN 21
void clock_write(int64_t unix_seconds, char out[CLOCK_TEXT_LEN]);
/* Exactly that form, of a day that there is, from 1970 on. */
bool clock_read(const char *text, int64_t *unix_seconds);

#endif

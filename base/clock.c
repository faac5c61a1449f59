#include "base/clock.h"

#include <string.h>
#include <time.h>

static int64_t now_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_us(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_unix(void)
{
	return now_ns(CLOCK_REALTIME) / 1000000000;
}

bool clock_read(const char *text, int64_t *unix_seconds)
{
	char again[CLOCK_TEXT_LEN];
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (end == NULL || *end != '\0' || tm.tm_year < 70)
		return false;
	*unix_seconds = timegm(&tm);
	/* What is read leniently, or is no such day, is written otherwise. */
	clock_write(*unix_seconds, again);
	return strcmp(text, again) == 0;
}

void clock_write(int64_t unix_seconds, char out[CLOCK_TEXT_LEN])
{
	time_t t = (time_t)unix_seconds;
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	if (gmtime_r(&t, &tm) == NULL ||
		strftime(out, CLOCK_TEXT_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
}

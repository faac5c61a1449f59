/*
 * Durations, kept so that any percentile can be told to within 0.8 %: exact up to 255 us, then 128 steps to
 * each doubling, up to an hour; longer ones count as an hour (but for max). One thread.
 */
#ifndef LOADTEST_HISTOGRAM_H
#define LOADTEST_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS   128u
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 26u)

struct histogram {
	uint64_t count, sum_us, max_us;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, int64_t us);
/*
 * The duration that this part (0 to 1) of all are no longer than: the longest that its bucket stands
 * for, but never more than the longest there was. 0 where there are none.
 */
uint64_t histogram_at(const struct histogram *h, double part);
double histogram_mean_us(const struct histogram *h);

#endif

#include "loadtest/histogram.h"

#include <stddef.h>

/*
 * Below 2 * STEPS a bucket a microsecond; from there on 2^k microseconds a bucket, where k is how far the
 * number must be shifted to lie between STEPS and 2 * STEPS.
 */
static size_t bucket_of(uint64_t us)
{
	unsigned k = 0;

	while (us >> k >= 2 * HISTOGRAM_STEPS)
		k++;
	size_t bucket = k * HISTOGRAM_STEPS + (size_t)(us >> k);

	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t longest_of(size_t bucket)
{
	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	unsigned k = (unsigned)(bucket / HISTOGRAM_STEPS) - 1;

	return ((bucket - k * HISTOGRAM_STEPS + 1) << k) - 1;
}

void histogram_add(struct histogram *h, int64_t us)
{
	uint64_t v = us > 0 ? (uint64_t)us : 0;

	h->count++;
	h->sum_us += v;
	if (v > h->max_us)
		h->max_us = v;
	h->buckets[bucket_of(v)]++;
}

uint64_t histogram_at(const struct histogram *h, double part)
{
	double wanted = part * (double)h->count;
	uint64_t seen = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS && h->count > 0; i++) {
		seen += h->buckets[i];
		if (h->buckets[i] > 0 && (double)seen >= wanted)
			return longest_of(i) < h->max_us ? longest_of(i) : h->max_us;
	}
	return h->max_us;
}

double histogram_mean_us(const struct histogram *h)
{
	return h->count > 0 ? (double)h->sum_us / (double)h->count : 0.;
}

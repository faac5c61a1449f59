#include "pki/freshness.h"

#include <stdlib.h>

/* Where the issuer is, or would be. */
static size_t find_place(const struct freshness *f, const uint8_t issuer_hash[32])
{
	size_t from = 0, to = f->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (memcmp(f->at[middle].hash, issuer_hash, 32) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool is_at(const struct freshness *f, size_t place, const uint8_t issuer_hash[32])
{
	return place < f->count && memcmp(f->at[place].hash, issuer_hash, 32) == 0;
}

void freshness_free(struct freshness *f)
{
	free(f->at);
	*f = (struct freshness){};
}

enum outcome freshness_add(struct freshness *f, const uint8_t issuer_hash[32], int64_t next_update)
{
	size_t place = find_place(f, issuer_hash);

	if (is_at(f, place, issuer_hash)) {
		if (next_update < f->at[place].next_update)
			f->at[place].next_update = next_update;
		return FINE;
	}
	if (f->count == f->cap) {
		size_t cap = f->cap == 0 ? 16 : f->cap * 2;
		struct fresh_issuer *at = reallocarray(f->at, cap, sizeof(*at));

		if (at == NULL)
			return NO_MEMORY;
		f->at = at;
		f->cap = cap;
	}
	memmove(f->at + place + 1, f->at + place, (f->count - place) * sizeof(*f->at));
	f->at[place] = (struct fresh_issuer){ .next_update = next_update };
	memcpy(f->at[place].hash, issuer_hash, 32);
	f->count++;
	return FINE;
}

const struct fresh_issuer *freshness_find(const struct freshness *f, const uint8_t issuer_hash[32])
{
	size_t place = find_place(f, issuer_hash);

	return is_at(f, place, issuer_hash) ? &f->at[place] : NULL;
}

#include "pki/freshness.h"

#include <stdlib.h>

/* Where the first of this name is, or would be. */
static size_t find_place(const struct freshness *f, const uint8_t name[32])
{
	size_t from = 0, to = f->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (memcmp(f->at[middle].by.name, name, 32) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool is_of(const struct freshness *f, size_t place, const uint8_t name[32])
{
	return place < f->count && memcmp(f->at[place].by.name, name, 32) == 0;
}

void freshness_free(struct freshness *f)
{
	free(f->at);
	*f = (struct freshness){};
}

enum outcome freshness_add(struct freshness *f, const struct fresh_crl *crl)
{
	size_t place = find_place(f, crl->by.name);

	if (f->count == f->cap) {
		size_t cap = f->cap == 0 ? 16 : f->cap * 2;
		struct fresh_crl *at = reallocarray(f->at, cap, sizeof(*at));

		if (at == NULL)
			return NO_MEMORY;
		f->at = at;
		f->cap = cap;
	}
	memmove(f->at + place + 1, f->at + place, (f->count - place) * sizeof(*f->at));
	f->at[place] = *crl;
	f->count++;
	return FINE;
}

/* By a later one that is about all that this one's key has issued, and about `of` where one is given. */
static bool is_superseded(const struct freshness *f, const struct signers *s,
	const struct fresh_crl *crl, const struct issuer_id *of)
{
	for (size_t i = find_place(f, crl->by.name); is_of(f, i, crl->by.name); i++) {
		const struct fresh_crl *other = &f->at[i];

		if (other->this_update > crl->this_update &&
			memcmp(other->scope, crl->scope, sizeof(crl->scope)) == 0 &&
			signers_speaks_for(s, &other->by, &crl->by) &&
			(of == NULL || signers_speaks_for(s, &other->by, of)))
			return true;
	}
	return false;
}

bool freshness_is_over(
	const struct freshness *f, const struct signers *s, const struct issuer_id *of, int64_t now)
{
	for (size_t i = find_place(f, of->name); is_of(f, i, of->name); i++) {
		const struct fresh_crl *crl = &f->at[i];

		if (now > crl->next_update && signers_speaks_for(s, &crl->by, of) &&
			!is_superseded(f, s, crl, of))
			return true;
	}
	return false;
}

void freshness_count(
	const struct freshness *f, const struct signers *s, int64_t now, struct crl_figures *out)
{
	*out = (struct crl_figures){};
	for (size_t i = 0; i < f->count; i++) {
		const struct fresh_crl *crl = &f->at[i];
		int64_t left = crl->next_update - now;

		if (is_superseded(f, s, crl, NULL))
			continue;
		if (left < 0)
			out->over++;
		else if (left <= (crl->next_update - crl->this_update) / 4)
			out->ends_soon++;
		else
			out->good++;
		if (out->end != 0 && crl->next_update >= out->end)
			continue;
		out->end = crl->next_update;
		memcpy(out->end_of, crl->by.name, sizeof(out->end_of));
	}
}

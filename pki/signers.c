#include "pki/signers.h"

#include <stdlib.h>

#include "crypto/kdf.h"

static int compare(const struct signer *s, const uint8_t name[32], const uint8_t key[32])
{
	int order = memcmp(s->id.name, name, 32);

	return order != 0 ? order : memcmp(s->id.key, key, 32);
}

/* Where it is, or would be. */
static size_t find_place(const struct signers *s, const uint8_t name[32], const uint8_t key[32])
{
	size_t from = 0, to = s->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare(&s->at[middle], name, key) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

void signers_free(struct signers *s)
{
	free(s->at);
	*s = (struct signers){};
}

static bool make_room(struct signers *s)
{
	size_t cap = s->cap == 0 ? 16 : s->cap * 2;
	struct signer *at = s->count < s->cap ? s->at : reallocarray(s->at, cap, sizeof(*at));

	if (at == NULL)
		return false;
	s->cap = s->count < s->cap ? s->cap : cap;
	s->at = at;
	return true;
}

enum outcome signers_add(struct signers *s, const struct issuer_id *by, struct signer **out)
{
	size_t place = find_place(s, by->name, by->key);
	struct signer fresh = { .id = *by };

	if (place < s->count && compare(&s->at[place], by->name, by->key) == 0) {
		*out = &s->at[place];
		return FINE;
	}
	const struct bytes both[] = { BYTES(by->name), BYTES(by->key) };
	enum outcome o = make_room(s) ? sha256(both, 2, fresh.both) : NO_MEMORY;

	if (o != FINE)
		return o;
	memmove(s->at + place + 1, s->at + place, (s->count - place) * sizeof(*s->at));
	s->at[place] = fresh;
	s->count++;
	*out = &s->at[place];
	return FINE;
}

const struct signer *signers_of(const struct signers *s, const uint8_t name[32], size_t *count)
{
	static const uint8_t lowest[32];
	size_t from = find_place(s, name, lowest), to = from;

	while (to < s->count && memcmp(s->at[to].id.name, name, 32) == 0)
		to++;
	*count = to - from;
	return s->at + from;
}

static bool is_root(const struct signers *s, const struct issuer_id *i)
{
	size_t place = find_place(s, i->name, i->key);

	return place < s->count && compare(&s->at[place], i->name, i->key) == 0 &&
	       s->at[place].is_root;
}

bool signers_speaks_for(
	const struct signers *s, const struct issuer_id *by, const struct issuer_id *of)
{
	if (!by->knows_key || !of->knows_key || memcmp(by->key, of->key, sizeof(by->key)) == 0)
		return true;
	return !is_root(s, by) || !is_root(s, of);
}

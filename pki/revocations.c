#include "pki/revocations.h"

#include <openssl/rand.h>
#include <stdlib.h>

#define SERIAL_MAX 20

/* Half of the issuer's hash is plenty: 128 bits that nobody can aim at. */
struct revocation {
	uint8_t issuer[16];
	uint8_t serial_len;
	uint8_t serial[SERIAL_MAX];
};

static bool make_entry(struct revocation *out, const uint8_t issuer_hash[32], struct bytes serial)
{
	if (serial.len == 0 || serial.len > SERIAL_MAX)
		return false;
	*out = (struct revocation){ .serial_len = (uint8_t)serial.len };
	memcpy(out->issuer, issuer_hash, sizeof(out->issuer));
	memcpy(out->serial, serial.at, serial.len);
	return true;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Seeded, so that whoever chooses serials cannot choose where they fall. */
static size_t slot_of(const struct revocations *r, const struct revocation *e)
{
	uint64_t hash = r->seed ^ e->serial_len;
	uint64_t words[4] = { 0 };

	memcpy(words, e->issuer, 8);
	memcpy(words + 1, e->serial, SERIAL_MAX);
	for (size_t i = 0; i < 4; i++)
		hash = mix(hash ^ words[i], (r->seed << 1 | 1) ^ 0x9e3779b97f4a7c15u) + words[i];
	return mix(hash, 0xd6e8feb86659fd93u) & (r->slot_count - 1);
}

/* The slot that holds the entry, or the free one where it belongs. */
static uint32_t *find_slot(const struct revocations *r, const struct revocation *e)
{
	size_t i = slot_of(r, e);

	while (r->slots[i] != 0 && memcmp(&r->at[r->slots[i] - 1], e, sizeof(*e)) != 0)
		i = (i + 1) & (r->slot_count - 1);
	return &r->slots[i];
}

static bool grow(struct revocations *r)
{
	size_t cap = r->cap == 0 ? 64 : r->cap * 2;

	if (cap >= UINT32_MAX / 2)
		return false;
	if (r->cap == 0 && RAND_bytes((unsigned char *)&r->seed, sizeof(r->seed)) != 1)
		return false;
	struct revocation *at = reallocarray(r->at, cap, sizeof(*at));
	if (at == NULL)
		return false;
	r->at = at;
	uint32_t *slots = calloc(cap * 2, sizeof(*slots));
	if (slots == NULL)
		return false;
	free(r->slots);
	r->slots = slots;
	r->slot_count = cap * 2;
	r->cap = cap;
	for (size_t i = 0; i < r->count; i++)
		*find_slot(r, &r->at[i]) = (uint32_t)(i + 1);
	return true;
}

void revocations_free(struct revocations *r)
{
	free(r->at);
	free(r->slots);
	*r = (struct revocations){};
}

enum outcome revocations_add(
	struct revocations *r, const uint8_t issuer_hash[32], struct bytes serial)
{
	struct revocation e;

	if (!make_entry(&e, issuer_hash, serial))
		return INVALID_PARAMETER;
	if (r->count == r->cap && !grow(r))
		return NO_MEMORY;
	uint32_t *slot = find_slot(r, &e);
	if (*slot != 0)
		return FINE;
	r->at[r->count++] = e;
	*slot = (uint32_t)r->count;
	return FINE;
}

bool revocations_find(
	const struct revocations *r, const uint8_t issuer_hash[32], struct bytes serial)
{
	struct revocation e;

	return r->count > 0 && make_entry(&e, issuer_hash, serial) && *find_slot(r, &e) != 0;
}

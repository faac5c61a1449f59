/*
 * The set of what has been revoked: 45 bytes and one probe or two an entry, made for a million of
 * them. Grown by one thread, then only read, by any. Zeroed memory is an empty set.
 */
#ifndef PKI_REVOCATIONS_H
#define PKI_REVOCATIONS_H

#include "base/bytes.h"

struct revocation;

struct revocations {
	struct revocation *at;
	size_t count, cap;
	uint32_t *slots;   /* open addressing; 0: free, else one more than the index into at */
	size_t slot_count; /* a power of two, at least twice cap */
	uint64_t seed;
};

void revocations_free(struct revocations *r);
/* serial as revocation_serial gives it; adding what is there already is FINE. */
enum outcome revocations_add(
	struct revocations *r, const uint8_t issuer_hash[32], struct bytes serial);
bool revocations_find(
	const struct revocations *r, const uint8_t issuer_hash[32], struct bytes serial);

#endif

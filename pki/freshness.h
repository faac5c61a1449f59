/*
 * Until when the CRLs that were given say what an issuer has revoked. An issuer without one is not in it. Grown by
 * one thread, then only read, by any. Zeroed memory is empty.
 */
#ifndef PKI_FRESHNESS_H
#define PKI_FRESHNESS_H

#include "base/bytes.h"

struct fresh_issuer {
	uint8_t hash[32];    /* revocation_issuer_hash */
	int64_t next_update; /* unix seconds; the earliest of the issuer's CRLs */
};

/* Sorted by hash. */
struct freshness {
	struct fresh_issuer *at;
	size_t count, cap;
};

void freshness_free(struct freshness *f);
/* An issuer that is there already keeps the earlier of the two. */
enum outcome freshness_add(struct freshness *f, const uint8_t issuer_hash[32], int64_t next_update);
/* NULL: no CRL of this issuer was given. */
const struct fresh_issuer *freshness_find(const struct freshness *f, const uint8_t issuer_hash[32]);

#endif

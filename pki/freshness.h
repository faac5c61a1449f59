/*
 * Until when the CRLs that were given say what an issuer has revoked. An issuer without one is not in it. Grown by
 * one thread, then only read, by any. Zeroed memory is empty.
 */
#ifndef PKI_FRESHNESS_H
#define PKI_FRESHNESS_H

#include "pki/signers.h"

struct fresh_crl {
	struct issuer_id by;
	uint8_t scope[32];                /* which part of the issuer's certificates; zeros: all */
	int64_t this_update, next_update; /* unix seconds */
};

/* Sorted by name. */
struct freshness {
	struct fresh_crl *at;
	size_t count, cap;
};

/* CRLs, but for those that a later one has superseded. */
struct crl_figures {
	unsigned good, ends_soon, over; /* ends_soon: within the last quarter of its time */
	int64_t end;                    /* the first nextUpdate; 0: there is none */
	uint8_t end_of[32];             /* its issuer's name */
};

void freshness_free(struct freshness *f);
enum outcome freshness_add(struct freshness *f, const struct fresh_crl *crl);
/*
 * Whether one of the CRLs that are about what `of` has issued is past its nextUpdate, and no later one of the same
 * part, about it too, has superseded that: after a change of keys nobody makes a newer one by the old.
 */
bool freshness_is_over(const struct freshness *f, const struct signers *s,
	const struct issuer_id *of, int64_t now);
void freshness_count(
	const struct freshness *f, const struct signers *s, int64_t now, struct crl_figures *out);

#endif

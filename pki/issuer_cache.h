/*
 * Certificates that have been verified under their issuer, kept by their bytes and the issuer's
 * fingerprint (pki/chain.h makes and frees the cache). Internal to pki/.
 */
#ifndef PKI_ISSUER_CACHE_H
#define PKI_ISSUER_CACHE_H

#include "pki/chain.h"
#include "pki/issuer.h"

/* The kept certificate of these bytes under `by`, with a reference for the caller; NULL: none. */
struct issuer *issuer_cache_find(
	struct issuer_cache *cache, const struct issuer *by, struct bytes der);
/*
 * Keeps `fresh`, which has been verified under `by`, and takes the caller's reference; returns,
 * with a reference, the one to use: another thread may have been first. Where there is no memory it
 * is not kept.
 */
struct issuer *issuer_cache_add(
	struct issuer_cache *cache, const struct issuer *by, struct issuer *fresh);
/*
 * As issuer_verify(), of a leaf that is likely to come again soon: what has been found good is remembered
 * by its hash, as one of the last 16,384 or so, and the signature not verified again.
 */
enum outcome issuer_cache_verify_leaf(struct issuer_cache *cache, const struct issuer *by,
	const struct certificate *leaf, const char **reason);

#endif

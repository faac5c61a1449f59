/*
 * A chain CERT.CI, CERT.PN, CERT.SE that holds, what is trusted, and a cache: what tests of the
 * chain begin with and then spoil.
 */
#ifndef TESTS_UNIT_PKI_WORLD_H
#define TESTS_UNIT_PKI_WORLD_H

#include "pki/chain.h"
#include "tests/unit/pki_maker.h"

enum { CI, PN, SE, LEVELS };

/* The wire's names of the three. */
extern const char *const world_culprits[LEVELS];
/* Made once by world_make_keys; other_key is nobody's. */
extern EVP_PKEY *world_keys[LEVELS], *other_key;

struct world {
	struct pki_made made[LEVELS];
	struct trust *trust;
	struct issuer_cache *cache;
	struct certificate leaf;
	struct chain_failure failure;
};

void world_make_keys(void);
void world_free_keys(void);
/* The good recipe of a level, to be changed. */
struct pki_recipe world_recipe(int level);
/* A chain by another name: its PN is CN=<name>. */
void world_make_pair(const char *name, struct pki_made *pn, struct pki_made *se);
/* A cache of eight. */
void world_start(struct world *w);
void world_end(struct world *w);
/* Another struct trust, with one anchor or none. */
void world_trust_only(struct world *w, enum trust_use use, const struct pki_made *anchor);

enum outcome world_verify(struct world *w, int64_t now);
/* Verifies at PKI_NOW, twice: with what is kept from the first time the answer is the same. */
void assert_outcome(struct world *w, enum outcome expected, int culprit);

#endif

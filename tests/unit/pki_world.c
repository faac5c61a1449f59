#include "tests/unit/pki_world.h"

#include <check.h>
#include <stdio.h>

EVP_PKEY *world_keys[LEVELS], *other_key;

const char *const world_culprits[LEVELS] = { "certCi", "certPn", "certSe" };

static const char *const ci_extensions[] = { "basicConstraints=critical,CA:TRUE",
	"keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=C1C1C1C1", NULL };
static const char *const pn_extensions[] = { "basicConstraints=critical,CA:TRUE,pathlen:0",
	"keyUsage=critical,keyCertSign", "subjectKeyIdentifier=B0B0B0B0",
	"2.5.29.35=DER:30068004C1C1C1C1", NULL };
static const char *const se_extensions[] = { "basicConstraints=CA:FALSE",
	"keyUsage=critical,digitalSignature", "2.5.29.35=DER:30068004B0B0B0B0", NULL };

static const struct pki_recipe good[LEVELS] = {
	{ .subject = "CN=CI", .issuer = "CN=CI", .extensions = ci_extensions },
	{ .subject = "CN=PN", .issuer = "CN=CI", .extensions = pn_extensions },
	{ .subject = "CN=SE/serialNumber=SE-0001",
		.issuer = "CN=PN",
		.serial = "5E01",
		.extensions = se_extensions },
};

void world_make_keys(void)
{
	for (int i = 0; i < LEVELS; i++)
		world_keys[i] = pki_key("P-256");
	other_key = pki_key("P-256");
}

void world_free_keys(void)
{
	for (int i = 0; i < LEVELS; i++)
		EVP_PKEY_free(world_keys[i]);
	EVP_PKEY_free(other_key);
}

struct pki_recipe world_recipe(int level)
{
	struct pki_recipe recipe = good[level];

	recipe.key = world_keys[level];
	recipe.signer = world_keys[level == CI ? CI : level - 1];
	return recipe;
}

void world_make_pair(const char *name, struct pki_made *pn, struct pki_made *se)
{
	struct pki_recipe pn_recipe = world_recipe(PN), se_recipe = world_recipe(SE);
	char subject[64];

	snprintf(subject, sizeof(subject), "CN=%s", name);
	pn_recipe.subject = se_recipe.issuer = subject;
	pki_make(&pn_recipe, pn);
	pki_make(&se_recipe, se);
}

void world_trust_only(struct world *w, enum trust_use use, const struct pki_made *anchor)
{
	trust_give_back(w->trust);
	w->trust = trust_new();
	ck_assert_ptr_nonnull(w->trust);
	if (anchor != NULL)
		ck_assert_int_eq(trust_add_anchor(w->trust, use, pki_bytes(anchor)), FINE);
}

void world_start(struct world *w)
{
	*w = (struct world){ .cache = issuer_cache_new(8) };
	ck_assert_ptr_nonnull(w->cache);
	for (int level = 0; level < LEVELS; level++) {
		struct pki_recipe recipe = world_recipe(level);

		pki_make(&recipe, &w->made[level]);
	}
	world_trust_only(w, TRUST_SE, &w->made[CI]);
}

void world_end(struct world *w)
{
	trust_give_back(w->trust);
	issuer_cache_free(w->cache);
}

enum outcome world_verify(struct world *w, int64_t now)
{
	w->failure = (struct chain_failure){ "", "" };
	return chain_verify_se(w->cache, w->trust, pki_bytes(&w->made[CI]), pki_bytes(&w->made[PN]),
		pki_bytes(&w->made[SE]), now, &w->leaf, &w->failure);
}

void assert_outcome(struct world *w, enum outcome expected, int culprit)
{
	for (int i = 0; i < 2; i++) {
		enum outcome o = world_verify(w, PKI_NOW);

		ck_assert_msg(o == expected, "%s, not %s: %s: %s", outcome_name(o),
			outcome_name(expected), w->failure.culprit, w->failure.reason);
		if (expected != FINE)
			ck_assert_str_eq(w->failure.culprit, world_culprits[culprit]);
	}
}

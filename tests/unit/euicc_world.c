#include "tests/unit/euicc_world.h"

#include <check.h>

EVP_PKEY *euicc_keys[EUICC_LEVELS], *euicc_other_key;

static const char *const ci_extensions[] = { "basicConstraints=critical,CA:TRUE",
	"keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=C1C1C1C1",
	"certificatePolicies=critical,2.23.146.1.2.1.0", NULL };
static const char *const eum_extensions[] = { EUICC_CA, EUICC_CERT_SIGN,
	"subjectKeyIdentifier=E0E0E0E0", "2.5.29.35=DER:30068004C1C1C1C1",
	"certificatePolicies=critical,2.23.146.1.2.1.2", EUICC_PERMITS, NULL };
static const char *const leaf_extensions[] = { EUICC_SIGNS, "2.5.29.35=DER:30068004E0E0E0E0",
	"certificatePolicies=critical,2.23.146.1.2.1.1", NULL };

static const struct pki_recipe good[EUICC_LEVELS] = {
	{ .subject = "CN=eUICC CI", .extensions = ci_extensions },
	{ .subject = "O=" EUICC_O "/CN=EUM",
		.issuer = "CN=eUICC CI",
		.extensions = eum_extensions },
	{ .subject = "O=" EUICC_O "/serialNumber=" EUICC_EID,
		.issuer = "O=" EUICC_O "/CN=EUM",
		.serial = "E001",
		.not_after = "74921102143903Z",
		.extensions = leaf_extensions },
};

void euicc_make_keys(void)
{
	for (int i = 0; i < EUICC_LEVELS; i++)
		euicc_keys[i] = pki_key("P-256");
	euicc_other_key = pki_key("P-256");
}

void euicc_free_keys(void)
{
	for (int i = 0; i < EUICC_LEVELS; i++)
		EVP_PKEY_free(euicc_keys[i]);
	EVP_PKEY_free(euicc_other_key);
}

struct pki_recipe euicc_recipe(enum euicc_level level)
{
	struct pki_recipe recipe = good[level];

	recipe.key = euicc_keys[level];
	recipe.signer = euicc_keys[level == EUICC_CI ? EUICC_CI : level - 1];
	return recipe;
}

void euicc_trust_only(struct euicc_world *w, enum trust_use use, const struct pki_made *anchor)
{
	trust_give_back(w->trust);
	w->trust = trust_new();
	ck_assert_ptr_nonnull(w->trust);
	ck_assert_int_eq(trust_add_anchor(w->trust, use, pki_bytes(anchor)), FINE);
}

void euicc_start(struct euicc_world *w)
{
	*w = (struct euicc_world){ .cache = issuer_cache_new(8) };
	ck_assert_ptr_nonnull(w->cache);
	for (int level = 0; level < EUICC_LEVELS; level++) {
		struct pki_recipe recipe = euicc_recipe((enum euicc_level)level);

		pki_make(&recipe, &w->made[level]);
	}
	euicc_trust_only(w, TRUST_EUICC, &w->made[EUICC_CI]);
}

void euicc_end(struct euicc_world *w)
{
	trust_give_back(w->trust);
	issuer_cache_free(w->cache);
}

enum outcome euicc_verify(struct euicc_world *w, const char *eid, int64_t now)
{
	w->failure = (struct chain_failure){ "", "" };
	return chain_verify_euicc(w->cache, w->trust, pki_bytes(&w->made[EUICC_LEAF]),
		pki_bytes(&w->made[EUICC_EUM]), bytes_of_text(eid), now, &w->leaf, &w->failure);
}

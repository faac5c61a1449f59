/* A leaf that has been verified under its issuer is not verified again; everything else is. */
#include "pki/issuer_cache.h"
#include "tests/unit/euicc_world.h"
#include "tests/unit/suite.h"

/* A world whose leaf has been verified once, and that leaf's issuer. */
static struct issuer *start_with_leaf(struct euicc_world *w)
{
	struct issuer *eum;

	euicc_make_keys();
	euicc_start(w);
	ck_assert_int_eq(euicc_verify(w, EUICC_EID, PKI_NOW), FINE);
	ck_assert_int_eq(issuer_new(pki_bytes(&w->made[EUICC_EUM]), &eum), FINE);
	return eum;
}

static void end(struct euicc_world *w, struct issuer *eum)
{
	issuer_give_back(eum);
	euicc_end(w);
	euicc_free_keys();
}

START_TEST(verified_once)
{
	struct euicc_world w;
	struct issuer *eum = start_with_leaf(&w);
	struct issuer_cache *another = issuer_cache_new(4);
	const char *reason;

	w.leaf.signature[40] ^= 1; /* nobody looks at it again */
	ck_assert_int_eq(issuer_cache_verify_leaf(w.cache, eum, &w.leaf, &reason), FINE);
	ck_assert_int_eq(
		issuer_cache_verify_leaf(another, eum, &w.leaf, &reason), CERTIFICATE_UNTRUSTED);
	/* what was refused is not remembered */
	ck_assert_int_eq(
		issuer_cache_verify_leaf(another, eum, &w.leaf, &reason), CERTIFICATE_UNTRUSTED);
	issuer_cache_free(another);
	end(&w, eum);
}
END_TEST

/* Each byte of the leaf changed, after it has been found good as it was. */
START_TEST(other_bytes)
{
	struct euicc_world w;
	struct issuer *eum = start_with_leaf(&w);
	struct pki_made *leaf = &w.made[EUICC_LEAF];

	for (size_t at = 0; at < leaf->len; at++) {
		leaf->der[at] ^= 1;
		ck_assert_int_ne(euicc_verify(&w, EUICC_EID, PKI_NOW), FINE);
		leaf->der[at] ^= 1;
	}
	ck_assert_int_eq(euicc_verify(&w, EUICC_EID, PKI_NOW), FINE);
	end(&w, eum);
}
END_TEST

/* Another EUM of the same name has not issued it. */
START_TEST(other_issuer)
{
	struct euicc_world w;
	struct issuer *eum = start_with_leaf(&w), *other;
	struct pki_recipe recipe = euicc_recipe(EUICC_EUM);
	const char *reason;

	recipe.key = euicc_other_key;
	pki_make(&recipe, &w.made[EUICC_EUM]);
	ck_assert_int_eq(issuer_new(pki_bytes(&w.made[EUICC_EUM]), &other), FINE);
	ck_assert_int_eq(
		issuer_cache_verify_leaf(w.cache, other, &w.leaf, &reason), CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(euicc_verify(&w, EUICC_EID, PKI_NOW), CERTIFICATE_UNTRUSTED);
	issuer_give_back(other);
	end(&w, eum);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { verified_once, other_bytes, other_issuer };

	return suite_run("pki, remembered leaves", tests, sizeof(tests) / sizeof(tests[0]));
}

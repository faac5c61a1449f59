/* Issuers of one name with several keys: whose CRLs and revocations count for what which of them has issued. */
#include <check.h>
#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "pki/issuer.h"
#include "tests/unit/pki_world.h"

/* A and B are CAs of one name; C is a key of the name that is nobody's own; none: it is not known. */
enum { A, B, C, NONE, KEYS };

static struct pki_made roots[2];
static struct issuer_id ids[KEYS];

static void start(void)
{
	struct issuer *issuer;

	world_make_keys();
	struct pki_recipe recipe = world_recipe(CI);
	pki_make(&recipe, &roots[A]);
	recipe.key = recipe.signer = other_key;
	pki_make(&recipe, &roots[B]);
	for (int i = 0; i < KEYS; i++) {
		ck_assert_int_eq(issuer_new(pki_bytes(&roots[i == B ? B : A]), &issuer), FINE);
		ids[i] = issuer->id;
		issuer_give_back(issuer);
	}
	ids[C].key[0] ^= 1;
	ids[NONE].knows_key = false;
}

/* Anchors of different uses: their names are one all the same. */
static struct trust *trust_of(bool has_a, bool has_b)
{
	struct trust *trust = trust_new();

	if (has_a)
		ck_assert_int_eq(trust_add_anchor(trust, TRUST_SE, pki_bytes(&roots[A])), FINE);
	if (has_b)
		ck_assert_int_eq(trust_add_anchor(trust, TRUST_DEVICE, pki_bytes(&roots[B])), FINE);
	return trust;
}

struct given {
	int by, scope;
	int64_t this_update, next_update;
	bool is_root;
};

static void give(struct trust *trust, const struct given *g)
{
	struct fresh_crl crl = { ids[g->by], { (uint8_t)g->scope }, g->this_update,
		g->next_update };

	ck_assert_int_eq(trust_add_crl(trust, &crl, g->is_root), FINE);
}

#define IS_OVER CERTIFICATE_UNTRUSTED
struct freshness_case {
	const char *what;
	bool has_a, has_b;
	struct given given[3];
	enum outcome at_300[KEYS];
};
static const struct freshness_case freshness_cases[] = {
	{ "two CAs: each for itself", true, true, { { A, 0, 100, 200, true } },
		{ IS_OVER, FINE, IS_OVER, IS_OVER } },
	{ "each has its own", true, true, { { A, 0, 100, 200, true }, { B, 0, 150, 400, true } },
		{ IS_OVER, FINE, IS_OVER, IS_OVER } },
	{ "of before it was written down", true, true, { { A, 0, 100, 200, false } },
		{ IS_OVER, FINE, IS_OVER, IS_OVER } },
	{ "the old anchor was removed", false, true, { { A, 0, 100, 200, true } },
		{ IS_OVER, FINE, IS_OVER, IS_OVER } },
	{ "it is not known that B is a CA by itself", true, false, { { A, 0, 100, 200, true } },
		{ IS_OVER, IS_OVER, IS_OVER, IS_OVER } },
	{ "a new key of one CA", false, false,
		{ { A, 0, 100, 200, false }, { C, 0, 150, 400, false } },
		{ FINE, FINE, FINE, FINE } },
	{ "the old key's is the later", false, false,
		{ { A, 0, 151, 200, false }, { C, 0, 150, 400, false } },
		{ IS_OVER, IS_OVER, IS_OVER, IS_OVER } },
	{ "of one second", false, false, { { A, 0, 150, 200, false }, { C, 0, 150, 400, false } },
		{ IS_OVER, IS_OVER, IS_OVER, IS_OVER } },
	{ "of another part", false, false, { { A, 1, 100, 200, false }, { C, 0, 150, 400, false } },
		{ IS_OVER, IS_OVER, IS_OVER, IS_OVER } },
	{ "a new key of one of two CAs", true, true,
		{ { A, 0, 100, 200, true }, { B, 0, 100, 400, true }, { C, 0, 150, 400, false } },
		{ FINE, FINE, FINE, FINE } },
	{ "what supersedes is about another", true, true,
		{ { C, 0, 100, 200, false }, { B, 0, 150, 400, true } },
		{ IS_OVER, FINE, FINE, FINE } },
};
#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

START_TEST(test_freshness)
{
	const struct freshness_case *k = &freshness_cases[_i];
	struct trust *trust = trust_of(k->has_a, k->has_b);
	const char *reason;

	for (int i = 0; i < 3 && k->given[i].next_update != 0; i++)
		give(trust, &k->given[i]);
	for (int of = 0; of < KEYS; of++) {
		enum outcome o =
			trust_check_revocation(trust, &ids[of], bytes_of("\1", 1), 300, &reason);

		ck_assert_msg(o == k->at_300[of], "%s: %d: %s", k->what, of, outcome_name(o));
		ck_assert_int_eq(
			trust_check_revocation(trust, &ids[of], bytes_of("\1", 1), 200, &reason),
			FINE);
	}
	trust_give_back(trust);
}
END_TEST

static void check_revoked(const struct trust *trust, const bool revoked[KEYS])
{
	for (int of = 0; of < KEYS; of++) {
		ck_assert_msg(
			trust_has_revocation(trust, &ids[of], bytes_of("\0\7", 2)) == revoked[of],
			"%d", of);
		ck_assert(!trust_has_revocation(trust, &ids[of], bytes_of("\6", 1)));
	}
}

START_TEST(test_revocations)
{
	struct trust *trust = trust_of(true, true);

	ck_assert_int_eq(trust_add_revocation(trust, &ids[A], bytes_of("\7", 1)), FINE);
	check_revoked(trust, (const bool[]){ true, false, true, true });
	ck_assert_int_eq(trust_add_revocation(trust, &ids[B], bytes_of("\7", 1)), FINE);
	check_revoked(trust, (const bool[]){ true, true, true, true });
	trust_give_back(trust);
	/* one CA with two keys has one certificate of a serial */
	trust = trust_of(true, false);
	ck_assert_int_eq(trust_add_revocation(trust, &ids[A], bytes_of("\7", 1)), FINE);
	check_revoked(trust, (const bool[]){ true, true, true, true });
	trust_give_back(trust);
	/* as they were before keys were written down */
	trust = trust_of(true, true);
	ck_assert_int_eq(trust_add_revocation(trust, &ids[NONE], bytes_of("\7", 1)), FINE);
	check_revoked(trust, (const bool[]){ true, true, true, true });
	trust_give_back(trust);
	/* an anchor that is given later counts */
	trust = trust_of(false, false);
	ck_assert_int_eq(trust_add_revocation(trust, &ids[A], bytes_of("\7", 1)), FINE);
	check_revoked(trust, (const bool[]){ true, true, true, true });
	ck_assert_int_eq(trust_add_anchor(trust, TRUST_EUICC, pki_bytes(&roots[A])), FINE);
	ck_assert_int_eq(trust_add_anchor(trust, TRUST_EUICC, pki_bytes(&roots[B])), FINE);
	check_revoked(trust, (const bool[]){ true, false, true, true });
	trust_give_back(trust);
}
END_TEST

/* A, with its key spelled as few do: the half of the point. */
static struct issuer_id make_compressed(struct pki_made *made)
{
	struct pki_recipe recipe = world_recipe(CI);
	struct issuer_id id;

	recipe.key = EVP_PKEY_dup(world_keys[CI]);
	ck_assert_int_eq(EVP_PKEY_set_utf8_string_param(recipe.key,
				 OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
		1);
	pki_make(&recipe, made);
	EVP_PKEY_free(recipe.key);
	ck_assert_uint_lt(made->len, roots[A].len);
	const unsigned char *der = made->der;
	X509 *x = d2i_X509(NULL, &der, (long)made->len);
	ck_assert_int_eq(X509_self_signed(x, 1), 1);
	ck_assert_int_eq(issuer_id_of(x, &id), FINE);
	X509_free(x);
	return id;
}

/* One key that is spelled in two ways is not two CAs. */
START_TEST(test_spellings)
{
	struct pki_made made;
	struct issuer_id half = make_compressed(&made), stored = half;

	stored.knows_key = true; /* of what was revoked under it no more is kept than the hash */
	for (int way = 0; way < 2; way++) {
		struct trust *trust = trust_of(true, true);

		ck_assert_int_eq(trust_add_anchor(trust, TRUST_DEVICE, pki_bytes(&made)), FINE);
		ck_assert_int_eq(trust_add_revocation(
					 trust, way == 0 ? &stored : &ids[A], bytes_of("\7", 1)),
			FINE);
		ck_assert(trust_has_revocation(trust, &half, bytes_of("\7", 1)));
		ck_assert(trust_has_revocation(trust, &ids[A], bytes_of("\7", 1)));
		trust_give_back(trust);
	}
}
END_TEST

/* What is superseded is nobody's concern any more. */
START_TEST(test_figures)
{
	struct trust *trust = trust_of(true, true);
	struct crl_figures f;

	give(trust, &(struct given){ A, 0, 100, 200, true });
	give(trust, &(struct given){ B, 0, 150, 400, true });
	trust_count_crls(trust, 300, &f);
	ck_assert_uint_eq(f.over, 1);
	ck_assert_uint_eq(f.good, 1);
	ck_assert_int_eq(f.end, 200);
	ck_assert_mem_eq(f.end_of, ids[A].name, 32);
	give(trust, &(struct given){ C, 0, 200, 320, false });
	trust_count_crls(trust, 300, &f);
	ck_assert_uint_eq(f.over + f.good, 0);
	ck_assert_uint_eq(f.ends_soon, 1);
	ck_assert_int_eq(f.end, 320);
	trust_give_back(trust);
}
END_TEST

/* Many keys, in any order. */
START_TEST(test_many)
{
	struct signers signers = {};
	struct signer *signer;
	size_t count;

	for (unsigned i = 0; i < 500; i++) {
		struct issuer_id id = { { (uint8_t)(i * 77 % 5) }, { (uint8_t)(i * 31) }, true };

		ck_assert_int_eq(signers_add(&signers, &id, &signer), FINE);
		ck_assert_mem_eq(&signer->id, &id, sizeof(id));
		signer->is_root = true;
	}
	for (unsigned name = 0; name < 6; name++) {
		uint8_t hash[32] = { (uint8_t)name };
		const struct signer *s = signers_of(&signers, hash, &count);
		unsigned want = 0;

		for (unsigned key = 0; key < 256; key++)
			for (unsigned i = 0; i < 500; i++)
				if (i * 77 % 5 == name && (uint8_t)(i * 31) == key) {
					ck_assert_uint_lt(want, count);
					ck_assert_uint_eq(s[want].id.name[0], name);
					ck_assert_uint_eq(s[want++].id.key[0], key);
					break;
				}
		ck_assert_uint_eq(count, want);
	}
	signers_free(&signers);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pki signers");
	TCase *t = tcase_create("all");

	tcase_add_unchecked_fixture(t, start, world_free_keys);
	tcase_add_loop_test(t, test_freshness, 0, COUNT(freshness_cases));
	tcase_add_test(t, test_revocations);
	tcase_add_test(t, test_spellings);
	tcase_add_test(t, test_figures);
	tcase_add_test(t, test_many);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

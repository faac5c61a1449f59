/*
 * Chains over time: what is kept, what has changed since, and many threads; bytes changed and cut
 * off.
 */
#include <check.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "pki/issuer_cache.h"
#include "tests/unit/pki_world.h"

START_TEST(test_anchor)
{
	struct world w;

	world_start(&w);
	assert_outcome(&w, FINE, 0);
	world_trust_only(&w, TRUST_SE, NULL); /* removed after PN has been kept */
	assert_outcome(&w, CERTIFICATE_UNTRUSTED, CI);
	world_trust_only(&w, TRUST_DEVICE, &w.made[CI]);
	assert_outcome(&w, CERTIFICATE_UNTRUSTED, CI);
	world_trust_only(&w, TRUST_SE, &w.made[CI]);
	assert_outcome(&w, FINE, 0);
	world_end(&w);
}
END_TEST

static void revoke(struct world *w, int level)
{
	struct certificate c;
	struct issuer_id issuer;

	ck_assert_int_eq(certificate_read(pki_bytes(&w->made[level]), &c), FINE);
	ck_assert_int_eq(issuer_id_make(c.issuer, (struct bytes){}, &issuer), FINE);
	ck_assert_int_eq(trust_add_revocation(w->trust, &issuer, c.serial), FINE);
	ck_assert(trust_has_revocation(w->trust, &issuer, c.serial));
}

START_TEST(test_revoked)
{
	for (int level = 0; level < LEVELS; level++) {
		struct world w;

		world_start(&w);
		/* CI and PN have serials and issuers that would else be the same */
		struct pki_recipe recipe = world_recipe(PN);
		recipe.serial = "B001";
		pki_make(&recipe, &w.made[PN]);
		assert_outcome(&w, FINE, 0);
		revoke(&w, level);
		assert_outcome(&w, CERTIFICATE_REVOKED, level);
		world_end(&w);
	}
}
END_TEST

/* By the CRL of its issuer, which was given once, and is not kept up to date. */
START_TEST(test_stale_crl)
{
	static const int issuers[] = { CI, CI, PN };

	for (int level = PN; level < LEVELS; level++) {
		struct world w;
		struct certificate c;
		struct issuer_id issuer;

		world_start(&w);
		ck_assert_int_eq(certificate_read(pki_bytes(&w.made[issuers[level]]), &c), FINE);
		ck_assert_int_eq(issuer_id_make(c.subject, (struct bytes){}, &issuer), FINE);
		ck_assert_int_eq(
			trust_add_crl(w.trust,
				&(struct fresh_crl){ .by = issuer, .next_update = PKI_NOW }, false),
			FINE);
		assert_outcome(&w, FINE, 0);
		ck_assert_int_eq(
			trust_add_crl(w.trust,
				&(struct fresh_crl){ .by = issuer, .next_update = PKI_NOW - 1 },
				false),
			FINE);
		/* that of CI is about the anchor as well, which is looked at first */
		assert_outcome(&w, CERTIFICATE_UNTRUSTED, level == PN ? CI : SE);
		ck_assert_str_eq(w.failure.reason, "the issuer's CRL is out of date");
		trust_set_stale_crls_open(w.trust, true);
		assert_outcome(&w, FINE, 0);
		revoke(&w, level); /* is revoked all the same */
		assert_outcome(&w, CERTIFICATE_REVOKED, level == PN ? CI : SE);
		world_end(&w);
	}
}
END_TEST

START_TEST(test_expires_while_kept)
{
	struct world w;
	struct pki_recipe recipe = world_recipe(PN);

	world_start(&w);
	recipe.not_after = "260101000001Z";
	pki_make(&recipe, &w.made[PN]);
	ck_assert_int_eq(world_verify(&w, PKI_NOW), FINE);
	ck_assert_int_eq(world_verify(&w, PKI_NOW + 1), FINE);
	ck_assert_int_eq(world_verify(&w, PKI_NOW + 2), CERTIFICATE_EXPIRED);
	ck_assert_str_eq(w.failure.culprit, "certPn");
	ck_assert_int_eq(world_verify(&w, 1577836799), CERTIFICATE_EXPIRED);
	ck_assert_str_eq(w.failure.culprit, "certCi");
	world_end(&w);
}
END_TEST

/* Two CIs of one name, both agreed: PN, kept under the one, is not good under the other. */
START_TEST(test_two_issuers)
{
	struct world w;
	struct pki_made first;
	struct pki_recipe recipe = world_recipe(CI);

	world_start(&w);
	assert_outcome(&w, FINE, 0);
	first = w.made[CI];
	recipe.key = recipe.signer = other_key;
	pki_make(&recipe, &w.made[CI]);
	ck_assert_int_eq(trust_add_anchor(w.trust, TRUST_SE, pki_bytes(&w.made[CI])), FINE);
	assert_outcome(&w, CERTIFICATE_UNTRUSTED, PN);
	/* the same key certified anew: the same PN under another CI */
	recipe = world_recipe(CI);
	recipe.serial = "2002";
	pki_make(&recipe, &w.made[CI]);
	ck_assert_int_eq(trust_add_anchor(w.trust, TRUST_SE, pki_bytes(&w.made[CI])), FINE);
	assert_outcome(&w, FINE, 0);
	w.made[CI] = first;
	assert_outcome(&w, FINE, 0);
	world_end(&w);
}
END_TEST

START_TEST(test_eviction)
{
	struct world w;
	struct pki_made pns[12], ses[12];

	world_start(&w);
	for (int i = 0; i < 12; i++) {
		char name[16];

		snprintf(name, sizeof(name), "PN-%d", i);
		world_make_pair(name, &pns[i], &ses[i]);
	}
	for (int i = 0; i < 60; i++) {
		w.made[PN] = pns[i % 12];
		w.made[SE] = ses[i % 12];
		assert_outcome(&w, FINE, 0);
		w.made[SE] = ses[(i + 1) % 12];
		assert_outcome(&w, CERTIFICATE_UNTRUSTED, SE);
	}
	world_end(&w);
}
END_TEST

static bool is_kept(struct world *w, const struct pki_made *pn)
{
	struct issuer *anchor = trust_find_anchor(w->trust, TRUST_SE, pki_bytes(&w->made[CI]));
	struct issuer *found = issuer_cache_find(w->cache, anchor, pki_bytes(pn));

	issuer_give_back(found);
	return found != NULL;
}

/* The cache keeps eight; the one unused longest makes room. */
START_TEST(test_least_recently_used)
{
	struct world w;
	struct pki_made pns[9], ses[9];

	world_start(&w);
	for (int i = 0; i < 9; i++) {
		char name[16];

		snprintf(name, sizeof(name), "PN-%d", i);
		world_make_pair(name, &pns[i], &ses[i]);
		if (i == 8) {
			w.made[PN] = pns[0];
			w.made[SE] = ses[0];
			assert_outcome(&w, FINE, 0);
		}
		w.made[PN] = pns[i];
		w.made[SE] = ses[i];
		assert_outcome(&w, FINE, 0);
	}
	for (int i = 0; i < 9; i++)
		ck_assert_msg(is_kept(&w, &pns[i]) == (i != 1), "PN-%d", i);
	world_end(&w);
}
END_TEST

/* Every byte changed, in each of three ways: never fine, never a crash, whatever is kept. */
static void flip_all(int level)
{
	struct world w;

	world_start(&w);
	assert_outcome(&w, FINE, 0);
	for (size_t i = 0; i < w.made[level].len; i++) {
		static const uint8_t changes[] = { 0x01, 0x80, 0xff };

		for (size_t k = 0; k < sizeof(changes); k++) {
			w.made[level].der[i] ^= changes[k];
			enum outcome o = world_verify(&w, PKI_NOW);
			ck_assert_msg(o == CERTIFICATE_UNTRUSTED || o == INVALID_PARAMETER,
				"byte %zu: %s", i, outcome_name(o));
			ck_assert_str_eq(w.failure.culprit, world_culprits[level]);
			w.made[level].der[i] ^= changes[k];
		}
	}
	assert_outcome(&w, FINE, 0);
	world_end(&w);
}

START_TEST(test_every_byte_flipped)
{
	flip_all(_i);
}
END_TEST

START_TEST(test_cut_at_every_byte)
{
	struct world w;

	world_start(&w);
	size_t whole = w.made[_i].len;
	for (size_t len = 0; len < whole; len++) {
		w.made[_i].len = len;
		ck_assert_int_eq(world_verify(&w, PKI_NOW), INVALID_PARAMETER);
	}
	world_end(&w);
}
END_TEST

struct thread_world {
	struct world *world;
	struct pki_made pns[6], ses[6];
	atomic_int wrong;
};

static void *verify_many(void *argument)
{
	struct thread_world *t = argument;
	struct certificate leaf;
	struct chain_failure failure;

	for (int i = 0; i < 120; i++) {
		struct trust *trust = trust_take(t->world->trust);
		int pn = i * 7 % 6, se = i % 5 == 0 ? (pn + 1) % 6 : pn;
		enum outcome o = chain_verify_se(t->world->cache, trust,
			pki_bytes(&t->world->made[CI]), pki_bytes(&t->pns[pn]),
			pki_bytes(&t->ses[se]), PKI_NOW, &leaf, &failure);

		if (o != (se == pn ? FINE : CERTIFICATE_UNTRUSTED))
			atomic_fetch_add(&t->wrong, 1);
		trust_give_back(trust);
	}
	return NULL;
}

/* More issuers than the cache keeps, so that they are dropped while others use them. */
START_TEST(test_threads)
{
	static struct thread_world t;
	struct world w;
	pthread_t threads[4];

	world_start(&w);
	issuer_cache_free(w.cache);
	w.cache = issuer_cache_new(3);
	t.world = &w;
	for (int i = 0; i < 6; i++) {
		char name[16];

		snprintf(name, sizeof(name), "PN-%d", i);
		world_make_pair(name, &t.pns[i], &t.ses[i]);
	}
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, verify_many, &t), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(t.wrong, 0);
	world_end(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pki issuer cache");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 600);
	tcase_add_unchecked_fixture(t, world_make_keys, world_free_keys);
	tcase_add_test(t, test_anchor);
	tcase_add_test(t, test_revoked);
	tcase_add_test(t, test_stale_crl);
	tcase_add_test(t, test_expires_while_kept);
	tcase_add_test(t, test_two_issuers);
	tcase_add_test(t, test_eviction);
	tcase_add_test(t, test_least_recently_used);
	tcase_add_loop_test(t, test_every_byte_flipped, CI, LEVELS);
	tcase_add_loop_test(t, test_cut_at_every_byte, CI, LEVELS);
	tcase_add_test(t, test_threads);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

/* What is trusted: anchors by use, revocations in their numbers, and the chain of an ARPF. */
#include <check.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "tests/unit/pki_world.h"

START_TEST(test_use_names)
{
	enum trust_use use;

	for (unsigned i = 0; i < TRUST_USE_COUNT; i++) {
		ck_assert(trust_use_read(trust_use_name((enum trust_use)i), &use));
		ck_assert_uint_eq(use, i);
	}
	ck_assert(!trust_use_read("SE", &use));
	ck_assert(!trust_use_read("", &use));
}
END_TEST

struct anchor_case {
	const char *what;
	int level; /* whose certificate is offered */
	const char *const *extensions;
	bool other_signer;
	enum outcome expected;
};

static const char *const no_ca[] = { "keyUsage=keyCertSign", NULL };
static const char *const critical[] = { "basicConstraints=CA:TRUE", "1.2.3=critical,DER:0500",
	NULL };

static const struct anchor_case anchor_cases[] = {
	{ "good", CI, NULL, false, FINE },
	{ "not self-signed", PN, NULL, false, CERTIFICATE_UNTRUSTED },
	{ "by another key", CI, NULL, true, CERTIFICATE_UNTRUSTED },
	{ "no CA", CI, no_ca, false, CERTIFICATE_UNTRUSTED },
	{ "outside the profile", CI, critical, false, CERTIFICATE_UNTRUSTED },
};

START_TEST(test_add_anchor)
{
	const struct anchor_case *k = &anchor_cases[_i];
	struct trust *trust = trust_new();
	struct pki_recipe recipe = world_recipe(k->level);
	struct pki_made made;

	if (k->extensions != NULL)
		recipe.extensions = k->extensions;
	if (k->other_signer)
		recipe.signer = other_key;
	pki_make(&recipe, &made);
	for (int i = 0; i < 2; i++) {
		ck_assert_msg(trust_add_anchor(trust, TRUST_EUICC, pki_bytes(&made)) == k->expected,
			"%s", k->what);
		ck_assert(trust_has_anchor(trust, TRUST_EUICC, pki_bytes(&made)) ==
			  (k->expected == FINE));
		ck_assert(!trust_has_anchor(trust, TRUST_SE, pki_bytes(&made)));
	}
	made.len--;
	ck_assert_int_eq(trust_add_anchor(trust, TRUST_SE, pki_bytes(&made)), INVALID_PARAMETER);
	trust_give_back(trust);
}
END_TEST

START_TEST(test_many_anchors)
{
	static struct pki_made made[40];
	struct trust *trust = trust_new();

	for (int i = 0; i < 40; i++) {
		struct pki_recipe recipe = world_recipe(CI);
		char serial[8];

		snprintf(serial, sizeof(serial), "%02x", i + 1);
		recipe.serial = serial;
		pki_make(&recipe, &made[i]);
		if (i < 39)
			ck_assert_int_eq(
				trust_add_anchor(trust, TRUST_SE, pki_bytes(&made[i])), FINE);
	}
	for (int i = 0; i < 40; i++)
		ck_assert(trust_has_anchor(trust, TRUST_SE, pki_bytes(&made[i])) == (i < 39));
	ck_assert(!trust_has_anchor(trust, TRUST_SE, bytes_of(NULL, 0)));
	/* the one who keeps it last frees it */
	trust_give_back(trust_take(trust));
	trust_give_back(trust);
}
END_TEST

static struct bytes serial_of(uint32_t n, uint8_t out[5])
{
	struct buffer b = buffer_over(out, 5);

	buffer_put_u8(&b, 0x11);
	buffer_put_u32(&b, n);
	return buffer_bytes(&b);
}

START_TEST(test_revocations)
{
	static const uint32_t count = 200000;
	struct trust *trust = trust_new();
	struct issuer_id issuers[2] = { { .name = { 1 } }, { .name = { 2 } } };
	uint8_t serial[5];

	for (uint32_t i = 0; i < count; i++)
		ck_assert_int_eq(
			trust_add_revocation(trust, &issuers[i % 2], serial_of(i, serial)), FINE);
	for (uint32_t i = 0; i < count + 1000; i++) {
		struct bytes s = serial_of(i, serial);

		ck_assert(trust_has_revocation(trust, &issuers[i % 2], s) == (i < count));
		ck_assert(!trust_has_revocation(trust, &issuers[1 - i % 2], s));
	}
	ck_assert_int_eq(trust_add_revocation(trust, &issuers[0], serial_of(0, serial)), FINE);
	trust_give_back(trust);
}
END_TEST

START_TEST(test_crls)
{
	struct trust *trust = trust_new();
	struct crl_figures figures;
	const char *why;

	trust_count_crls(trust, 0, &figures);
	ck_assert_int_eq(figures.end, 0);
	for (unsigned i = 0; i < 200; i++) {
		struct fresh_crl crl = { .by.name = { (uint8_t)(i * 77), 5 },
			.this_update = 600 + i,
			.next_update = 1000 + i };

		ck_assert_int_eq(trust_add_crl(trust, &crl, false), FINE);
	}
	for (unsigned i = 0; i < 256; i++) {
		const struct issuer_id issuer = { .name = { (uint8_t)(i * 77), 5 } };
		enum outcome stale = i < 200 ? CERTIFICATE_UNTRUSTED : FINE;

		ck_assert_int_eq(
			trust_check_revocation(trust, &issuer, bytes_of("\1", 1), 1000 + i, &why),
			FINE);
		ck_assert_int_eq(
			trust_check_revocation(trust, &issuer, bytes_of("\1", 1), 1001 + i, &why),
			stale);
	}
	/* the first 50 are over, the next 101 in the last 100 of their 400 seconds */
	trust_count_crls(trust, 1050, &figures);
	ck_assert_int_eq(figures.end, 1000);
	ck_assert_uint_eq(figures.end_of[0], 0);
	ck_assert_uint_eq(figures.end_of[1], 5);
	ck_assert_uint_eq(figures.over, 50);
	ck_assert_uint_eq(figures.ends_soon, 101);
	ck_assert_uint_eq(figures.good, 49);
	trust_give_back(trust);
}
END_TEST

START_TEST(test_revocation_serials)
{
	static const struct issuer_id issuer = { .name = { 7 } };
	uint8_t longest[22] = { 0, 0, 0x81 };
	struct trust *trust = trust_new();

	/* a leading zero is no part of the name, but zero is a serial */
	ck_assert_uint_eq(revocation_serial(bytes_of("\0\0\x81", 3)).len, 1);
	ck_assert_uint_eq(revocation_serial(bytes_of("\0\0", 2)).len, 1);
	ck_assert(!trust_has_revocation(trust, &issuer, BYTES(longest)));
	ck_assert_int_eq(trust_add_revocation(trust, &issuer, BYTES(longest)), FINE);
	ck_assert(trust_has_revocation(trust, &issuer, bytes_of(longest + 2, 20)));
	ck_assert(!trust_has_revocation(trust, &issuer, bytes_of(longest + 2, 19)));
	longest[0] = 1;
	ck_assert_int_eq(trust_add_revocation(trust, &issuer, BYTES(longest)), INVALID_PARAMETER);
	ck_assert_int_eq(
		trust_add_revocation(trust, &issuer, bytes_of(NULL, 0)), INVALID_PARAMETER);
	ck_assert_int_eq(trust_add_revocation(trust, &issuer, bytes_of("\0", 1)), FINE);
	ck_assert(trust_has_revocation(trust, &issuer, bytes_of("\0", 1)));
	trust_give_back(trust);
}
END_TEST

/* The certificates of a world, trusted for ARPFs: CI and PN above SE, which signs. */
static void start_arpf(struct world *w)
{
	world_start(w);
	world_trust_only(w, TRUST_ARPF, &w->made[CI]);
}

static void assert_arpf(struct world *w, struct bytes leaf, const struct bytes *chain, size_t count,
	enum outcome expected, const char *culprit)
{
	for (int i = 0; i < 2; i++) {
		enum outcome o = chain_verify_arpf(
			w->cache, w->trust, leaf, chain, count, PKI_NOW, &w->leaf, &w->failure);

		ck_assert_msg(o == expected, "%s: %s: %s", outcome_name(o), w->failure.culprit,
			w->failure.reason);
		if (expected != FINE)
			ck_assert_str_eq(w->failure.culprit, culprit);
		else
			ck_assert_ptr_eq(w->leaf.der.at, leaf.at);
	}
}

START_TEST(test_arpf_chain)
{
	struct world w;

	start_arpf(&w);
	struct bytes ci = pki_bytes(&w.made[CI]), pn = pki_bytes(&w.made[PN]);
	struct bytes leaf = pki_bytes(&w.made[SE]);
	struct bytes whole[] = { pn, ci, leaf }, wrong_order[] = { ci, pn };

	assert_arpf(&w, leaf, whole, 2, FINE, NULL);
	assert_arpf(&w, leaf, whole, 1, FINE, NULL);
	assert_arpf(&w, leaf, whole, 3, FINE, NULL); /* what follows the anchor is not used */
	assert_arpf(&w, leaf, NULL, 0, CERTIFICATE_UNTRUSTED, "chain");
	assert_arpf(&w, leaf, wrong_order, 2, CERTIFICATE_UNTRUSTED, "certSign");
	assert_arpf(
		&w, leaf, (struct bytes[]){ pn, pn, pn, pn, pn }, 5, INVALID_PARAMETER, "chain");
	assert_arpf(&w, bytes_of(leaf.at, leaf.len - 1), whole, 2, INVALID_PARAMETER, "certSign");
	whole[1].len--;
	assert_arpf(&w, leaf, whole, 2, INVALID_PARAMETER, "chain");
	world_trust_only(&w, TRUST_SE, &w.made[CI]);
	assert_arpf(&w, leaf, whole, 1, CERTIFICATE_UNTRUSTED, "chain");
	world_end(&w);
}
END_TEST

START_TEST(test_arpf_under_anchor)
{
	static const char *const signing[] = { "basicConstraints=CA:TRUE",
		"keyUsage=digitalSignature", NULL };
	struct world w;
	struct pki_recipe recipe = world_recipe(SE);

	start_arpf(&w);
	recipe.issuer = "CN=CI";
	recipe.signer = world_keys[CI];
	recipe.extensions = (const char *const[]){ "keyUsage=digitalSignature", NULL };
	pki_make(&recipe, &w.made[SE]);
	assert_arpf(&w, pki_bytes(&w.made[SE]), NULL, 0, FINE, NULL);
	/* an anchor that is no signer, and one that is */
	assert_arpf(&w, pki_bytes(&w.made[CI]), NULL, 0, CERTIFICATE_UNTRUSTED, "certSign");
	recipe = world_recipe(CI);
	recipe.extensions = signing;
	pki_make(&recipe, &w.made[CI]);
	world_trust_only(&w, TRUST_ARPF, &w.made[CI]);
	assert_arpf(&w, pki_bytes(&w.made[CI]), NULL, 0, FINE, NULL);
	world_end(&w);
}
END_TEST

/* Two anchors of one name: the chain is led to the one that signed. */
START_TEST(test_arpf_renewed_anchor)
{
	struct world w;
	struct pki_recipe recipe = world_recipe(CI);

	start_arpf(&w);
	recipe.key = recipe.signer = other_key;
	pki_make(&recipe, &w.made[CI]);
	ck_assert_int_eq(trust_add_anchor(w.trust, TRUST_ARPF, pki_bytes(&w.made[CI])), FINE);
	struct bytes pn = pki_bytes(&w.made[PN]);
	assert_arpf(&w, pki_bytes(&w.made[SE]), &pn, 1, FINE, NULL);
	world_end(&w);
}
END_TEST

struct arpf_case {
	const char *what;
	int level;
	const char *not_after;
	const char *const *extensions;
	bool revoked;
	enum outcome expected;
	bool has_stale_crl; /* its issuer */
};

#define LIST(...)                 \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define CERT_SIGN "keyUsage=keyCertSign"

static const struct arpf_case arpf_cases[] = {
	{ "expired anchor", CI, "251231235959Z", NULL, false, CERTIFICATE_EXPIRED },
	{ "expired CA", PN, "251231235959Z", NULL, false, CERTIFICATE_EXPIRED },
	{ "expired", SE, "251231235959Z", NULL, false, CERTIFICATE_EXPIRED },
	{ "revoked CA", PN, NULL, NULL, true, CERTIFICATE_REVOKED },
	{ "revoked", SE, NULL, NULL, true, CERTIFICATE_REVOKED },
	{ "stale CRL of the CA's issuer", PN, NULL, NULL, false, CERTIFICATE_UNTRUSTED, true },
	{ "stale CRL", SE, NULL, NULL, false, CERTIFICATE_UNTRUSTED, true },
	{ "path length", CI, NULL, LIST("basicConstraints=CA:TRUE,pathlen:0", CERT_SIGN), false,
		CERTIFICATE_UNTRUSTED },
	{ "no CA", PN, NULL, LIST(CERT_SIGN), false, CERTIFICATE_UNTRUSTED },
	{ "CA key usage", PN, NULL, LIST("basicConstraints=CA:TRUE"), false,
		CERTIFICATE_UNTRUSTED },
	{ "a CA", SE, NULL, LIST("basicConstraints=CA:TRUE", "keyUsage=digitalSignature"), false,
		CERTIFICATE_UNTRUSTED },
	{ "key usage", SE, NULL, LIST("keyUsage=keyAgreement"), false, CERTIFICATE_UNTRUSTED },
	{ "outside the profile", SE, NULL,
		LIST("keyUsage=digitalSignature", "1.2.3=critical,DER:0500"), false,
		CERTIFICATE_UNTRUSTED },
};

START_TEST(test_arpf_wrong)
{
	const struct arpf_case *k = &arpf_cases[_i];
	struct pki_recipe recipe = world_recipe(k->level);
	struct world w;
	struct certificate c;
	struct issuer_id issuer;

	start_arpf(&w);
	recipe.not_after = k->not_after;
	recipe.serial = "77";
	if (k->extensions != NULL)
		recipe.extensions = k->extensions;
	pki_make(&recipe, &w.made[k->level]);
	world_trust_only(&w, TRUST_ARPF, &w.made[CI]);
	if (k->revoked) {
		ck_assert_int_eq(certificate_read(pki_bytes(&w.made[k->level]), &c), FINE);
		ck_assert_int_eq(issuer_id_make(c.issuer, (struct bytes){}, &issuer), FINE);
		ck_assert_int_eq(trust_add_revocation(w.trust, &issuer, c.serial), FINE);
	}
	if (k->has_stale_crl) {
		ck_assert_int_eq(certificate_read(pki_bytes(&w.made[k->level]), &c), FINE);
		ck_assert_int_eq(issuer_id_make(c.issuer, (struct bytes){}, &issuer), FINE);
		ck_assert_int_eq(
			trust_add_crl(w.trust,
				&(struct fresh_crl){ .by = issuer, .next_update = PKI_NOW - 1 },
				false),
			FINE);
	}
	struct bytes pn = pki_bytes(&w.made[PN]);
	assert_arpf(&w, pki_bytes(&w.made[SE]), &pn, 1, k->expected,
		k->level == SE ? "certSign" : "chain");
	world_end(&w);
}
END_TEST

#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

int main(void)
{
	Suite *suite = suite_create("pki trust");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 600);
	tcase_add_unchecked_fixture(t, world_make_keys, world_free_keys);
	tcase_add_test(t, test_use_names);
	tcase_add_loop_test(t, test_add_anchor, 0, COUNT(anchor_cases));
	tcase_add_test(t, test_many_anchors);
	tcase_add_test(t, test_revocations);
	tcase_add_test(t, test_crls);
	tcase_add_test(t, test_revocation_serials);
	tcase_add_test(t, test_arpf_chain);
	tcase_add_test(t, test_arpf_under_anchor);
	tcase_add_test(t, test_arpf_renewed_anchor);
	tcase_add_loop_test(t, test_arpf_wrong, 0, COUNT(arpf_cases));
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

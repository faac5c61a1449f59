/* Chains of eUICCs: the good one, each certificate wrong in each way, trust as it changes, published ones. */
#include <check.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "pki/issuer_cache.h"
#include "pki/pem.h"
#include "tests/unit/euicc_world.h"

#define EXPIRED   CERTIFICATE_EXPIRED
#define UNTRUSTED CERTIFICATE_UNTRUSTED

/* Twice: with what is kept from the first time the answer is the same. */
static void assert_euicc(struct euicc_world *w, const char *what, const char *eid,
	enum outcome expected, const char *reason)
{
	for (int i = 0; i < 2; i++) {
		enum outcome o = euicc_verify(w, eid, PKI_NOW);

		ck_assert_msg(
			o == expected, "%s: %s: %s", what, outcome_name(o), w->failure.reason);
		if (expected == FINE)
			continue;
		ck_assert_str_eq(w->failure.culprit, "certificateChain");
		ck_assert_msg(reason == NULL || strstr(w->failure.reason, reason) != NULL, "%s: %s",
			what, w->failure.reason);
	}
}

START_TEST(test_good)
{
	struct euicc_world w;

	euicc_start(&w);
	assert_euicc(&w, "good", EUICC_EID, FINE, NULL);
	ck_assert(bytes_equal(w.leaf.serial_number, bytes_of_text(EUICC_EID)));
	ck_assert_ptr_eq(w.leaf.der.at, w.made[EUICC_LEAF].der);
	ck_assert_int_gt(w.leaf.not_after, INT64_C(174000000000)); /* the year 7492 */
	ck_assert_int_eq(euicc_verify(&w, EUICC_EID, w.leaf.not_after), FINE);
	ck_assert_int_eq(euicc_verify(&w, EUICC_EID, w.leaf.not_after + 1), EXPIRED);
	euicc_end(&w);
}
END_TEST

struct wrong {
	const char *what;
	enum euicc_level level;
	struct pki_recipe change; /* what is not NULL replaces */
	bool other_signer;
	enum outcome expected;
	const char *reason;
};

#define LIST(...)                           \
	.extensions = (const char *const[]) \
	{                                   \
		__VA_ARGS__, NULL           \
	}
#define POLICY(id) "certificatePolicies=critical," id
/* NameConstraints of {serialNumber = 89049032}, {O = EUICC_O}, {serialNumber = 8604}, and of that and {serialNumber = 8904} */
#define EIN_ALONE \
	"2.5.29.30=critical,DER:301BA0193017A41530133111300F060355040513083839303439303332"
#define O_ALONE     "2.5.29.30=critical,DER:" O_ALONE_DER
#define O_ALONE_DER "3022A020301EA41C301A31183016060355040A0C0F4D616B6572206F6620655549434373"
#define ANOTHER_EIN "2.5.29.30=critical,DER:3017A0153013A411300F310D300B0603550405130438363034"
#define TWO_EINS    "2.5.29.30=critical,DER:" TWO_EINS_DER
#define TWO_EINS_DER                                                   \
	"302CA02A3013A411300F310D300B06035504051304383630343013A41130" \
	"0F310D300B0603550405130438393034"
/* permittedEins { 89049032 }, { 8604 }, and { 8604, 8904 } */
#define V3_EIN         "2.23.146.1.2.2.0=critical,DER:300A13083839303439303332"
#define V3_ANOTHER_EIN "2.23.146.1.2.2.0=critical,DER:3006130438363034"
#define V3_TWO_EINS    "2.23.146.1.2.2.0=DER:300C130438363034130438393034"

static const struct wrong wrongs[] = {
	{ "CI expired", EUICC_CI, { .not_after = "251231235959Z" }, .expected = EXPIRED },
	{ "EUM expired", EUICC_EUM, { .not_after = "251231235959Z" }, .expected = EXPIRED },
	{ "expired", EUICC_LEAF, { .not_after = "251231235959Z" }, .expected = EXPIRED },
	{ "EUM not yet valid", EUICC_EUM, { .not_before = "260101000001Z" }, .expected = EXPIRED },
	{ "CI path length 0", EUICC_CI, { LIST(EUICC_CA, EUICC_CERT_SIGN) }, .expected = UNTRUSTED,
		.reason = "path length" },
	{ "EUM no CA", EUICC_EUM, { LIST("basicConstraints=CA:FALSE", EUICC_CERT_SIGN) },
		.expected = UNTRUSTED },
	{ "EUM signs no certificates", EUICC_EUM, { LIST(EUICC_CA, EUICC_SIGNS) },
		.expected = UNTRUSTED, .reason = "key usage" },
	{ "EUM without key usage", EUICC_EUM, { LIST(EUICC_CA) }, .expected = UNTRUSTED },
	{ "EUM by another key", EUICC_EUM, .other_signer = true, .expected = UNTRUSTED,
		.reason = "signature" },
	{ "by another key", EUICC_LEAF, .other_signer = true, .expected = UNTRUSTED,
		.reason = "signature" },
	{ "EUM of another CI", EUICC_EUM, { .issuer = "CN=Another" }, .expected = UNTRUSTED,
		.reason = "agreed anchor" },
	{ "of another EUM", EUICC_LEAF, { .issuer = "CN=Another" }, .expected = UNTRUSTED },
	{ "a CA", EUICC_LEAF, { LIST("basicConstraints=CA:TRUE", EUICC_SIGNS) },
		.expected = UNTRUSTED },
	{ "signs nothing", EUICC_LEAF, { LIST("keyUsage=keyAgreement") }, .expected = UNTRUSTED },
	{ "without key usage", EUICC_LEAF, { LIST("1.2.3=DER:0500") }, .expected = UNTRUSTED },
	{ "with name constraints", EUICC_LEAF, { LIST(EUICC_SIGNS, EUICC_PERMITS) },
		.expected = UNTRUSTED, .reason = "name constraints" },
	{ "wrong O", EUICC_LEAF, { .subject = "O=Another/serialNumber=" EUICC_EID },
		.expected = UNTRUSTED, .reason = "permits" },
	{ "no O", EUICC_LEAF, { .subject = "serialNumber=" EUICC_EID }, .expected = UNTRUSTED,
		.reason = "permits" },
	{ "longer O", EUICC_LEAF, { .subject = "O=" EUICC_O "!/serialNumber=" EUICC_EID },
		.expected = UNTRUSTED, .reason = "permits" },
	{ "without EID", EUICC_LEAF, { .subject = "O=" EUICC_O }, .expected = UNTRUSTED },
	{ "another EID", EUICC_LEAF,
		{ .subject = "O=" EUICC_O "/serialNumber=89086030202200000022000023022943" },
		.expected = UNTRUSTED, .reason = "not the EID" },
	{ "wrong check digits", EUICC_LEAF,
		{ .subject = "O=" EUICC_O "/serialNumber=89049032123451234512345678901234" },
		.expected = UNTRUSTED, .reason = "check digits" },
	{ "two EIDs", EUICC_LEAF,
		{ .subject = "serialNumber=" EUICC_EID "/serialNumber=" EUICC_EID },
		.expected = UNTRUSTED },
	{ "EUM without constraints", EUICC_EUM, { LIST(EUICC_CA, EUICC_CERT_SIGN) },
		.expected = FINE },
	{ "EIN alone", EUICC_EUM, { LIST(EUICC_CA, EUICC_CERT_SIGN, EIN_ALONE) },
		.expected = FINE },
	{ "O alone", EUICC_EUM, { LIST(EUICC_CA, EUICC_CERT_SIGN, O_ALONE) }, .expected = FINE },
	{ "another EIN", EUICC_EUM, { LIST(EUICC_CA, EUICC_CERT_SIGN, ANOTHER_EIN) },
		.expected = UNTRUSTED, .reason = "permits" },
	{ "two EINs", EUICC_EUM, { LIST(EUICC_CA, EUICC_CERT_SIGN, TWO_EINS) }, .expected = FINE },
	{ "version 3 EIN", EUICC_EUM, { LIST(EUICC_CA, EUICC_CERT_SIGN, V3_EIN) },
		.expected = FINE },
	{ "version 3 two EINs", EUICC_EUM, { LIST(EUICC_CA, EUICC_CERT_SIGN, V3_TWO_EINS) },
		.expected = FINE },
	{ "version 3 another EIN", EUICC_EUM, { LIST(EUICC_CA, EUICC_CERT_SIGN, V3_ANOTHER_EIN) },
		.expected = UNTRUSTED, .reason = "permits" },
	{ "both, one of them another", EUICC_EUM,
		{ LIST(EUICC_CA, EUICC_CERT_SIGN, EUICC_PERMITS, V3_ANOTHER_EIN) },
		.expected = UNTRUSTED, .reason = "permits" },
	{ "constrained to DNS", EUICC_EUM,
		{ LIST(EUICC_CA, EUICC_CERT_SIGN, "nameConstraints=critical,permitted;DNS:a") },
		.expected = UNTRUSTED, .reason = "profile" },
	{ "EUM's role is another", EUICC_EUM,
		{ LIST(EUICC_CA, EUICC_CERT_SIGN, POLICY("2.23.146.1.2.1.5")) },
		.expected = UNTRUSTED, .reason = "polic" },
	{ "role is another", EUICC_LEAF, { LIST(EUICC_SIGNS, POLICY("2.23.146.1.2.1.4")) },
		.expected = UNTRUSTED, .reason = "polic" },
	{ "two roles", EUICC_LEAF,
		{ LIST(EUICC_SIGNS, POLICY("2.23.146.1.2.1.1,2.23.146.1.2.1.4")) },
		.expected = UNTRUSTED, .reason = "polic" },
	{ "policies are none", EUICC_LEAF, { LIST(EUICC_SIGNS, "2.5.29.32=DER:30020500") },
		.expected = UNTRUSTED, .reason = "polic" },
	{ "version 3 EUM", EUICC_EUM,
		{ LIST(EUICC_CA, EUICC_CERT_SIGN, POLICY("2.23.146.1.2.1.0.0.0")) },
		.expected = FINE },
	{ "version 3", EUICC_LEAF, { LIST(EUICC_SIGNS, POLICY("2.23.146.1.2.1.0.0.0.0.0")) },
		.expected = FINE },
	{ "another policy", EUICC_LEAF, { LIST(EUICC_SIGNS, POLICY("1.2.3.4")) },
		.expected = FINE },
	{ "no policy", EUICC_LEAF, { LIST(EUICC_SIGNS) }, .expected = FINE },
	{ "critical extension", EUICC_LEAF, { LIST(EUICC_SIGNS, "1.2.3=critical,DER:0500") },
		.expected = UNTRUSTED, .reason = "profile" },
};

START_TEST(test_wrong)
{
	const struct wrong *k = &wrongs[_i];
	struct euicc_world w;
	struct pki_recipe recipe = euicc_recipe(k->level);

	euicc_start(&w);
	if (k->change.subject != NULL)
		recipe.subject = k->change.subject;
	if (k->change.issuer != NULL)
		recipe.issuer = k->change.issuer;
	if (k->change.not_before != NULL)
		recipe.not_before = k->change.not_before;
	if (k->change.not_after != NULL)
		recipe.not_after = k->change.not_after;
	if (k->change.extensions != NULL)
		recipe.extensions = k->change.extensions;
	if (k->other_signer)
		recipe.signer = euicc_other_key;
	pki_make(&recipe, &w.made[k->level]);
	euicc_trust_only(&w, TRUST_EUICC, &w.made[EUICC_CI]);
	assert_euicc(&w, k->what, EUICC_EID, k->expected, k->reason);
	euicc_end(&w);
}
END_TEST

/* The EID of the attach is another, though a good one, or none. */
START_TEST(test_wrong_eid)
{
	static const char *const eids[] = { "89086030202200000022000023022943",
		"89049032123451234512345678901234", "8904903212345123451234567890123", "",
		EUICC_EID "0" };
	struct euicc_world w;

	euicc_start(&w);
	assert_euicc(&w, eids[_i], eids[_i], UNTRUSTED, "not the EID");
	euicc_end(&w);
}
END_TEST

START_TEST(test_no_certificate)
{
	struct euicc_world w;

	euicc_start(&w);
	w.made[EUICC_EUM].len--;
	assert_euicc(&w, "EUM", EUICC_EID, INVALID_PARAMETER, NULL);
	w.made[EUICC_EUM].len = 0;
	assert_euicc(&w, "EUM", EUICC_EID, INVALID_PARAMETER, NULL);
	euicc_end(&w);
	euicc_start(&w);
	w.made[EUICC_LEAF].len--;
	assert_euicc(&w, "leaf", EUICC_EID, INVALID_PARAMETER, NULL);
	euicc_end(&w);
}
END_TEST

/* Only anchors of the one use are looked at, and one that is removed counts no more, kept EUM or not. */
START_TEST(test_use_of_anchor)
{
	static const enum trust_use others[] = { TRUST_SE, TRUST_DEVICE, TRUST_ARPF };
	struct euicc_world w;

	euicc_start(&w);
	assert_euicc(&w, "good", EUICC_EID, FINE, NULL);
	for (size_t i = 0; i < 3; i++) {
		euicc_trust_only(&w, others[i], &w.made[EUICC_CI]);
		assert_euicc(&w, trust_use_name(others[i]), EUICC_EID, UNTRUSTED, "agreed anchor");
	}
	euicc_trust_only(&w, TRUST_EUICC, &w.made[EUICC_CI]);
	assert_euicc(&w, "again", EUICC_EID, FINE, NULL);
	trust_give_back(w.trust);
	w.trust = trust_new();
	assert_euicc(&w, "removed", EUICC_EID, UNTRUSTED, "agreed anchor");
	euicc_end(&w);
}
END_TEST

static void name_issuer(
	const struct pki_made *made, struct issuer_id *issuer, struct certificate *c)
{
	ck_assert_int_eq(certificate_read(pki_bytes(made), c), FINE);
	ck_assert_int_eq(issuer_id_make(c->issuer, (struct bytes){}, issuer), FINE);
}

START_TEST(test_revoked)
{
	for (int level = 0; level < EUICC_LEVELS; level++) {
		struct euicc_world w;
		struct certificate c;
		struct issuer_id issuer;

		euicc_start(&w);
		assert_euicc(&w, "good", EUICC_EID, FINE, NULL);
		name_issuer(&w.made[level], &issuer, &c);
		/* CI and EUM have one serial of one issuer: the anchor itself is found first */
		ck_assert_int_eq(trust_add_revocation(w.trust, &issuer, c.serial), FINE);
		assert_euicc(&w, "revoked", EUICC_EID, CERTIFICATE_REVOKED, "revoked");
		euicc_end(&w);
	}
}
END_TEST

START_TEST(test_stale_crl)
{
	for (int level = EUICC_EUM; level < EUICC_LEVELS; level++) {
		struct euicc_world w;
		struct certificate c;
		struct issuer_id issuer;

		euicc_start(&w);
		name_issuer(&w.made[level], &issuer, &c);
		ck_assert_int_eq(
			trust_add_crl(w.trust,
				&(struct fresh_crl){ .by = issuer, .next_update = PKI_NOW }, false),
			FINE);
		assert_euicc(&w, "its last second", EUICC_EID, FINE, NULL);
		ck_assert_int_eq(
			trust_add_crl(w.trust,
				&(struct fresh_crl){ .by = issuer, .next_update = PKI_NOW - 1 },
				false),
			FINE);
		assert_euicc(&w, "stale", EUICC_EID, UNTRUSTED, "out of date");
		trust_set_stale_crls_open(w.trust, true);
		assert_euicc(&w, "stale, and open", EUICC_EID, FINE, NULL);
		euicc_end(&w);
	}
}
END_TEST

/* Two CIs of one name and key, as there are when one is renewed: the one in force counts, in either order. */
START_TEST(test_renewed_anchor)
{
	for (int expired = 0; expired < 2; expired++) {
		struct euicc_world w;
		struct pki_recipe recipe = euicc_recipe(EUICC_CI);
		struct pki_made old;

		euicc_start(&w);
		recipe.serial = expired == 0 ? "01" : "02";
		recipe.not_after = "251231235959Z";
		pki_make(&recipe, &old);
		euicc_trust_only(&w, TRUST_EUICC, &old);
		assert_euicc(&w, "the old one", EUICC_EID, EXPIRED, NULL);
		ck_assert_int_eq(
			trust_add_anchor(w.trust, TRUST_EUICC, pki_bytes(&w.made[EUICC_CI])), FINE);
		assert_euicc(&w, "both", EUICC_EID, FINE, NULL);
		euicc_end(&w);
	}
}
END_TEST

/* The EUM is kept: the second time it is found and not read. */
START_TEST(test_eum_is_kept)
{
	struct euicc_world w;

	euicc_start(&w);
	struct issuer *ci = trust_find_anchor(w.trust, TRUST_EUICC, pki_bytes(&w.made[EUICC_CI]));
	ck_assert_ptr_null(issuer_cache_find(w.cache, ci, pki_bytes(&w.made[EUICC_EUM])));
	assert_euicc(&w, "good", EUICC_EID, FINE, NULL);
	struct issuer *eum = issuer_cache_find(w.cache, ci, pki_bytes(&w.made[EUICC_EUM]));
	ck_assert_ptr_nonnull(eum);
	issuer_give_back(eum);
	euicc_end(&w);
}
END_TEST

/* brainpoolP256r1 is a curve of SGP.22, but not of this server. */
START_TEST(test_other_curves)
{
	for (int level = EUICC_EUM; level < EUICC_LEVELS; level++) {
		struct euicc_world w;
		struct pki_recipe recipe = euicc_recipe((enum euicc_level)level);

		euicc_start(&w);
		recipe.key = pki_key("brainpoolP256r1");
		pki_make(&recipe, &w.made[level]);
		assert_euicc(&w, "brainpool", EUICC_EID, UNTRUSTED, "P-256");
		EVP_PKEY_free(recipe.key);
		euicc_end(&w);
	}
}
END_TEST

static struct bytes load_published(const char *folder, const char *name, uint8_t *der)
{
	char path[4096];
	uint8_t pem[8192];
	size_t len;

	snprintf(path, sizeof(path), "%s/sgp26/v2_2017/CERT_%s_ECDSA_NIST.pem", folder, name);
	FILE *f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	size_t read = fread(pem, 1, sizeof(pem), f);
	fclose(f);
	ck_assert_int_eq(pem_or_der_read(bytes_of(pem, read), der, 4096, &len), FINE);
	return bytes_of(der, len);
}

/* The test certificates of SGP.26, which are not this project's to carry. */
START_TEST(test_published)
{
	static uint8_t ci_der[4096], eum_der[4096], euicc_der[4096];
	const char *folder = getenv("VECTORS_DIR");
	struct trust *trust = trust_new();
	struct issuer_cache *cache = issuer_cache_new(4);
	struct certificate leaf;
	struct chain_failure failure;

	if (folder == NULL || folder[0] == '\0') {
		fprintf(stderr, "skip: SGP.26: VECTORS_DIR is not set\n");
	} else {
		struct bytes ci = load_published(folder, "CI", ci_der);
		struct bytes eum = load_published(folder, "EUM", eum_der);
		struct bytes euicc = load_published(folder, "EUICC", euicc_der);

		ck_assert_int_eq(trust_add_anchor(trust, TRUST_EUICC, ci), FINE);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(
				chain_verify_euicc(cache, trust, euicc, eum,
					bytes_of_text(EUICC_EID), PKI_NOW, &leaf, &failure),
				FINE);
		ck_assert_int_eq(chain_verify_euicc(cache, trust, euicc, eum,
					 bytes_of_text("89049032123451234512345678901234"), PKI_NOW,
					 &leaf, &failure),
			UNTRUSTED);
		ck_assert_int_eq(chain_verify_euicc(cache, trust, euicc, ci,
					 bytes_of_text(EUICC_EID), PKI_NOW, &leaf, &failure),
			UNTRUSTED);
	}
	issuer_cache_free(cache);
	trust_give_back(trust);
}
END_TEST

#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

int main(void)
{
	Suite *suite = suite_create("pki eUICC chain");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 600);
	tcase_add_unchecked_fixture(t, euicc_make_keys, euicc_free_keys);
	tcase_add_test(t, test_good);
	tcase_add_loop_test(t, test_wrong, 0, COUNT(wrongs));
	tcase_add_loop_test(t, test_wrong_eid, 0, 5);
	tcase_add_test(t, test_no_certificate);
	tcase_add_test(t, test_use_of_anchor);
	tcase_add_test(t, test_revoked);
	tcase_add_test(t, test_stale_crl);
	tcase_add_test(t, test_renewed_anchor);
	tcase_add_test(t, test_eum_is_kept);
	tcase_add_test(t, test_other_curves);
	tcase_add_test(t, test_published);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

/* Chains of Solution #5.x: the good one, and each certificate wrong in each way. */
#include <check.h>
#include <openssl/evp.h>

#include "tests/unit/pki_world.h"

START_TEST(test_good_chain)
{
	struct world w;

	world_start(&w);
	assert_outcome(&w, FINE, 0);
	ck_assert(bytes_equal(w.leaf.serial_number, bytes_of_text("SE-0001")));
	ck_assert_ptr_eq(w.leaf.der.at, w.made[SE].der);
	world_end(&w);
}
END_TEST

struct wrong {
	const char *what;
	int level;
	struct pki_recipe change; /* what is not NULL or 0 replaces */
	bool other_key, other_signer;
	enum outcome expected;
};

#define CA        "basicConstraints=critical,CA:TRUE"
#define CERT_SIGN "keyUsage=critical,keyCertSign"
#define SIGN      "keyUsage=critical,digitalSignature"
#define LIST(...)                           \
	.extensions = (const char *const[]) \
	{                                   \
		__VA_ARGS__, NULL           \
	}
#define EXPIRED   CERTIFICATE_EXPIRED
#define UNTRUSTED CERTIFICATE_UNTRUSTED

static const struct wrong wrongs[] = {
	{ "CI expired", CI, { .not_after = "251231235959Z" }, .expected = EXPIRED },
	{ "PN expired", PN, { .not_after = "251231235959Z" }, .expected = EXPIRED },
	{ "SE expired", SE, { .not_after = "251231235959Z" }, .expected = EXPIRED },
	{ "CI not yet valid", CI, { .not_before = "260101000001Z" }, .expected = EXPIRED },
	{ "PN not yet valid", PN, { .not_before = "260101000001Z" }, .expected = EXPIRED },
	{ "SE not yet valid", SE, { .not_before = "260101000001Z" }, .expected = EXPIRED },
	{ "last second", SE, { .not_after = "260101000000Z" }, .expected = FINE },
	{ "first second", SE, { .not_before = "260101000000Z" }, .expected = FINE },
	{ "PN not a CA", PN, { LIST("basicConstraints=CA:FALSE", CERT_SIGN) },
		.expected = UNTRUSTED },
	{ "PN without constraints", PN, { LIST(CERT_SIGN) }, .expected = UNTRUSTED },
	{ "SE a CA", SE, { LIST(CA, "keyUsage=digitalSignature,keyCertSign") },
		.expected = UNTRUSTED },
	{ "SE without constraints", SE, { LIST(SIGN) }, .expected = FINE },
	{ "SE explicit FALSE", SE, { LIST(SIGN, "2.5.29.19=DER:3003010100") }, .expected = FINE },
	{ "CI path length 0", CI, { LIST("basicConstraints=CA:TRUE,pathlen:0", CERT_SIGN) },
		.expected = UNTRUSTED },
	{ "CI path length 1", CI, { LIST("basicConstraints=CA:TRUE,pathlen:1", CERT_SIGN) },
		.expected = FINE },
	{ "CI without key usage", CI, { LIST(CA) }, .expected = FINE },
	{ "PN without key usage", PN, { LIST(CA) }, .expected = UNTRUSTED },
	{ "SE without key usage", SE, { LIST("basicConstraints=CA:FALSE") },
		.expected = UNTRUSTED },
	{ "CI key usage", CI, { LIST(CA, "keyUsage=cRLSign") }, .expected = UNTRUSTED },
	{ "PN key usage", PN, { LIST(CA, SIGN) }, .expected = UNTRUSTED },
	{ "SE key usage", SE, { LIST("keyUsage=keyAgreement") }, .expected = UNTRUSTED },
	{ "PN issuer's name", PN, { .issuer = "CN=ci" }, .expected = UNTRUSTED },
	{ "SE issuer's name", SE, { .issuer = "CN=pn" }, .expected = UNTRUSTED },
	{ "PN by another key", PN, .other_signer = true, .expected = UNTRUSTED },
	{ "SE by another key", SE, .other_signer = true, .expected = UNTRUSTED },
	{ "CI with another key", CI, .other_key = true, .other_signer = true,
		.expected = UNTRUSTED },
	{ "PN authority key", PN, { LIST(CA, CERT_SIGN, "2.5.29.35=DER:30068004C1C1C1C2") },
		.expected = UNTRUSTED },
	{ "SE authority key", SE, { LIST(SIGN, "2.5.29.35=DER:30068004B0B0B0B1") },
		.expected = UNTRUSTED },
	{ "PN critical extension", PN, { LIST(CA, CERT_SIGN, "1.2.3=critical,DER:0500") },
		.expected = UNTRUSTED },
	{ "SE critical extension", SE, { LIST(SIGN, "1.2.3=critical,DER:0500") },
		.expected = UNTRUSTED },
	{ "SE other extension", SE, { LIST(SIGN, "1.2.3=DER:0500") }, .expected = FINE },
	{ "PN name constraints", PN,
		{ LIST(CA, CERT_SIGN, "nameConstraints=critical,permitted;DNS:a") },
		.expected = UNTRUSTED },
	{ "PN version 1", PN, { .version = 1 }, .expected = UNTRUSTED },
	{ "SE version 1", SE, { .version = 1 }, .expected = UNTRUSTED },
	{ "SE bad date", SE, { .not_before = "230230000000Z" }, .expected = UNTRUSTED },
	{ "SE without id", SE, { .subject = "CN=SE" }, .expected = UNTRUSTED },
	{ "SE id no device id", SE, { .subject = "serialNumber=a b" }, .expected = UNTRUSTED },
};

static void replace(struct world *w, const struct wrong *k)
{
	struct pki_recipe recipe = world_recipe(k->level);

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
	recipe.version = k->change.version;
	if (k->other_key)
		recipe.key = other_key;
	if (k->other_signer)
		recipe.signer = other_key;
	pki_make(&recipe, &w->made[k->level]);
}

START_TEST(test_wrong)
{
	const struct wrong *k = &wrongs[_i];
	struct world w;

	world_start(&w);
	replace(&w, k);
	if (k->level == CI)
		ck_assert_int_eq(trust_add_anchor(w.trust, TRUST_SE, pki_bytes(&w.made[CI])), FINE);
	/* a CI of another key is agreed; what does not hold is PN under it */
	assert_outcome(&w, k->expected, k->other_key ? PN : k->level);
	world_end(&w);
}
END_TEST

/* Keys and signatures outside the profile. */
START_TEST(test_other_algorithms)
{
	static const char *const kinds[] = { "P-384", "secp256k1", "RSA" };
	struct world w;

	for (int level = PN; level <= SE; level++) {
		for (size_t i = 0; i <= 3; i++) {
			EVP_PKEY *key = i < 3 ? pki_key(kinds[i]) : NULL;
			struct pki_recipe recipe = world_recipe(level);

			world_start(&w);
			if (key != NULL)
				recipe.key = key;
			else
				recipe.digest = EVP_sha384();
			pki_make(&recipe, &w.made[level]);
			assert_outcome(&w, UNTRUSTED, level);
			world_end(&w);
			EVP_PKEY_free(key);
		}
	}
}
END_TEST

/* A key off the curve, signed for all the same. */
START_TEST(test_key_off_curve)
{
	static const uint8_t before_point[] = { 0x03, 0x42, 0x00, 0x04 };

	for (int level = PN; level <= SE; level++) {
		struct world w;

		world_start(&w);
		pki_find(&w.made[level], BYTES(before_point))[40] ^= 1;
		pki_sign_again(&w.made[level], world_keys[level - 1]);
		assert_outcome(&w, UNTRUSTED, level);
		world_end(&w);
	}
}
END_TEST

START_TEST(test_no_certificate)
{
	for (int level = 0; level < LEVELS; level++) {
		struct world w;

		world_start(&w);
		w.made[level].len++; /* a byte behind it */
		assert_outcome(&w, INVALID_PARAMETER, level);
		w.made[level].len = 0;
		assert_outcome(&w, INVALID_PARAMETER, level);
		world_end(&w);
	}
}
END_TEST

/* What is reported first where more than one thing is wrong. */
START_TEST(test_order)
{
	struct world w;
	struct pki_recipe recipe = world_recipe(PN);

	world_start(&w);
	recipe.version = 1;
	recipe.not_after = "251231235959Z";
	pki_make(&recipe, &w.made[PN]);
	assert_outcome(&w, UNTRUSTED, PN);
	recipe = world_recipe(CI);
	recipe.serial = "77"; /* not the one agreed */
	pki_make(&recipe, &w.made[CI]);
	assert_outcome(&w, UNTRUSTED, CI);
	w.made[SE].len--;
	assert_outcome(&w, INVALID_PARAMETER, SE);
	w.made[PN].len--;
	assert_outcome(&w, INVALID_PARAMETER, PN);
	w.made[CI].len--;
	assert_outcome(&w, INVALID_PARAMETER, CI);
	world_end(&w);

	world_start(&w);
	recipe = world_recipe(PN);
	recipe.not_after = "251231235959Z"; /* expired, but the links come first */
	pki_make(&recipe, &w.made[PN]);
	recipe = world_recipe(SE);
	recipe.signer = other_key;
	pki_make(&recipe, &w.made[SE]);
	assert_outcome(&w, UNTRUSTED, SE);
	world_end(&w);
}
END_TEST

#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

int main(void)
{
	Suite *suite = suite_create("pki chain");
	TCase *t = tcase_create("all");

	tcase_add_unchecked_fixture(t, world_make_keys, world_free_keys);
	tcase_add_test(t, test_good_chain);
	tcase_add_loop_test(t, test_wrong, 0, COUNT(wrongs));
	tcase_add_test(t, test_other_algorithms);
	tcase_add_test(t, test_key_off_curve);
	tcase_add_test(t, test_no_certificate);
	tcase_add_test(t, test_order);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

/*
 * Name constraints: how they are read, that no chain but an eUICC's lets them pass, and the chain of a secure
 * element whose CERT.CI is found by its name.
 */
#include <check.h>
#include <openssl/evp.h>
#include <string.h>

#include "pki/name_constraints.h"
#include "tests/unit/euicc_world.h"
#include "tests/unit/pki_world.h"

#define UNTRUSTED CERTIFICATE_UNTRUSTED
#define V3_EINS   "2.23.146.1.2.2.0=DER:300C130438363034130438393034"

static struct pki_made eum;

static enum outcome read_with(const char *extension, struct certificate *c)
{
	struct pki_recipe recipe = euicc_recipe(EUICC_EUM);

	recipe.extensions = (const char *const[]){ EUICC_CA, EUICC_CERT_SIGN, extension, NULL };
	pki_make(&recipe, &eum);
	return certificate_read(pki_bytes(&eum), c);
}

START_TEST(test_read)
{
	struct certificate c;
	struct permitted_name name;

	ck_assert_int_eq(read_with(EUICC_PERMITS, &c), FINE);
	ck_assert(c.has_name_constraints);
	ck_assert_uint_eq(c.permitted_eins.len, 0);
	struct bytes rest = c.permitted_names;
	ck_assert(permitted_name_take(&rest, &name));
	ck_assert_uint_eq(rest.len, 0);
	ck_assert(bytes_equal(name.organization, bytes_of_text(EUICC_O)));
	ck_assert(bytes_equal(name.serial_number, bytes_of_text(EUICC_EIN)));
	ck_assert(certificate_permits(&c, name.organization, bytes_of_text(EUICC_EID)));
	ck_assert(certificate_permits(&c, name.organization, name.serial_number));
	ck_assert(!certificate_permits(&c, name.organization, bytes_of_text("8904903")));
	ck_assert(!certificate_permits(&c, bytes_of(NULL, 0), bytes_of_text(EUICC_EID)));

	ck_assert_int_eq(read_with(V3_EINS, &c), FINE);
	ck_assert(c.has_name_constraints);
	ck_assert_uint_eq(c.permitted_names.len, 0);
	ck_assert(certificate_permits(&c, bytes_of(NULL, 0), bytes_of_text("8904")));
	ck_assert(certificate_permits(&c, bytes_of(NULL, 0), bytes_of_text("86041")));
	ck_assert(!certificate_permits(&c, bytes_of(NULL, 0), bytes_of_text("8804")));

	ck_assert_int_eq(read_with("1.2.3=DER:0500", &c), FINE);
	ck_assert(!c.has_name_constraints);
	ck_assert(certificate_permits(&c, bytes_of(NULL, 0), bytes_of_text("1")));
}
END_TEST

#define NC "2.5.29.30=DER:"
static const char *const unreadable[] = { NC "3000",             /* neither */
	NC "3002A000",                                           /* no subtree */
	NC "3017A1153013A411300F310D300B0603550405130438393034", /* excluded */
	NC "302EA0153013A411300F310D300B0603550405130438393034A1153013A411300F310D300B06035"
	   "50405130438393034",                                      /* permitted and excluded */
	NC "3017A0153013A411300F310D300B06035504051304383930340500", /* something behind it */
	NC
	"3019A0153013A411300F310D300B06035504051304383930340500", /* something within, behind it */
	NC "301AA0183016A411300F310D300B0603550405130438393034800101", /* a minimum */
	NC "301AA0183016A411300F310D300B0603550405130438393034810101", /* a maximum */
	NC "3017A0153013A411300F310D300B0603550403130438393034",       /* CN */
	NC "3017A0153013A411300F310D300B060355040B130438393034",       /* OU */
	NC "3026A0243022A420301E310D300B0603550405130438393034310D300B060355040313043839303"
	   "4",                                          /* CN beside it */
	NC "3013A011300FA40D300B3109300706035504051300", /* empty text */
	NC "3008A0063004A4023000",                       /* no attribute: all there are */
	NC "3026A0243022A420301E310D300B0603550405130438393034310D300B060355040513043839303"
	   "4",                                              /* twice */
	NC "3015A0133011A40F300D300B0603550405130438393034", /* no SET */
	NC "3015A0133011A40F310D300B0603550405130438393034", /* the name is implicit */
	NC "302CA02A3013A411300F310D300B06035504051304383930343013A411300F310D300B060355040"
	   "3130438393034",                                  /* a good one and another */
	NC "3015A013A411300F310D300B0603550405130438393034", /* a general name alone */
	"nameConstraints=critical,permitted;DNS:example", "nameConstraints=permitted;DNS:example",
	"nameConstraints=critical,excluded;DNS:example",
	"nameConstraints=critical,permitted;email:a", "2.23.146.1.2.2.0=DER:3000",
	"2.23.146.1.2.2.0=DER:30021300", "2.23.146.1.2.2.0=DER:30030C0138",
	"2.23.146.1.2.2.0=DER:3003130141", "2.23.146.1.2.2.0=DER:300313013800",
	"2.23.146.1.2.2.0=DER:0500" };

START_TEST(test_unreadable)
{
	struct certificate c;

	ck_assert_msg(read_with(unreadable[_i], &c) == UNTRUSTED, "%s", unreadable[_i]);
}
END_TEST

static const char *const constraints[] = { EUICC_PERMITS, V3_EINS };

/* What the chains of secure elements and ARPFs cannot heed they refuse, in each place. */
START_TEST(test_constraints_elsewhere)
{
	for (int level = 0; level < LEVELS; level++) {
		struct pki_recipe recipe = world_recipe(level);
		const char *extensions[8];
		struct world w;
		int n = 0;

		for (; recipe.extensions[n] != NULL; n++)
			extensions[n] = recipe.extensions[n];
		extensions[n] = constraints[_i];
		extensions[n + 1] = NULL;
		recipe.extensions = extensions;
		world_start(&w);
		assert_outcome(&w, FINE, 0);
		pki_make(&recipe, &w.made[level]);
		if (level == CI) /* never becomes an anchor at all */
			ck_assert_int_eq(
				trust_add_anchor(w.trust, TRUST_SE, pki_bytes(&w.made[CI])),
				UNTRUSTED);
		assert_outcome(&w, UNTRUSTED, level);
		if (level != CI) {
			struct bytes pn = pki_bytes(&w.made[PN]);

			world_trust_only(&w, TRUST_ARPF, &w.made[CI]);
			ck_assert_int_eq(chain_verify_arpf(w.cache, w.trust, pki_bytes(&w.made[SE]),
						 &pn, 1, PKI_NOW, &w.leaf, &w.failure),
				UNTRUSTED);
		}
		world_end(&w);
	}
}
END_TEST

static void name_issuer(
	const struct pki_made *made, struct issuer_id *issuer, struct certificate *c)
{
	ck_assert_int_eq(certificate_read(pki_bytes(made), c), FINE);
	ck_assert_int_eq(issuer_id_make(c->issuer, (struct bytes){}, issuer), FINE);
}

static enum outcome verify_by_anchor(struct world *w)
{
	return chain_verify_se_by_anchor(w->cache, w->trust, pki_bytes(&w->made[PN]),
		pki_bytes(&w->made[SE]), PKI_NOW, &w->leaf, &w->failure);
}

START_TEST(test_se_by_anchor)
{
	struct world w;
	struct certificate c;
	struct issuer_id issuer;

	world_start(&w);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(verify_by_anchor(&w), FINE);
	ck_assert(bytes_equal(w.leaf.serial_number, bytes_of_text("SE-0001")));
	world_trust_only(&w, TRUST_EUICC, &w.made[CI]);
	ck_assert_int_eq(verify_by_anchor(&w), UNTRUSTED);
	ck_assert_str_eq(w.failure.culprit, "certificateChain");
	world_trust_only(&w, TRUST_SE, &w.made[CI]);
	name_issuer(&w.made[SE], &issuer, &c);
	ck_assert_int_eq(trust_add_revocation(w.trust, &issuer, c.serial), FINE);
	ck_assert_int_eq(verify_by_anchor(&w), CERTIFICATE_REVOKED);
	w.made[PN].len--;
	ck_assert_int_eq(verify_by_anchor(&w), INVALID_PARAMETER);
	w.made[PN].len++;
	w.made[SE].len--;
	ck_assert_int_eq(verify_by_anchor(&w), INVALID_PARAMETER);
	world_end(&w);
}
END_TEST

/* An eUICC's certificate is none of a secure element's chain: an EUM's constraints are not heeded there. */
START_TEST(test_se_by_anchor_wrong)
{
	struct euicc_world e;
	struct world w;
	struct pki_recipe recipe = world_recipe(SE);

	euicc_start(&e);
	euicc_trust_only(&e, TRUST_SE, &e.made[EUICC_CI]);
	ck_assert_int_eq(chain_verify_se_by_anchor(e.cache, e.trust, pki_bytes(&e.made[EUICC_EUM]),
				 pki_bytes(&e.made[EUICC_LEAF]), PKI_NOW, &e.leaf, &e.failure),
		UNTRUSTED);
	ck_assert_ptr_nonnull(strstr(e.failure.reason, "name constraints"));
	euicc_end(&e);
	world_start(&w);
	recipe.subject = "CN=SE/serialNumber=a b";
	pki_make(&recipe, &w.made[SE]);
	ck_assert_int_eq(verify_by_anchor(&w), UNTRUSTED);
	recipe = world_recipe(SE);
	recipe.signer = other_key;
	pki_make(&recipe, &w.made[SE]);
	ck_assert_int_eq(verify_by_anchor(&w), UNTRUSTED);
	recipe = world_recipe(SE);
	recipe.extensions = (const char *const[]){ "keyUsage=keyAgreement", NULL };
	pki_make(&recipe, &w.made[SE]);
	ck_assert_int_eq(verify_by_anchor(&w), UNTRUSTED);
	world_end(&w);
}
END_TEST

#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

static void make_keys(void)
{
	euicc_make_keys();
	world_make_keys();
}

static void free_keys(void)
{
	euicc_free_keys();
	world_free_keys();
}

int main(void)
{
	Suite *suite = suite_create("pki constraints");
	TCase *t = tcase_create("all");

	tcase_add_unchecked_fixture(t, make_keys, free_keys);
	tcase_add_test(t, test_read);
	tcase_add_loop_test(t, test_unreadable, 0, COUNT(unreadable));
	tcase_add_loop_test(t, test_constraints_elsewhere, 0, COUNT(constraints));
	tcase_add_test(t, test_se_by_anchor);
	tcase_add_test(t, test_se_by_anchor_wrong);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

/* The chain of a headless device: one that holds, and each way in which it may not. */
#include "pki/device_chain.h"

#include <stdio.h>

#include "crypto/kdf.h"
#include "pki/certificates_read.h"
#include "tests/unit/device_chain_world.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(test_good)
{
	uint8_t hash[32];

	begin();
	EXPECT_CHAIN(FINE);
	ck_assert_str_eq(device.device_id, "dev-1");
	ck_assert_str_eq(device.manufacturer, "Acme");
	ck_assert_str_eq(device.model, "Meter 7");
	ck_assert(!device.is_rsa && device.key_len == P256_POINT_LEN && device.key[0] == 4);
	struct certificate read;
	ck_assert_int_eq(certificate_read(pki_bytes(&made[DEVICE]), &read), FINE);
	ck_assert_mem_eq(device.key, read.public_key.at, P256_POINT_LEN);
	ck_assert_int_eq(sha256(&read.spki, 1, hash), FINE);
	ck_assert_mem_eq(device.spki_hash, hash, sizeof(hash));
	/* the anchor may be served as well, or be an intermediate CA */
	expect(PEM_OF(&made[DEVICE], &made[ISSUING], &made[ROOT]), FINE);
	trust_only(TRUST_DEVICE, &made[ISSUING]);
	expect(PEM_OF(&made[DEVICE]), FINE);
	EXPECT_CHAIN(FINE);
	expect(PEM_OF(&made[DEVICE], &made[ISSUING], &made[ROOT]), FINE);
	end();
}
END_TEST

START_TEST(test_order)
{
	struct pki_made other, again, loop[2];
	struct pki_recipe recipe;

	begin();
	recipe = device_recipe(ROOT);
	recipe.key = recipe.signer = device_keys[DEVICE];
	recipe.subject = recipe.issuer = "CN=Other";
	pki_make(&recipe, &other);
	recipe = device_recipe(DEVICE);
	recipe.serial = "5E02";
	pki_make(&recipe, &again);
	const enum outcome no = CERTIFICATE_UNTRUSTED;
	const struct pki_made *leaf = &made[DEVICE], *issuing = &made[ISSUING], *root = &made[ROOT];

	expect(PEM_OF(issuing, leaf), no);
	expect(PEM_OF(leaf, root), no);
	expect(PEM_OF(leaf), no);
	expect(PEM_OF(leaf, root, issuing), no);
	expect(PEM_OF(leaf, issuing, &other), no);
	expect(PEM_OF(leaf, &other, issuing), no);
	expect(PEM_OF(leaf, issuing, &again), no);
	expect(PEM_OF(leaf, leaf, issuing), no);
	expect(PEM_OF(leaf, issuing, issuing), no);
	expect(PEM_OF(leaf, issuing, root, root), no);
	expect(PEM_OF(issuing), no);
	expect(PEM_OF(root), no);
	/* two CAs that certify each other */
	recipe = device_recipe(ISSUING);
	recipe.issuer = "CN=Cross";
	recipe.signer = rsa_key;
	recipe.extensions = (const char *const[]){ "basicConstraints=critical,CA:TRUE",
		"keyUsage=critical,keyCertSign", NULL };
	pki_make(&recipe, &loop[0]);
	recipe.subject = "CN=Cross";
	recipe.issuer = "CN=Issuing";
	recipe.key = rsa_key;
	recipe.signer = device_keys[ISSUING];
	pki_make(&recipe, &loop[1]);
	expect(PEM_OF(leaf, &loop[0], &loop[1]), no);
	expect(PEM_OF(leaf, &loop[0], &loop[1], &loop[0]), no);
	expect(PEM_OF(leaf, &loop[0], &loop[1], issuing), no);
	/* PKCS#7 has no order */
	ck_assert_int_eq(verify(PKCS7_OF(root, issuing, leaf), CERTIFICATES_PKCS7, PKI_NOW), FINE);
	ck_assert_str_eq(device.device_id, "dev-1");
	ck_assert_int_eq(verify(PKCS7_OF(issuing, leaf), CERTIFICATES_PKCS7, PKI_NOW), FINE);
	ck_assert_int_eq(verify(PKCS7_OF(issuing, leaf, &other), CERTIFICATES_PKCS7, PKI_NOW), no);
	ck_assert_int_eq(verify(PKCS7_OF(issuing, leaf, &again), CERTIFICATES_PKCS7, PKI_NOW), no);
	ck_assert_int_eq(verify(PKCS7_OF(root, issuing), CERTIFICATES_PKCS7, PKI_NOW), no);
	ck_assert_int_eq(verify(PKCS7_OF(leaf, root), CERTIFICATES_PKCS7, PKI_NOW), no);
	end();
}
END_TEST

START_TEST(test_anchors)
{
	struct pki_made other;
	struct pki_recipe recipe;

	begin();
	trust_give_back(trust);
	trust = trust_new();
	EXPECT_CHAIN(CERTIFICATE_UNTRUSTED);
	for (unsigned use = 0; use < TRUST_USE_COUNT; use++)
		if (use != TRUST_DEVICE) {
			trust_only((enum trust_use)use, &made[ROOT]);
			EXPECT_CHAIN(CERTIFICATE_UNTRUSTED);
			expect(PEM_OF(&made[DEVICE], &made[ISSUING], &made[ROOT]),
				CERTIFICATE_UNTRUSTED);
		}
	/* an anchor of the same name with another key */
	recipe = device_recipe(ROOT);
	recipe.key = recipe.signer = device_keys[DEVICE];
	pki_make(&recipe, &other);
	trust_only(TRUST_DEVICE, &other);
	EXPECT_CHAIN(CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(trust_add_anchor(trust, TRUST_DEVICE, pki_bytes(&made[ROOT])), FINE);
	ck_assert_int_eq(trust_add_anchor(trust, TRUST_DEVICE, pki_bytes(&made[ROOT])), FINE);
	EXPECT_CHAIN(FINE);
	ck_assert(trust_has_anchor(trust, TRUST_DEVICE, pki_bytes(&made[ROOT])));
	ck_assert(!trust_has_anchor(trust, TRUST_DEVICE, pki_bytes(&made[ISSUING])));
	ck_assert(!trust_has_anchor(trust, TRUST_DEVICE, bytes_of("x", 1)));
	ck_assert(!trust_has_anchor(trust, TRUST_SE, pki_bytes(&made[ROOT])));
	end();
}
END_TEST

START_TEST(test_validity)
{
	static const char *const past[] = { "20200101000000Z", "20251231235959Z" };
	static const char *const future[] = { "20260102000000Z", "20300101000000Z" };

	begin();
	for (int level = ROOT; level < DEVICE_LEVELS; level++) {
		for (int i = 0; i < 2; i++) {
			struct pki_recipe recipe = device_recipe(level);

			recipe.not_before = i == 0 ? past[0] : future[0];
			recipe.not_after = i == 0 ? past[1] : future[1];
			pki_make(&recipe, &made[level]);
			trust_only(TRUST_DEVICE, &made[ROOT]);
			EXPECT_CHAIN(CERTIFICATE_EXPIRED);
		}
		device_make(level, &made[level]);
	}
	trust_only(TRUST_DEVICE, &made[ROOT]);
	ck_assert_int_eq(verify(PEM_OF(&made[DEVICE], &made[ISSUING]), CERTIFICATES_PEM, 0),
		CERTIFICATE_EXPIRED);
	end();
}
END_TEST

static void name_issuer(const char *name, struct issuer_id *issuer)
{
	struct pki_recipe recipe = device_recipe(ROOT);
	struct pki_made named;
	struct certificate c;

	recipe.subject = recipe.issuer = name;
	pki_make(&recipe, &named);
	ck_assert_int_eq(certificate_read(pki_bytes(&named), &c), FINE);
	ck_assert_int_eq(issuer_id_make(c.subject, (struct bytes){}, issuer), FINE);
}

static void revoke(const char *name, struct bytes serial)
{
	struct issuer_id issuer;

	name_issuer(name, &issuer);
	trust_only(TRUST_DEVICE, &made[ROOT]);
	ck_assert_int_eq(trust_add_revocation(trust, &issuer, serial), FINE);
}

START_TEST(test_revoked)
{
	begin();
	revoke("CN=Issuing", bytes_of("\x5e\x01", 2));
	EXPECT_CHAIN(CERTIFICATE_REVOKED);
	revoke("CN=Root", bytes_of("\x10\x01", 2)); /* the issuing CA's, and the anchor's own */
	EXPECT_CHAIN(CERTIFICATE_REVOKED);
	revoke("CN=Issuing", bytes_of("\x10\x01", 2));
	EXPECT_CHAIN(FINE);
	revoke("CN=Root", bytes_of("\x5e\x01", 2));
	EXPECT_CHAIN(FINE);
	struct pki_recipe recipe = device_recipe(ROOT);
	recipe.serial = "77";
	pki_make(&recipe, &made[ROOT]);
	revoke("CN=Root", bytes_of("\x77", 1));
	EXPECT_CHAIN(CERTIFICATE_REVOKED);
	/* the same name spelt as another string type: OpenSSL takes it for the issuer's */
	device_make(ROOT, &made[ROOT]);
	recipe = device_recipe(DEVICE);
	pki_make(&recipe, &made[DEVICE]);
	uint8_t *name = pki_find(&made[DEVICE], bytes_of("\x0c\x07Issuing", 9));
	name[0] = 0x13; /* PrintableString */
	pki_sign_again(&made[DEVICE], device_keys[ISSUING]);
	trust_only(TRUST_DEVICE, &made[ROOT]);
	EXPECT_CHAIN(FINE);
	revoke("CN=Issuing", bytes_of("\x5e\x01", 2));
	EXPECT_CHAIN(CERTIFICATE_REVOKED);
	end();
}
END_TEST

/* The list takes serials of 20 bytes; a certificate whose serial is longer could not be revoked. */
START_TEST(test_long_serial)
{
	static const struct {
		const char *serial;
		enum outcome expected;
	} serials[] = {
		{ "7F00000000000000000000000000000000000001", FINE },
		{ "FF00000000000000000000000000000000000001", FINE }, /* with a sign byte 21 */
		{ "0100000000000000000000000000000000000000FF", CERTIFICATE_REVOKED },
		{ "7F0000000000000000000000000000000000000000000000000000000001",
			CERTIFICATE_REVOKED },
	};

	begin();
	for (int level = ISSUING; level <= DEVICE; level++) {
		for (size_t i = 0; i < COUNT(serials); i++) {
			struct pki_recipe recipe = device_recipe(level);

			recipe.serial = serials[i].serial;
			pki_make(&recipe, &made[level]);
			EXPECT_CHAIN(serials[i].expected);
		}
		device_make(level, &made[level]);
	}
	end();
}
END_TEST

START_TEST(test_stale_crl)
{
	static const char *const issuers[] = { "CN=Issuing", "CN=Root" };
	struct issuer_id issuer;

	begin();
	for (int i = 0; i < 2; i++) {
		name_issuer(issuers[i], &issuer);
		trust_only(TRUST_DEVICE, &made[ROOT]);
		ck_assert_int_eq(
			trust_add_crl(trust,
				&(struct fresh_crl){ .by = issuer, .next_update = PKI_NOW }, false),
			FINE);
		EXPECT_CHAIN(FINE);
		ck_assert_int_eq(
			trust_add_crl(trust,
				&(struct fresh_crl){ .by = issuer, .next_update = PKI_NOW - 1 },
				false),
			FINE);
		EXPECT_CHAIN(CERTIFICATE_UNTRUSTED);
		ck_assert_str_eq(reason, "the issuer's CRL is out of date");
		trust_set_stale_crls_open(trust, true);
		EXPECT_CHAIN(FINE);
	}
	name_issuer("CN=Another", &issuer);
	trust_only(TRUST_DEVICE, &made[ROOT]);
	ck_assert_int_eq(
		trust_add_crl(trust,
			&(struct fresh_crl){ .by = issuer, .next_update = PKI_NOW - 1 }, false),
		FINE);
	EXPECT_CHAIN(FINE);
	end();
}
END_TEST

static void identify(const struct pki_made *ca, struct issuer_id *id)
{
	struct certificate c;

	ck_assert_int_eq(certificate_read(pki_bytes(ca), &c), FINE);
	ck_assert_int_eq(issuer_id_make(c.subject, c.spki, id), FINE);
}

/* The CA above has a new key, and an anchor for each: what was said by the old one is about what that has issued. */
START_TEST(test_renewed_root)
{
	struct pki_recipe recipe = device_recipe(ROOT);
	struct certificate issuing;
	struct issuer_id old_id, new_id;
	struct pki_made old;

	begin();
	recipe.key = recipe.signer = device_keys[DEVICE];
	pki_make(&recipe, &old);
	identify(&old, &old_id);
	identify(&made[ROOT], &new_id);
	ck_assert_int_eq(certificate_read(pki_bytes(&made[ISSUING]), &issuing), FINE);
	const struct fresh_crl over = { .by = old_id, .next_update = PKI_NOW - 1 };
	for (int anchors = 1; anchors < 3; anchors++) {
		/* where the old CA is no anchor, and not known as one, it is in doubt */
		enum outcome revoked = anchors == 2 ? FINE : CERTIFICATE_REVOKED;
		enum outcome stale = anchors == 2 ? FINE : CERTIFICATE_UNTRUSTED;

		trust_only(TRUST_DEVICE, &made[ROOT]);
		if (anchors == 2)
			ck_assert_int_eq(
				trust_add_anchor(trust, TRUST_DEVICE, pki_bytes(&old)), FINE);
		ck_assert_int_eq(trust_add_crl(trust, &over, false), FINE);
		EXPECT_CHAIN(stale);
		expect(PEM_OF(&made[DEVICE], &made[ISSUING], &made[ROOT]), stale);
		trust_set_stale_crls_open(trust, true);
		EXPECT_CHAIN(FINE);
		ck_assert_int_eq(trust_add_revocation(trust, &old_id, issuing.serial), FINE);
		EXPECT_CHAIN(revoked);
		ck_assert_int_eq(trust_add_revocation(trust, &new_id, issuing.serial), FINE);
		EXPECT_CHAIN(CERTIFICATE_REVOKED);
	}
	/* under the CA below as the anchor: by which key that was signed is not asked, so it is in doubt */
	trust_only(TRUST_DEVICE, &made[ISSUING]);
	ck_assert_int_eq(trust_add_crl(trust, &over, true), FINE);
	ck_assert_int_eq(trust_add_anchor(trust, TRUST_SE, pki_bytes(&made[ROOT])), FINE);
	EXPECT_CHAIN(CERTIFICATE_UNTRUSTED);
	end();
}
END_TEST

struct spoilt {
	const char *what;
	int level;
	const char *subject;           /* NULL: the good one's */
	const char *const *extensions; /* NULL: the good one's */
	enum outcome expected;
};

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct spoilt spoils[] = {
	{ "no CA", ISSUING, NULL, LIST("basicConstraints=critical,CA:FALSE"),
		CERTIFICATE_UNTRUSTED },
	{ "no basicConstraints", ISSUING, NULL, LIST("keyUsage=critical,keyCertSign"),
		CERTIFICATE_UNTRUSTED },
	{ "CA without keyCertSign", ISSUING, NULL,
		LIST("basicConstraints=critical,CA:TRUE", "keyUsage=critical,digitalSignature"),
		CERTIFICATE_UNTRUSTED },
	{ "CA without key usage", ISSUING, NULL, LIST("basicConstraints=critical,CA:TRUE"),
		CERTIFICATE_UNTRUSTED },
	{ "CA without key identifiers", ISSUING, NULL,
		LIST("basicConstraints=CA:TRUE", "keyUsage=keyCertSign"), FINE },
	{ "anchor without key usage", ROOT, NULL, LIST("basicConstraints=CA:TRUE"), FINE },
	{ "path length", ROOT, NULL,
		LIST("basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=keyCertSign"),
		CERTIFICATE_UNTRUSTED },
	{ "name constraints", ISSUING, NULL,
		LIST("basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign",
			"nameConstraints=critical,excluded;DNS:dev.example"),
		FINE },
	{ "unknown critical extension of a CA", ISSUING, NULL,
		LIST("basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign",
			"1.2.3=critical,DER:0500"),
		CERTIFICATE_UNTRUSTED },
	{ "unknown critical extension", DEVICE, NULL, LIST("1.2.3=critical,DER:0500"),
		CERTIFICATE_UNTRUSTED },
	{ "unknown extension", DEVICE, NULL, LIST("1.2.3=DER:0500"), FINE },
	{ "device that is a CA", DEVICE, NULL,
		LIST("basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign,digitalSignature"),
		CERTIFICATE_UNTRUSTED },
	{ "device that may sign certificates", DEVICE, NULL,
		LIST("keyUsage=keyCertSign,digitalSignature"), CERTIFICATE_UNTRUSTED },
	{ "key encipherment", DEVICE, NULL, LIST("keyUsage=keyEncipherment"), FINE },
	{ "key agreement", DEVICE, NULL, LIST("keyUsage=critical,keyAgreement"), FINE },
	{ "other key usage", DEVICE, NULL, LIST("keyUsage=nonRepudiation,dataEncipherment"),
		CERTIFICATE_UNTRUSTED },
	{ "no extensions", DEVICE, NULL, LIST("subjectKeyIdentifier=AA"), FINE },
	{ "no serialNumber", DEVICE, "O=Acme/OU=M", NULL, CERTIFICATE_UNTRUSTED },
	{ "two of them", DEVICE, "serialNumber=a/serialNumber=a/O=Acme/OU=M", NULL,
		CERTIFICATE_UNTRUSTED },
	{ "no device identifier", DEVICE, "serialNumber=a b/O=Acme/OU=M", NULL,
		CERTIFICATE_UNTRUSTED },
	{ "no O", DEVICE, "serialNumber=a/OU=M", NULL, CERTIFICATE_UNTRUSTED },
	{ "two O", DEVICE, "serialNumber=a/O=Acme/OU=M/O=Acme", NULL, CERTIFICATE_UNTRUSTED },
	{ "no OU", DEVICE, "serialNumber=a/O=Acme", NULL, CERTIFICATE_UNTRUSTED },
	{ "two OU", DEVICE, "serialNumber=a/O=Acme/OU=M/OU=N", NULL, CERTIFICATE_UNTRUSTED },
	{ "control character", DEVICE, "serialNumber=a/O=Ac\nme/OU=M", NULL,
		CERTIFICATE_UNTRUSTED },
	{ "C1 control character", DEVICE, "serialNumber=a/O=Acme/OU=M\xc2\x85", NULL,
		CERTIFICATE_UNTRUSTED },
	{ "DEL", DEVICE, "serialNumber=a/O=Acme/OU=M\x7f", NULL, CERTIFICATE_UNTRUSTED },
	{ "UTF-8", DEVICE, "serialNumber=a/O=\xc3\x89lectricit\xc3\xa9/OU=\xe8\xa1\xa8\xc2\xa0",
		NULL, FINE },
	{ "64 bytes", DEVICE,
		"serialNumber=a/O=0123456789012345678901234567890123456789012345678901234567890123/"
		"OU=M",
		NULL, FINE },
	{ "65 bytes", DEVICE,
		"serialNumber=a/O=01234567890123456789012345678901234567890123456789012345678901"
		"\xe8\xa1\xa8/OU=M",
		NULL, CERTIFICATE_UNTRUSTED },
};

START_TEST(test_spoilt)
{
	begin();
	for (size_t i = 0; i < COUNT(spoils); i++) {
		const struct spoilt *s = &spoils[i];
		struct pki_recipe recipe = device_recipe(s->level);

		if (s->subject != NULL)
			recipe.subject = s->subject;
		if (s->extensions != NULL)
			recipe.extensions = s->extensions;
		pki_make(&recipe, &made[s->level]);
		trust_only(TRUST_DEVICE, &made[ROOT]);
		enum outcome o =
			verify(PEM_OF(&made[DEVICE], &made[ISSUING]), CERTIFICATES_PEM, PKI_NOW);
		ck_assert_msg(o == s->expected, "%s: %s: %s", s->what, outcome_name(o), reason);
		device_make(s->level, &made[s->level]);
	}
	end();
}
END_TEST

/* A NUL in a text, which an encoder does not write by itself. */
START_TEST(test_nul)
{
	begin();
	*pki_find(&made[DEVICE], bytes_of("cme", 3)) = 0;
	pki_sign_again(&made[DEVICE], device_keys[ISSUING]);
	EXPECT_CHAIN(CERTIFICATE_UNTRUSTED);
	device_make(DEVICE, &made[DEVICE]);
	*pki_find(&made[DEVICE], bytes_of("ev-1", 4)) = 0;
	pki_sign_again(&made[DEVICE], device_keys[ISSUING]);
	EXPECT_CHAIN(CERTIFICATE_UNTRUSTED);
	/* and a text that is no UTF-8, which OpenSSL does not read at all */
	device_make(DEVICE, &made[DEVICE]);
	*pki_find(&made[DEVICE], bytes_of("cme", 3)) = 0xff;
	struct certificates none;
	ck_assert_int_eq(certificates_read(pki_bytes(&made[DEVICE]), CERTIFICATES_DER, &none),
		INVALID_PARAMETER);
	/* and a signature that is another's */
	device_make(DEVICE, &made[DEVICE]);
	*pki_find(&made[DEVICE], bytes_of("cme", 3)) = 'd';
	EXPECT_CHAIN(CERTIFICATE_UNTRUSTED);
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_good, test_order, test_anchors, test_validity,
		test_revoked, test_long_serial, test_stale_crl, test_renewed_root, test_spoilt,
		test_nul };

	pki_make_rsa_key();
	return suite_run("pki device chain", tests, COUNT(tests));
}

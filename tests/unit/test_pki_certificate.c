/*
 * Reading one certificate: DER, the fields, what is outside the profile and what is no certificate.
 */
#include <check.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "pki/certificate.h"
#include "pki/der.h"
#include "tests/unit/pki_maker.h"

static EVP_PKEY *key, *rsa_key;

static void make_keys(void)
{
	key = pki_key("P-256");
	rsa_key = pki_key("RSA");
}

static void free_keys(void)
{
	EVP_PKEY_free(key);
	EVP_PKEY_free(rsa_key);
}

static const char *const all_extensions[] = { "basicConstraints=critical,CA:TRUE,pathlen:3",
	"keyUsage=critical,digitalSignature,keyCertSign,decipherOnly",
	"subjectKeyIdentifier=0102030405", "2.5.29.35=DER:300680040A0B0C0D",
	"extendedKeyUsage=critical,serverAuth,clientAuth", "subjectAltName=DNS:one.example",
	"certificatePolicies=critical,2.23.146.1.2.1.0",
	"crlDistributionPoints=URI:http://crl.example/", "1.2.3.4=DER:0500",
	"authorityInfoAccess=OCSP;URI:http://ocsp.example/", NULL };

static struct pki_recipe good_recipe(void)
{
	return (struct pki_recipe){ .subject = "CN=One/O=Maker/OU=Model/serialNumber=SE-1",
		.issuer = "CN=Above",
		.key = key,
		.signer = key,
		.extensions = all_extensions };
}

static void assert_bytes(struct bytes found, const char *text)
{
	ck_assert_uint_eq(found.len, strlen(text));
	ck_assert_mem_eq(found.at, text, found.len);
}

START_TEST(test_reads_every_field)
{
	struct pki_recipe recipe = good_recipe();
	struct pki_made made;
	struct certificate c;

	pki_make(&recipe, &made);
	ck_assert_int_eq(certificate_read(pki_bytes(&made), &c), FINE);
	assert_bytes(c.serial_number, "SE-1");
	assert_bytes(c.organization, "Maker");
	assert_bytes(c.organizational_unit, "Model");
	assert_bytes(c.subject_key_id, "\1\2\3\4\5");
	assert_bytes(c.authority_key_id, "\x0a\x0b\x0c\x0d");
	assert_bytes(c.serial, "\x10\x01");
	ck_assert(c.has_basic_constraints && c.is_ca && c.path_length == 3);
	ck_assert(c.has_key_usage);
	ck_assert_uint_eq(
		c.key_usage, KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_CERT_SIGN | 1 << 8);
	ck_assert_int_eq(c.not_before, 1577836800);
	ck_assert_int_eq(c.not_after, 253402300799);
	ck_assert_uint_eq(c.public_key.len, P256_POINT_LEN);
	ck_assert_uint_eq(c.spki.len, 91);
	ck_assert_int_eq(c.subject.at[0], DER_SEQUENCE);
	ck_assert(!bytes_equal(c.subject, c.issuer));
}
END_TEST

START_TEST(test_absent_is_empty)
{
	const char *const none[] = { NULL };
	struct pki_recipe recipe = {
		.subject = "CN=Bare", .key = key, .signer = key, .extensions = none
	};
	struct pki_made made;
	struct certificate c;

	pki_make(&recipe, &made);
	ck_assert_int_eq(certificate_read(pki_bytes(&made), &c), FINE);
	ck_assert(!c.has_basic_constraints && !c.is_ca && !c.has_key_usage);
	ck_assert_int_eq(c.path_length, -1);
	ck_assert_uint_eq(c.serial_number.len + c.organization.len + c.subject_key_id.len, 0);
}
END_TEST

struct extension_case {
	const char *extension, *second;
	enum outcome expected;
};

static const struct extension_case extension_cases[] = {
	{ "basicConstraints=CA:FALSE", NULL, FINE },
	{ "2.5.29.19=DER:3003010100", NULL, FINE },                        /* explicit FALSE */
	{ "2.5.29.19=DER:3003010101", NULL, CERTIFICATE_UNTRUSTED },       /* TRUE is 0xff */
	{ "2.5.29.19=DER:3003020100", NULL, CERTIFICATE_UNTRUSTED },       /* length, no CA */
	{ "2.5.29.19=DER:30060101FF0201FF", NULL, CERTIFICATE_UNTRUSTED }, /* negative length */
	{ "2.5.29.19=DER:30000500", NULL, CERTIFICATE_UNTRUSTED },
	{ "2.5.29.15=DER:03020780", NULL, FINE },
	{ "2.5.29.15=DER:03020080", NULL, FINE },                    /* zeros at the end */
	{ "2.5.29.15=DER:03020781", NULL, CERTIFICATE_UNTRUSTED },   /* unused bit set */
	{ "2.5.29.15=DER:03020880", NULL, CERTIFICATE_UNTRUSTED },   /* eight unused bits */
	{ "2.5.29.15=DER:030100", NULL, CERTIFICATE_UNTRUSTED },     /* no bits */
	{ "2.5.29.15=DER:0303068040", NULL, CERTIFICATE_UNTRUSTED }, /* a tenth bit */
	{ "2.5.29.15=DER:2304030207", NULL, CERTIFICATE_UNTRUSTED },
	{ "2.5.29.14=DER:0500", NULL, CERTIFICATE_UNTRUSTED },
	{ "2.5.29.35=DER:3000", NULL, FINE },
	{ "2.5.29.35=DER:300480020102", NULL, FINE },
	{ "2.5.29.35=DER:3007A100820101", NULL, CERTIFICATE_UNTRUSTED },
	{ "2.5.29.35=DER:3005A100820101", NULL, FINE },
	{ "2.5.29.35=DER:3003820101", NULL, CERTIFICATE_UNTRUSTED },
	{ "2.5.29.37=DER:3000", NULL, CERTIFICATE_UNTRUSTED },
	{ "1.2.3.4=DER:0500", NULL, FINE },
	{ "1.2.3.4=critical,DER:0500", NULL, CERTIFICATE_UNTRUSTED },
	{ "nameConstraints=critical,permitted;DNS:example", NULL, CERTIFICATE_UNTRUSTED },
	{ "1.2.3.4=DER:0500", "1.2.3.4=DER:0500", CERTIFICATE_UNTRUSTED },
	{ "keyUsage=digitalSignature", "keyUsage=keyCertSign", CERTIFICATE_UNTRUSTED },
};

START_TEST(test_extension)
{
	const struct extension_case *k = &extension_cases[_i];
	const char *const extensions[] = { k->extension, k->second, NULL };
	struct pki_recipe recipe = good_recipe();
	struct pki_made made;
	struct certificate c;

	recipe.extensions = extensions;
	pki_make(&recipe, &made);
	ck_assert_msg(certificate_read(pki_bytes(&made), &c) == k->expected, "%s", k->extension);
}
END_TEST

struct time_case {
	const char *text;
	int64_t expected; /* -1: refused */
};

static const struct time_case time_cases[] = {
	{ "700101000000Z", 0 },
	{ "491231235959Z", 2524607999 },
	{ "500101000000Z", -631152000 },
	{ "000229120000Z", 951825600 },
	{ "20500101000000Z", 2524608000 },
	{ "21000228235959Z", 4107542399 },
	{ "74920101000000Z", 174257481600 },
	{ "99991231235959Z", 253402300799 },
	{ "00000101000000Z", -62167219200 },
	{ "21000229000000Z", -1 },
	{ "230229000000Z", -1 },
	{ "230001000000Z", -1 },
	{ "231301000000Z", -1 },
	{ "230100000000Z", -1 },
	{ "230101240000Z", -1 },
	{ "230101006000Z", -1 },
	{ "230101000060Z", -1 },
	{ "2301010000Z", -1 },
	{ "2301010000001", -1 },
	{ "2301010000+1Z", -1 },
	{ "230101000000+0000", -1 },
	{ "20500101000000.5Z", -1 },
	{ "205001010000Z", -1 },
	{ "20500101000000z", -1 },
	{ "", -1 },
};

START_TEST(test_time)
{
	const struct time_case *k = &time_cases[_i];
	struct pki_recipe recipe = good_recipe();
	struct pki_made made;
	struct certificate c;

	recipe.not_before = k->text;
	pki_make(&recipe, &made);
	enum outcome o = certificate_read(pki_bytes(&made), &c);
	ck_assert_msg(o == (k->expected == -1 ? CERTIFICATE_UNTRUSTED : FINE), "%s", k->text);
	if (o == FINE)
		ck_assert_int_eq(c.not_before, k->expected);
}
END_TEST

struct recipe_case {
	const char *what;
	struct pki_recipe change;
	const char *key_kind;
	bool sha384, rsa_signer;
	enum outcome expected;
};

static const struct recipe_case recipe_cases[] = {
	{ "version 1", { .version = 1 }, .expected = CERTIFICATE_UNTRUSTED },
	{ "version 2", { .version = 2 }, .expected = CERTIFICATE_UNTRUSTED },
	{ "version 4", { .version = 4 }, .expected = CERTIFICATE_UNTRUSTED },
	{ "P-384", .key_kind = "P-384", .expected = CERTIFICATE_UNTRUSTED },
	{ "secp256k1", .key_kind = "secp256k1", .expected = CERTIFICATE_UNTRUSTED },
	{ "RSA key", .key_kind = "RSA", .expected = CERTIFICATE_UNTRUSTED },
	{ "RSA signature", .rsa_signer = true, .expected = CERTIFICATE_UNTRUSTED },
	{ "SHA-384", .sha384 = true, .expected = CERTIFICATE_UNTRUSTED },
	{ "serial 0", { .serial = "00" }, .expected = FINE },
	{ "serial negative", { .serial = "-05" }, .expected = FINE },
	{ "serial of 20 bytes", { .serial = "7fffffffffffffffffffffffffffffffffffffff" },
		.expected = FINE },
	{ "serial of 21 bytes", { .serial = "ffffffffffffffffffffffffffffffffffffffff" },
		.expected = CERTIFICATE_UNTRUSTED },
	{ "no issuer", { .issuer = "" }, .expected = CERTIFICATE_UNTRUSTED },
	{ "no subject", { .subject = "", .issuer = "CN=Above" }, .expected = FINE },
	{ "two serialNumbers", { .subject = "serialNumber=1/serialNumber=2" },
		.expected = CERTIFICATE_UNTRUSTED },
	{ "control character", { .subject = "CN=a\tb" }, .expected = CERTIFICATE_UNTRUSTED },
	{ "C1 control character", { .subject = "CN=a\xc2\x85" },
		.expected = CERTIFICATE_UNTRUSTED },
	{ "UTF-8", { .subject = "CN=\xd0\xaf\xe2\x82\xac\xf0\x9f\x98\x80" }, .expected = FINE },
};

static const struct pki_recipe *apply(const struct pki_recipe *change, struct pki_recipe *recipe)
{
	if (change->version != 0)
		recipe->version = change->version;
	if (change->serial != NULL)
		recipe->serial = change->serial;
	if (change->issuer != NULL)
		recipe->issuer = change->issuer;
	if (change->subject != NULL)
		recipe->subject = change->subject;
	return recipe;
}

START_TEST(test_recipe)
{
	const struct recipe_case *k = &recipe_cases[_i];
	EVP_PKEY *other = k->key_kind != NULL ? pki_key(k->key_kind) : NULL;
	struct pki_recipe recipe = good_recipe();
	struct pki_made made;
	struct certificate c;

	apply(&k->change, &recipe);
	recipe.key = other != NULL ? other : key;
	recipe.signer = k->rsa_signer ? rsa_key : key;
	recipe.digest = k->sha384 ? EVP_sha384() : NULL;
	pki_make(&recipe, &made);
	ck_assert_msg(certificate_read(pki_bytes(&made), &c) == k->expected, "%s", k->what);
	EVP_PKEY_free(other);
}
END_TEST

START_TEST(test_no_certificate)
{
	struct pki_recipe recipe = good_recipe();
	struct pki_made made;
	struct certificate c;

	pki_make(&recipe, &made);
	ck_assert_int_eq(certificate_read(bytes_of(NULL, 0), &c), INVALID_PARAMETER);
	ck_assert_int_eq(certificate_read(BYTES("no certificate"), &c), INVALID_PARAMETER);
	made.der[made.len++] = 0;
	ck_assert_int_eq(certificate_read(pki_bytes(&made), &c), INVALID_PARAMETER);
	made.len--;
	for (size_t len = 0; len < made.len; len++) {
		/* a buffer of that very size, so that a sanitizer sees one byte too far */
		uint8_t *copy = malloc(len + 1);

		memcpy(copy + 1, made.der, len);
		ck_assert_int_eq(certificate_read(bytes_of(copy + 1, len), &c), INVALID_PARAMETER);
		ck_assert_ptr_null(c.der.at);
		free(copy);
	}
}
END_TEST

/* Bytes changed in place that OpenSSL cannot be talked into writing. */
START_TEST(test_patched)
{
	struct pki_recipe recipe = good_recipe();
	struct pki_made good, made;
	struct certificate c;

	pki_make(&recipe, &good);
	made = good;
	pki_find(&made, bytes_of_text("Maker"))[0] = 0xff; /* UTF8String that is not UTF-8 */
	ck_assert_int_eq(certificate_read(pki_bytes(&made), &c), INVALID_PARAMETER);
	made = good;
	pki_find(&made, bytes_of_text("Maker"))[-2] = 0x14; /* TeletexString */
	ck_assert_int_eq(certificate_read(pki_bytes(&made), &c), CERTIFICATE_UNTRUSTED);
	made = good;
	pki_find(&made, bytes_of_text("\x03\x42\x00\x04"))[3] = 0x06; /* the hybrid form */
	ck_assert_int_eq(certificate_read(pki_bytes(&made), &c), CERTIFICATE_UNTRUSTED);
	made = good;
	pki_find(&made, bytes_of_text("\x55\x1d\x0e\x04"))[0] = 0x80; /* identifier of no form */
	ck_assert_int_ne(certificate_read(pki_bytes(&made), &c), FINE);
	made = good; /* NULL behind the signature, within the frame */
	ck_assert_int_eq(made.der[1], 0x82);
	made.der[3] = (uint8_t)(made.der[3] + 2);
	made.der[made.len++] = 0x05;
	made.der[made.len++] = 0x00;
	ck_assert_int_eq(certificate_read(pki_bytes(&made), &c), INVALID_PARAMETER);
}
END_TEST

START_TEST(test_der)
{
	struct bytes in, content;
	bool flag;
	int64_t seconds;

	in = BYTES("\x02\x81\x01\x05"); /* a length not in its shortest form */
	ck_assert(!der_take_integer(&in, &content));
	in = BYTES("\x02\x80\x05\x00\x00"); /* indefinite */
	ck_assert(!der_take_integer(&in, &content));
	in = BYTES("\x02\x82\x00\x81");
	ck_assert(!der_take_integer(&in, &content));
	in = bytes_of("\x02\x85\x01\x00\x00\x00\x00", 7);
	ck_assert(!der_take_integer(&in, &content));
	in = bytes_of("\x02\x84\xff\xff\xff\xff", 6);
	ck_assert(!der_take_integer(&in, &content));
	in = bytes_of("\x02\x02\x00\x7f", 4);
	ck_assert(!der_take_integer(&in, &content));
	in = bytes_of("\x02\x02\xff\x80", 4);
	ck_assert(!der_take_integer(&in, &content));
	in = bytes_of("\x02\x02\x00\x80", 4);
	ck_assert(der_take_integer(&in, &content) && content.len == 2 && in.len == 0);
	in = bytes_of("\x02\x00", 2);
	ck_assert(!der_take_integer(&in, &content));
	in = bytes_of("\x06\x02\x2a\x80", 4);
	ck_assert(!der_take_oid(&in, &content));
	in = bytes_of("\x06\x03\x2a\x80\x01", 5);
	ck_assert(!der_take_oid(&in, &content));
	in = bytes_of("\x1f\x81\x01\x00", 4);
	ck_assert(!der_take_any(&in, &(uint8_t){ 0 }, &content));
	in = bytes_of("\x01\x01\x00", 3);
	ck_assert(der_take_flag(&in, &flag) && !flag && in.len == 0);
	in = bytes_of("\x01\x02\xff\xff", 4);
	ck_assert(!der_take_flag(&in, &flag));
	in = bytes_of("\x04\x0d"
		      "230101000000Z",
		15);
	ck_assert(!der_take_time(&in, &seconds));
}
END_TEST

START_TEST(test_device_id)
{
	char long_id[66];

	memset(long_id, 'a', sizeof(long_id));
	ck_assert(device_id_is_valid(bytes_of_text("Az09._:-")));
	ck_assert(device_id_is_valid(bytes_of(long_id, 64)));
	ck_assert(!device_id_is_valid(bytes_of(long_id, 65)));
	ck_assert(!device_id_is_valid(bytes_of("", 0)));
	ck_assert(!device_id_is_valid(bytes_of_text("a b")));
	ck_assert(!device_id_is_valid(bytes_of("a\0", 2)));
	ck_assert(!device_id_is_valid(bytes_of_text("\xc3\xa9")));
}
END_TEST

#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

int main(void)
{
	Suite *suite = suite_create("pki certificate");
	TCase *t = tcase_create("certificate");

	tcase_add_unchecked_fixture(t, make_keys, free_keys);
	tcase_add_test(t, test_reads_every_field);
	tcase_add_test(t, test_absent_is_empty);
	tcase_add_loop_test(t, test_extension, 0, COUNT(extension_cases));
	tcase_add_loop_test(t, test_time, 0, COUNT(time_cases));
	tcase_add_loop_test(t, test_recipe, 0, COUNT(recipe_cases));
	tcase_add_test(t, test_no_certificate);
	tcase_add_test(t, test_patched);
	tcase_add_test(t, test_der);
	tcase_add_test(t, test_device_id);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

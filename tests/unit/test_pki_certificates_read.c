/* Certificates as web servers have them: what is read, and what is none. */
#include "pki/certificates_read.h"

#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/device_pki.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct pki_made made[DEVICE_LEVELS];

static void begin(void)
{
	device_make_keys();
	for (int i = 0; i < DEVICE_LEVELS; i++)
		device_make(i, &made[i]);
}

struct type_case {
	const char *type;
	int form; /* -1: none */
};

static const struct type_case types[] = {
	{ "application/pem-certificate-chain", CERTIFICATES_PEM },
	{ "Application/PEM-Certificate-Chain; charset=utf-8", CERTIFICATES_PEM },
	{ "application/pkix-cert", CERTIFICATES_DER },
	{ "application/pkix-cert ;x=y", CERTIFICATES_DER },
	{ "application/pkcs7-mime", CERTIFICATES_PKCS7 },
	{ "application/pkcs7-mime; smime-type=certs-only", CERTIFICATES_PKCS7 },
	{ "application/pkcs7-mime;name=x.p7c; SMIME-TYPE=\"Certs-Only\" ;a=b", CERTIFICATES_PKCS7 },
	{ "application/pkcs7-mime; smime-type=signed-data", -1 },
	{ "application/pkcs7-mime; smime-type=certs-only2", -1 },
	{ "application/pkcs7-mime; smime-type=\"certs-only", -1 },
	{ "application/pkcs7-mime; smime-type=", -1 },
	{ "application/pkcs7-mime; smime-type=certs-only; smime-type=signed-data", -1 },
	{ "application/pkcs7-mime x", -1 },
	{ "application/pkix-cert2", -1 },
	{ "application/pkix-cer", -1 },
	{ "application/x-x509-ca-cert", -1 },
	{ "text/html", -1 },
	{ ";application/pkix-cert", -1 },
	{ "", -1 },
};

START_TEST(test_types)
{
	for (size_t i = 0; i < COUNT(types); i++) {
		enum certificates_form form;
		bool is_known = certificates_form_of(types[i].type, &form);

		ck_assert_msg((is_known ? (int)form : -1) == types[i].form, "%s", types[i].type);
	}
}
END_TEST

static void expect(struct bytes body, enum certificates_form form, enum outcome o, size_t count)
{
	struct certificates c;

	ck_assert_int_eq(certificates_read(body, form, &c), o);
	ck_assert_uint_eq(c.count, count);
	certificates_free(&c);
	ck_assert_uint_eq(c.count, 0);
}

START_TEST(test_der)
{
	struct pki_made more;

	begin();
	more = made[DEVICE];
	expect(pki_bytes(&made[DEVICE]), CERTIFICATES_DER, FINE, 1);
	for (size_t len = 0; len < made[DEVICE].len; len++)
		expect(bytes_of(made[DEVICE].der, len), CERTIFICATES_DER, INVALID_PARAMETER, 0);
	more.der[more.len++] = 0;
	expect(pki_bytes(&more), CERTIFICATES_DER, INVALID_PARAMETER, 0);
	memcpy(more.der + made[DEVICE].len, made[ISSUING].der, made[ISSUING].len);
	more.len = made[DEVICE].len + made[ISSUING].len;
	expect(pki_bytes(&more), CERTIFICATES_DER, INVALID_PARAMETER, 0);
	device_free_keys();
}
END_TEST

/* The text with something put in before, between, or in place of the blocks of two certificates. */
static void expect_pem(const char *before, const char *between, const char *after, enum outcome o)
{
	struct bytes one = PEM_OF(&made[DEVICE]), two = PEM_OF(&made[ISSUING]);
	char text[8192];
	int len = snprintf(text, sizeof(text), "%s%.*s%s%.*s%s", before, (int)one.len,
		(const char *)one.at, between, (int)two.len, (const char *)two.at, after);

	expect(bytes_of(text, (size_t)len), CERTIFICATES_PEM, o, o == FINE ? 2 : 0);
	bytes_free(one);
	bytes_free(two);
}

START_TEST(test_pem)
{
	begin();
	expect_pem("", "", "", FINE);
	expect_pem(" \r\n\t", "\n\n", "\r\n", FINE);
	expect_pem("words\n", "", "", INVALID_PARAMETER);
	expect_pem("", "words\n", "", INVALID_PARAMETER);
	expect_pem("", "", "words", INVALID_PARAMETER);
	expect_pem("", "", "-----BEGIN CERTIFICATE-----\n", INVALID_PARAMETER);
	expect_pem("", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "",
		INVALID_PARAMETER);
	expect_pem("", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "",
		INVALID_PARAMETER);
	expect_pem("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\n", "", "",
		INVALID_PARAMETER);
	expect(bytes_of("", 0), CERTIFICATES_PEM, INVALID_PARAMETER, 0);
	expect(bytes_of(" \n", 2), CERTIFICATES_PEM, INVALID_PARAMETER, 0);
	expect(pki_bytes(&made[DEVICE]), CERTIFICATES_PEM, INVALID_PARAMETER, 0);
	struct bytes body = PEM_OF(&made[DEVICE]);
	for (size_t len = 0; len + 1 < body.len; len++)
		expect(bytes_of(body.at, len), CERTIFICATES_PEM, INVALID_PARAMETER, 0);
	bytes_free(body);
	device_free_keys();
}
END_TEST

START_TEST(test_number)
{
	const struct pki_made *many[CERTIFICATES_MAX + 1];

	begin();
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = &made[i % DEVICE_LEVELS];
	for (size_t count = CERTIFICATES_MAX; count <= CERTIFICATES_MAX + 1; count++) {
		bool is_good = count == CERTIFICATES_MAX;
		struct bytes pem = pem_of(many, count), pkcs7 = pkcs7_of(many, count);

		expect(pem, CERTIFICATES_PEM, is_good ? FINE : INVALID_PARAMETER,
			is_good ? count : 0);
		expect(pkcs7, CERTIFICATES_PKCS7, is_good ? FINE : INVALID_PARAMETER,
			is_good ? count : 0);
		bytes_free(pem);
		bytes_free(pkcs7);
	}
	device_free_keys();
}
END_TEST

/* PKCS#7 that is something else: signed by somebody, or not even signed data. */
static struct bytes other_pkcs7(bool is_signed)
{
	const unsigned char *at = made[DEVICE].der;
	X509 *x = d2i_X509(NULL, &at, (long)made[DEVICE].len);
	BIO *data = BIO_new_mem_buf("data", 4), *out = BIO_new(BIO_s_mem());
	PKCS7 *p = PKCS7_sign(x, device_keys[DEVICE], NULL, data, PKCS7_BINARY);
	struct bytes body;
	char *bytes;

	if (!is_signed) {
		PKCS7_free(p);
		p = PKCS7_new();
		ck_assert_int_eq(PKCS7_set_type(p, NID_pkcs7_data), 1);
	}
	ck_assert_int_eq(i2d_PKCS7_bio(out, p), 1);
	long len = BIO_get_mem_data(out, &bytes);
	ck_assert(bytes_duplicate(bytes_of(bytes, (size_t)len), &body));
	BIO_free(out);
	BIO_free(data);
	PKCS7_free(p);
	X509_free(x);
	return body;
}

START_TEST(test_pkcs7)
{
	struct certificates c;

	begin();
	struct bytes body = PKCS7_OF(&made[ISSUING], &made[DEVICE]), none = pkcs7_of(NULL, 0);
	ck_assert_int_eq(certificates_read(body, CERTIFICATES_PKCS7, &c), FINE);
	ck_assert(c.count == 2 && !c.is_ordered);
	certificates_free(&c);
	for (size_t len = 0; len < body.len; len++)
		expect(bytes_of(body.at, len), CERTIFICATES_PKCS7, INVALID_PARAMETER, 0);
	uint8_t longer[8192] = { 0 };
	memcpy(longer, body.at, body.len);
	expect(bytes_of(longer, body.len + 1), CERTIFICATES_PKCS7, INVALID_PARAMETER, 0);
	expect(none, CERTIFICATES_PKCS7, INVALID_PARAMETER, 0);
	expect(pki_bytes(&made[DEVICE]), CERTIFICATES_PKCS7, INVALID_PARAMETER, 0);
	expect(body, CERTIFICATES_DER, INVALID_PARAMETER, 0);
	for (int is_signed = 0; is_signed < 2; is_signed++) {
		struct bytes other = other_pkcs7(is_signed == 1);

		expect(other, CERTIFICATES_PKCS7, INVALID_PARAMETER, 0);
		bytes_free(other);
	}
	bytes_free(body);
	bytes_free(none);
	device_free_keys();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_types, test_der, test_pem, test_number, test_pkcs7 };

	return suite_run("pki certificates read", tests, COUNT(tests));
}

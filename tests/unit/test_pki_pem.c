/* Certificates in files and in lists, and those that GSMA has published. */
#include <check.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "pki/certificate.h"
#include "pki/pem.h"
#include "tests/unit/pki_maker.h"

static EVP_PKEY *key;

static void make_key(void)
{
	key = pki_key("P-256");
}

static void free_key(void)
{
	EVP_PKEY_free(key);
}

static size_t write_pem(struct bytes der, const char *label, char *out, size_t size)
{
	char text[6000];

	base64_write(der, text);
	int len = snprintf(out, size, "words before\n-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < strlen(text); i += 64)
		len += snprintf(out + len, size - (size_t)len, "%.64s\n", text + i);
	len += snprintf(out + len, size - (size_t)len, "-----END %s-----\n", label);
	return (size_t)len;
}

START_TEST(test_pem)
{
	struct pki_recipe recipe = { .subject = "CN=One", .key = key, .signer = key };
	struct pki_made made;
	char pem[12000];
	uint8_t out[4096];
	size_t len;

	pki_make(&recipe, &made);
	struct bytes der = pki_bytes(&made);
	ck_assert_int_eq(pem_or_der_read(der, out, sizeof(out), &len), FINE);
	ck_assert(bytes_equal(bytes_of(out, len), der));
	ck_assert_int_eq(pem_or_der_read(der, out, der.len - 1, &len), PAYLOAD_TOO_LARGE);
	size_t pem_len = write_pem(der, "PRIVATE KEY", pem, sizeof(pem));
	ck_assert_int_eq(
		pem_or_der_read(bytes_of(pem, pem_len), out, sizeof(out), &len), INVALID_PARAMETER);
	pem_len += write_pem(der, "CERTIFICATE", pem + pem_len, sizeof(pem) - pem_len);
	pem_len += write_pem(der, "CERTIFICATE", pem + pem_len, sizeof(pem) - pem_len);
	struct bytes in = bytes_of(pem, pem_len);
	ck_assert_int_eq(pem_or_der_read(in, out, sizeof(out), &len), FINE);
	ck_assert(bytes_equal(bytes_of(out, len), der));
	ck_assert_int_eq(pem_or_der_read(in, out, der.len - 1, &len), PAYLOAD_TOO_LARGE);
	ck_assert_int_eq(pem_take(&in, "CERTIFICATE", out, sizeof(out), &len), FINE);
	ck_assert_int_eq(pem_take(&in, "CERTIFICATE", out, sizeof(out), &len), FINE);
	ck_assert(bytes_equal(bytes_of(out, len), der));
	ck_assert_int_eq(pem_take(&in, "CERTIFICATE", out, sizeof(out), &len), NO_ROW);
	in = bytes_of(pem, pem_len - 10);
	ck_assert_int_eq(pem_take(&in, "CERTIFICATE", out, sizeof(out), &len), FINE);
	ck_assert_int_eq(pem_take(&in, "CERTIFICATE", out, sizeof(out), &len), INVALID_PARAMETER);
	ck_assert_int_eq(pem_or_der_read(bytes_of_text("nothing"), out, sizeof(out), &len),
		INVALID_PARAMETER);
	ck_assert_int_eq(
		pem_or_der_read(bytes_of(NULL, 0), out, sizeof(out), &len), INVALID_PARAMETER);
}
END_TEST

START_TEST(test_subject_text)
{
	struct pki_recipe recipe = { .subject = "CN=One", .key = key, .signer = key };
	struct pki_made made;
	struct certificate c;
	char text[128];

	recipe.subject = "C=FI/O=A, B/CN=\xc3\xa9";
	pki_make(&recipe, &made);
	ck_assert_int_eq(certificate_read(pki_bytes(&made), &c), FINE);
	certificate_subject_text(c.subject, text, sizeof(text));
	ck_assert_str_eq(text, "CN=\\C3\\A9,O=A\\, B,C=FI");
	certificate_subject_text(c.subject, text, 5);
	ck_assert_str_eq(text, "CN=\\");
	certificate_subject_text(c.subject, text, 1);
	ck_assert_str_eq(text, "");
	certificate_subject_text(BYTES("none"), text, sizeof(text));
	ck_assert_str_eq(text, "?");
}
END_TEST

/* GSMA SGP.26 test certificates; what the chains of eUICCs make of them is another program's to say. */
static const char *const published_cases[] = {
	"v2_2017/CERT_CI_ECDSA_NIST.pem",
	"v2_2017/CERT_EUM_ECDSA_NIST.pem",
	"v2_2017/CERT_EUICC_ECDSA_NIST.pem",
	"smdpp/CERT_CI_ECDSA_NIST.der",
	"smdpp/CERT_S_SM_DP_TLS_NIST.der",
	"smdpp/CERT_S_SM_DPauth_ECDSA_NIST.der",
	"smdpp/CERT_S_SM_DPpb_ECDSA_NIST.der",
};

START_TEST(test_published)
{
	const char *folder = getenv("VECTORS_DIR");
	const char *name = published_cases[_i];
	char path[512];
	uint8_t content[8192], der[4096];
	size_t len;
	struct certificate c;

	if (folder == NULL) {
		printf("skipped: VECTORS_DIR is not set\n");
		return;
	}
	snprintf(path, sizeof(path), "%s/sgp26/%s", folder, name);
	FILE *file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s", path);
	len = fread(content, 1, sizeof(content), file);
	fclose(file);
	ck_assert_int_eq(pem_or_der_read(bytes_of(content, len), der, sizeof(der), &len), FINE);
	ck_assert_msg(certificate_read(bytes_of(der, len), &c) == FINE, "%s", name);
	if (strstr(name, "EUICC") != NULL)
		ck_assert(bytes_equal(
			c.serial_number, bytes_of_text("89049032123451234512345678901235")));
}
END_TEST

#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

int main(void)
{
	Suite *suite = suite_create("pki pem");
	TCase *t = tcase_create("all");

	tcase_add_unchecked_fixture(t, make_key, free_key);
	tcase_add_test(t, test_pem);
	tcase_add_test(t, test_subject_text);
	tcase_add_loop_test(t, test_published, 0, COUNT(published_cases));
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

/* Revocation lists as arpfctl reads them; CA and lists are made here. */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "admin-cli/crl.h"

struct ca {
	EVP_PKEY *key;
	X509 *certificate;
	uint8_t *der;
	struct bytes der_bytes;
};

static void add_extension(X509 *to, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ck_assert_ptr_nonnull(e);
	ck_assert_int_eq(X509_add_ext(to, e, -1), 1);
	X509_EXTENSION_free(e);
}

static struct ca make_ca(const char *name, const char *key_usage)
{
	struct ca ca = { EVP_EC_gen("P-256"), X509_new(), NULL, { 0 } };
	X509_NAME *subject = X509_get_subject_name(ca.certificate);

	X509_set_version(ca.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(ca.certificate), 1);
	X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(ca.certificate, subject);
	X509_gmtime_adj(X509_getm_notBefore(ca.certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(ca.certificate), 3600);
	X509_set_pubkey(ca.certificate, ca.key);
	add_extension(ca.certificate, NID_basic_constraints, "critical,CA:TRUE");
	if (key_usage != NULL)
		add_extension(ca.certificate, NID_key_usage, key_usage);
	ck_assert_int_gt(X509_sign(ca.certificate, ca.key, EVP_sha256()), 0);
	int len = i2d_X509(ca.certificate, &ca.der);
	ck_assert_int_gt(len, 0);
	ca.der_bytes = bytes_of(ca.der, (size_t)len);
	return ca;
}

static void free_ca(struct ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->certificate);
	OPENSSL_free(ca->der);
}

enum oddity { PLAIN, DELTA, CRITICAL_ENTRY, CRITICAL_LIST, DISTRIBUTION_POINT };

static void add_revoked(X509_CRL *crl, const char *hex, bool critical)
{
	X509_REVOKED *r = X509_REVOKED_new();
	BIGNUM *number = NULL;
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

	BN_hex2bn(&number, hex);
	ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(number, NULL);
	X509_REVOKED_set_serialNumber(r, serial);
	X509_REVOKED_set_revocationDate(r, now);
	if (critical) {
		ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

		ASN1_ENUMERATED_set(reason, CRL_REASON_KEY_COMPROMISE);
		X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 1, 0);
		ASN1_ENUMERATED_free(reason);
	}
	X509_CRL_add0_revoked(crl, r);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(now);
	BN_free(number);
}

static X509_CRL *make_crl(const struct ca *ca, enum oddity oddity)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
	ASN1_INTEGER *number = ASN1_INTEGER_new();

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate));
	X509_CRL_set1_lastUpdate(crl, now);
	X509_CRL_set1_nextUpdate(crl, now);
	ASN1_INTEGER_set(number, 7);
	if (oddity == DELTA)
		X509_CRL_add1_ext_i2d(crl, NID_delta_crl, number, 1, 0);
	if (oddity == CRITICAL_LIST)
		X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 1, 0);
	if (oddity == DISTRIBUTION_POINT) {
		ISSUING_DIST_POINT *point = ISSUING_DIST_POINT_new();

		point->onlyuser = 0xff;
		X509_CRL_add1_ext_i2d(crl, NID_issuing_distribution_point, point, 1, 0);
		ISSUING_DIST_POINT_free(point);
	}
	add_revoked(crl, "00DEADBEEF", false);
	add_revoked(crl, "7f", oddity == CRITICAL_ENTRY);
	X509_CRL_sort(crl);
	ck_assert_int_gt(X509_CRL_sign(crl, ca->key, EVP_sha256()), 0);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(now);
	return crl;
}

static enum outcome read_made(X509_CRL *made, bool pem, struct crl **crl, const char **reason)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *at = NULL;

	ck_assert_int_eq(pem ? PEM_write_bio_X509_CRL(bio, made) : i2d_X509_CRL_bio(bio, made), 1);
	long len = BIO_get_mem_data(bio, &at);
	enum outcome o = crl_read(bytes_of(at, (size_t)len), crl, reason);
	BIO_free(bio);
	X509_CRL_free(made);
	return o;
}

START_TEST(a_list_names_its_certificates)
{
	struct ca ca = make_ca("CA", "keyCertSign,cRLSign"), other = make_ca("CA", NULL);
	struct ca cannot = make_ca("CA", "keyCertSign"), named = make_ca("Other", NULL);
	struct crl *crl;
	const char *reason;
	char serial[SERIAL_TEXT_SIZE];

	ck_assert_int_eq(read_made(make_crl(&ca, PLAIN), _i == 1, &crl, &reason), FINE);
	ck_assert_uint_eq(crl_count(crl), 2);
	ck_assert(crl_serial(crl, 0, serial));
	ck_assert_str_eq(serial, "7f");
	ck_assert(crl_serial(crl, 1, serial));
	ck_assert_str_eq(serial, "deadbeef");
	ck_assert(crl_is_signed_by(crl, ca.der_bytes));
	ck_assert(!crl_is_signed_by(crl, other.der_bytes));
	ck_assert(!crl_is_signed_by(crl, named.der_bytes));
	ck_assert(!crl_is_signed_by(crl, bytes_of_text("no certificate")));
	crl_free(crl);

	/* Its own signature, by a certificate that is not for that. */
	ck_assert_int_eq(read_made(make_crl(&cannot, PLAIN), false, &crl, &reason), FINE);
	ck_assert(!crl_is_signed_by(crl, cannot.der_bytes));
	crl_free(crl);
	free_ca(&ca);
	free_ca(&other);
	free_ca(&cannot);
	free_ca(&named);
}
END_TEST

START_TEST(what_would_be_misread_is_refused)
{
	static const enum oddity odd[] = { DELTA, CRITICAL_ENTRY, CRITICAL_LIST };
	struct ca ca = make_ca("CA", NULL);
	struct crl *crl;
	const char *reason;

	ck_assert_int_eq(
		read_made(make_crl(&ca, odd[_i]), false, &crl, &reason), INVALID_PARAMETER);
	ck_assert_ptr_null(crl);
	ck_assert_ptr_nonnull(reason);

	ck_assert_int_eq(read_made(make_crl(&ca, DISTRIBUTION_POINT), false, &crl, &reason), FINE);
	crl_free(crl);
	free_ca(&ca);
}
END_TEST

START_TEST(what_is_no_list_is_refused)
{
	static const char *const texts[] = { "", "-----BEGIN X509 CRL-----\n", "0" };
	struct crl *crl;
	const char *reason;

	ck_assert_int_eq(crl_read(bytes_of_text(texts[_i]), &crl, &reason), INVALID_PARAMETER);
	ck_assert_ptr_null(crl);
	ck_assert_ptr_nonnull(reason);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("admin_cli_crl");
	TCase *tests = tcase_create("admin_cli_crl");

	tcase_add_loop_test(tests, a_list_names_its_certificates, 0, 2);
	tcase_add_loop_test(tests, what_would_be_misread_is_refused, 0, 3);
	tcase_add_loop_test(tests, what_is_no_list_is_refused, 0, 3);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

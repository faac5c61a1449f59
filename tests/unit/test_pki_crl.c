/* Revocation lists: what is read, by whom they are signed, when they are good; CAs and lists are made here. */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "pki/crl.h"
#include "tests/unit/crl_maker.h"

#define DAY 86400

static EVP_PKEY *key, *other_key, *rsa_key;

static void make_keys(void)
{
	key = pki_key("P-256");
	other_key = pki_key("P-256");
	rsa_key = pki_key("RSA");
}

static void free_keys(void)
{
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	EVP_PKEY_free(rsa_key);
}

static struct bytes make_list(struct made_list list)
{
	list.signer = list.signer != NULL ? list.signer : key;
	return crl_make(&list);
}

static struct crl *read_good(const struct made_list *l)
{
	struct crl *crl;
	const char *reason = "";

	ck_assert_msg(crl_read(make_list(*l), &crl, &reason) == FINE, "%s", reason);
	return crl;
}

static const char *const signs_crls[] = { "basicConstraints=critical,CA:TRUE",
	"keyUsage=critical,keyCertSign,cRLSign", NULL };

static struct pki_recipe ca_recipe(void)
{
	return (struct pki_recipe){
		.subject = "CN=CA", .key = key, .signer = key, .extensions = signs_crls
	};
}

START_TEST(test_what_is_read)
{
	static const uint8_t serials[3][CRL_SERIAL_LEN] = { { [16] = 0xde, 0xad, 0xbe, 0xef },
		{ [19] = 0x7f }, { [0] = 0x7f, [19] = 1 } };
	struct crl *crl = read_good(
		&(struct made_list){ .serial = "7F00000000000000000000000000000000000001" });
	const struct crl_said *said = crl_said(crl);
	uint8_t written[3][CRL_SERIAL_LEN];

	ck_assert_uint_eq(said->entries, 3);
	ck_assert_int_eq(said->this_update, PKI_NOW - 3600);
	ck_assert_int_eq(said->next_update, PKI_NOW + DAY);
	ck_assert_uint_eq(said->number_len, 1);
	ck_assert_uint_eq(said->number[0], 7);
	ck_assert(!said->has_scope);
	crl_write_serials(crl, written[0]);
	ck_assert_mem_eq(written, serials, sizeof(serials));
	crl_free(crl);

	crl = read_good(&(struct made_list){ .number = "00FF01" });
	ck_assert_uint_eq(crl_said(crl)->number_len, 2);
	ck_assert_mem_eq(crl_said(crl)->number, "\xff\x01", 2);
	crl_free(crl);
	crl = read_good(&(struct made_list){ .no_number = true });
	ck_assert_uint_eq(crl_said(crl)->number_len, 0);
	crl_free(crl);
}
END_TEST

/* Of PEM it is the first list, wherever in the file it is. */
START_TEST(test_pem)
{
	X509_CRL *x = crl_make_x509(&(struct made_list){ .signer = key });
	BIO *bio = BIO_new(BIO_s_mem());
	struct crl *crl;
	const char *reason;
	char *text;
	uint8_t *der;
	size_t der_len;

	BIO_puts(bio, "a list:\n");
	ck_assert_int_eq(PEM_write_bio_X509_CRL(bio, x), 1);
	long len = BIO_get_mem_data(bio, &text);
	struct bytes pem = bytes_of(text, (size_t)len);
	ck_assert_int_eq(crl_read(pem, &crl, &reason), FINE);
	ck_assert_uint_eq(crl_said(crl)->entries, 2);
	crl_free(crl);
	ck_assert_int_eq(crl_to_der(pem, &der, &der_len, &reason), FINE);
	ck_assert_int_eq(crl_read(bytes_of(der, der_len), &crl, &reason), FINE);
	crl_free(crl);
	free(der);
	text[len - 40] = '!';
	ck_assert_int_eq(crl_read(pem, &crl, &reason), INVALID_PARAMETER);
	BIO_free(bio);
	X509_CRL_free(x);
}
END_TEST

struct unreadable {
	const char *what;
	struct made_list list;
	const char *reason;
};

static const struct unreadable unreadables[] = {
	{ "delta", { .extension = "2.5.29.27=critical,DER:020101" }, "delta" },
	{ "unknown", { .extension = "1.2.3=critical,DER:0500" }, "critical" },
	{ "critical number", { .no_number = true, .extension = "2.5.29.20=critical,DER:020101" },
		"critical" },
	{ "indirect", { .extension = "2.5.29.28=critical,DER:30038401FF" }, "indirect" },
	{ "attributes", { .extension = "2.5.29.28=critical,DER:30038501FF" }, "attribute" },
	{ "scope unreadable", { .extension = "2.5.29.28=critical,DER:0500" }, "indirect" },
	{ "number unreadable", { .no_number = true, .extension = "2.5.29.20=DER:0500" }, "number" },
	{ "negative number", { .no_number = true, .extension = "2.5.29.20=DER:0201FF" }, "number" },
	{ "long number", { .number = "010000000000000000000000000000000000000000" }, "number" },
	{ "no next update", { .no_next_update = true }, "nextUpdate" },
	{ "critical entry", { .entry_extension = "1.2.3=critical,DER:0500" }, "critical" },
	{ "entry of another", { .entry_extension = "2.5.29.29=critical,DER:3000" },
		"other issuers" },
	{ "and not critical", { .entry_extension = "2.5.29.29=DER:3000" }, "other issuers" },
	{ "long serial", { .serial = "010000000000000000000000000000000000000000" }, "20" },
	{ "negative serial", { .serial = "-01" }, "negative" },
};

START_TEST(test_what_would_be_misread_is_refused)
{
	const struct unreadable *k = &unreadables[_i];
	struct crl *crl;
	const char *reason;

	ck_assert_msg(
		crl_read(make_list(k->list), &crl, &reason) == INVALID_PARAMETER, "%s", k->what);
	ck_assert_ptr_null(crl);
	ck_assert_msg(strstr(reason, k->reason) != NULL, "%s: %s", k->what, reason);
}
END_TEST

START_TEST(test_what_is_no_list_is_refused)
{
	static const char *const texts[] = { "", "0", "-----BEGIN X509 CRL-----\n",
		"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n", "\x30" };
	struct pki_recipe recipe = ca_recipe();
	struct pki_made certificate;
	struct crl *crl;
	const char *reason;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_int_eq(
			crl_read(bytes_of_text(texts[i]), &crl, &reason), INVALID_PARAMETER);
		ck_assert_ptr_nonnull(strstr(reason, "no CRL"));
	}
	pki_make(&recipe, &certificate);
	ck_assert_int_eq(crl_read(pki_bytes(&certificate), &crl, &reason), INVALID_PARAMETER);
	struct bytes list = make_list((struct made_list){});
	for (size_t len = 0; len < list.len; len++)
		ck_assert_int_eq(
			crl_read(bytes_of(list.at, len), &crl, &reason), INVALID_PARAMETER);
}
END_TEST

/* Refused by its size before anything of it is read. */
START_TEST(test_too_large)
{
	static uint8_t huge[CRL_FILE_MAX + 1] = { 0x30, 0x83, 0x5b, 0x8d, 0x7c }; /* CRL_MAX + 1 */
	struct crl *crl;
	const char *reason;

	ck_assert_int_eq(crl_read(bytes_of(huge, CRL_MAX + 1), &crl, &reason), PAYLOAD_TOO_LARGE);
	ck_assert_ptr_nonnull(strstr(reason, "6,000,000"));
	memset(huge, 'A', sizeof(huge));
	ck_assert_int_eq(crl_read(BYTES(huge), &crl, &reason), PAYLOAD_TOO_LARGE);
	ck_assert_ptr_null(crl);
}
END_TEST

START_TEST(test_many_entries)
{
	static uint8_t serials[100002 * CRL_SERIAL_LEN];
	struct crl *crl = read_good(&(struct made_list){ .more = 100000 });

	ck_assert_uint_eq(crl_said(crl)->entries, 100002);
	crl_write_serials(crl, serials);
	ck_assert_uint_eq(serials[sizeof(serials) - 1], 99999 & 0xff);
	crl_free(crl);
}
END_TEST

START_TEST(test_dates)
{
	struct crl *crl = read_good(&(struct made_list){ .this_s = -10, .to_s = 10 });
	const char *reason;

	ck_assert_int_eq(crl_check_dates(crl, PKI_NOW - 11, &reason), CERTIFICATE_EXPIRED);
	ck_assert_ptr_nonnull(strstr(reason, "future"));
	ck_assert_int_eq(crl_check_dates(crl, PKI_NOW - 10, &reason), FINE);
	ck_assert_int_eq(crl_check_dates(crl, PKI_NOW + 10, &reason), FINE);
	ck_assert_int_eq(crl_check_dates(crl, PKI_NOW + 11, &reason), CERTIFICATE_EXPIRED);
	ck_assert_ptr_nonnull(strstr(reason, "nextUpdate"));
	crl_free(crl);
}
END_TEST

/* A part of an issuer's certificates is told from another, and from the whole. */
START_TEST(test_scopes)
{
	static const char *const points[] = { "2.5.29.28=critical,DER:30038101FF",
		"2.5.29.28=critical,DER:30038201FF", "2.5.29.28=critical,DER:3000" };
	uint8_t scopes[3][32];

	for (int i = 0; i < 3; i++) {
		struct crl *crl = read_good(&(struct made_list){ .extension = points[i] });

		ck_assert(crl_said(crl)->has_scope);
		memcpy(scopes[i], crl_said(crl)->scope, 32);
		crl_free(crl);
		for (int j = 0; j < i; j++)
			ck_assert_mem_ne(scopes[i], scopes[j], 32);
	}
}
END_TEST

struct issuer_case {
	const char *what;
	const char *subject; /* NULL: CA */
	bool other_key, uses_rsa;
	const char *const *extensions;
	struct made_list list;
	enum outcome expected;
};

#define LIST(...)                                       \
	.extensions = (const char *const[])             \
	{                                               \
		"basicConstraints=CA:TRUE", __VA_ARGS__ \
	}

static const struct issuer_case issuer_cases[] = {
	{ "good", .expected = FINE },
	{ "without key usage", LIST(NULL), .expected = FINE },
	{ "of another issuer", .subject = "CN=Other", .expected = CERTIFICATE_UNTRUSTED },
	{ "by another key", .other_key = true, .expected = SIGNATURE_INVALID },
	{ "not for CRLs", LIST("keyUsage=keyCertSign", NULL), .expected = CERTIFICATE_UNTRUSTED },
	{ "no CA", .extensions = (const char *const[]){ "keyUsage=cRLSign", NULL },
		.expected = CERTIFICATE_UNTRUSTED },
	{ "RSA", .uses_rsa = true, .expected = FINE },
};

START_TEST(test_issuer)
{
	const struct issuer_case *k = &issuer_cases[_i];
	struct pki_recipe recipe = ca_recipe();
	struct pki_made certificate;
	struct made_list list = k->list;
	struct crl_issuer issuer = {};
	struct trust *trust = trust_new();
	const char *reason = "";

	recipe.subject = k->subject != NULL ? k->subject : recipe.subject;
	if (k->extensions != NULL)
		recipe.extensions = k->extensions;
	if (k->other_key)
		recipe.key = recipe.signer = other_key;
	if (k->uses_rsa)
		recipe.key = recipe.signer = list.signer = rsa_key;
	pki_make(&recipe, &certificate);
	struct crl *crl = read_good(&list);
	enum outcome o = crl_check_issuer(crl, pki_bytes(&certificate), &issuer, &reason);
	ck_assert_msg(o == k->expected, "%s: %s: %s", k->what, outcome_name(o), reason);
	if (o == FINE)
		ck_assert_str_eq(issuer.name, "CN=CA");
	/* as an anchor for devices, where that may be one */
	if (trust_add_anchor(trust, TRUST_DEVICE, pki_bytes(&certificate)) == FINE)
		ck_assert_int_eq(crl_find_issuer(crl, trust, &issuer, &reason), k->expected);
	trust_give_back(trust);
	crl_free(crl);
}
END_TEST

START_TEST(test_weak_signature)
{
	struct pki_recipe recipe = ca_recipe();
	struct pki_made certificate;
	struct crl_issuer issuer;
	const char *reason;
	struct crl *crl = read_good(&(struct made_list){ .digest = EVP_sha1() });

	pki_make(&recipe, &certificate);
	ck_assert_int_eq(crl_check_issuer(crl, pki_bytes(&certificate), &issuer, &reason),
		SIGNATURE_INVALID);
	ck_assert_ptr_nonnull(strstr(reason, "SHA-256"));
	ck_assert_int_eq(crl_check_issuer(crl, BYTES("x"), &issuer, &reason), INVALID_PARAMETER);
	crl_free(crl);
	crl = read_good(&(struct made_list){ .digest = EVP_sha384() });
	ck_assert_int_eq(crl_check_issuer(crl, pki_bytes(&certificate), &issuer, &reason), FINE);
	crl_free(crl);
}
END_TEST

/* Each byte of what is signed counts. */
START_TEST(test_changed_bytes)
{
	struct pki_recipe recipe = ca_recipe();
	struct pki_made certificate;
	struct crl_issuer issuer;
	const char *reason;
	struct bytes list = make_list((struct made_list){});

	pki_make(&recipe, &certificate);
	for (size_t at = 0; at < list.len; at++) {
		struct crl *crl;

		((uint8_t *)list.at)[at] ^= 1;
		if (crl_read(list, &crl, &reason) == FINE)
			ck_assert_msg(crl_check_issuer(crl, pki_bytes(&certificate), &issuer,
					      &reason) != FINE,
				"byte %zu", at);
		crl_free(crl);
		((uint8_t *)list.at)[at] ^= 1;
	}
}
END_TEST

/* Of several anchors of the name, of any use, it is the one whose key signed. */
START_TEST(test_found_among_anchors)
{
	struct trust *trust = trust_new();
	struct pki_recipe recipe = ca_recipe();
	struct pki_made right, wrong, named;
	struct crl *crl = read_good(&(struct made_list){});
	struct crl_issuer issuer;
	struct certificate c;
	struct issuer_id id;
	const char *reason;

	pki_make(&recipe, &right);
	recipe.key = recipe.signer = other_key;
	pki_make(&recipe, &wrong);
	recipe.subject = "CN=Other";
	pki_make(&recipe, &named);
	ck_assert_int_eq(crl_find_issuer(crl, trust, &issuer, &reason), CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(trust_add_anchor(trust, TRUST_DEVICE, pki_bytes(&named)), FINE);
	ck_assert_int_eq(crl_find_issuer(crl, trust, &issuer, &reason), CERTIFICATE_UNTRUSTED);
	ck_assert_ptr_nonnull(strstr(reason, "No trust anchor"));
	ck_assert_int_eq(trust_add_anchor(trust, TRUST_SE, pki_bytes(&wrong)), FINE);
	ck_assert_int_eq(crl_find_issuer(crl, trust, &issuer, &reason), SIGNATURE_INVALID);
	ck_assert_int_eq(trust_add_anchor(trust, (enum trust_use)_i, pki_bytes(&right)), FINE);
	ck_assert_int_eq(crl_find_issuer(crl, trust, &issuer, &reason), FINE);
	ck_assert_int_eq(certificate_read(pki_bytes(&right), &c), FINE);
	ck_assert_int_eq(issuer_id_make(c.subject, c.spki, &id), FINE);
	ck_assert_mem_eq(&issuer.id, &id, sizeof(id));
	ck_assert(issuer.is_root);
	recipe = ca_recipe(); /* the same key, certified by another */
	recipe.signer = other_key;
	pki_make(&recipe, &wrong);
	ck_assert_int_eq(crl_check_issuer(crl, pki_bytes(&wrong), &issuer, &reason), FINE);
	ck_assert_mem_eq(&issuer.id, &id, sizeof(id));
	ck_assert(!issuer.is_root);
	crl_free(crl);
	trust_give_back(trust);
}
END_TEST

#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

int main(void)
{
	Suite *suite = suite_create("pki crl");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 600);
	tcase_add_unchecked_fixture(t, make_keys, free_keys);
	tcase_add_test(t, test_what_is_read);
	tcase_add_test(t, test_pem);
	tcase_add_loop_test(t, test_what_would_be_misread_is_refused, 0, COUNT(unreadables));
	tcase_add_test(t, test_what_is_no_list_is_refused);
	tcase_add_test(t, test_too_large);
	tcase_add_test(t, test_many_entries);
	tcase_add_test(t, test_dates);
	tcase_add_test(t, test_scopes);
	tcase_add_loop_test(t, test_issuer, 0, COUNT(issuer_cases));
	tcase_add_test(t, test_weak_signature);
	tcase_add_test(t, test_changed_bytes);
	tcase_add_loop_test(t, test_found_among_anchors, 0, TRUST_USE_COUNT);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

/*
 * The listener's files and its callers' certificates: which of them are good, and which role they give. Over
 * the wire: tests/e2e/test_tls.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/roles.h"
#include "server/tls_caller.h"
#include "tests/unit/listener_files.h"
#include "tests/unit/suite.h"

#define CLIENT "extendedKeyUsage=clientAuth"
#define SERVER "extendedKeyUsage=serverAuth"

static char error[512];

static void write_text(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

static struct tls_files *read_good(void)
{
	struct tls_files *files = tls_files_read(&listener_settings, error, sizeof(error));

	ck_assert_msg(files != NULL, "%s", error);
	return files;
}

static void expect_refused(const char *path, const char *why)
{
	struct tls_files *files = tls_files_read(&listener_settings, error, sizeof(error));

	ck_assert_ptr_null(files);
	ck_assert_msg(strncmp(error, path, strlen(path)) == 0, "%s", error);
	ck_assert_msg(strstr(error, why) != NULL, "%s", error);
}

/* What becomes of a caller with these certificates; the CA of `begin` is trusted. */
static enum outcome look(const struct pki_made *chain, unsigned count, struct tls_caller *caller)
{
	struct tls_files *files = read_good();
	gnutls_datum_t der[12];
	int64_t until;

	for (unsigned i = 0; i < count; i++)
		der[i] = (gnutls_datum_t){ (unsigned char *)(uintptr_t)chain[i].der,
			(unsigned)chain[i].len };
	enum outcome o = tls_caller_read(files, der, count, caller, &until);

	tls_files_give_back(files);
	return o;
}

static void expect(const char *subject, enum outcome expected, const char *name)
{
	static const char *const client[] = { CLIENT, NULL };
	struct pki_made made;
	struct tls_caller caller;

	make_signed(subject, "CN=CA", own_key, ca_key, client, &made);
	ck_assert_msg(look(&made, 1, &caller) == expected, "%s", subject);
	ck_assert_str_eq(caller.name, name);
	ck_assert_uint_eq(caller.role != 0, expected == FINE);
}

START_TEST(test_roles)
{
	static const char *const names[] = { "service-provider", "ausf", "access-network",
		"companion-gateway", "device-gateway", "admin", "auditor", "metrics" };
	unsigned every = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned role = role_named(bytes_of_text(names[i]));

		ck_assert_uint_ne(role, 0);
		ck_assert_uint_eq(role & every, 0);
		ck_assert_str_eq(role_name(role), names[i]);
		every |= role;
	}
	ck_assert_uint_eq(every, ROLE_EVERY);
	ck_assert_ptr_null(role_name(0));
	ck_assert_ptr_null(role_name(ROLE_ADMIN | ROLE_AUDITOR));
	ck_assert_uint_eq(role_named(bytes_of_text("")), 0);
	ck_assert_uint_eq(role_named(bytes_of_text("Admin")), 0);
	ck_assert_uint_eq(role_named(bytes_of_text("admin ")), 0);
	ck_assert_uint_eq(role_named(bytes_of("admin", 6)), 0);
	ck_assert_uint_eq(role_named(bytes_of("admin", 4)), 0);
}
END_TEST

START_TEST(test_subjects)
{
	listener_files_begin();
	expect("O=Operator/OU=ausf/CN=core 1", FINE, "ausf:core 1");
	expect("OU=admin/CN=ad%min\xc3\xa9", FINE, "admin:ad%25min%C3%A9");
	expect("OU=auditor/CN=a, b\\c", FINE, "auditor:a, b%5Cc");
	expect("OU=auditor/CN=a\"b\"", FINE, "auditor:a%22b%22");
	expect("OU=metrics", FINE, "metrics:");
	expect("O=Operator/CN=nobody", ROLE_NOT_PERMITTED, "none:nobody");
	expect("OU=admin/OU=auditor/CN=two", ROLE_NOT_PERMITTED, "none:two");
	expect("OU=admin/CN=two/OU=admin", ROLE_NOT_PERMITTED, "none:two");
	expect("OU=administrator/CN=x", ROLE_NOT_PERMITTED, "none:x");
	expect("OU=Admin/CN=x", ROLE_NOT_PERMITTED, "none:x");
	expect("OU=admin\\,ou\\=ausf/CN=x", ROLE_NOT_PERMITTED, "none:x");
	expect("O=admin/CN=admin", ROLE_NOT_PERMITTED, "none:admin");
	listener_files_end();
}
END_TEST

/* A NUL must not end the name for one reader and not for another; the name that is written is bounded. */
START_TEST(test_subjects_out_of_the_ordinary)
{
	static const char *const client[] = { CLIENT, NULL };
	struct pki_made made;
	struct tls_caller caller;

	listener_files_begin();
	make_signed("OU=adminXevil/CN=x", "CN=CA", own_key, ca_key, client, &made);
	pki_find(&made, bytes_of_text("adminXevil"))[5] = '\0';
	pki_sign_again(&made, ca_key);
	ck_assert_int_eq(look(&made, 1, &caller), ROLE_NOT_PERMITTED);
	make_signed(
		"OU=companion-gateway/CN="
		"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
		"CN=CA", own_key, ca_key, client, &made);
	ck_assert_int_eq(look(&made, 1, &caller), FINE);
	ck_assert_uint_lt(strlen(caller.name), sizeof(caller.name));
	ck_assert_uint_gt(strlen(caller.name), sizeof(caller.name) - 4);
	listener_files_end();
}
END_TEST

START_TEST(test_purposes)
{
	static const struct {
		const char *extensions[3];
		enum outcome expected;
	} rows[] = {
		{ { NULL }, FINE },
		{ { CLIENT }, FINE },
		{ { "extendedKeyUsage=serverAuth,clientAuth" }, FINE },
		{ { SERVER }, UNAUTHENTICATED },
		{ { "extendedKeyUsage=codeSigning" }, UNAUTHENTICATED },
		{ { CLIENT, "1.2.3.4=critical,DER:0500" }, UNAUTHENTICATED },
		{ { CLIENT, "1.2.3.4=DER:0500" }, FINE },
	};
	struct pki_made made;
	struct tls_caller caller;

	listener_files_begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_signed("OU=admin/CN=x", "CN=CA", own_key, ca_key, rows[i].extensions, &made);
		ck_assert_msg(look(&made, 1, &caller) == rows[i].expected, "row %zu", i);
	}
	listener_files_end();
}
END_TEST

START_TEST(test_validity)
{
	static const char *const client[] = { CLIENT, NULL };
	struct pki_recipe recipe = {
		.subject = "OU=admin/CN=x", .issuer = "CN=CA", .extensions = client
	};
	struct pki_made made;
	struct tls_caller caller;

	listener_files_begin();
	recipe.key = own_key;
	recipe.signer = ca_key;
	recipe.not_after = "20210101000000Z";
	pki_make(&recipe, &made);
	ck_assert_int_eq(look(&made, 1, &caller), UNAUTHENTICATED);
	recipe.not_before = "99980101000000Z";
	recipe.not_after = NULL;
	pki_make(&recipe, &made);
	ck_assert_int_eq(look(&made, 1, &caller), UNAUTHENTICATED);
	recipe.not_before = NULL;
	recipe.digest = EVP_sha1();
	pki_make(&recipe, &made);
	ck_assert_int_eq(look(&made, 1, &caller), UNAUTHENTICATED);
	recipe.digest = NULL;
	pki_make(&recipe, &made);
	ck_assert_int_eq(look(&made, 1, &caller), FINE);
	made.der[made.len - 5] ^= 1;
	ck_assert_int_eq(look(&made, 1, &caller), UNAUTHENTICATED);
	made.len -= 5;
	ck_assert_int_eq(look(&made, 1, &caller), UNAUTHENTICATED);
	listener_files_end();
}
END_TEST

START_TEST(test_chains)
{
	static const char *const client[] = { CLIENT, NULL };
	EVP_PKEY *middle_key = pki_key("P-384");
	struct pki_made chain[12];
	struct tls_caller caller;

	listener_files_begin();
	ck_assert_int_eq(look(chain, 0, &caller), UNAUTHENTICATED);
	make_signed("OU=admin/CN=x", "CN=Middle", own_key, middle_key, client, &chain[0]);
	make_signed("CN=Middle", "CN=CA", middle_key, ca_key, ca_extensions, &chain[1]);
	ck_assert_int_eq(look(chain, 1, &caller), UNAUTHENTICATED);
	ck_assert_int_eq(look(chain, 2, &caller), FINE);
	for (unsigned i = 2; i < 12; i++)
		chain[i] = chain[1];
	ck_assert_int_eq(look(chain, 12, &caller), UNAUTHENTICATED);
	/* A caller is no CA. */
	make_signed("OU=ausf/CN=y", "CN=CA", middle_key, ca_key, client, &chain[1]);
	make_signed("OU=admin/CN=x", "OU=ausf/CN=y", own_key, middle_key, client, &chain[0]);
	ck_assert_int_eq(look(chain, 2, &caller), UNAUTHENTICATED);
	/* Another's CA, and one that only has the name. */
	make_signed("OU=admin/CN=x", "CN=Other CA", own_key, stranger_key, client, &chain[0]);
	chain[1] = other_ca;
	ck_assert_int_eq(look(chain, 2, &caller), UNAUTHENTICATED);
	make_signed("OU=admin/CN=x", "CN=CA", own_key, stranger_key, client, &chain[0]);
	ck_assert_int_eq(look(chain, 1, &caller), UNAUTHENTICATED);
	EVP_PKEY_free(middle_key);
	listener_files_end();
}
END_TEST

START_TEST(test_crls)
{
	static const char *const client[] = { CLIENT, NULL };
	struct pki_made made;
	struct tls_caller caller;

	listener_files_begin();
	make_signed("OU=admin/CN=x", "CN=CA", own_key, ca_key, client, &made); /* serial 0x1001 */
	append_crl(&ca, ca_key, 0x1002, 3600);
	ck_assert_int_eq(look(&made, 1, &caller), FINE);
	write_certificate(ca_file, "w", &ca);
	append_crl(&ca, ca_key, 0x1001, 3600);
	ck_assert_int_eq(look(&made, 1, &caller), UNAUTHENTICATED);
	/* One that is over says nothing any more, and so nobody is let in. */
	write_certificate(ca_file, "w", &ca);
	append_crl(&ca, ca_key, 0x1002, -3600);
	ck_assert_int_eq(look(&made, 1, &caller), UNAUTHENTICATED);
	write_certificate(ca_file, "w", &ca);
	append_crl(&ca, stranger_key, 0x1002, 3600);
	append_crl(&ca, ca_key, 0x1002, 3600);
	expect_refused(ca_file, "CRL");
	write_certificate(ca_file, "w", &ca);
	append_crl(&other_ca, stranger_key, 0x1001, 3600);
	expect_refused(ca_file, "CRL");
	listener_files_end();
}
END_TEST

START_TEST(test_files)
{
	struct pki_made expired;

	listener_files_begin();
	struct tls_files *files = read_good();

	ck_assert_uint_eq(files->ca_count, 1);
	ck_assert_uint_eq(files->crl_count, 0);
	ck_assert_int_gt(files->not_after, clock_unix());
	tls_files_give_back(files);
	write_certificate(ca_file, "a", &other_ca);
	files = read_good();
	ck_assert_uint_eq(files->ca_count, 2);
	tls_files_give_back(files);

	write_private_key(key_file, stranger_key, NULL);
	expect_refused(key_file, "not the key of");
	write_private_key(key_file, own_key, EVP_aes_128_cbc());
	expect_refused(certificate_file, ":");
	write_text(key_file, "nonsense");
	expect_refused(certificate_file, ":");
	unlink(key_file);
	expect_refused(key_file, ":");
	write_private_key(key_file, own_key, NULL);

	write_text(ca_file, "");
	expect_refused(ca_file, ":");
	write_text(ca_file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	expect_refused(ca_file, ":");
	unlink(ca_file);
	expect_refused(ca_file, ":");
	write_certificate(ca_file, "w", &ca);

	pki_make(&(struct pki_recipe){ .subject = "CN=server",
			 .issuer = "CN=CA",
			 .key = own_key,
			 .signer = ca_key,
			 .not_after = "20210101000000Z" },
		&expired);
	write_certificate(certificate_file, "w", &expired);
	expect_refused(certificate_file, "expired");
	write_certificate(certificate_file, "w", &own);
	tls_files_give_back(read_good());
	listener_files_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_roles, test_subjects, test_subjects_out_of_the_ordinary,
		test_purposes, test_validity, test_chains, test_crls, test_files };

	return suite_run("server tls", tests, sizeof(tests) / sizeof(tests[0]));
}

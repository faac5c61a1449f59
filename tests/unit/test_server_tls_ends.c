/* What the listener's files will soon be, or are, too old for is said, and said again while it lasts. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/tls.h"
#include "tests/unit/listener_files.h"
#include "tests/unit/suite.h"

/* Of what has been logged so far, to the file that stderr is meanwhile. */
static unsigned count_said(FILE *log, const char *event)
{
	char line[512];
	unsigned count = 0;

	rewind(log);
	while (fgets(line, sizeof(line), log) != NULL)
		count += strstr(line, event) != NULL;
	return count;
}

/* The certificate ends in 20 days; of its CRLs the first in one. */
START_TEST(test_endings)
{
	static const char *const server[] = { "extendedKeyUsage=serverAuth", NULL };
	static const struct {
		int64_t day; /* from now */
		unsigned soon, ended, crl;
	} looks[] = {
		{ 0, 0, 0, 0 },
		{ 5, 0, 0, 1 },
		{ 5, 0, 0, 1 },
		{ 7, 1, 0, 2 }, /* within the last two weeks */
		{ 7, 1, 0, 2 },
		{ 8, 2, 0, 3 },
		{ 21, 2, 1, 4 },
		{ 21, 2, 1, 4 },
		{ 22, 2, 2, 5 },
	};
	const int64_t now = clock_unix(), day_s = 86400;
	char not_after[16];
	time_t end_at = (time_t)(now + 20 * day_s);
	struct tm tm;
	struct tls_ends ends;
	FILE *log = tmpfile();
	int kept = dup(STDERR_FILENO);

	listener_files_begin();
	ck_assert_uint_eq(
		strftime(not_after, sizeof(not_after), "%Y%m%d%H%M%SZ", gmtime_r(&end_at, &tm)),
		15);
	pki_make(&(struct pki_recipe){ .subject = "CN=server",
			 .issuer = "CN=CA",
			 .key = own_key,
			 .signer = ca_key,
			 .not_after = not_after,
			 .extensions = server },
		&own);
	write_certificate(certificate_file, "w", &own);
	append_crl(&ca, ca_key, 4711, (long)day_s);
	dup2(fileno(log), STDERR_FILENO);
	struct tls *tls = tls_new(&listener_settings);

	ck_assert_ptr_nonnull(tls);
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		tls_look(tls, now + looks[i].day * day_s + 60, &ends);
		unsigned soon = count_said(log, "tls_certificate_ends_soon"),
			 ended = count_said(log, "tls_certificate_ended"),
			 crl = count_said(log, "tls_crl_over");

		ck_assert_msg(
			soon == looks[i].soon && ended == looks[i].ended && crl == looks[i].crl,
			"%zu: %u %u %u", i, soon, ended, crl);
	}
	ck_assert_int_eq(ends.certificate, end_at);
	ck_assert_int_ge(ends.crls, now + day_s);
	ck_assert_int_le(ends.crls, now + day_s + 60);
	/* other files are told of anew */
	tls_reload(tls, &listener_settings);
	tls_look(tls, now + 22 * day_s + 60, &ends);
	ck_assert_uint_eq(count_said(log, "tls_certificate_ended"), 3);
	ck_assert_uint_eq(count_said(log, "tls_files_read"), 2);
	dup2(kept, STDERR_FILENO);
	close(kept);
	fclose(log);
	tls_free(tls);
	listener_files_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_endings };

	return suite_run("server tls ends", tests, sizeof(tests) / sizeof(tests[0]));
}

/* The URL that a companion UE has read off a device: where it may lead, and whom it names. */
#include "peers/certificate_fetch.h"

#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(test_urls)
{
	static const char *const good[] = { "http://127.0.0.1:8080",
		"http://127.0.0.1:8080/a?b=/@c:d", "HTTP://127.0.0.1:8080/..//%2e%00",
		"https://[2001:db8::1]:443/" };
	static const char *const refused[] = { "", "x", "http://", "http://127.0.0.1/plain",
		"https://127.0.0.1:8080/plain", "ftp://127.0.0.1:8080/plain",
		"http://127.0.0.2:8080/plain", "http://u@127.0.0.1:8080/plain",
		"http://u:p@127.0.0.1:8080/plain", "http://127.0.0.1:8080#@127.0.0.2/",
		"http://127.0.0.1:8080/plain#", "http://127.1:8080/plain",
		"http://2130706433:8080/plain", "http://0x7f000001:8080/plain",
		"http://0x7f.0.0.1:8080/plain", "http://0177.0.0.1:8080/plain",
		"http://[::ffff:127.0.0.1]:8080/plain", "http://[::1]:8080/plain",
		"http://127.0.0.1:8080\\plain", "http://127.0.0.1:8080/a b",
		"http://127.0.0.1:8080/\n", "http://127.0.0.1:8080/\x7f",
		"http://127.0.0.1:8080/\xc3\xa9", "\thttp://127.0.0.1:8080/plain",
		"//127.0.0.1:8080/plain", "http:127.0.0.1:8080/plain",
		"http:///127.0.0.1:8080/plain", "file:///etc/passwd" };
	struct certificate_fetch f;
	static const struct fetch_rules rules = { "http://127.0.0.1:8080 https://[2001:db8::1]", "",
		"" };
	static const struct fetch_rules odd = { "http://2130706433:* http://127.1:*", "", "" };

	for (size_t n = 0; n < COUNT(good); n++) {
		ck_assert(certificate_fetch_start(&f, good[n]));
		ck_assert_msg(certificate_fetch_check(&f, &rules), "%s", good[n]);
	}
	ck_assert_str_eq(f.policy.host, "2001:db8::1");
	for (size_t n = 0; n < COUNT(refused); n++) {
		ck_assert(certificate_fetch_start(&f, refused[n]));
		ck_assert_msg(!certificate_fetch_check(&f, &rules), "%s", refused[n]);
		ck_assert_ptr_nonnull(f.reason);
	}
	/* the host is listed as it is written there, but libcurl reads an address in it */
	ck_assert(certificate_fetch_start(&f, "http://2130706433:80/"));
	ck_assert(!certificate_fetch_check(&f, &odd));
	ck_assert(certificate_fetch_start(&f, "http://127.1:80/"));
	ck_assert(!certificate_fetch_check(&f, &odd));
	char longest[FETCH_URL_MAX + 2];
	memset(longest, 'x', sizeof(longest));
	longest[FETCH_URL_MAX + 1] = '\0';
	ck_assert(!certificate_fetch_start(&f, longest));
	longest[FETCH_URL_MAX] = '\0';
	ck_assert(certificate_fetch_start(&f, longest));
}
END_TEST

struct naming {
	const char *url;
	bool names;
};

static const struct naming namings[] = {
	{ "http://www.NextGenCertAuthority.com/DeviceID=dev-1", true },
	{ "http://www.NextGenCertAuthority.com/DeviceID=dev-2", false },
	{ "https://ca.example/x?DeviceID=dev-1", true },
	{ "https://ca.example?DeviceID=dev-1", true },
	{ "https://ca.example?DeviceID=dev-2", false },
	{ "https://ca.example/x?a=b&DeviceID=dev-2", false },
	{ "https://ca.example/x?a=b;DeviceID=dev-2", false },
	{ "https://ca.example/DeviceID=dev-1/chain.pem?a", true },
	{ "https://ca.example/DeviceID=dev-1?DeviceID=dev-2", false },
	{ "https://ca.example/DeviceID=dev-1/DeviceID=dev-1", true },
	{ "https://ca.example/DeviceID=dev%2D1", true },
	{ "https://ca.example/Device%49D%3ddev-2", false },
	{ "https://ca.example/DeviceID=dev-1%00", false },
	{ "https://ca.example/DeviceID=dev-1%2", false },
	{ "https://ca.example/DeviceID=%zzdev-1", false },
	{ "https://ca.example/DeviceID=", false },
	{ "https://ca.example/DeviceID=dev-", false },
	{ "https://ca.example/DeviceID=dev-11", false },
	{ "https://ca.example/DeviceID=DEV-1", false },
	{ "https://ca.example/MyDeviceID=dev-2", true },
	{ "https://ca.example/x", true },
	{ "https://ca.example", true },
	{ "https://DeviceID=dev-2/", true },
};

START_TEST(test_device_id)
{
	for (size_t i = 0; i < COUNT(namings); i++)
		ck_assert_msg(device_url_names(namings[i].url, bytes_of_text("dev-1")) ==
				      namings[i].names,
			"%s", namings[i].url);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_urls, test_device_id };

	return suite_run("peers device url", tests, COUNT(tests));
}

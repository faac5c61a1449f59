/* Which addresses and origins a stranger's URL may lead to. */
#include "peers/address_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "peers/origins.h"
#include "procedures/arpf_directory.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in *v4 = (void *)&s;
	struct sockaddr_in6 *v6 = (void *)&s;

	s.ss_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	ck_assert_msg(inet_pton(s.ss_family, text,
			      s.ss_family == AF_INET ? (void *)&v4->sin_addr : &v6->sin6_addr) == 1,
		"%s", text);
	return s;
}

static bool is_public(const char *text)
{
	struct sockaddr_storage s = address_of(text);

	return address_is_public((struct sockaddr *)&s);
}

/* First and last of each block that is not public, and what lies right beside it. */
START_TEST(test_ipv4)
{
	static const char *const special[] = { "0.0.0.0", "0.255.255.255", "10.0.0.0",
		"10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
		"169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.0",
		"192.0.0.255", "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255",
		"198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.255", "224.0.0.1",
		"239.255.255.255", "240.0.0.0", "255.255.255.255" };
	static const char *const public[] = { "1.0.0.0", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0",
		"192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
		"223.255.255.255", "8.8.8.8" };

	for (size_t i = 0; i < COUNT(special); i++)
		ck_assert_msg(!is_public(special[i]), "%s", special[i]);
	for (size_t i = 0; i < COUNT(public); i++)
		ck_assert_msg(is_public(public[i]), "%s", public[i]);
}
END_TEST

START_TEST(test_ipv6)
{
	static const char *const special[] = { "::", "::1", "::7f00:1", "::ffff:127.0.0.1",
		"::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:8.8.8.8",
		"64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::8.8.8.8", "100::1",
		"2001::1", "2001:1ff:ffff::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1",
		"2002:c0a8:101::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fdff::1",
		"fe80::1", "febf::1", "fec0::1", "ff02::1", "ffff::1", "1fff::1" };
	static const char *const public[] = { "2001:200::1", "2001:4860:4860::8888", "2003::1",
		"2a00:1450::1", "3ffe::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
		"2002:808:808::1" };
	struct sockaddr other = { .sa_family = AF_UNIX };

	for (size_t i = 0; i < COUNT(special); i++)
		ck_assert_msg(!is_public(special[i]), "%s", special[i]);
	for (size_t i = 0; i < COUNT(public); i++)
		ck_assert_msg(is_public(public[i]), "%s", public[i]);
	ck_assert(!address_is_public(&other));
	ck_assert(!address_is_allowed(&other, "", "0.0.0.0/0 ::/0"));
}
END_TEST

struct listing {
	const char *address, *host, *networks;
	bool is_allowed;
};

static const struct listing listings[] = {
	{ "8.8.8.8", "ca.example", "", true },
	/* a name that resolves to something else than before finds this, whatever it is called */
	{ "127.0.0.1", "ca.example", "", false },
	{ "10.1.2.3", "ca.example", "10.1.0.0/16", true },
	{ "10.2.2.3", "ca.example", "10.1.0.0/16", false },
	{ "10.2.2.3", "ca.example", "fd00::/8 10.1.0.0/16\t10.2.2.3", true },
	{ "10.2.2.4", "ca.example", "fd00::/8 10.1.0.0/16 10.2.2.3", false },
	{ "10.129.0.1", "ca.example", "10.128.0.0/9", true },
	{ "10.127.0.1", "ca.example", "10.128.0.0/9", false },
	{ "127.0.0.1", "ca.example", "0.0.0.0/0", true },
	{ "fd12::1", "ca.example", "fd00::/8", true },
	{ "fc12::1", "ca.example", "fd00::/8", false },
	{ "fe80::1", "ca.example", "fe80::1/128", true },
	{ "fe80::2", "ca.example", "fe80::1/128", false },
	/* blocks of IPv4 hold what stands for IPv4, and only that */
	{ "::ffff:10.1.2.3", "ca.example", "10.1.0.0/16", true },
	{ "64:ff9b::10.1.2.3", "ca.example", "10.1.0.0/16", true },
	{ "::1", "ca.example", "0.0.0.0/0", false },
	{ "127.0.0.1", "ca.example", "::/0", false },
	/* entries that are no block */
	{ "10.1.2.3", "ca.example", "10.1.0.0/33", false },
	{ "10.1.2.3", "ca.example", "10.1.0.0/", false },
	{ "10.1.2.3", "ca.example", "10.1.0.0/+8", false },
	{ "10.1.2.3", "ca.example", "10.1.0.0/0016", false },
	{ "10.1.2.3", "ca.example", "10.1/16", false },
	{ "10.1.2.3", "ca.example", "ca.example", false },
	{ "10.1.2.3", "ca.example",
		"10.1.0.0000000000000000000000000000000000000000000000000000000000000000/16",
		false },
	/* the origin that was listed is this very address */
	{ "127.0.0.1", "127.0.0.1", "", true },
	{ "127.0.0.2", "127.0.0.1", "", false },
	{ "::1", "::1", "", true },
	{ "::1", "0:0:0:0:0:0:0:1", "", true },
	{ "127.0.0.1", "2130706433", "", false },
	{ "127.0.0.1", "0x7f.0.0.1", "", false },
	{ "127.0.0.1", "127.1", "", false },
	{ "127.0.0.1", "0177.0.0.1", "", false },
	{ "127.0.0.1", "::ffff:127.0.0.1", "", false },
	{ "::ffff:127.0.0.1", "127.0.0.1", "", false },
	{ "127.0.0.1", "localhost", "", false },
};

START_TEST(test_listed)
{
	for (size_t i = 0; i < COUNT(listings); i++) {
		const struct listing *l = &listings[i];
		struct sockaddr_storage s = address_of(l->address);

		ck_assert_msg(address_is_allowed((struct sockaddr *)&s, l->host, l->networks) ==
				      l->is_allowed,
			"%s of %s with %s", l->address, l->host, l->networks);
	}
}
END_TEST

static const char list[] =
	"https://ca.example https://ports.example:*  "
	"http://plain.example:8080\thttps://[2001:db8::1] "
	"https://odd.example:8443 ftp://ftp.example https://user@bad.example https://bad.example/x";

static bool is_listed(const char *url)
{
	struct origin o;

	return origin_read(url, &o) && origin_is_listed(list, &o);
}

START_TEST(test_origins)
{
	static const char *const listed[] = { "https://ca.example", "https://ca.example/",
		"https://ca.example:443/x", "HTTPS://CA.Example/DeviceID=1", "https://ca.example?x",
		"https://ca.example#x", "https://ports.example", "https://ports.example:1/",
		"https://ports.example:65535", "http://plain.example:8080/x",
		"https://[2001:db8::1]/x", "https://[2001:DB8::1]:443/",
		"https://odd.example:8443" };
	static const char *const others[] = { "", "https", "https://", "https:///x",
		"//ca.example/", "http://ca.example/", "https://ca.example:444",
		"https://ca.example.", "https://ca", "https://ca.example.evil.example",
		"https://xca.example", "https://ca.example:", "https://ca.example:0443x",
		"https://ca.example:000443", "https://ca.example:0", "https://ports.example:0",
		"https://ports.example:65536", "https://ports.example:*",
		"https://ports.example:-1", "https://u@ca.example/", "https://u:p@ca.example/",
		"https://ca.example@evil.example/", "https://evil.example\\@ca.example/",
		"https://ca.example\\.evil.example/", "https://ca.example%2eevil/",
		"https://[2001:db8::1", "https://2001:db8::1/", "https://[2001:db8::2]/",
		"https://[2001:db8::1%25eth0]/", "https://[2001:db8::1]x/", "https://2001:db8::1",
		"http://plain.example/", "https://plain.example:8080", "ftp://ftp.example",
		"file:///etc/passwd", "gopher://ca.example:443/", "dict://ca.example:443/",
		"https://bad.example/", "javascript://ca.example", " https://ca.example/",
		"https:/ca.example", "https:ca.example", "x:https://ca.example" };

	for (size_t i = 0; i < COUNT(listed); i++)
		ck_assert_msg(is_listed(listed[i]), "%s", listed[i]);
	for (size_t i = 0; i < COUNT(others); i++)
		ck_assert_msg(!is_listed(others[i]), "%s", others[i]);
	struct origin o;
	ck_assert(origin_read("https://[::1]:99/p", &o));
	ck_assert(o.is_https && o.is_ipv6 && o.port == 99 && !o.any_port && o.len == 16);
	ck_assert(bytes_equal(o.host, bytes_of_text("::1")));
	ck_assert(!origin_is_listed("", &o) && !origin_is_listed("  ", &o));
}
END_TEST

/* ARPFs keep to the rules they had. */
START_TEST(test_arpf_uris)
{
	static const char peers[] =
		"https://arpf.example http://127.0.0.1:* http://[::1]:80 http://far.example";
	static const char *const allowed[] = { "https://arpf.example", "https://arpf.example/base",
		"http://127.0.0.1:8480", "http://127.0.0.1:1/x", "http://[::1]/" };
	static const char *const refused[] = { "http://arpf.example", "http://far.example",
		"https://arpf.example/?x", "https://arpf.example/#x", "https://arpf.example/%2e",
		"https://arpf.example/../x", "https://arpf.example/a b", "https://u@arpf.example",
		"https://127.0.0.1:1", "http://127.0.0.2:1", "http://[::1]:81", "" };

	for (size_t i = 0; i < COUNT(allowed); i++)
		ck_assert_msg(arpf_uri_is_allowed(peers, allowed[i]), "%s", allowed[i]);
	for (size_t i = 0; i < COUNT(refused); i++)
		ck_assert_msg(!arpf_uri_is_allowed(peers, refused[i]), "%s", refused[i]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_ipv4,
		test_ipv6,
		test_listed,
		test_origins,
		test_arpf_uris,
	};

	return suite_run("peers address policy", tests, COUNT(tests));
}

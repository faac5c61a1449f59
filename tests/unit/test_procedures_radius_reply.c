/* A session as rlm_rest reads it: what becomes rules of RFC 4849, and what only a filter's name. */
#include "procedures/radius_reply.h"
#include "tests/unit/suite.h"

static const uint8_t id[4] = { 0xde, 0xad, 0xbe, 0xef };

#define VALUES(name, op, values) \
	"\"reply:" name "\":{\"op\":\"" op "\",\"do_xlat\":false,\"value\":[" values "]}"
#define HEAD                                                                 \
	"{" VALUES("User-Name", ":=", "\"dev-1\"") "," VALUES(               \
		"Class", ":=", "\"deadbeef\"") "," VALUES("Session-Timeout", \
		":=", "600") "," VALUES("Framed-Pool", ":=", "\"net\"") ","
#define RULES(rules) HEAD VALUES("NAS-Filter-Rule", "+=", rules) "}"
#define FILTER       HEAD VALUES("Filter-Id", ":=", "\"net\"") "}"

#define BOTH_WAYS(address, port)                                                                 \
	"\"permit in tcp from assigned to " address " " port "\",\"permit out tcp from " address \
	" " port " to assigned\""

static void expect(const char *destinations, const char *expected)
{
	struct arena *arena = arena_new(1u << 16);
	struct json_out o = json_start(arena);
	size_t len;

	radius_reply_write(&o, &(struct radius_session){ .subject = "dev-1",
				       .id = BYTES(id),
				       .dnn = "net",
				       .lifetime_s = 600,
				       .destinations = destinations });
	const char *written = json_end(&o, &len);

	ck_assert_msg(
		written != NULL && strcmp(written, expected) == 0, "%s: %s", destinations, written);
	arena_free(arena);
}

START_TEST(test_addresses)
{
	expect("192.0.2.7:443", RULES(BOTH_WAYS("192.0.2.7", "443")));
	expect("  192.0.2.7:1   192.0.2.8:65535 ",
		RULES(BOTH_WAYS("192.0.2.7", "1") "," BOTH_WAYS("192.0.2.8", "65535")));
	expect("[2001:db8::7]:443 192.0.2.7:443",
		RULES(BOTH_WAYS("2001:db8::7", "443") "," BOTH_WAYS("192.0.2.7", "443")));
	expect("[abcd:abcd:abcd:abcd:abcd:abcd:255.255.255.255]:65535",
		RULES(BOTH_WAYS("abcd:abcd:abcd:abcd:abcd:abcd:255.255.255.255", "65535")));
}
END_TEST

/* One that has no rule takes the others' rules along: a session is never wider or narrower than it says. */
START_TEST(test_names)
{
	static const char *const lists[] = {
		"profiles.example.org:443",
		"192.0.2.7:443 profiles.example.org:443",
		"profiles.example.org:443 192.0.2.7:443",
		"",
		"192.0.2.7",
		"192.0.2.7:",
		"192.0.2.7:0",
		"192.0.2.7:65536",
		"192.0.2.7:4294967739",
		"192.0.2.7:+43",
		"192.0.2.7:44x",
		":443",
		"[]:443",
		"[192.0.2.7]:443",
		"2001:db8::7:443",
		"[2001:db8::7:443",
		"192.0.2.256:443",
		"192.0.2.7\":443",
		"[abcd:abcd:abcd:abcd:abcd:abcd:255.255.255.2555]:443",
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		expect(lists[i], FILTER);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_addresses, test_names };

	return suite_run("radius reply", tests, sizeof(tests) / sizeof(tests[0]));
}

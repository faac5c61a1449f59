/* Blocks of addresses as text, and what lies in them. */
#include <check.h>

#include "base/cidr.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct cidr block_of(const char *text)
{
	struct cidr block;

	ck_assert_msg(cidr_read(bytes_of_text(text), &block), "%s", text);
	return block;
}

START_TEST(blocks)
{
	static const char *const others[] = { "", "/8", "10.1.0.0/", "10.1.0.0/33", "10.1.0.0/-1",
		"10.1.0.0/+8", "10.1.0.0/0016", "10.1.0.0/8x", "10.1.0.0/8/8", "10.1/16",
		"fd00::/129", "fd00::g/8", "ca.example", "10.1.0.0 /8",
		"10.1.0.0000000000000000000000000000000000000000000000000000000000000000/16" };
	const char *list = " \t10.1.2.3/12\t fd00::/8  ";
	struct cidr_address in, out, six;
	struct bytes entry;
	struct cidr block;

	for (size_t i = 0; i < COUNT(others); i++)
		ck_assert_msg(!cidr_read(bytes_of_text(others[i]), &block), "%s", others[i]);
	ck_assert(cidr_read_address("10.15.255.255", &in) && cidr_read_address("fd12::1", &six));
	ck_assert(cidr_read_address("10.16.0.0", &out) && !cidr_read_address("10.16.0.0/12", &out));
	ck_assert(cidr_read_address("10.16.0.0", &out));
	ck_assert(cidr_next(&list, &entry) && cidr_read(entry, &block) && block.bits == 12);
	ck_assert(cidr_has(&block, &in) && !cidr_has(&block, &out) && !cidr_has(&block, &six));
	ck_assert(cidr_next(&list, &entry) && cidr_read(entry, &block) && block.bits == 8);
	ck_assert(cidr_has(&block, &six) && !cidr_has(&block, &in));
	ck_assert(!cidr_next(&list, &entry) && !cidr_next(&list, &entry));
	block = block_of("10.16.0.0");
	ck_assert(block.bits == 32 && cidr_has(&block, &out) && !cidr_has(&block, &in));
	block = block_of("0.0.0.0/0");
	ck_assert(cidr_has(&block, &in) && cidr_has(&block, &out) && !cidr_has(&block, &six));
	block = block_of("fd12::1");
	ck_assert(block.bits == 128 && cidr_has(&block, &six));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { blocks };

	return suite_run("base cidr", tests, COUNT(tests));
}

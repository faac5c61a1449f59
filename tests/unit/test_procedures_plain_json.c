/* The reader of plain JSON beside the library: what it reads, what it leaves to it, and that both agree. */
#include <stdlib.h>

#include "procedures/plain_json.h"
#include "tests/unit/suite.h"

static const char *const plain[] = {
	"{}",
	"[]",
	" \t\r\n{ \"a\" : \"b\" , \"c\" : [ 1 , -2 , 0 , -0 ] , \"d\" : { } } \n",
	"{\"a\":{\"a\":{\"a\":[[],[{}],[[1]]]}}}",
	"[[[[[[[[1]]]]]]]]",
	"[true,false,null,\"true\",\"\"]",
	"[999999999999999999,-999999999999999999]",
	"{\"\":\"\",\" "
	"\":\"'/{}[]:,~\",\"1234567\":\"12345678\",\"123456789\":\"1234567890123456\"}",
	"{\"certificateChain\":[\"MIIBgQ==\",\"+/==\"],\"signature\":\"AAAA\"}",
};

/* Right, but the library's; or wrong, and for the library to say how. */
static const char *const others[] = {
	"",
	" ",
	"1",
	"\"a\"",
	"null",
	"{",
	"[",
	"}",
	"[1",
	"[1,",
	"[1,]",
	"[,1]",
	"[1 2]",
	"[1}",
	"{1]",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\" 1}",
	"{\"a\":1,}",
	"{,}",
	"{1:1}",
	"{\"a\":1,\"a\":2}",
	"{\"a\":1,\"b\":{\"a\":1},\"a\":2}",
	"{} {}",
	"[]]",
	"[] x",
	"[\"a]",
	"[\"\\u0061\"]",
	"[\"a\\\"b\"]",
	"[\"1234567\\\"\"]",
	"[\"\x1f\"]",
	"[\"1234567\x01\"]",
	"[\"1234567\n9\"]",
	"[\"\xc3\xa9\"]",
	"[\"12345678\xc3\xa9\"]",
	"[\"\xff\"]",
	"[1.5]",
	"[1e3]",
	"[1E3]",
	"[01]",
	"[-]",
	"[-01]",
	"[- 1]",
	"[+1]",
	"[1000000000000000000]",
	"[9223372036854775808]",
	"[truer]",
	"[tru]",
	"[True]",
	"[nul",
	"[[[[[[[[[1]]]]]]]]]",
	"[1]\v",
	"\xef\xbb\xbf[1]",
};

/* In memory of its own, where a sanitizer sees a read behind the end. */
static json_t *read_plain(const char *text, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, len);
	json_t *read = plain_json_read(bytes_of(copy, len));
	free(copy);
	return read;
}

START_TEST(reads)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		json_t *own = read_plain(plain[i], strlen(plain[i]));
		json_t *library = json_loads(plain[i], JSON_REJECT_DUPLICATES, NULL);

		ck_assert_msg(own != NULL && library != NULL, "%s", plain[i]);
		ck_assert_msg(json_equal(own, library), "%s", plain[i]);
		json_decref(own);
		json_decref(library);
	}
}
END_TEST

START_TEST(leaves)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(read_plain(others[i], strlen(others[i])) == NULL, "%s", others[i]);
	ck_assert_ptr_null(read_plain("[1]\0", 4));
	ck_assert_ptr_null(read_plain("[\"1234567\0\"]", 12));
}
END_TEST

/* No text but the whole is one: each cut of it is left to the library. */
START_TEST(cut_off)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const char *text = plain[i] + strspn(plain[i], " \t\r\n");
		size_t len = strlen(text);

		while (len > 0 && text[len - 1] != ']' && text[len - 1] != '}')
			len--;
		for (size_t cut = 0; cut < len; cut++)
			ck_assert_msg(read_plain(text, cut) == NULL, "%.*s", (int)cut, text);
	}
}
END_TEST

/* Any byte at any place of a text of two words and more, and what the library says of it. */
START_TEST(every_byte)
{
	for (unsigned c = 0; c < 256; c++) {
		for (size_t at = 2; at < 22; at++) {
			char text[] = "[\"abcdefghijklmnopqrst\"]";

			text[at] = (char)c;
			json_t *own = read_plain(text, sizeof(text) - 1);
			json_t *library = json_loadb(text, sizeof(text) - 1, 0, NULL);

			ck_assert_msg((own != NULL) == (library != NULL && c < 0x80 && c != '\\'),
				"%u at %zu", c, at);
			ck_assert(own == NULL || json_equal(own, library));
			json_decref(own);
			json_decref(library);
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { reads, leaves, cut_off, every_byte };

	return suite_run("procedures/plain_json", tests, sizeof(tests) / sizeof(tests[0]));
}

/* Files of subscribers: lines as they are cut off, however they come, and what a line says. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin-cli/csv.h"
#include "tests/unit/suite.h"

#define K16 "465b5ce8b199b49faa5f0a2ee238a6bc"
#define OPC "cd63cb71954a9f4e48a5994e37a02baf"

#define LEAST_ROOM (CSV_LINE_MAX + 3)
#define MOST_LINES 16

struct seen {
	int count;
	struct csv_line lines[MOST_LINES];
	char texts[MOST_LINES][CSV_LINE_MAX + 1];
};

static bool is_wiped(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != 0)
			return false;
	return true;
}

/* The file in parts of so many bytes, in a room of so many. */
static void read_in_parts(struct bytes file, size_t part, size_t cap, struct seen *seen)
{
	uint8_t *room = calloc(1, cap), *at;
	struct csv_reader r = { .at = room, .cap = cap };
	struct csv_line line;
	enum csv_step step;

	seen->count = 0;
	while ((step = csv_next(&r, &line)) != CSV_END) {
		if (step == CSV_MORE) {
			size_t len = csv_room(&r, &at);

			ck_assert_uint_gt(len, 0);
			len = len < part ? len : part;
			len = len < file.len ? len : file.len;
			memcpy(at, file.at, len);
			file = bytes_of(file.at + len, file.len - len);
			csv_fill(&r, len);
			continue;
		}
		ck_assert_int_lt(seen->count, MOST_LINES);
		snprintf(seen->texts[seen->count], CSV_LINE_MAX + 1, "%.*s", (int)line.content.len,
			(const char *)line.content.at);
		seen->lines[seen->count++] = line;
	}
	ck_assert_msg(is_wiped(room, cap), "what was read is still there");
	free(room);
}

START_TEST(lines_are_the_same_however_they_come)
{
	static const char text[] = "supi,k,opc\r\n\nfirst\nsecond\r\n\r\nlast";
	static const struct {
		const char *text;
		int end;
	} lines[] = { { "supi,k,opc", 12 }, { "", 13 }, { "first", 19 }, { "second", 27 },
		{ "", 29 }, { "last", 33 } };
	struct bytes file = bytes_of(text, sizeof(text) - 1);
	struct seen seen;

	for (size_t part = 1; part <= file.len; part++) {
		read_in_parts(file, part, LEAST_ROOM, &seen);
		ck_assert_int_eq(seen.count, 6);
		for (int i = 0; i < seen.count; i++) {
			ck_assert_str_eq(seen.texts[i], lines[i].text);
			ck_assert_int_eq(seen.lines[i].number, i + 1);
			ck_assert_int_eq(seen.lines[i].end, lines[i].end);
			ck_assert(!seen.lines[i].is_too_long);
		}
	}
}
END_TEST

START_TEST(a_long_line_is_one_bad_line)
{
	static char text[8 * CSV_LINE_MAX];
	static const size_t lengths[] = { CSV_LINE_MAX, CSV_LINE_MAX + 1, CSV_LINE_MAX + 2,
		3 * CSV_LINE_MAX };
	struct seen seen;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (int has_cr = 0; has_cr < 2; has_cr++)
			for (size_t part = 1; part < 1100; part += 99) {
				size_t len = lengths[i];
				bool is_long = len > CSV_LINE_MAX;

				memset(text, 'x', len);
				size_t all = len + (size_t)snprintf(text + len, sizeof(text) - len,
							   "%s\nnext\n", has_cr ? "\r" : "");
				read_in_parts(bytes_of(text, all), part, LEAST_ROOM, &seen);
				ck_assert_int_eq(seen.count, 2);
				ck_assert(seen.lines[0].is_too_long == is_long);
				ck_assert_uint_eq(seen.lines[0].content.len, is_long ? 0 : len);
				ck_assert_int_eq(seen.lines[0].end, (int64_t)all - 5);
				ck_assert_str_eq(seen.texts[1], "next");
				ck_assert(!seen.lines[1].is_too_long);
				/* and as the last one, without an end */
				read_in_parts(bytes_of(text, len), part, LEAST_ROOM, &seen);
				ck_assert_int_eq(seen.count, 1);
				ck_assert(seen.lines[0].is_too_long == is_long);
			}
}
END_TEST

START_TEST(a_shown_line_is_wiped_with_the_next)
{
	uint8_t room[1024], *at;
	struct csv_reader r = { .at = room, .cap = sizeof(room) };
	struct csv_line line;

	ck_assert_uint_eq(csv_room(&r, &at), sizeof(room));
	memcpy(at, "secret\nmore\nrest", 16);
	csv_fill(&r, 16);
	ck_assert_int_eq(csv_next(&r, &line), CSV_LINE);
	ck_assert_mem_eq(line.content.at, "secret", 6);
	ck_assert_int_eq(csv_next(&r, &line), CSV_LINE);
	ck_assert(is_wiped(room, 7));
	ck_assert_int_eq(csv_next(&r, &line), CSV_MORE);
	ck_assert(is_wiped(room, 12));
	ck_assert_uint_eq(csv_room(&r, &at), sizeof(room) - 4);
	ck_assert_mem_eq(room, "rest", 4);
	ck_assert(is_wiped(room + 4, 12));
}
END_TEST

START_TEST(the_header_says_what_the_third_column_is)
{
	struct csv_form form = { 0 };

	ck_assert(csv_read_header(bytes_of_text("supi,k,op"), &form));
	ck_assert(form.is_op);
	ck_assert(csv_read_header(bytes_of_text("supi,k,opc"), &form));
	ck_assert(!form.is_op);
	ck_assert(!csv_read_header(bytes_of_text("supi,k,opcode"), &form));
	ck_assert(!csv_read_header(bytes_of_text("SUPI,K,OPC"), &form));
	ck_assert(!csv_read_header(bytes_of_text("supi,k"), &form));
	ck_assert(!csv_read_header(bytes_of_text(""), &form));
	ck_assert(!csv_read_header(bytes_of_text("imsi-001010000000001," K16 "," OPC), &form));
}
END_TEST

static const struct csv_form plain = { .home = { 101, 5 } };
static const struct csv_form wrapped = {
	.home = { 101, 5 }, .is_wrapped = true, .transport_key = "transport"
};

START_TEST(a_line_becomes_a_subscriber)
{
	struct csv_form form = plain;
	struct key_seal_subscriber_in s;
	uint64_t imsi;
	uint8_t k[16], opc[16];

	ck_assert(hex_read(K16, 32, k, 16) && hex_read(OPC, 32, opc, 16));
	ck_assert_ptr_null(csv_read_subscriber(
		bytes_of_text("imsi-001010000000001," K16 "," OPC), &form, &imsi, &s));
	ck_assert_uint_eq(imsi, 1010000000001);
	ck_assert_uint_eq(s.k_len, 16);
	ck_assert_mem_eq(s.k, k, 16);
	ck_assert_mem_eq(s.opc, opc, 16);
	ck_assert(!s.is_op && !s.is_wrapped);
	ck_assert_str_eq(s.transport_key, "");

	form.is_op = true;
	ck_assert_ptr_null(csv_read_subscriber(
		bytes_of_text("imsi-001010000000001," K16 K16 "," OPC), &form, &imsi, &s));
	ck_assert(s.is_op);
	ck_assert_uint_eq(s.k_len, 32);
	ck_assert_mem_eq(s.k + 16, k, 16);

	ck_assert_ptr_null(csv_read_subscriber(
		bytes_of_text("imsi-001010000000001," K16 "0011223344556677," OPC), &wrapped, &imsi,
		&s));
	ck_assert(s.is_wrapped);
	ck_assert_uint_eq(s.k_len, 16);
	ck_assert_uint_eq(s.k[23], 0x77);
	ck_assert_str_eq(s.transport_key, "transport");
	ck_assert_ptr_null(csv_read_subscriber(
		bytes_of_text("imsi-001010000000001," K16 K16 "0011223344556677," OPC), &wrapped,
		&imsi, &s));
	ck_assert_uint_eq(s.k_len, 32);
	ck_assert_uint_eq(s.k[39], 0x77);
}
END_TEST

static const struct {
	const char *line, *says;
	const struct csv_form *form;
} bad[] = {
	{ "imsi-001010000000001," K16, "three fields", &plain },
	{ "imsi-001010000000001," K16 "," OPC ",", "three fields", &plain },
	{ "imsi-001010000000001", "three fields", &plain },
	{ "001010000000001," K16 "," OPC, "SUPI", &plain },
	{ "imsi-00101000000001," K16 "," OPC, "SUPI", &plain },
	{ "imsi-0010100000000012," K16 "," OPC, "SUPI", &plain },
	{ "imsi-00101000000000x," K16 "," OPC, "SUPI", &plain },
	{ " imsi-001010000000001," K16 "," OPC, "SUPI", &plain },
	{ "nai-001010000000001," K16 "," OPC, "SUPI", &plain },
	{ "imsi-001020000000001," K16 "," OPC, "home PLMN", &plain },
	{ "imsi-001010000000001,," OPC, "K has not", &plain },
	{ "imsi-001010000000001," K16 "0," OPC, "K has not", &plain },
	{ "imsi-001010000000001," K16 "00," OPC, "K has not", &plain },
	{ "imsi-001010000000001," K16 "0011223344556677," OPC, "K has not", &plain },
	{ "imsi-001010000000001," K16 "," OPC, "K, being wrapped", &wrapped },
	{ "imsi-001010000000001,x65b5ce8b199b49faa5f0a2ee238a6bc," OPC, "K is not", &plain },
	{ "imsi-001010000000001," K16 ",", "OPc has not", &plain },
	{ "imsi-001010000000001," K16 "," OPC "0", "OPc has not", &plain },
	{ "imsi-001010000000001," K16 ",xd63cb71954a9f4e48a5994e37a02baf", "OPc has not", &plain },
};

START_TEST(a_bad_line_says_why_and_never_what)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct key_seal_subscriber_in s;
		uint64_t imsi;
		const char *says =
			csv_read_subscriber(bytes_of_text(bad[i].line), bad[i].form, &imsi, &s);

		ck_assert_msg(says != NULL && strstr(says, bad[i].says) != NULL, "%s: %s",
			bad[i].line, says != NULL ? says : "taken");
		ck_assert(strstr(says, "465b") == NULL && strstr(says, "cd63") == NULL);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		lines_are_the_same_however_they_come,
		a_long_line_is_one_bad_line,
		a_shown_line_is_wiped_with_the_next,
		the_header_says_what_the_third_column_is,
		a_line_becomes_a_subscriber,
		a_bad_line_says_why_and_never_what,
	};

	return suite_run("admin_cli_csv", tests, sizeof(tests) / sizeof(tests[0]));
}

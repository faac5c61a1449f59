/* arpfctl's own parts: the command line, help, tables, serial numbers, any JSON for people. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin-cli/cli.h"
#include "admin-cli/remote.h"
#include "admin-cli/serial.h"
#include "admin-cli/show.h"
#include "admin-cli/table.h"

static enum cli_end do_nothing(struct cli *cli)
{
	(void)cli;
	return CLI_DONE;
}

static const struct cli_command commands[] = {
	{ "status", NULL, {}, {}, "how it is", do_nothing },
	{ "trust", "add", { "FILE" }, { { "use", "USE", true, "what for" } }, "adds", do_nothing },
	{ "trust", "list", {}, { { "all", NULL, false, "everything" } }, "lists", do_nothing },
	{ "find", NULL, { "SUPI" },
		{ { "by", "name|age", false, "how" }, { "in", "PLMN", false, "where" },
			{ "from", "MSIN", false, "the first" },
			{ "serial", "HEX", false, "a number" } },
		"finds", do_nothing },
	{ "drop", NULL, { "[SUPI]" }, {}, "drops", do_nothing },
	{},
};

#define WORDS_MAX 10

/* Parses with stdout and stderr in a file, whose content is put into said. */
static enum cli_end parse(const char *line, struct cli *cli, char *said, size_t size)
{
	static char words_text[256];
	char *words[WORDS_MAX], *place = NULL;
	int count = 0;
	FILE *file = tmpfile();
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);

	memset(cli, 0, sizeof(*cli));
	snprintf(words_text, sizeof(words_text), "%s", line);
	for (char *w = strtok_r(words_text, " ", &place); w != NULL && count < WORDS_MAX;
		w = strtok_r(NULL, " ", &place))
		words[count++] = w;
	fflush(NULL);
	dup2(fileno(file), STDOUT_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	enum cli_end end = cli_parse(cli, commands, count, words);
	fflush(NULL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	rewind(file);
	said[fread(said, 1, size - 1, file)] = '\0';
	fclose(file);
	return end;
}

START_TEST(a_whole_command_line_is_read)
{
	struct cli cli;
	char said[4096];

	ck_assert_int_eq(
		parse("--config a.ini trust add x.pem --use=se --json", &cli, said, sizeof(said)),
		CLI_DONE);
	ck_assert_ptr_eq(cli.command, &commands[1]);
	ck_assert_str_eq(cli.arguments[0], "x.pem");
	ck_assert_str_eq(cli_option(&cli, "use"), "se");
	ck_assert_str_eq(cli_option(&cli, "config"), "a.ini");
	ck_assert(cli.json);
	ck_assert_str_eq(said, "");

	ck_assert_int_eq(parse("trust add --use se -- --odd", &cli, said, sizeof(said)), CLI_DONE);
	ck_assert_str_eq(cli.arguments[0], "--odd");
	ck_assert(!cli.json);

	ck_assert_int_eq(parse("trust list --all", &cli, said, sizeof(said)), CLI_DONE);
	ck_assert_str_eq(cli_option(&cli, "all"), "");
	ck_assert_ptr_null(cli_option(&cli, "url"));
	ck_assert_int_eq(parse("status", &cli, said, sizeof(said)), CLI_DONE);
	ck_assert_ptr_eq(cli.command, &commands[0]);
	ck_assert_int_eq(
		parse("find imsi-001010000000001 --by age --in 001001 --from 0 --serial 0A:0b",
			&cli, said, sizeof(said)),
		CLI_DONE);
	ck_assert_int_eq(parse("drop", &cli, said, sizeof(said)), CLI_DONE);
	ck_assert_int_eq(parse("drop nai-00112233445566778899aabbccddeeff@5gc.mnc001.mcc001."
			       "3gppnetwork.org",
				 &cli, said, sizeof(said)),
		CLI_DONE);
}
END_TEST

static const struct {
	const char *line, *says;
} misuses[] = {
	{ "trust", "'trust' needs a verb" },
	{ "trust grow", "no command 'trust grow'" },
	{ "tru", "no command 'tru'" },
	{ "--json", "a command is missing" },
	{ "trust add --use se", "FILE is missing" },
	{ "trust add x.pem", "--use USE is missing" },
	{ "trust add x.pem --use", "--use needs USE" },
	{ "trust add x.pem y.pem --use se", "one argument too many" },
	{ "trust add x.pem --use se --use se", "--use is given twice" },
	{ "trust list --all=yes", "--all takes no value" },
	{ "trust list --al", "no option --al" },
	{ "status --use se", "no option --use" },
	{ "status more", "one argument too many" },
	{ "find x", "'x' is no SUPI" },
	{ "drop imsi-00101000000001", "is no [SUPI]" },
	{ "drop nai-00112233445566778899aabbccddeeff", "is no [SUPI]" },
	{ "find imsi-001010000000001 --by", "--by needs name|age" },
	{ "find imsi-001010000000001 --by=", "--by takes name|age, not ''" },
	{ "find imsi-001010000000001 --by nam", "--by takes name|age, not 'nam'" },
	{ "find imsi-001010000000001 --by names", "--by takes name|age, not 'names'" },
	{ "find imsi-001010000000001 --by name|age", "--by takes name|age, not 'name|age'" },
	{ "find imsi-001010000000001 --in 0010", "--in takes PLMN, not '0010'" },
	{ "find imsi-001010000000001 --from 12345678901", "--from takes MSIN" },
	{ "find imsi-001010000000001 --serial zz", "--serial takes HEX, not 'zz'" },
};

START_TEST(misuse_is_named)
{
	struct cli cli;
	char said[4096];

	ck_assert_int_eq(parse(misuses[_i].line, &cli, said, sizeof(said)), CLI_MISUSED);
	ck_assert_msg(strstr(said, misuses[_i].says) != NULL, "%s: %s", misuses[_i].line, said);
}
END_TEST

static const struct {
	const char *line, *has, *has_not;
} helps[] = {
	{ "--help", "trust list", NULL },
	{ "--help", "--version", NULL },
	{ "trust --help", "trust add --use USE FILE", "status" },
	{ "trust add --help", "Usage: arpfctl trust add --use USE FILE", "lists" },
	{ "trust list --help", "[--all]", NULL },
	{ "status --help", "--socket PATH", NULL },
	{ "--version", "arpfctl ", NULL },
};

START_TEST(help_is_on_every_level)
{
	struct cli cli;
	char said[8192];

	ck_assert_int_eq(parse(helps[_i].line, &cli, said, sizeof(said)), CLI_DONE);
	ck_assert_ptr_null(cli.command);
	ck_assert_msg(strstr(said, helps[_i].has) != NULL, "%s: %s", helps[_i].line, said);
	if (helps[_i].has_not != NULL)
		ck_assert_msg(strstr(said, helps[_i].has_not) == NULL, "%s", said);
}
END_TEST

START_TEST(a_table_is_as_wide_as_its_cells)
{
	static const char *const headings[] = { "A", "LONG", NULL };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct table t = table_start(headings);

	table_add(&t, "one");
	table_add(&t, "\x1b[2J\xc2\x9b"
		      "1m\x7f");
	table_add(&t, "\xc3\xa4");
	table_add(&t, NULL);
	ck_assert(table_print(&t, out));
	table_add(&t, "later");
	table_add(&t, "x");
	ck_assert(table_print(&t, out));
	table_free(&t);
	fclose(out);
	ck_assert_str_eq(text, "A    LONG\n"
			       "one  ?[2J?1m?\n"
			       "\xc3\xa4    \n"
			       "later  x\n");
	free(text);
}
END_TEST

static const struct {
	const char *text, *serial;
} serials[] = {
	{ "0x01", "01" },
	{ "1", "01" },
	{ "0", "00" },
	{ "00:00", "00" },
	{ "0XABC", "0abc" },
	{ "00:DE:ad:BE:ef", "deadbeef" },
	{ "000000000000000000000000000000000000000000000001", "01" },
	{ "ffffffffffffffffffffffffffffffffffffffff", "ffffffffffffffffffffffffffffffffffffffff" },
	{ "1ffffffffffffffffffffffffffffffffffffffff", NULL },
	{ "", NULL },
	{ "0x", NULL },
	{ ":01", NULL },
	{ "01:", NULL },
	{ "01::02", NULL },
	{ "-1", NULL },
	{ "12 34", NULL },
	{ "zz", NULL },
};

START_TEST(serials_are_read_as_people_copy_them)
{
	char out[SERIAL_TEXT_SIZE];
	bool is_one = serial_normalise(serials[_i].text, out);

	ck_assert_msg(is_one == (serials[_i].serial != NULL), "%s", serials[_i].text);
	if (is_one)
		ck_assert_str_eq(out, serials[_i].serial);
}
END_TEST

START_TEST(json_is_shown_by_lines_and_tables)
{
	static const char in[] =
		"{\"seId\":\"a\\u001bb\",\"server\":{\"isReady\":true,\"none\":null,\"workers\":"
		"[{\"pid\":1,\"ready\":false},{\"pid\":22}]},\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}"
		"}}";
	json_t *value = json_loads(in, 0, NULL);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	show_json(value, out);
	fclose(out);
	json_decref(value);
	ck_assert_str_eq(text, "se id                   a?b\n"
			       "server\n"
			       "  is ready              yes\n"
			       "  none                  -\n"
			       "  workers\n"
			       "    pid  ready\n"
			       "    1    no\n"
			       "    22   \n"
			       "a\n"
			       "  b\n"
			       "    c\n"
			       "      d                 {\"e\":1}\n");
	free(text);
}
END_TEST

START_TEST(a_word_in_a_path_stays_one_word)
{
	char path[32];

	ck_assert(remote_path("/a", "imsi-1", path, sizeof(path)));
	ck_assert_str_eq(path, "/a/imsi-1");
	ck_assert(remote_path("/a", "../b?c", path, sizeof(path)));
	ck_assert_str_eq(path, "/a/..%2Fb%3Fc");
	ck_assert(
		!remote_path("/a", "0123456789012345678901234567890123456789", path, sizeof(path)));
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("admin_cli");
	TCase *tests = tcase_create("admin_cli");

	tcase_add_test(tests, a_whole_command_line_is_read);
	tcase_add_loop_test(tests, misuse_is_named, 0, COUNT(misuses));
	tcase_add_loop_test(tests, help_is_on_every_level, 0, COUNT(helps));
	tcase_add_test(tests, a_table_is_as_wide_as_its_cells);
	tcase_add_loop_test(tests, serials_are_read_as_people_copy_them, 0, COUNT(serials));
	tcase_add_test(tests, json_is_shown_by_lines_and_tables);
	tcase_add_test(tests, a_word_in_a_path_stays_one_word);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

/* What is made of arpfctl's table: arguments that may be left out, completion as bash does it, the manual. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin-cli/from_table.h"
#include "tests/unit/suite.h"

static enum cli_end do_nothing(struct cli *cli)
{
	(void)cli;
	return CLI_DONE;
}

static const struct cli_command commands[] = {
	{ "status", NULL, {}, {}, "how it is", do_nothing },
	{ "trust", "add", { "FILE" },
		{ { "use", "se|device", true, "what for" }, { "note", "TEXT", false, "a note" },
			{ "quiet", NULL, false, "says nothing" } },
		"adds", do_nothing },
	{ "trust", "list", {}, {}, "lists", do_nothing },
	{ "show", NULL, { "[FILE]", "[OTHER]" }, { { "all", NULL, false, "everything" } },
		".dots, 'quotes', back\\slash \"and\" dashes-- …", do_nothing },
	{},
};

#define WORDS_MAX 8

static enum cli_end parse(const char *line, struct cli *cli)
{
	static char text[256];
	char *words[WORDS_MAX], *place = NULL;
	int count = 0;

	memset(cli, 0, sizeof(*cli));
	snprintf(text, sizeof(text), "%s", line);
	for (char *w = strtok_r(text, " ", &place); w != NULL && count < WORDS_MAX;
		w = strtok_r(NULL, " ", &place))
		words[count++] = w;
	return cli_parse(cli, commands, count, words);
}

START_TEST(an_argument_in_brackets_may_be_left_out)
{
	struct cli cli;

	ck_assert_int_eq(parse("show", &cli), CLI_DONE);
	ck_assert_ptr_null(cli.arguments[0]);
	ck_assert_int_eq(parse("show a", &cli), CLI_DONE);
	ck_assert_str_eq(cli.arguments[0], "a");
	ck_assert_ptr_null(cli.arguments[1]);
	ck_assert_int_eq(parse("show a --all b", &cli), CLI_DONE);
	ck_assert_str_eq(cli.arguments[1], "b");
	ck_assert_int_eq(parse("show a b c", &cli), CLI_MISUSED);
	ck_assert_int_eq(parse("trust add --use se", &cli), CLI_MISUSED);
}
END_TEST

/* What a program says on stdout, given what it reads on stdin; its exit status. */
static int run(const char *const *words, FILE *in, char *said, size_t size)
{
	FILE *out = tmpfile();
	int status;
	pid_t pid;

	rewind(in);
	lseek(fileno(in), 0, SEEK_SET);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(fileno(in), STDIN_FILENO);
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(out), STDERR_FILENO);
		execvp(words[0], (char *const *)words);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	rewind(out);
	said[fread(said, 1, size - 1, out)] = '\0';
	fclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The words so far, the last of which is being typed, in the quotes of bash. */
static void check_completion(const char *words, const char *expected)
{
	static const char *const bash[] = { "bash", "--norc", "-s", NULL };
	FILE *script = tmpfile();
	char said[1000];

	completion_write_bash(script, commands);
	fprintf(script,
		"COMP_WORDS=(%s)\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_arpfctl\n"
		"echo \"${COMPREPLY[*]}\"\n",
		words);
	fflush(script);
	ck_assert_int_eq(run(bash, script, said, sizeof(said)), 0);
	fclose(script);
	said[strcspn(said, "\n")] = '\0';
	ck_assert_msg(strcmp(said, expected) == 0, "%s: '%s', not '%s'", words, said, expected);
}

START_TEST(bash_completes_by_the_table)
{
	check_completion("arpfctl ''", "status trust show");
	check_completion("arpfctl s", "status show");
	check_completion("arpfctl trust ''", "add list");
	check_completion("arpfctl trust a", "add");
	check_completion("arpfctl --socket trust trust l", "list");
	check_completion("arpfctl --socket = trust trust l", "list");
	check_completion("arpfctl --json trust l", "list");
	check_completion("arpfctl trust add --u", "--use --url");
	check_completion("arpfctl trust add --use ''", "se device");
	check_completion("arpfctl trust add --use = d", "device");
	check_completion("arpfctl trust add --use =", "se device");
	check_completion("arpfctl trust add --note ''", "");
	check_completion("arpfctl trust list --u", "--url");
	check_completion("arpfctl trust list s", "");
	check_completion("arpfctl status --js", "--json");
	check_completion("arpfctl show --a", "--all");
	check_completion("arpfctl nothing ''", "");
}
END_TEST

START_TEST(bash_completes_files)
{
	char folder[] = "/tmp/arpf-table.XXXXXX", words[200], expected[100], path[100];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/one file", folder);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	snprintf(expected, sizeof(expected), "%s", path);
	snprintf(words, sizeof(words), "arpfctl trust add --use se %s/o", folder);
	check_completion(words, expected);
	snprintf(words, sizeof(words), "arpfctl show %s/o", folder);
	check_completion(words, expected);
	snprintf(words, sizeof(words), "arpfctl status --config = %s/o", folder);
	check_completion(words, expected);
	snprintf(words, sizeof(words), "arpfctl trust list %s/o", folder);
	check_completion(words, "");
	unlink(path);
	rmdir(folder);
}
END_TEST

/* Rendered; groff complains of nothing. */
static void render(const char *noun, char *said, size_t size)
{
	static const char *const groff[] = { "groff", "-man", "-ww", "-Tutf8", "-P-c", "-P-b",
		"-P-u", "-P-o", "-rLL=100n", NULL };
	FILE *page = tmpfile();

	ck_assert(manual_write(page, commands, noun));
	fflush(page);
	int status = run(groff, page, said, size);
	fclose(page);
	if (status == 127)
		snprintf(said, size, "none");
	else
		ck_assert_int_eq(status, 0);
}

START_TEST(the_manual_is_made_of_the_table)
{
	static const char *const whole[] = { "NAME\n", "arpfctl status\n",
		"arpfctl trust add --use", "--use se|device", "arpfctl show [--all] [FILE] [OTHER]",
		"--certificate-file FILE", ".dots, 'quotes', back\\slash \"and\" dashes-- …",
		"EXIT STATUS" };
	char said[20000];
	FILE *none = tmpfile();

	render(NULL, said, sizeof(said));
	if (strcmp(said, "none") == 0)
		return; /* there is no groff; the source is looked at below */
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		ck_assert_msg(strstr(said, whole[i]) != NULL, "%s is not in\n%s", whole[i], said);
	ck_assert_ptr_null(strstr(said, "warning:"));
	render("trust", said, sizeof(said));
	ck_assert_ptr_nonnull(strstr(said, "ARPFCTL-TRUST(1)"));
	ck_assert_ptr_nonnull(strstr(said, "arpfctl trust list"));
	ck_assert_ptr_null(strstr(said, "arpfctl status"));
	ck_assert(!manual_write(none, commands, "nothing"));
	ck_assert_int_eq(ftell(none), 0);
	fclose(none);
}
END_TEST

START_TEST(no_text_is_read_as_roff)
{
	char *page = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&page, &size);

	ck_assert(manual_write(out, commands, "show"));
	fclose(out);
	ck_assert_ptr_nonnull(strstr(page, "\n\\&.dots, 'quotes', back\\eslash \\(dqand\\(dq "
					   "dashes\\-\\- \\[u2026].\n"));
	free(page);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_argument_in_brackets_may_be_left_out,
		bash_completes_by_the_table,
		bash_completes_files,
		the_manual_is_made_of_the_table,
		no_text_is_read_as_roff,
	};

	return suite_run("admin_cli_table", tests, sizeof(tests) / sizeof(tests[0]));
}

/* A file that is kept at what was last told, and what becomes of it where it cannot be written. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_keeper.h"
#include "tests/unit/suite.h"

#define PATIENCE_MS 60000

static char folder[] = "/tmp/arpf-keeper.XXXXXX";
static char path[64], deeper[64], inside[96];

static bool holds(const char *at, const char *text)
{
	char found[64] = { 0 };
	int fd = open(at, O_RDONLY);

	if (fd < 0)
		return false;
	ssize_t n = read(fd, found, sizeof(found) - 1);

	close(fd);
	return n >= 0 && strcmp(found, text) == 0;
}

static bool comes_to_hold(const char *at, const char *text)
{
	int64_t end = clock_ms() + PATIENCE_MS;

	while (!holds(at, text) && clock_ms() < end)
		usleep(5000);
	return holds(at, text);
}

START_TEST(test_the_last_text_is_kept)
{
	struct file_keeper *k = file_keeper_new(path);
	struct stat found;

	ck_assert_ptr_nonnull(k);
	file_keeper_put(k, "one", 3);
	ck_assert(comes_to_hold(path, "one"));
	for (int i = 0; i < 200; i++)
		file_keeper_put(k, "between", 7);
	file_keeper_put(k, "last", 4);
	ck_assert(comes_to_hold(path, "last"));
	ck_assert_int_eq(stat(path, &found), 0);
	ck_assert_uint_eq(found.st_mode & 0777, 0644);
	ck_assert(!file_keeper_fails(k));
	file_keeper_put(k, "at its end", 10);
	file_keeper_free(k);
	ck_assert(holds(path, "at its end"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing lies beside it */
	ck_assert_int_eq(mkdir(folder, 0700), 0);
}
END_TEST

START_TEST(test_what_cannot_be_written_is_tried_again)
{
	struct file_keeper *k = file_keeper_new(inside);
	int64_t end = clock_ms() + PATIENCE_MS;

	ck_assert_ptr_nonnull(k);
	file_keeper_put(k, "one", 3);
	while (!file_keeper_fails(k) && clock_ms() < end)
		usleep(5000);
	ck_assert(file_keeper_fails(k));
	ck_assert_int_eq(mkdir(deeper, 0700), 0);
	ck_assert(comes_to_hold(inside, "one")); /* without being told again */
	while (file_keeper_fails(k) && clock_ms() < end)
		usleep(5000);
	ck_assert(!file_keeper_fails(k));
	file_keeper_free(k);
	unlink(inside);
	rmdir(deeper);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_the_last_text_is_kept,
		test_what_cannot_be_written_is_tried_again,
	};

	if (mkdtemp(folder) == NULL)
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(deeper, sizeof(deeper), "%s/deeper", folder);
	snprintf(inside, sizeof(inside), "%s/file", deeper);
	int status = suite_run("base/file_keeper", tests, sizeof(tests) / sizeof(tests[0]));

	rmdir(folder);
	return status;
}

#include "tests/unit/import_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/secret.h"

char import_path[IMPORT_PATH_MAX];
char import_said[65536];
struct import_counts import_counts;

void import_world_start(void)
{
	snprintf(import_path, sizeof(import_path), "/tmp/arpf-import-XXXXXX");
	int fd = mkstemp(import_path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(secret_start());
}

void import_world_end(void)
{
	unlink(import_path);
}

void import_world_write_file(const char *text)
{
	FILE *f = fopen(import_path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

void import_world_write_subscribers(int count)
{
	FILE *f = fopen(import_path, "w");

	ck_assert_ptr_nonnull(f);
	fputs("supi,k,opc\n", f);
	for (int i = 0; i < count; i++)
		fprintf(f, "imsi-%015llu," K "," OPC "\n",
			(unsigned long long)FIRST_IMSI + (unsigned)i);
	ck_assert_int_eq(fclose(f), 0);
}

enum cli_end import_world_run(bool restart)
{
	struct cli cli = { .settings = { .keyd_path = (char[]){ "/keyd" }, .home = { 101, 5 } } };
	struct import_settings settings = { .path = import_path, .restart = restart };
	FILE *file = tmpfile();
	int err = dup(STDERR_FILENO);

	ck_assert_ptr_nonnull(file);
	dup2(fileno(file), STDERR_FILENO);
	enum cli_end end = import_run(&cli, &settings, &import_counts);
	fflush(stderr);
	dup2(err, STDERR_FILENO);
	close(err);
	rewind(file);
	import_said[fread(import_said, 1, sizeof(import_said) - 1, file)] = '\0';
	fclose(file);
	return end;
}

void assert_counts(int64_t added, int64_t already_there, int64_t refused)
{
	ck_assert_int_eq(import_counts.added, added);
	ck_assert_int_eq(import_counts.already_there, already_there);
	ck_assert_int_eq(import_counts.refused, refused);
}

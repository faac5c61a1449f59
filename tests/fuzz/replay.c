/*
 * Replays a harness's corpus without libFuzzer: each file whole, cut at every length, and with each byte
 * changed. A harness that finds something aborts, and its input's name is on stderr by then.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (64u * 1024u)
/* Longer inputs are cut and changed in steps, so that a file costs about so many runs. */
#define RUNS_MOST 2000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of its exact size, where a sanitizer sees a read behind the end. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void replay(uint8_t *data, size_t size)
{
	size_t step = size / RUNS_MOST + 1;

	run(data, size);
	for (size_t cut = 0; cut < size; cut += step)
		run(data, cut);
	for (size_t at = 0; at < size; at += step) {
		uint8_t kept = data[at];

		data[at] = (uint8_t)(kept ^ 1u << at % 8);
		run(data, size);
		data[at] = kept;
	}
}

static int replay_file(const char *folder, const char *name)
{
	static uint8_t data[INPUT_MAX];
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return 0;
	size_t size = fread(data, 1, sizeof(data), f);

	fclose(f);
	fprintf(stderr, "%s\n", path);
	replay(data, size);
	return 1;
}

int main(int argc, char **argv)
{
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	int files = 0;

	if (folder == NULL) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder))
		if (e->d_name[0] != '.')
			files += replay_file(argv[1], e->d_name);
	closedir(folder);
	printf("%d passed, %d failed\n", files, files == 0 ? 1 : 0);
	return files == 0 ? 1 : 0;
}

#include "tests/unit/vectors.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_LIMIT (1u << 20)

static json_t *load(const char *path)
{
	json_error_t error;
	json_t *file = json_load_file(path, 0, &error);

	ck_assert_msg(file != NULL, "%s: %s (tests run in the top folder)", path, error.text);
	return file;
}

static size_t run_all(const json_t *group, const json_t *vectors, vector_test *run)
{
	size_t i;
	json_t *vector;

	json_array_foreach(vectors, i, vector)
	{
		struct arena *a = arena_new(ARENA_LIMIT);

		ck_assert_ptr_nonnull(a);
		run(a, group, vector);
		arena_free(a);
	}
	return json_array_size(vectors);
}

size_t vectors_run(const char *name, vector_test *run)
{
	char path[256];

	snprintf(path, sizeof(path), "tests/vectors/%s", name);
	json_t *file = load(path);
	size_t count = run_all(NULL, json_object_get(file, "vectors"), run);

	json_decref(file);
	ck_assert_msg(count > 0, "%s holds no vectors", path);
	return count;
}

size_t wycheproof_run(const char *name, vector_test *run)
{
	const char *folder = getenv("VECTORS_DIR");
	char path[4096];
	size_t count = 0;
	size_t i;
	json_t *group;

	if (folder == NULL || folder[0] == '\0') {
		fprintf(stderr, "skip: %s: VECTORS_DIR is not set\n", name);
		return 0;
	}
	snprintf(path, sizeof(path), "%s/wycheproof/%s", folder, name);
	json_t *file = load(path);

	json_array_foreach(json_object_get(file, "testGroups"), i, group) count +=
		run_all(group, json_object_get(group, "tests"), run);
	ck_assert_uint_eq(
		count, (size_t)json_integer_value(json_object_get(file, "numberOfTests")));
	json_decref(file);
	return count;
}

bool vector_has(const json_t *vector, const char *member)
{
	return json_is_string(json_object_get(vector, member));
}

const char *vector_text(const json_t *vector, const char *member)
{
	const char *text = json_string_value(json_object_get(vector, member));

	return text != NULL ? text : "";
}

struct bytes vector_hex(struct arena *a, const char *hex)
{
	size_t len = strlen(hex) / 2;
	uint8_t *at = arena_alloc(a, len);

	ck_assert_ptr_nonnull(at);
	ck_assert_msg(hex_read(hex, strlen(hex), at, len), "not hex: %s", hex);
	return bytes_of(at, len);
}

struct bytes vector_bytes(struct arena *a, const json_t *vector, const char *member)
{
	return vector_hex(a, vector_text(vector, member));
}

void vector_check(const json_t *vector, bool ok, const char *what)
{
	ck_assert_msg(ok, "%s%lld: %s", vector_text(vector, "id"),
		(long long)json_integer_value(json_object_get(vector, "tcId")), what);
}

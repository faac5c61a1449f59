/*
 * Published test vectors in JSON: the project's own copies of them in tests/vectors/, and Project
 * Wycheproof's files, which are too large to carry, from $VECTORS_DIR/wycheproof/.
 */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

#include <jansson.h>

#include "base/arena.h"
#include "base/bytes.h"

/* Checks one vector with ck_assert; group is NULL in the project's own files. */
typedef void vector_test(struct arena *a, const json_t *group, const json_t *vector);

/* Both answer how many vectors were run; the test fails where the file cannot be read. */
size_t vectors_run(const char *name, vector_test *run);
/* 0 where VECTORS_DIR is not set; says so on stderr. */
size_t wycheproof_run(const char *name, vector_test *run);

bool vector_has(const json_t *vector, const char *member);
/* Empty where there is no such member. */
const char *vector_text(const json_t *vector, const char *member);
/* A member's hex digits as bytes in the arena; empty where there is no such member. */
struct bytes vector_bytes(struct arena *a, const json_t *vector, const char *member);
struct bytes vector_hex(struct arena *a, const char *hex);
/* Fails the test, naming the vector, where ok is false. */
void vector_check(const json_t *vector, bool ok, const char *what);

#endif

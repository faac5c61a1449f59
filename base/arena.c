#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define FIRST_CHUNK 4096u
#define ALIGNMENT   16u

struct chunk {
	struct chunk *next;
	size_t used;
	size_t cap;
	alignas(ALIGNMENT) unsigned char at[];
};

struct cleanup {
	struct cleanup *next;
	void (*clean)(void *);
	void *object;
};

struct arena {
	struct chunk *chunks; /* newest first; the arena itself lies in the oldest */
	struct cleanup *cleanups;
	size_t left;
	bool is_confidential;
};

static struct chunk *new_chunk(size_t cap)
{
	struct chunk *c = malloc(sizeof(*c) + cap);

	if (c == NULL)
		return NULL;
	c->next = NULL;
	c->used = 0;
	c->cap = cap;
	return c;
}

static void *cut(struct chunk *c, size_t len)
{
	void *at = c->at + c->used;

	c->used += len;
	memset(at, 0, len);
	return at;
}

static size_t aligned(size_t len)
{
	return (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

struct arena *arena_new(size_t limit)
{
	struct chunk *first = new_chunk(FIRST_CHUNK - sizeof(struct chunk));

	if (first == NULL)
		return NULL;
	struct arena *a = cut(first, aligned(sizeof(*a)));

	a->chunks = first;
	a->left = limit > first->cap ? limit - first->cap : 0;
	return a;
}

void arena_make_confidential(struct arena *a)
{
	a->is_confidential = true;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	for (struct cleanup *c = a->cleanups; c != NULL; c = c->next)
		c->clean(c->object);
	struct chunk *c = a->chunks;
	bool is_confidential = a->is_confidential; /* the arena lies in one of its chunks */

	while (c != NULL) {
		struct chunk *next = c->next;

		if (is_confidential)
			wipe(c->at, c->used);
		free(c);
		c = next;
	}
}

void *arena_alloc(struct arena *a, size_t len)
{
	if (len > SIZE_MAX / 2)
		return NULL;
	len = aligned(len > 0 ? len : 1);
	if (len <= a->chunks->cap - a->chunks->used)
		return cut(a->chunks, len);
	size_t cap = len > FIRST_CHUNK ? len : FIRST_CHUNK;

	if (cap > a->left)
		return NULL;
	struct chunk *c = new_chunk(cap);

	if (c == NULL)
		return NULL;
	a->left -= cap;
	c->next = a->chunks;
	a->chunks = c;
	return cut(c, len);
}

char *arena_copy(struct arena *a, const void *at, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_alloc(a, len + 1) : NULL;

	if (copy != NULL && len > 0)
		memcpy(copy, at, len);
	return copy;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = len >= 0 ? arena_alloc(a, (size_t)len + 1) : NULL;

	if (text == NULL)
		return NULL;
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

int arena_on_free(struct arena *a, void (*clean)(void *), void *object)
{
	struct cleanup *c = arena_alloc(a, sizeof(*c));

	if (c == NULL)
		return 0;
	*c = (struct cleanup){ a->cleanups, clean, object };
	a->cleanups = c;
	return 1;
}

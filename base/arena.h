/*
 * The memory of one transaction: pieces are cut from chunks and all are freed together, newest
 * clean-up first. It is zeroed when handed out and never returns less than asked. Not for secrets that
 * stay; what has to pass through on its way is wiped at the end where the arena is confidential.
 *
 * Used by one thread at a time: whoever owns the transaction at that moment.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

/* NULL where there is no memory. limit bounds what the arena may hold in all, in bytes. */
struct arena *arena_new(size_t limit);
/* Runs the clean-ups, newest first, then frees everything. NULL is allowed. */
void arena_free(struct arena *a);

/* From now on: all that was handed out is wiped before it is freed. */
void arena_make_confidential(struct arena *a);

/* Zeroed, aligned for any object; NULL where memory or the limit is at its end. */
void *arena_alloc(struct arena *a, size_t len);
/* A copy with a NUL behind it. */
char *arena_copy(struct arena *a, const void *at, size_t len);
/* printf into the arena; NULL where there is no memory. */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Registers clean(object) for what is not memory; 0 where there is no memory (clean is not called). */
int arena_on_free(struct arena *a, void (*clean)(void *), void *object);

#endif

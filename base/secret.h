/*
 * Bytes that must not be seen: keys, shared secrets, PINs.
 *
 * They live in OpenSSL's secure heap (locked, kept out of core dumps, between guard pages) and are
 * wiped when freed. There is no function that formats or logs one. secret_start() is called once a
 * process, before the first secret_new(). Allocation may be done on any thread; one secret belongs
 * to one thread at a time.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct secret {
	size_t len;
	uint8_t at[];
};

/* Makes the secure heap and turns core dumps of this process off. false: no memory to lock. */
bool secret_start(void);
/* Zeroed; NULL where the secure heap is full. */
struct secret *secret_new(size_t len);
/* Wipes, then frees; NULL is allowed. */
void secret_free(struct secret *s);
/* A file's whole content less one trailing newline, at most max bytes; NULL with errno set. */
struct secret *secret_read_file(const char *path, size_t max);

/* Wipes what lies outside a struct secret: stack copies, message buffers. */
void wipe(void *at, size_t len);
/* Compares in time that depends on len alone. */
bool equal_in_constant_time(const void *a, const void *b, size_t len);

static inline struct bytes secret_bytes(const struct secret *s)
{
	return bytes_of(s->at, s->len);
}

#endif

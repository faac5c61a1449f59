/*
 * Keeps one small file at what it was last told, from a thread of its own: for what is written now and then by
 * a loop, which must not wait for a disk. A file is there whole, the old or the new one: it is written
 * beside its place, synced, and renamed, and then its folder is synced. What cannot be written is logged, once
 * until it can again, and tried again every few seconds. Of several texts that come while one is being
 * written the last counts.
 */
#ifndef BASE_FILE_KEEPER_H
#define BASE_FILE_KEEPER_H

#include <stdbool.h>
#include <stddef.h>

#define FILE_KEEPER_MOST 4096

struct file_keeper;

/* path is copied. NULL: no memory, or no thread. */
struct file_keeper *file_keeper_new(const char *path);
/* Writes what is left, tries that once. NULL is allowed. */
void file_keeper_free(struct file_keeper *k);
/* At most FILE_KEEPER_MOST bytes, copied. Any thread; never waits for the disk. */
void file_keeper_put(struct file_keeper *k, const char *text, size_t len);
/* Whether the last try failed. Any thread. */
bool file_keeper_fails(const struct file_keeper *k);

#endif

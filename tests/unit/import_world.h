/* A file of subscribers and its import, as arpfctl does it, with what it says caught. */
#ifndef TESTS_UNIT_IMPORT_WORLD_H
#define TESTS_UNIT_IMPORT_WORLD_H

#include <check.h>

#include "admin-cli/import.h"

#define K               "465b5ce8b199b49faa5f0a2ee238a6bc"
#define OPC             "cd63cb71954a9f4e48a5994e37a02baf"
#define FIRST_IMSI      UINT64_C(1010000000000)
#define IMPORT_PATH_MAX 64

extern char import_path[IMPORT_PATH_MAX];
extern char import_said[65536]; /* on stderr, by the last run */
extern struct import_counts import_counts;

void import_world_start(void);
void import_world_end(void);
void import_world_write_file(const char *text);
/* So many, from FIRST_IMSI on. */
void import_world_write_subscribers(int count);
enum cli_end import_world_run(bool restart);
void assert_counts(int64_t added, int64_t already_there, int64_t refused);

#endif

/* A sealer over the trail in memory (audit_world.h), one look after the other. */
#ifndef TESTS_UNIT_SEALER_CASE_H
#define TESTS_UNIT_SEALER_CASE_H

#include "procedures/audit_root_file.h"
#include "procedures/audit_rows.h"
#include "procedures/audit_sealer.h"
#include "tests/unit/audit_world.h"
#include "tests/unit/fake_lanes.h"

#define W (&audit_world)

extern struct audit_sealer_state sealer_state;
extern char sealer_root_file[64]; /* in a folder of the test's own */

/* Around all tests of a program. */
bool sealer_case_open_folder(void);
void sealer_case_remove_folder(void);

void sealer_start(const char *root_file);
void sealer_end(void);
/* One look with all that it leads to. */
void sealer_look(void);
/* Three looks' time, in which there may be none. */
void sealer_wait_for_no_look(void);
/* A trail of three trees. */
void sealer_make_three(void);
/* The trail is broken, and so stays: some looks and a new event, and no tree is added. */
void sealer_assert_holds(void);
/* It is not any more: what has come since is sealed. */
void sealer_assert_goes_on(void);

#endif

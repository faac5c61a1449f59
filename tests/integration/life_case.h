/* What the test programs on the life of credentials have in common. Over db_case.h. */
#ifndef TESTS_INTEGRATION_LIFE_CASE_H
#define TESTS_INTEGRATION_LIFE_CASE_H

#include "procedures/credential_life.h"
#include "tests/integration/db_case.h"

#define LIFE_REST 1000 /* of an IMSI that is deleted */

/* A subscription of one version with "key 1", ACTIVE where `set` (the assignments of an UPDATE) is NULL. */
void life_add(int64_t imsi, const char *set);
struct db_change_in life_change_of(int64_t imsi, enum credential_operation operation);
enum outcome life_change(
	int64_t imsi, enum credential_operation operation, struct db_changed *changed);
enum outcome life_rekey(
	int64_t imsi, const char *sealed, int64_t overlap_s, struct db_changed *changed);
/* As of now; -1 where there is no such version. */
int32_t life_state_of(int64_t imsi, int version);
/* What section 5 would serve it with. */
struct db_credential life_serving(int64_t imsi);
struct db_noted life_note(void);

#endif

/* What the test programs on jobs have in common: one job, its file and its pages. Over db_case.h. */
#ifndef TESTS_INTEGRATION_JOB_CASE_H
#define TESTS_INTEGRATION_JOB_CASE_H

#include "procedures/credential_life.h"
#include "tests/integration/db_case.h"

#define JOB_FEW 10

extern const struct db_job_key job_key;
extern const struct db_selection job_everybody;

/* So many subscriptions from imsi on, ACTIVE and created at the second of their number; then the SQL of `more`. */
void job_add(int64_t imsi, int count, const char *more);
/* Of a file where selection is NULL. */
struct db_job job_put(enum credential_operation operation, const struct db_selection *selection);
/* Pairs of place and IMSI. */
enum outcome job_give(const int64_t (*items)[2], size_t count, struct db_job_items_added *added);
/* The lines of a file of so many subscriptions from imsi on. */
void job_give_lines(int64_t imsi, size_t count);
/* DB_START_JOB, DB_CANCEL_JOB, DB_FIND_JOB. */
enum outcome job_move(enum db_statement statement, struct db_job *job);
struct db_job job_look(void);
struct db_work_in job_work_of(enum credential_operation operation, int64_t limit);
struct db_worked job_work(enum credential_operation operation, int64_t limit);
/* How many pages it took. */
unsigned job_work_to_the_end(enum credential_operation operation, int64_t limit);
int job_list_refusals(struct db_job_item rows[JOB_FEW]);
/* How many credentials are in it. */
long long job_in_state(int state);

#endif

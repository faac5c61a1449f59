/* An operation on many subscriptions, as /admin/v1/jobs shows it (docs/protocol.md section 11). */
#ifndef PROCEDURES_JOB_H
#define PROCEDURES_JOB_H

#include "procedures/credential_life.h"
#include "procedures/procedure.h"

const char *job_state_name(enum job_state state);
/* The path's job id, its first parameter. For LOOP and CPU. */
enum outcome job_read_id(struct txn *t, uint8_t id[16]);
enum outcome job_refuse_unknown(struct txn *t);
/* The members of a job. */
void job_write(struct json_out *o, const struct db_job *job);
/* For REPLY: the job as an object. */
enum outcome job_answer(struct txn *t, int status, const struct db_job *job);

#endif

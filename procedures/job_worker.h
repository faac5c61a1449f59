/*
 * Works at the jobs of /admin/v1/jobs, in the background, a page at a time: one statement and one commit a
 * page, so that a server that dies loses nothing and repeats nothing. Any server works at any job: one reactor
 * of a process is enough. One loop.
 */
#ifndef PROCEDURES_JOB_WORKER_H
#define PROCEDURES_JOB_WORKER_H

#include <ev.h>

#include "procedures/services.h"

struct job_worker;

/* Looks for work every so many seconds, and at once again while there is some. NULL: no memory. */
struct job_worker *job_worker_new(struct ev_loop *loop, struct services *services, double every_s);
/* The database and the keys must have been freed before: nothing is under way then. NULL is allowed. */
void job_worker_free(struct job_worker *w);

#endif

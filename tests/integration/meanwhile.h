/* What another server does meanwhile and has not committed yet when somebody comes to wait for it. */
#ifndef TESTS_INTEGRATION_MEANWHILE_H
#define TESTS_INTEGRATION_MEANWHILE_H

#include <libpq-fe.h>
#include <pthread.h>

#include "tests/integration/postgres_world.h"

struct meanwhile {
	PGconn *connection;
	pthread_t thread;
	bool was_waited_for, is_done;
};

/* It is done when this returns, and will be committed once a transaction waits for a lock. */
void meanwhile_begin(struct meanwhile *m, struct postgres_world *postgres, const char *sql);
/* It has been waited for, and committed. */
void meanwhile_end(struct meanwhile *m);

#endif

/* What most of the lane's test programs have: one PostgreSQL, cleared before each test, and a lane of three. */
#ifndef TESTS_INTEGRATION_DB_CASE_H
#define TESTS_INTEGRATION_DB_CASE_H

#include "tests/integration/db_world.h"

extern struct postgres_world *postgres;
extern struct db_world w;

/* A suite's open and close. */
void open_world(void);
void close_world(void);
/* The one number that a query answers; a statement that must succeed. */
long long number(const char *sql);
void run(const char *sql);

#endif

/* What the files of the floors share: a clock of this process's CPU time, and how a result is told. */
#ifndef TESTS_BENCH_FLOORS_H
#define TESTS_BENCH_FLOORS_H

#include <stdbool.h>

double cpu_us(void);
/* Ends the program where `good` is false. */
void must(bool good, const char *what);
/* "name microseconds" on stdout. */
void say(const char *name, double us);

/* The module's own speed at what the procedures cannot do without: floors_token.c. */
void measure_token(void);
/* One HTTP exchange, the server's thread alone: floors_http.c. */
void measure_http(void);

#endif

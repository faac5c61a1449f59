/* A loop that runs for a moment, whatever happens. */
#ifndef TESTS_UNIT_MOMENT_H
#define TESTS_UNIT_MOMENT_H

#include <ev.h>

void moment_run(struct ev_loop *loop, double seconds);

#endif

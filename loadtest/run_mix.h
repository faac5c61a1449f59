/*
 * arpfload run --mix: several procedures at once, each with a fleet of its own in a folder of its name, all by
 * one loop and one set of connections. Each has its own figures, as if it ran alone. Internal to loadtest/.
 */
#ifndef LOADTEST_RUN_MIX_H
#define LOADTEST_RUN_MIX_H

#include "loadtest/mix.h"
#include "loadtest/run.h"

struct run_mix {
	const struct run_options *options;
	struct mix mix;
	struct run *runs[MIX_MOST]; /* NULL: not opened */
	struct server server;
	struct progress progress;
	uint64_t ended;
	struct drive_result total;
};

/* Answers what main() does. */
int run_mixed(const struct run_options *options);

#endif

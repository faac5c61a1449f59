/* arpfload fleet create: makes devices, on all cores, and puts them behind those there are. */
#ifndef LOADTEST_FLEET_CREATE_H
#define LOADTEST_FLEET_CREATE_H

#include "loadtest/fleet.h"

struct fleet_kind;

/* words[0] is "create". Answers what main() does. */
int command_fleet_create(int count, char **words);

/*
 * A fleet in memory only: a maker with so many part numbers and a header for `devices` numbers of this
 * PLMN, the kind's own where it is NULL. first: an MSIN, or FLEET_RANDOM_FIRST. What is wrong is said on
 * stderr.
 */
#define FLEET_RANDOM_FIRST UINT64_MAX
bool fleet_describe(struct fleet *f, const struct fleet_kind *kind, const char *plmn,
	uint64_t first, uint64_t devices, unsigned parts);

#endif

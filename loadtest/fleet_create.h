/* arpfload fleet create: makes devices, on all cores, and puts them behind those there are. */
#ifndef LOADTEST_FLEET_CREATE_H
#define LOADTEST_FLEET_CREATE_H

#include "loadtest/fleet.h"

/* words[0] is "create". Answers what main() does. */
int command_fleet_create(int count, char **words);

/*
 * The i-th device of a fleet, made for this ARPF. stranger: a part number's authority that no trusted issuer
 * has signed, for FAULT_STRANGER. Any thread.
 */
enum outcome fleet_make_device(const struct fleet *f, const struct authority *stranger,
	const struct se_arpf *arpf, uint64_t i, struct fleet_record *out);

/*
 * A fleet in memory only: a maker with so many part numbers and a header for `devices` dIMSIs of this
 * PLMN. first: an MSIN, or FLEET_RANDOM_FIRST. What is wrong is said on stderr.
 */
#define FLEET_RANDOM_FIRST UINT64_MAX
bool fleet_describe(struct fleet *f, const char *procedure, const char *plmn, uint64_t first,
	uint64_t devices, unsigned parts);

#endif

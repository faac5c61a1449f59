/*
 * The subscribers of a fleet: its devices, or the companion UEs of its devices. Their keys are derived from
 * the fleet's own secret, so that each part of arpfload has them at hand; the server gets them from
 * subscribers.csv by `arpfctl subscriber import`. Pure but for that file.
 */
#ifndef LOADTEST_SUBSCRIBERS_H
#define LOADTEST_SUBSCRIBERS_H

#include "device/companion_ue.h"
#include "loadtest/fleet.h"

struct subscriber {
	uint64_t imsi;
	uint8_t k[16], opc[16];
};

/* How many the fleet has; 0: none. */
uint64_t subscribers_count(const struct fleet_header *h, uint64_t devices);
enum outcome subscriber_at(const struct fleet_header *h, uint64_t i, struct subscriber *out);
/* The K_AUSF that an authentication of the i-th subscriber is taken to have given. */
enum outcome subscriber_kausf(const struct fleet_header *h, uint64_t i, uint8_t kausf[32]);

#define SUBSCRIBERS_FILE "subscribers.csv"
/* All of them anew; false, and said on stderr, where the file cannot be written. */
bool subscribers_write(const struct fleet_header *h, uint64_t count, const char *folder);

#endif

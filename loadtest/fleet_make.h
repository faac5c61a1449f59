/*
 * What the devices of each kind of fleet are made of, one record at a time. Pure but for random numbers; any
 * thread.
 */
#ifndef LOADTEST_FLEET_MAKE_H
#define LOADTEST_FLEET_MAKE_H

#include "loadtest/fleet.h"

struct fleet_making {
	const struct fleet *fleet;
	/* A part number's authority that no trusted issuer has signed, for FAULT_STRANGER. */
	const struct authority *stranger;
	const struct se_arpf *arpf; /* whom they are made for; only of initial attach */
};

/* Solution #5.x, steps 0-a to 0-c. */
enum outcome fleet_make_attach(const struct fleet_making *m, uint64_t i, struct fleet_record *out);
/* A subscriber with its keys. */
enum outcome fleet_make_subscriber(
	const struct fleet_making *m, uint64_t i, struct fleet_record *out);
/* Solution #12.x, step 1: the device's DH key pair. */
enum outcome fleet_make_dh(const struct fleet_making *m, uint64_t i, struct fleet_record *out);
/* Solution #12.z: a key pair and its certificate. */
enum outcome fleet_make_headless(
	const struct fleet_making *m, uint64_t i, struct fleet_record *out);
/* Solution 12.X: an eUICC with its certificate. */
enum outcome fleet_make_euicc(const struct fleet_making *m, uint64_t i, struct fleet_record *out);

/* The EID of the i-th device, whose EUM is the part's. false: no room for so many. */
bool fleet_eid(const struct fleet_header *h, uint64_t i, char out[EID_LEN + 1]);
/* Which companion the i-th device has. */
uint64_t fleet_companion_of(const struct fleet_header *h, uint64_t i);
/* The Device ID of the i-th device, and back: false where it is none of this fleet's form. */
void fleet_device_id(const struct fleet_header *h, uint64_t i, char out[FLEET_ID_MAX + 1]);
bool fleet_device_of(const struct fleet_header *h, struct bytes device_id, uint64_t *i);

#define FLEET_MANUFACTURER "Simulated manufacturer"
#define FLEET_MODEL        "Headless 1"

#endif

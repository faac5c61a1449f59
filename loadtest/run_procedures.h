/*
 * The parts of the procedures' rows (loadtest/procedures.h) that arpfload run calls, in the order of the table.
 * Internal to loadtest/.
 */
#ifndef LOADTEST_RUN_PROCEDURES_H
#define LOADTEST_RUN_PROCEDURES_H

#include "device/dh_device.h"
#include "device/euicc.h"
#include "device/headless_device.h"
#include "loadtest/device_addition.h"
#include "loadtest/run.h"

/* Meets the ARPF, has it trust the fleet's root, and provisions (4.4) where that is no step of its own. */
bool attach_begin(struct run *run);
/* 4.4 for one device: the first step of what is mixed. */
bool context_write(struct run *run, struct flight *f);
bool context_judge(struct run *run, struct flight *f);
bool vectors_write(struct run *run, struct flight *f);
bool vectors_judge(struct run *run, struct flight *f);

/* The administration is asked to agree on the fleet's root, unless --no-trust. */
void run_offer_anchor(struct run *run);
/* And the server on this machine gets the fleet's subscribers. */
void run_bring_subscribers(struct run *run);

/* One 5G AKA of this subscriber. */
bool aka_step_write(struct run *run, struct flight *f, uint64_t imsi);
bool aka_step_judge(struct run *run, struct flight *f, uint64_t imsi, struct usim *usim);

#define FIRST_AUTH_STATE sizeof(struct usim)
bool first_auth_write(struct run *run, struct flight *f);
bool first_auth_judge(struct run *run, struct flight *f);
bool first_auth_event_write(struct run *run, struct flight *f);
bool first_auth_event_judge(struct run *run, struct flight *f);

/* The challenge that a USIM has refused for its SQN. */
struct resync_state {
	uint8_t rand[16], auts[AUTS_LEN];
};
#define AUTH_DATA_STATE sizeof(struct resync_state)
bool auth_data_begin(struct run *run);
bool auth_data_write(struct run *run, struct flight *f);
bool auth_data_judge(struct run *run, struct flight *f);
/* With AUTS: only of the USIMs that --resync has put ahead, and once each. */
bool resync_write(struct run *run, struct flight *f);
bool resync_judge(struct run *run, struct flight *f);

struct companion_state {
	struct dh_device device;
	struct dh_answer answer;
	bool created;
};
#define COMPANION_STATE sizeof(struct companion_state)
/* Registers the companions' sessions (6), and learns who signs (7.1). */
bool companion_begin(struct run *run);
bool credential_write(struct run *run, struct flight *f);
bool credential_judge(struct run *run, struct flight *f);
bool confirmation_write(struct run *run, struct flight *f);
bool confirmation_judge(struct run *run, struct flight *f);

struct headless_state {
	struct headless_device device;
	struct addition_answer answer;
	char url[ADDITION_URL_MAX + 1];
};
#define HEADLESS_STATE sizeof(struct headless_state)
bool headless_begin(struct run *run);
bool addition_write(struct run *run, struct flight *f);
bool addition_judge(struct run *run, struct flight *f);

/* Solution 12.X, and the download that it is for. */
struct euicc_state {
	struct handshake attach, download;
	struct usim usim;
	uint64_t imsi;
	char session_id[HANDSHAKE_ID_LEN + 1];
	bool created;
};
#define EUICC_STATE sizeof(struct euicc_state)
bool euicc_begin(struct run *run);
bool credential_attach_write(struct run *run, struct flight *f);
bool credential_attach_judge(struct run *run, struct flight *f);
bool device_authentication_write(struct run *run, struct flight *f);
bool device_authentication_judge(struct run *run, struct flight *f);
/* Only with --detach. */
bool detach_write(struct run *run, struct flight *f);
bool detach_judge(struct run *run, struct flight *f);
bool download_write(struct run *run, struct flight *f);
bool download_judge(struct run *run, struct flight *f);
bool bound_profile_write(struct run *run, struct flight *f);
bool bound_profile_judge(struct run *run, struct flight *f);
bool notification_write(struct run *run, struct flight *f);
bool notification_judge(struct run *run, struct flight *f);
/* With the profile's keys, of the devices that are verified. */
bool profile_auth_write(struct run *run, struct flight *f);
bool profile_auth_judge(struct run *run, struct flight *f);

#endif

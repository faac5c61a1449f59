/*
 * The parts of the procedures' rows (loadtest/procedures.h) that arpfload run calls, in the order of the table.
 * Internal to loadtest/.
 */
#ifndef LOADTEST_RUN_PROCEDURES_H
#define LOADTEST_RUN_PROCEDURES_H

#include "device/dh_device.h"
#include "device/headless_device.h"
#include "loadtest/device_addition.h"
#include "loadtest/run.h"

/* Meets the ARPF, has it trust the fleet's root, and provisions (4.4). */
bool attach_begin(struct run *run);
bool vectors_write(struct run *run, struct flight *f);
bool vectors_judge(struct run *run, struct flight *f);

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

#endif

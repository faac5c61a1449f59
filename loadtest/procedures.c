#include "loadtest/procedures.h"

#include <stdio.h>
#include <string.h>

#include "loadtest/run_procedures.h"
#include "loadtest/walk_parts.h"

static const struct fleet_kind attach_fleet = {
	.name = "initial-attach",
	.plmn = "00199",
	.trust = "se",
	.for_arpf = true,
	.make = fleet_make_attach,
};

static const struct fleet_kind subscriber_fleet = {
	.name = "auth-data",
	.plmn = "00101",
	.is_home = true,
	.make = fleet_make_subscriber,
};

static const struct fleet_kind dh_fleet = {
	.name = "companion-dh",
	.plmn = "00101",
	.is_home = true,
	.has_companions = true,
	.make = fleet_make_dh,
};

static const struct fleet_kind headless_fleet = {
	.name = "headless-device",
	.plmn = "00101",
	.trust = "device",
	.is_home = true,
	.has_companions = true,
	.make = fleet_make_headless,
};

static const struct fleet_kind euicc_fleet = {
	.name = "device-attach",
	.plmn = "00101",
	.trust = "euicc",
	.maker = MAKER_OF_EUICCS,
	.make = fleet_make_euicc,
};

static const struct run_step vectors_step[] = {
	{ "4.5 vectors", vectors_write, vectors_judge },
};

static const struct run_step first_auth_steps[] = {
	{ "4.5 vectors", vectors_write, vectors_judge },
	{ "5 auth data", first_auth_write, first_auth_judge },
	{ "5 auth event", first_auth_event_write, first_auth_event_judge },
};

static const struct run_step auth_data_steps[] = {
	{ "5 auth data", auth_data_write, auth_data_judge },
	{ "5 with AUTS", resync_write, resync_judge },
};

static const struct run_step companion_steps[] = {
	{ "7.2 request", credential_write, credential_judge },
	{ "7.3 confirmation", confirmation_write, confirmation_judge },
};

static const struct run_step headless_step[] = {
	{ "8 addition", addition_write, addition_judge },
};

static const struct run_step device_attach_steps[] = {
	{ "9.1 request", credential_attach_write, credential_attach_judge },
	{ "9.2 authentication", device_authentication_write, device_authentication_judge },
	{ "9 detach", detach_write, detach_judge },
};

static const struct run_step profile_download_steps[] = {
	{ "9.1 request", credential_attach_write, credential_attach_judge },
	{ "9.2 authentication", device_authentication_write, device_authentication_judge },
	{ "10.1 download", download_write, download_judge },
	{ "10.2 profile", bound_profile_write, bound_profile_judge },
	{ "10.3 notification", notification_write, notification_judge },
	{ "5 auth data", profile_auth_write, profile_auth_judge },
};

#define STEPS(array) .steps = array, .step_count = sizeof(array) / sizeof((array)[0])

static const struct procedure procedures[] = {
	{ .name = "initial-attach",
		.fleet = &attach_fleet,
		.phase = "first attach",
		.phase_key = "vectors",
		.provisions = true,
		.paces_provisioning = true,
		.begin = attach_begin,
		STEPS(vectors_step),
		.walk = walk_initial_attach },
	{ .name = "first-auth",
		.fleet = &attach_fleet,
		.phase = "first auth",
		.phase_key = "measured",
		.provisions = true,
		.begin = attach_begin,
		STEPS(first_auth_steps),
		.state_size = FIRST_AUTH_STATE,
		.walk = walk_first_auth },
	{ .name = "auth-data",
		.fleet = &subscriber_fleet,
		.phase = "auth data",
		.phase_key = "measured",
		.repeats = true,
		.begin = auth_data_begin,
		STEPS(auth_data_steps),
		.state_size = AUTH_DATA_STATE,
		.needs_subscriber = true,
		.walk = walk_auth_data },
	{ .name = "companion-dh",
		.fleet = &dh_fleet,
		.phase = "companion DH",
		.phase_key = "measured",
		.begin = companion_begin,
		STEPS(companion_steps),
		.state_size = COMPANION_STATE,
		.needs_subscriber = true,
		.walk = walk_companion_dh },
	{ .name = "headless-device",
		.fleet = &headless_fleet,
		.phase = "addition",
		.phase_key = "measured",
		.begin = headless_begin,
		STEPS(headless_step),
		.state_size = HEADLESS_STATE,
		.needs_subscriber = true,
		.walk = walk_headless_device },
	{ .name = "device-attach",
		.fleet = &euicc_fleet,
		.phase = "device attach",
		.phase_key = "measured",
		.begin = euicc_begin,
		STEPS(device_attach_steps),
		.state_size = EUICC_STATE,
		.walk = walk_device_attach },
	{ .name = "profile-download",
		.fleet = &euicc_fleet,
		.phase = "download",
		.phase_key = "measured",
		.begin = euicc_begin,
		STEPS(profile_download_steps),
		.state_size = EUICC_STATE,
		.walk = walk_profile_download },
};

const struct procedure *procedure_find(const char *name)
{
	for (size_t i = 0; i < sizeof(procedures) / sizeof(procedures[0]); i++)
		if (strcmp(procedures[i].name, name) == 0)
			return &procedures[i];
	fprintf(stderr, "arpfload: --procedure %s: there are " PROCEDURES "\n", name);
	return NULL;
}

/*
 * The messages of Solution #12.z between companion UE and server, and the subscription profile inside
 * (docs/protocol.md section 8). Pure.
 */
#ifndef LOADTEST_DEVICE_ADDITION_H
#define LOADTEST_DEVICE_ADDITION_H

#include "device/companion_ue.h"
#include "device/headless_device.h"

#define ADDITION_PATH     "/nsm-device/v1/device-additions"
#define ADDITION_URL_MAX  255
#define ADDITION_BODY_MAX 1024
#define PROFILE_MAX       3072
#define SEALED_LEN        48 /* K'' and its tag */

/* Step 2, with the MAC by the companion. out holds ADDITION_BODY_MAX characters. */
enum outcome addition_write_request(
	const struct companion_ue *c, const char *device_url, char *out, size_t *len);

/* Step 8. */
struct addition_answer {
	uint8_t profile[PROFILE_MAX]; /* JSON, as it is signed */
	size_t profile_len;
	struct batch_signature signature;
	uint8_t n2[16], iv[12], sealed[SEALED_LEN];
};
bool addition_read_answer(struct bytes in, struct addition_answer *out);

/* What a device needs of the profile. */
struct device_profile {
	char supi[24], device_id[DEVICE_ID_MAX + 1], access_id[33];
	char manufacturer[SUBJECT_TEXT_MAX + 1], model[SUBJECT_TEXT_MAX + 1];
	uint64_t imsi;
	struct bytes network;           /* networkIdentity as JSON, a slice of the profile */
	struct encrypted_kprime kprime; /* over room */
	uint8_t room[1024];
};
bool profile_read(struct bytes json, struct device_profile *out);
/* Whether the profile is for this device: ID, manufacturer, model. */
bool profile_is_for(const struct device_profile *p, const struct headless_device *d);

#endif

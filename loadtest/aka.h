/*
 * Authentication data as an AUSF sees it (docs/protocol.md section 5; TS 29.503): requests written, answers
 * read in place. Pure but for the time of an event.
 */
#ifndef LOADTEST_AKA_H
#define LOADTEST_AKA_H

#include "base/imsi.h"
#include "device/usim.h"

#define SERVING_NETWORK_MAX 40
#define AKA_BODY_MAX        512
#define AKA_PATH_MAX        256
#define SUPI_MAX            (sizeof("imsi-") - 1 + IMSI_DIGITS)

/* "5G:mnc001.mcc001.3gppnetwork.org" of a PLMN of 5 or 6 digits. */
void serving_network_name(const char *plmn, char out[SERVING_NETWORK_MAX + 1]);
/* The path for a SUPI or SUCI, and of what: "security-information/generate-auth-data", "auth-events". */
bool aka_path(const char *supi, const char *what, char out[AKA_PATH_MAX]);
#define AKA_GENERATE "security-information/generate-auth-data"
#define AKA_EVENTS   "auth-events"

/* out holds AKA_BODY_MAX characters; both return the length. */
size_t aka_write_request(const char *serving_network, char *out);
/* With resynchronizationInfo. */
size_t aka_write_resynchronization(const char *serving_network, const uint8_t rand[16],
	const uint8_t auts[AUTS_LEN], char *out);
size_t aka_write_event(const char *serving_network, bool success, char *out);

/* false: not the answer of 5. supi points into it. */
bool aka_read_answer(struct bytes in, struct home_av *av, struct bytes *supi);

#endif

/* Devices that may download, and what they ask, on the lane of db_case.h. */
#ifndef TESTS_INTEGRATION_DOWNLOAD_CASE_H
#define TESTS_INTEGRATION_DOWNLOAD_CASE_H

#include "tests/integration/db_case.h"

#define D         900010000000000 /* dIMSIs begin here */
#define I         262010000000000 /* and IMSIs here */
#define SUPI      "imsi-262010000000000"
#define EID_1     "89049032000001000000000000000011"
#define EID_2     "89049032000001000000000000000022"
#define ISSUED_AT 3000000000 /* of profiles */
#define NOT_AFTER 4000000000
#define NOW       "floor(extract(epoch FROM now()))"

/* An accepted attach; its identifier and its session's are this byte, repeated. */
enum outcome attach_eid(uint8_t session, const char *eid);
/* A binding in ATTACHED. */
void bind_and_attach(int64_t dimsi, int64_t imsi);

/* A download's identifier is a byte, repeated; imsi: of a SUPI, or 0. */
struct db_download_in download_in(uint8_t id, const char *subject, int64_t imsi);
/* What stands against it; that it is asked well is asserted. */
enum download_bar offer_to(struct db_download_in in);
enum download_bar offer(uint8_t id, const char *subject, int64_t imsi);
struct db_download find_download(uint8_t id);
/* sealed is the ciphertext as well; request: the byte of its hash, and the next one that of the IV. */
struct db_profile_in profile_in(
	uint8_t id, const char *subject, int64_t imsi, uint8_t request, const char *sealed);
enum outcome bind_profile(uint8_t id, const char *subject, int64_t imsi, const char *sealed);
/* By another request; Kn is the ciphertext's first byte. */
enum outcome bind_again(uint8_t id, uint8_t request, const char *bound);
enum outcome notify_download(uint8_t id, bool is_installed, bool *was_ended);
enum outcome installed(uint8_t id);
enum outcome failed(uint8_t id);

/* Versions of an IMSI, oldest first, as "1:3 2:1": their numbers and states. */
void check_versions(int64_t imsi, const char *expected);
enum binding_state state_of_binding(int64_t dimsi);
/* The one that serves. */
struct db_credential credential_of(int64_t imsi);

#endif

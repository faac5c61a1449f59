/*
 * The eUICC of Solution 12.X: the certificate it was made with, and what it and its UE check before they use the
 * restricted session (docs/protocol.md section 9; device/handshake.h has the exchange itself).
 *
 * A simulation: keys in ordinary memory; whoever holds a struct wipes it. Pure but for random numbers.
 */
#ifndef DEVICE_EUICC_H
#define DEVICE_EUICC_H

#include "base/eid.h"
#include "device/certificate_maker.h"
#include "device/handshake.h"

struct euicc {
	char eid[EID_LEN + 1];
	uint8_t key[P256_SCALAR_LEN];
	uint8_t certificate[CERTIFICATE_MAX];
	size_t certificate_len;
};

/* The first 30 digits of an EID, with the two that check them. false: these are not 30 digits. */
bool eid_complete(const char *digits, char eid[EID_LEN + 1]);

/* With a fresh key, certified by this EUM. INVALID_PARAMETER: no EID. */
enum outcome euicc_make(struct euicc *e, const struct authority *eum, const char *eid,
	const struct validity *validity);

/* The answer to 9.2: what the UE is let into. The texts are the answer's own. */
struct attach_accept {
	char session_id[HANDSHAKE_ID_LEN + 1];
	struct bytes dnn, provisioning_server;
	uint64_t expires_at; /* unix seconds */
	uint8_t mac[32];
};
/*
 * Step 3, after handshake_answer(). MAC_INVALID where it is not of a network that has Ks.
 */
enum outcome euicc_check_accept(const struct handshake *h, const struct attach_accept *accept);

#endif

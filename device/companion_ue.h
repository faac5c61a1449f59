/*
 * The companion UE of Solutions #12.x and #12.z: a subscriber whose session with the network is AKMA
 * (TS 33.535), and what it makes and opens by the key of that session, K = K_AF (docs/protocol.md sections
 * 6, 7.2 and 8).
 *
 * A simulation: keys in ordinary memory; whoever holds a struct wipes it. Pure; one thread a struct.
 */
#ifndef DEVICE_COMPANION_UE_H
#define DEVICE_COMPANION_UE_H

#include "base/imsi.h"
#include "device/usim.h"

#define AF_FQDN_MAX 253
#define A_KID_MAX   127
#define MAC_LEN     32

/* Whom the session is with: the server as an AKMA application function. */
struct af_id {
	const char *fqdn;       /* at most AF_FQDN_MAX */
	uint8_t ua_protocol[5]; /* the Ua* security protocol identifier */
};
#define UA_PROTOCOL_DEFAULT   \
	{                     \
		1, 0, 0, 0, 0 \
	}

struct companion_ue {
	struct plmn plmn;
	uint64_t imsi;
	struct usim usim;
	uint8_t k_akma[32];
	uint8_t k[32];             /* K_AF */
	char a_kid[A_KID_MAX + 1]; /* r0<A-TID in hex>@akma.5gc.mnc….mcc….3gppnetwork.org */
};

/* Importing K: the USIM of a subscriber. */
void companion_make(struct companion_ue *c, struct plmn plmn, uint64_t imsi, const uint8_t k[16],
	const uint8_t opc[16]);
/* After an authentication that gave K_AUSF: K_AKMA, A-KID and K. INVALID_PARAMETER: an FQDN too long. */
enum outcome companion_open_session(
	struct companion_ue *c, const uint8_t kausf[32], const struct af_id *af);

/* 7.2: MAC1 over (pType, deviceId, group, a, aKId). */
#define P_TYPE_CREDENTIAL_REQUEST "IOT_CREDENTIAL_REQUEST"
enum outcome companion_mac1(const struct companion_ue *c, const char *device_id, const char *group,
	struct bytes a, uint8_t mac[MAC_LEN]);
/* 8: the MAC over (aKId, deviceUrl). */
enum outcome companion_mac_addition(
	const struct companion_ue *c, const char *device_url, uint8_t mac[MAC_LEN]);
/* 8: K'' out of sealedKDoublePrime. MAC_INVALID where it is not sealed for this session and device. */
enum outcome companion_open_kdoubleprime(const struct companion_ue *c, const uint8_t iv[12],
	struct bytes ciphertext, const char *device_id, const char *supi, uint8_t out[32]);

#endif

/*
 * The concealed SUPI a UE identifies itself by (TS 23.003 clause 2.2B, TS 33.501 annex C): null scheme,
 * Profile A (X25519) and Profile B (P-256). Pure but for random numbers; any thread.
 */
#ifndef DEVICE_SUCI_H
#define DEVICE_SUCI_H

#include "base/bytes.h"
#include "base/imsi.h"

enum suci_scheme { SUCI_NULL = 0, SUCI_PROFILE_A = 1, SUCI_PROFILE_B = 2 };

struct suci_network {
	struct plmn plmn;
	const char *routing_indicator; /* 1 to 4 digits */
	enum suci_scheme scheme;
	unsigned key_id;         /* 0 with the null scheme */
	struct bytes public_key; /* the home network's: 32 bytes, or a point of 33 or 65 */
};

#define SUCI_MAX 160

/*
 * suci-0-<mcc>-<mnc>-<routing indicator>-<scheme>-<key id>-<output> with a NUL. INVALID_PARAMETER
 * where the IMSI is of another PLMN or the key is none.
 */
enum outcome suci_conceal(const struct suci_network *n, uint64_t imsi, char out[SUCI_MAX + 1]);

#endif

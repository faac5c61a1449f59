/*
 * A USIM, and the ME's part of 5G AKA around it (TS 33.102 clauses 6.3 and C.2, TS 33.501 clause 6.1.3.2):
 * Milenage, sequence numbers in an array of 32 entries, AUTS where the network's is out of range.
 *
 * A simulation: its keys lie in ordinary memory; whoever holds a struct wipes it. One thread a struct.
 */
#ifndef DEVICE_USIM_H
#define DEVICE_USIM_H

#include "base/bytes.h"

#define USIM_IND_BITS 5u
#define USIM_INDICES  (1u << USIM_IND_BITS)
#define USIM_DELTA    (UINT64_C(1) << 28) /* how far SEQ may jump ahead (TS 33.102 clause C.2.1) */
#define AUTS_LEN      14

struct usim {
	uint8_t k[16], opc[16];
	uint64_t seq[USIM_INDICES]; /* the greatest SEQ accepted with each IND */
};

/* Fresh: no sequence number has been accepted. */
void usim_make(struct usim *u, const uint8_t k[16], const uint8_t opc[16]);

/* As if this SQN had been accepted with every IND. */
void usim_set_sqn(struct usim *u, uint64_t sqn);

struct usim_answer {
	uint64_t sqn;         /* the network's */
	uint8_t res_star[16]; /* TS 33.501 clause A.4 */
	uint8_t kausf[32];    /* clause A.2 */
	uint8_t auts[AUTS_LEN];
};

/*
 * MAC_INVALID: the AMF separation bit is not set, or MAC-A is not of a network that has K. CONFLICT:
 * SQN is out of range, and only sqn and auts are made. After FINE the SQN counts as used.
 */
enum outcome usim_authenticate(struct usim *u, const uint8_t rand[16], const uint8_t autn[16],
	struct bytes serving_network, struct usim_answer *out);

/* A home environment's authentication vector (TS 33.501 clause 6.1.3.2.0). */
struct home_av {
	uint8_t rand[16], autn[16], xres_star[16], kausf[32];
};

/* usim_authenticate, then XRES* and K_AUSF against the USIM's own: MAC_INVALID where they differ. */
enum outcome usim_check_av(struct usim *u, const struct home_av *av, struct bytes serving_network,
	struct usim_answer *out);

/* SQN_MS: the greatest SQN accepted. */
uint64_t usim_sqn(const struct usim *u);

#endif

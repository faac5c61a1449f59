/*
 * What a run has found out: which devices have which IMSI, what was refused and why, and what the server got
 * wrong. One thread.
 */
#ifndef LOADTEST_TALLY_H
#define LOADTEST_TALLY_H

#include "base/bytes.h"

enum wrong_answer {
	WRONG_FORM,        /* not what the protocol page says */
	WRONG_DEVICE,      /* the dIMSI or SE id of another */
	WRONG_ENDORSEMENT, /* does not verify under the ARPF's signing certificate */
	WRONG_SHARED_IMSI, /* an IMSI that another device has */
	WRONG_NEW_IMSI,    /* another IMSI than at the first answer */
	WRONG_ACCEPTANCE,  /* of a device that has a fault */
	WRONG_REFUSAL,     /* of a device without a fault, or for another reason than its fault */
	WRONG_VECTORS,     /* RAND and AUTN that the SE does not accept */
	WRONG_INNER_IMSI,  /* the IMSI in RAND is not that of the answer */
	WRONG_AKA,         /* AUTN that the USIM does not accept, or another RES* or K_AUSF */
	WRONG_SQN,         /* a sequence number that the USIM does not take */
	WRONG_SIGNATURE,   /* sigCn or profileSignature does not verify */
	WRONG_AGREEMENT,   /* B or MAC3 that the device does not accept */
	WRONG_PROFILE,     /* K' or K'' does not open, or the two sides' differ */
	WRONG_SERVER,      /* certificates that lead to no root */
	WRONG_ACCEPT,      /* an accepted attach whose MAC is not under Ks */
	WRONG_DOWNLOAD,    /* a bound profile that does not open */
	WRONG_COUNT,
};

const char *wrong_answer_name(enum wrong_answer w);

struct tally {
	uint64_t first, devices; /* of the fleet */
	uint64_t *imsis;         /* of each device, 0: none yet */
	uint8_t *refused;        /* each device, once */
	uint64_t *set;           /* all IMSIs, open addressing; 0: free */
	size_t set_size;         /* a power of two */
	uint64_t acknowledged, created, expected_refusals, verified;
	uint64_t
		completed; /* devices that got through the procedure, or requests where it repeats */
	uint64_t errors[OUTCOME_COUNT];
	uint64_t wrong[WRONG_COUNT];
};

bool tally_start(struct tally *t, uint64_t first, uint64_t devices);
void tally_end(struct tally *t);
/*
 * A 2xx for this device. false where it is wrong, which has been counted. Asked again for the same device, the
 * same IMSI is right and not counted twice.
 */
bool tally_acknowledge(struct tally *t, uint64_t device, uint64_t imsi, bool created);
/* A refusal, counted once a device. expected: FINE for a device without a fault. */
void tally_refuse(struct tally *t, uint64_t device, enum outcome cause, enum outcome expected);
/* A request of a device without a fault was refused or not answered. */
void tally_error(struct tally *t, enum outcome cause);
void tally_wrong(struct tally *t, enum wrong_answer w);
uint64_t tally_wrong_total(const struct tally *t);

#endif

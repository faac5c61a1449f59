/*
 * The server's DH key pairs, made ahead of need while a thread has nothing to do, each used once. A group's pool is
 * kept full from the first time the group is asked for, so that a worker which never sees a companion's request makes
 * none. One thread.
 */
#ifndef HSM_KEYD_EPHEMERALS_H
#define HSM_KEYD_EPHEMERALS_H

#include "crypto/dh_group.h"

#define EPHEMERALS_CURVE     64u /* each of p256 and x25519 */
#define EPHEMERALS_FFDHE2048 16u
#define EPHEMERALS_FFDHE3072 8u
#define EPHEMERALS_MAX       (2 * EPHEMERALS_CURVE + EPHEMERALS_FFDHE2048 + EPHEMERALS_FFDHE3072)

/* In locked memory. */
struct ephemeral_secrets {
	uint8_t at[EPHEMERALS_MAX][DH_SECRET_MAX];
};

/* Zeroed at first. */
struct ephemerals {
	bool is_wanted[DH_GROUP_COUNT];
	unsigned ready[DH_GROUP_COUNT];
	uint8_t elements[EPHEMERALS_MAX][DH_ELEMENT_MAX];
};

/* One key pair: from the pool, where it is wiped, or made on the spot. The caller wipes the secret. */
enum outcome ephemerals_take(struct ephemerals *e, struct ephemeral_secrets *secrets,
	enum dh_group group, uint8_t secret[DH_SECRET_MAX], uint8_t *element);
/* Makes one where a pool has room for it; false where none has, or it could not be made. */
bool ephemerals_make_one(struct ephemerals *e, struct ephemeral_secrets *secrets);

#endif

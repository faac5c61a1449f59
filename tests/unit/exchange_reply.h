/*
 * A device's answer to what is offered in exchange_world.h, with real certificates and a real signature, and
 * what a test may spoil of it.
 */
#ifndef TESTS_UNIT_EXCHANGE_REPLY_H
#define TESTS_UNIT_EXCHANGE_REPLY_H

#include "hsm/messages.h"
#include "tests/unit/pki_maker.h"

/* A device's answer, all of it right unless something is set. */
struct exchange_reply {
	enum exchange_kind kind;
	EVP_PKEY *key;                          /* signs; NULL: the subject's device's */
	const struct pki_made *certificates[5]; /* up to the first NULL; none: its chain */
	bool is_point_bad;                      /* signed all the same */
	bool is_of_another;                     /* the signature is over another identifier */
	bool has_last_point;                    /* the ephemeral key of the reply before */
};
/* Its body, with a fresh signature; valid until the next call but one. */
const char *reply_of(const struct exchange_reply *r);
/* As the procedure will hash it. */
void reply_hash(enum exchange_kind kind, const char *body, uint8_t hash[32]);

#endif

/* A headless device's chain and who is trusted, for the tests that change one thing of it at a time. */
#ifndef TESTS_UNIT_DEVICE_CHAIN_WORLD_H
#define TESTS_UNIT_DEVICE_CHAIN_WORLD_H

#include "pki/certificates_read.h"
#include "pki/device_chain.h"
#include "tests/unit/device_pki.h"

extern struct pki_made made[DEVICE_LEVELS];
extern struct trust *trust;
/* Of the last verification. */
extern struct device_certificate device;
extern const char *reason;

/* A good chain, whose root is the one anchor. */
void begin(void);
void end(void);
/* That anchor alone from now on. */
void trust_only(enum trust_use use, const struct pki_made *anchor);
/* Takes the body. */
enum outcome verify(struct bytes body, enum certificates_form form, int64_t now);
/* The same, of PEM, now. */
void expect(struct bytes body, enum outcome expected);

#define EXPECT_CHAIN(outcome) expect(PEM_OF(&made[DEVICE], &made[ISSUING]), outcome)

#endif

/*
 * Lanes that a test holds in its hand, in place of those with a token, a database or a network behind
 * them: every request is ended at the next pump with the outcome the test has set, or held until
 * the test lets it go. A test program that links this has no real lanes.
 */
#ifndef TESTS_UNIT_FAKE_LANES_H
#define TESTS_UNIT_FAKE_LANES_H

#include "procedures/procedure.h"

/* What requests in this lane come to; the next ones as well until it is set again. */
void fake_lane_brings(enum lane lane, enum outcome outcome);
/* Who answers in this lane instead: sees the lane's request, fills in its result. NULL: nobody. */
void fake_lane_answers(enum lane lane, enum outcome (*answer)(void *request));
/* Requests in this lane stay until fake_lanes_let_go(). */
void fake_lane_holds(enum lane lane, bool holds);
/* Ends what was held. */
void fake_lanes_let_go(void);
/* The keys that the workers know; kept by pointer. */
void fake_lanes_know(const struct key_found *keys, unsigned count);
/* All lanes bring FINE and hold nothing; no key is known. */
void fake_lanes_reset(void);
unsigned fake_lanes_held(void);
/* IMSIs handed out, and neither given back nor told to be somebody's. */
int fake_imsis_out(void);

#endif

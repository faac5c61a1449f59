/*
 * Solution #5.x, Initial Attach, at the Target AUSF: steps 0-d to 2 (docs/protocol.md section 4.4).
 */
#ifndef PROCEDURES_INITIAL_ATTACH_H
#define PROCEDURES_INITIAL_ATTACH_H

#include "procedures/procedure.h"

extern const struct procedure initial_attach; /* POST …/contexts, and each item of a batch */
extern const struct procedure initial_attach_batch; /* POST …/contexts/batch */

#endif

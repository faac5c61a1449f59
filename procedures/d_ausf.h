/*
 * The Discovery AUSF of Solution #5.x, steps 2 to 5 (docs/protocol.md section 4.5).
 */
#ifndef PROCEDURES_D_AUSF_H
#define PROCEDURES_D_AUSF_H

#include "procedures/procedure.h"

extern const struct procedure d_ausf_send_vectors; /* POST …/generate-auth-data, steps 4 and 5 */
extern const struct procedure d_ausf_keep_pair;    /* PUT, step 2, from a Target AUSF elsewhere */
extern const struct procedure d_ausf_drop_pair;    /* DELETE: that AUSF released the dIMSI */

#endif

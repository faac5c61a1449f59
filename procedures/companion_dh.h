/*
 * Companion DH with identity-based signature (Solution #12.x; docs/protocol.md section 7): a device
 * without credentials agrees on a key with this server through a companion UE, whose session key K
 * vouches for the request. The device knows the server by its signature SigCN.
 */
#ifndef PROCEDURES_COMPANION_DH_H
#define PROCEDURES_COMPANION_DH_H

#include "procedures/procedure.h"

extern const struct procedure companion_ibs_parameters; /* GET /narpf-companion/v1/ibs-parameters */
extern const struct procedure companion_credential_request; /* POST …/credential-requests */
extern const struct procedure companion_confirmation;       /* POST …/{accessId}/confirmation */

#endif

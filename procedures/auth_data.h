/*
 * Nudm_UEAuthentication_Get: an authentication vector of 5G AKA (docs/protocol.md section 5.1;
 * TS 33.501 6.1.3.2, TS 29.503 6.3).
 */
#ifndef PROCEDURES_AUTH_DATA_H
#define PROCEDURES_AUTH_DATA_H

#include "procedures/procedure.h"

extern const struct procedure auth_data; /* POST …/{supi}/security-information/generate-auth-data */

#endif

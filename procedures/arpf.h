/*
 * The third-party ARPF of Solution #5.x (docs/protocol.md sections 4.1 and 4.3).
 */
#ifndef PROCEDURES_ARPF_H
#define PROCEDURES_ARPF_H

#include "procedures/procedure.h"

extern const struct procedure arpf_certificate; /* GET /narpf-ek/v1/certificate, step 0-a */
extern const struct procedure arpf_ek_request;  /* POST /narpf-ek/v1/ek-requests, step 0-e */

#endif

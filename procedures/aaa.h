/*
 * Step 2 of Solution 12.X as an AAA server does it (EAP-TLS): the AAA server has verified the device's certificate, and
 * asks here whether the device may in, and what its session allows.
 */
#ifndef PROCEDURES_AAA_H
#define PROCEDURES_AAA_H

#include "procedures/procedure.h"

extern const struct procedure aaa_authorization;

#endif

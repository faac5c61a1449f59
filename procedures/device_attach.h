/*
 * Attach with device credentials (docs/protocol.md section 9, Solution 12.X): the CP function authenticates a
 * device by the certificate of its eUICC, and lets it into a restricted session.
 */
#ifndef PROCEDURES_DEVICE_ATTACH_H
#define PROCEDURES_DEVICE_ATTACH_H

#include "procedures/procedure.h"

extern const struct procedure device_attach_request;
extern const struct procedure device_attach_authentication;
extern const struct procedure pdu_session_show;
extern const struct procedure pdu_session_release;

#endif

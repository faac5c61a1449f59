/*
 * The restricted session of a device that has attached with its device credentials (docs/protocol.md section 9;
 * Solution 12.X, steps 4 and 6): what the access network enforces.
 */
#ifndef PROCEDURES_PDU_SESSION_H
#define PROCEDURES_PDU_SESSION_H

#include "procedures/procedure.h"

/* What a session says of itself; id: EXCHANGE_ID_LEN bytes. */
struct pdu_session_terms {
	const uint8_t *id;
	struct bytes dnn;
	int64_t expires_at;
};
/* Its members, without brackets. Loop only: the destinations are those of the settings now. */
void pdu_session_write(
	struct json_out *o, const struct settings *s, const struct pdu_session_terms *terms);

#endif

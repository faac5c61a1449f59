/* The binding of a dIMSI to an IMSI after the fact: shown, and released (docs/protocol.md section 4.4). */
#ifndef PROCEDURES_BINDING_H
#define PROCEDURES_BINDING_H

#include "procedures/procedure.h"

/* The members dimsi, supi, seId and state. */
void binding_write(struct json_out *o, uint64_t dimsi, uint64_t imsi, struct bytes se_id,
	enum binding_state state);

extern const struct procedure initial_attach_show;    /* GET …/contexts/{dimsi} */
extern const struct procedure initial_attach_release; /* DELETE …/contexts/{dimsi} */

#endif

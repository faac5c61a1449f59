/* What the module can do, how each operation is done on it, and how fast. */
#ifndef HSM_KEYD_PROBE_H
#define HSM_KEYD_PROBE_H

#include "base/json_out.h"
#include "hsm/keyd/token.h"

void probe_write(struct json_out *o, struct token_session *s);

#endif

/* The roles' names, as a certificate's subject has them (docs/protocol.md section 12). Pure. */
#ifndef SERVER_ROLES_H
#define SERVER_ROLES_H

#include "base/bytes.h"
#include "server/routes.h"

/* The role of this very name; 0: none. */
unsigned role_named(struct bytes name);
/* NULL where it is not exactly one role. */
const char *role_name(unsigned role);

#endif

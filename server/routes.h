/*
 * Every route × role in one table (docs/protocol.md section 12): the code uses it and a test walks it.
 */
#ifndef SERVER_ROUTES_H
#define SERVER_ROUTES_H

#include "procedures/procedure.h"

enum role {
	ROLE_SERVICE_PROVIDER = 1 << 0,
	ROLE_AUSF = 1 << 1,
	ROLE_ACCESS_NETWORK = 1 << 2,
	ROLE_COMPANION_GATEWAY = 1 << 3,
	ROLE_DEVICE_GATEWAY = 1 << 4,
	ROLE_ADMIN = 1 << 5,
	ROLE_AUDITOR = 1 << 6,
	ROLE_METRICS = 1 << 7,
	ROLE_EVERY = (1 << 8) - 1,
};

struct route {
	const char *method;
	const char *path; /* {…} stands for one segment */
	unsigned roles;   /* enum role bits: any of them may call it */
	bool has_body;
	size_t most_body;
	const struct procedure *procedure; /* NULL: GET /metrics */
};

/* The segments that stood for {…} are cut out of `path`, which is changed for it. */
struct route_match {
	const struct route *route; /* NULL: none for this method */
	bool path_known;
	char allow[64]; /* methods of the path, for 405 */
	const char *parameters[TXN_PARAMETERS];
};
void routes_find(const char *method, char *path, struct route_match *match);

const struct route *routes_at(unsigned i); /* NULL past the end */

/* The procedures of the routes, in the table's order; NULL past the last. */
const struct procedure *routes_procedure(unsigned i);

#endif

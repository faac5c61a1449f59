/* Owners of leased IMSIs on a db_world's loop, and taking from them. */
#ifndef TESTS_INTEGRATION_LEASE_WORLD_H
#define TESTS_INTEGRATION_LEASE_WORLD_H

#include "db/imsi_leases.h"
#include "tests/integration/db_world.h"

#define LEASE_WORLD_LEASE_S 600 /* no test waits for its end, and no slow machine comes to it */

struct lease_world_taken {
	struct imsi_request request;
	enum outcome outcome;
	unsigned ended;
};
/* For request.done. */
void lease_world_on_taken(struct imsi_request *request, enum outcome outcome);

/* A pool of PLMN 26201. */
void lease_world_add_pool(struct db_world *w, int64_t first, int64_t last);
struct imsi_leases *lease_world_owner(struct db_world *w, uint32_t block);
struct imsi_leases *lease_world_owner_for(struct db_world *w, uint32_t block, uint32_t lease_s);
/* Takes a number, waiting for it where it must. */
enum outcome lease_world_take(
	struct db_world *w, struct imsi_leases *l, uint64_t *imsi, int64_t within_ms);

#endif

#include "tests/integration/lease_world.h"

#include "base/clock.h"

void lease_world_add_pool(struct db_world *w, int64_t first, int64_t last)
{
	struct db_pool_in in = { 26201, 5, first, last };

	ck_assert_int_eq(db_world_ask(w, DB_ADD_POOL, &in, NULL), FINE);
}

struct imsi_leases *lease_world_owner_for(struct db_world *w, uint32_t block, uint32_t lease_s)
{
	struct plmn plmn = { 26201, 5 };
	struct imsi_leases *l = imsi_leases_new(w->loop, w->db, plmn, block, lease_s);

	ck_assert_ptr_nonnull(l);
	return l;
}

struct imsi_leases *lease_world_owner(struct db_world *w, uint32_t block)
{
	return lease_world_owner_for(w, block, LEASE_WORLD_LEASE_S);
}

void lease_world_on_taken(struct imsi_request *request, enum outcome outcome)
{
	struct lease_world_taken *t = (struct lease_world_taken *)(void *)request;

	t->outcome = outcome;
	t->ended++;
}

enum outcome lease_world_take(
	struct db_world *w, struct imsi_leases *l, uint64_t *imsi, int64_t within_ms)
{
	struct lease_world_taken t = { .request = { .deadline_ms = clock_ms() + within_ms,
					       .done = lease_world_on_taken } };

	if (imsi_take(l, &t.request)) {
		ck_assert_uint_eq(t.ended, 0);
		*imsi = t.request.imsi;
		return FINE;
	}
	ck_assert_uint_eq(t.ended, 0);
	ck_assert(db_world_run(w, &t.ended, 1, within_ms + DB_WORLD_PATIENCE_MS));
	ck_assert_uint_eq(t.ended, 1);
	*imsi = t.request.imsi;
	return t.outcome;
}

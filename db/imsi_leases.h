/*
 * IMSIs from leased blocks: a reactor leases a block of a pool and gives its numbers out from
 * memory, so that replicas share no counter. The next block is leased before the last number is
 * gone. A lease lives while its owner renews it; the lease of a server that died is taken over
 * with the numbers that are not yet used. A reactor whose renewals fail for as long as a lease
 * lives stops giving out numbers of it before another may take it over. That no IMSI is ever bound
 * twice is in the end the database's unique key.
 *
 * Belongs to one loop and its thread.
 */
#ifndef DB_IMSI_LEASES_H
#define DB_IMSI_LEASES_H

#include "base/imsi.h"
#include "db/db.h"

struct imsi_leases;

struct imsi_request {
	uint64_t imsi; /* the answer */
	int64_t deadline_ms;
	/* FINE, IMSI_POOL_EXHAUSTED, DATABASE_UNAVAILABLE; never before imsi_take() has returned */
	void (*done)(struct imsi_request *request, enum outcome outcome);
	struct imsi_request *next;
	uint64_t number; /* among those that have waited */
};

struct imsi_leases *imsi_leases_new(
	struct ev_loop *loop, struct db *db, struct plmn plmn, uint32_t block, uint32_t lease_s);
/* Does not give the leases back: imsi_leases_give_back() does, while the loop still runs. */
void imsi_leases_free(struct imsi_leases *l);
/*
 * True: request->imsi is set and done() is not called. False: done() will be, when a block has
 * come. IMSI_POOL_EXHAUSTED says that the database was asked after this call and had none: a pool
 * that was added before it, by whichever server, is seen.
 */
bool imsi_take(struct imsi_leases *l, struct imsi_request *request);
/*
 * A number that was taken turned out to be somebody else's: subscribers were added within its block.
 * No more is given out of it until it is known which of its numbers are used.
 */
void imsi_was_taken(struct imsi_leases *l, uint64_t imsi);
/* A number that was taken and not bound after all; it is given out again. */
void imsi_give_back(struct imsi_leases *l, uint64_t imsi);
/* For shutdown: the leases are others' to take; done(context) is called once. */
void imsi_leases_give_back(struct imsi_leases *l, void (*done)(void *context), void *context);
/* Numbers at hand. */
uint64_t imsi_leases_left(const struct imsi_leases *l);

#endif

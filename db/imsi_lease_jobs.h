/*
 * The inside of struct imsi_leases, and its business with the database: renewing, adopting,
 * leasing and ending leases, one job at a time. Inside db/ only.
 */
#ifndef DB_IMSI_LEASE_JOBS_H
#define DB_IMSI_LEASE_JOBS_H

#include "db/imsi_leases.h"
#include "db/imsi_stock.h"

/* By then no transaction that took a number is still alive. */
#define SPENT_MS 120000
/* Empty pools are looked at again after so long, and sooner where somebody waits. */
#define IMSI_LOOK_AGAIN_MS 1000

/*
 * What is asked of the database, one thing at a time: an answer is never about another moment's
 * leases.
 */
enum job { JOB_NONE, JOB_RENEW, JOB_LIST_USED, JOB_LEASE, JOB_END, JOB_GIVE_BACK };

struct imsi_leases {
	struct ev_loop *loop;
	struct db *db;
	struct plmn plmn;
	uint32_t block, lease_s;
	uint8_t owner[DB_OWNER_LEN];
	ev_timer tick, soon;
	struct imsi_request *waiting, **waiting_last;
	uint64_t asked;        /* how many have waited */
	uint64_t asked_before; /* those of them for whom the lease under way was asked */

	struct imsi_stock stock;
	struct imsi_block *rested; /* being filled by the lease under way */

	enum job job;
	unsigned under_way; /* requests of the job */
	bool failed, came;  /* of the job so far */
	bool asked_twice;
	int64_t asked_at_ms, renew_at_ms, pause_until_ms;
	int64_t empty_at_ms; /* when the pools were last seen to be */
	struct db_request request;
	union {
		struct db_lease_in lease;
		struct db_range range;
		struct db_owner owner;
	} row;

	bool is_gone; /* freed as soon as nothing is under way */
	void (*given_back)(void *context);
	void *context;
};

/* Asks for whatever is most urgent, where nothing is under way. */
void imsi_jobs_go_on(struct imsi_leases *l);
void imsi_leases_destroy(struct imsi_leases *l);

/* Of imsi_leases.c: those who wait are given what has come, or are told. */
void imsi_leases_serve(struct imsi_leases *l);
/* Those whose number is below. */
void imsi_leases_refuse(struct imsi_leases *l, uint64_t before, enum outcome outcome);

#endif

/*
 * Subscribers with an existing K on their way in: K sealed by the HSM, then stored, many at once.
 * What fails for want of the HSM or the database is tried again, for so long; a second try has the
 * same sealed key, so that it is known to be the same subscriber.
 *
 * K is in locked memory until it is sealed, then wiped. One loop, one thread.
 */
#ifndef ADMIN_CLI_INTAKE_H
#define ADMIN_CLI_INTAKE_H

#include <ev.h>

#include "admin-cli/cli.h"
#include "db/db.h"
#include "hsm/client.h"

#define INTAKE_PLACES 4096u

struct intake;

struct intake_calls {
	/* Before the loop waits: the time to add more. */
	void (*feed)(void *context);
	/*
	 * FINE: stored, or was_there since `since`; CONFLICT: the IMSI has a credential; another refusal: the HSM's; a transient outcome:
	 * given up. May be called from within intake_stop(), not from within intake_add().
	 */
	void (*ended)(void *context, uint64_t tag, enum outcome outcome, bool was_there);
};

/* NULL: the reason has been said. */
struct intake *intake_new(struct cli *cli, const struct intake_calls *calls, void *context);
void intake_free(struct intake *in);
/* Runs the loop until intake_break(). */
void intake_run(struct intake *in);
void intake_break(struct intake *in);

/* Where a K is to be written, one at a time, locked and zeroed; NULL: as many as may be are under way. */
struct key_seal_subscriber_in *intake_take_room(struct intake *in);
/* Wipes a room that is not added after all. */
void intake_give_back_room(struct intake *in, struct key_seal_subscriber_in *room);
/* Sends what that room holds on its way. since: struct db_subscriber_in's. */
void intake_add(struct intake *in, struct key_seal_subscriber_in *room, uint64_t imsi,
	int64_t since, uint64_t tag);
/* Nothing is tried again any more: what is under way comes to its end soon. */
void intake_stop(struct intake *in);

struct ev_loop *intake_loop(struct intake *in);
struct db *intake_db(struct intake *in);

#endif

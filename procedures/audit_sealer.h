/*
 * Seals the audit trail: once a second the events of all transactions that have ended since the last tree
 * become a tree, whose root is chained to the one before and signed by the HSM. Where nothing happened
 * there is no tree. Any number of servers may seal one trail: of two that make the same tree the
 * database takes one.
 *
 * The sealer knows the last tree that it saw, at its start from the root file, and follows those that other
 * servers add, hash by hash; the last it has verified before it seals upon it (audit_follower.h). A trail that has
 * gone back, or in which a tree is not what it was or not the HSM's, is not sealed any further while it is so, and
 * the root file stays as it was: that is logged and told, and is for an operator to look into.
 *
 * One reactor of a process is enough. One loop.
 */
#ifndef PROCEDURES_AUDIT_SEALER_H
#define PROCEDURES_AUDIT_SEALER_H

#include <ev.h>

#include "procedures/services.h"

struct audit_sealer;
struct audit_verification;

struct audit_sealer_state {
	bool is_broken;
	int64_t tree, sealed_at; /* the last that was seen; 0: none */
	bool root_file_fails;
	bool is_held; /* a transaction that stays open keeps all after it from being sealed */
};

struct audit_sealer_settings {
	struct services *services;
	const char *root_file; /* the last signed root is kept there; empty: nowhere */
	double every_s;
	/* Has a tree's signature verified off the loop (audit_verification.h). */
	void (*verify)(struct engine *engine, struct audit_verification *v);
	/* Told on the loop whenever it may have changed. */
	void (*told)(void *context, const struct audit_sealer_state *state);
	void *context;
};

/* Reads the root file: before the loop runs. NULL: no memory. */
struct audit_sealer *audit_sealer_new(
	struct ev_loop *loop, const struct audit_sealer_settings *settings);
/* The HSM's client and the database must have been freed before. NULL is allowed. */
void audit_sealer_free(struct audit_sealer *s);

#endif

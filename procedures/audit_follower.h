/*
 * The trees that other servers add, followed for the sealer (audit_sealer.h), which seals upon the last. A tree is
 * gone on from when it is this server's own, or
 *
 *     it hangs by number, transactions and hash on the one before it, from the last that was known on; and
 *     its signature is by a key that the HSM has: what the database says of keys counts for nothing.
 *
 * The signature covers by the chain all that is before it, so that of many trees the last one's is enough.
 * A root file's tree is only a thing to compare with: at the start of a process the last tree is verified, whatever
 * it says. One loop.
 */
#ifndef PROCEDURES_AUDIT_FOLLOWER_H
#define PROCEDURES_AUDIT_FOLLOWER_H

#include "procedures/audit_verification.h"
#include "procedures/services.h"

#define AUDIT_SIGNER_LOOKS 30 /* a key made a moment ago: workers that are replaced know it soon */

struct audit_follower {
	/* set by the owner; verify() ends with v->done() */
	struct services *services;
	void (*verify)(struct engine *engine, struct audit_verification *v);
	/* FINE: `seen` is the last tree of the head. Else `fault` says what is wrong with it; NULL: it could not be told. */
	void (*done)(struct audit_follower *f, enum outcome outcome);
	struct audit_tree seen; /* the last that is gone on from; number 0: there was none */
	bool knows;             /* what was last, or that there was nothing */
	bool is_verified;       /* seen is this process's own, or was verified by it */
	bool has_taken;         /* it was verified this time */
	const char *fault;
	/* the follower's own */
	struct db_audit_head head;
	struct db_request request;
	struct db_page page;
	struct audit_tree shown; /* the last of the rows that have come */
	bool has_shown, is_linked, is_other, is_past;
	int rows;
	unsigned unknown; /* looks at which the HSM did not have the signer's key */
	struct audit_verification verification;
};

/* head: the last tree, as the database has it now; copied. One at a time. */
void audit_follow(struct audit_follower *f, const struct db_audit_head *head);

#endif

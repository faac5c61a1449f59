/*
 * Whether an audit trail is what was sealed (crypto/audit_chain.h), tree by tree: the trees' numbers and bounds, the
 * chain, the signatures, and the events of each, in bounded memory. What is wrong is told and the check goes on with
 * what the next tree says of itself, so that one fault is not told of all that follows. Pure; one thread.
 *
 *     audit_check_tree() for each tree in its order; after each, audit_check_event() for each event of the
 *     transactions before its end; audit_check_end().
 */
#ifndef ADMIN_CLI_AUDIT_CHECK_H
#define ADMIN_CLI_AUDIT_CHECK_H

#include "crypto/audit_chain.h"

#define AUDIT_SIGNERS_MAX 256

struct audit_signers {
	size_t count;
	struct {
		uint8_t id[32];
		struct p256_public *key;
	} at[AUDIT_SIGNERS_MAX];
};

/* id: SHA-256 of the SubjectPublicKeyInfo. NO_MEMORY: there are too many, too. */
enum outcome audit_signers_add(
	struct audit_signers *s, const uint8_t id[32], struct bytes public_key);
void audit_signers_free(struct audit_signers *s);

/* What is not known of a fault is 0. */
struct audit_fault {
	const char *what;
	uint64_t tree, sealed_at;
	uint64_t from_xid, to_xid; /* the transactions it has, or that are missing with it */
	bool has_events;           /* how many were found, and the first and last of them */
	uint64_t expected, found, first_xid, first_number, last_xid, last_number;
};

struct audit_check {
	/* set by the caller */
	const struct audit_signers *signers;
	void (*fault)(void *context, const struct audit_fault *fault);
	void *context;
	/* a root that was kept elsewhere, compared with the tree of its number; number 0: none */
	struct audit_tree root;

	uint64_t trees, events, faults;
	bool root_was_met;
	/* the check's own */
	bool has_tree, has_base;
	struct audit_tree tree; /* the last one */
	struct merkle_stream leaves;
	bool unreadable; /* one of its events cannot be one that was sealed */
	uint64_t first_xid, first_number, last_xid, last_number;
	uint64_t stray; /* events that no tree has */
};

/* Instead of the first call of audit_check_tree(): the tree that the first one to be checked hangs on. */
void audit_check_base(struct audit_check *c, const struct audit_tree *t);
void audit_check_tree(struct audit_check *c, const struct audit_tree *t);
void audit_check_event(struct audit_check *c, const struct audit_event *e);
/* After the last; also what the root that was kept says of the end. */
void audit_check_end(struct audit_check *c);

#endif

/*
 * An audit trail in memory behind the fake lanes: events and trees as rows, and a key that signs. For tests of the
 * sealer and of what checks its work.
 */
#ifndef TESTS_UNIT_AUDIT_WORLD_H
#define TESTS_UNIT_AUDIT_WORLD_H

#include "admin-cli/audit_check.h"
#include "procedures/audit_verification.h"
#include "procedures/services.h"

#define AUDIT_WORLD_EVENTS 150000
#define AUDIT_WORLD_TREES  64

extern struct audit_world {
	struct db_event *events; /* in their order */
	size_t event_count;
	struct db_audit_tree trees[AUDIT_WORLD_TREES];
	uint8_t paths[AUDIT_WORLD_TREES][MERKLE_TREE_PATH * MERKLE_HASH_LEN];
	size_t tree_count;
	int64_t settled_xid, begun_xid;
	unsigned asked[DB_STATEMENT_COUNT], signatures;
	enum outcome fails[DB_STATEMENT_COUNT], signing_fails;
	/* another server's tree is put in before the next that is added */
	const struct db_audit_tree *first;
	void (*after_head)(void); /* what others do when the head has been read; once */
	uint8_t scalar[P256_SCALAR_LEN], point[P256_POINT_LEN], key_id[32];
	struct key_found known; /* by the workers: that key */
	unsigned verifications;
	enum outcome verifying_fails;
	struct services services;
	struct settings settings;
} audit_world;

/* An empty trail, the lanes answered from it. */
void audit_world_open(void);
void audit_world_close(void);
/* So many events of one transaction, which is the next that is settled. */
void audit_world_add(int64_t xid, unsigned count);
/* The tree over the events up to before to_xid, signed; appended. */
void audit_world_seal(int64_t to_xid);
/* Signs it anew as it stands. */
void audit_world_sign(struct audit_tree *t);
/* In place of the CPU lane. */
void audit_world_verify(struct engine *engine, struct audit_verification *v);

/* Checks the whole trail: how many faults; what the first was is in audit_world_fault. */
unsigned audit_world_check(const struct audit_tree *root);
extern struct audit_fault audit_world_fault;

#endif

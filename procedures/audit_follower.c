#include "procedures/audit_follower.h"

#include <stddef.h>

#include "base/clock.h"
#include "procedures/audit_rows.h"

#define WITHIN_MS  10000
#define PAGE_TREES 64

static struct audit_follower *follower_of(struct db_request *request)
{
	return (struct audit_follower *)(void *)((char *)request -
						 offsetof(struct audit_follower, request));
}

static void find_fault(struct audit_follower *f, const char *fault)
{
	f->fault = fault;
	f->done(f, CONFLICT);
}

static void go_on_from(struct audit_follower *f)
{
	f->knows = f->is_verified = true;
	f->unknown = 0;
	f->done(f, FINE);
}

/* ---- the signature */

static void on_verified(struct audit_verification *v, enum outcome o)
{
	struct audit_follower *f =
		(struct audit_follower *)(void *)((char *)v -
						  offsetof(struct audit_follower, verification));

	if (o == FINE) {
		f->seen = v->tree;
		f->has_taken = true;
		go_on_from(f);
	} else if (o == SIGNATURE_INVALID) {
		find_fault(f, "the last tree's signature does not hold");
	} else {
		f->done(f, o);
	}
}

static const struct key_found *find_signer(const struct audit_follower *f, unsigned *count)
{
	const struct key_found *keys = key_client_keys(f->services->keys, count);

	for (unsigned i = 0; i < *count; i++)
		if (keys[i].use == KEY_USE_SIGN &&
			memcmp(keys[i].key_id, f->shown.signer_id, KEY_ID_LEN) == 0)
			return &keys[i];
	return NULL;
}

static void verify_last(struct audit_follower *f)
{
	unsigned count;
	const struct key_found *signer = find_signer(f, &count);

	if (count == 0) { /* no worker is ready */
		f->done(f, HSM_UNAVAILABLE);
	} else if (signer == NULL && f->unknown < AUDIT_SIGNER_LOOKS) {
		f->unknown++;
		f->done(f, RESOURCE_NOT_FOUND);
	} else if (signer == NULL) {
		find_fault(f, "the last tree is signed by a key that the HSM does not have");
	} else {
		f->verification.tree = f->shown;
		f->verification.done = on_verified;
		memcpy(f->verification.signer, signer->public_key, P256_POINT_LEN);
		f->verify(f->services->engine, &f->verification);
	}
}

/* ---- the trees up to it */

static bool is_same(const struct audit_tree *a, const struct audit_tree *b)
{
	return a->number == b->number && a->to_xid == b->to_xid &&
	       memcmp(a->chain, b->chain, sizeof(a->chain)) == 0;
}

static bool hangs_on(const struct audit_tree *t, const struct audit_tree *before)
{
	uint8_t chain[MERKLE_HASH_LEN];

	return t->number == before->number + 1 && t->from_xid == before->to_xid &&
	       t->to_xid > t->from_xid && audit_chain(t, before->chain, chain) == FINE &&
	       memcmp(t->chain, chain, sizeof(chain)) == 0;
}

/* The tree that is to be found again, or where nothing is known, the last. */
static uint64_t number_wanted(const struct audit_follower *f)
{
	return f->knows ? f->seen.number : (uint64_t)f->head.number;
}

/* At the start of a process: the one before the tree that is wanted; or that itself, where none is before it. */
static bool begins(struct audit_follower *f, const struct audit_tree *t)
{
	static const struct audit_tree nothing;
	uint64_t wanted = number_wanted(f);

	if (t->number == 1)
		return f->is_linked = hangs_on(t, &nothing);
	/* Older trees may have been moved elsewhere: then what was known vouches for its hash. */
	f->is_linked = f->knows && t->number == wanted;
	return t->number == wanted || t->number + 1 == wanted;
}

static bool goes_on(struct audit_follower *f, const struct audit_tree *t)
{
	if (f->knows && t->number == f->seen.number && !is_same(t, &f->seen))
		return false;
	if (!f->has_shown)
		return begins(f, t);
	/* What was last, here or of the page before, comes once more. */
	if (f->rows == 1 && f->shown.number > 0)
		return is_same(t, &f->shown);
	return f->is_linked = hangs_on(t, &f->shown);
}

static void on_tree(struct db_request *request, const void *row)
{
	struct audit_follower *f = follower_of(request);
	struct audit_tree tree;

	f->rows++;
	/* What has come since the head was read is of transactions that it does not know to have ended. */
	f->is_past = f->is_past || ((const struct db_audit_tree *)row)->number > f->head.number;
	if (f->is_other || f->is_past)
		return;
	f->is_other = audit_tree_from_row(row, &tree) != FINE || !goes_on(f, &tree);
	if (f->is_other)
		return;
	f->shown = tree;
	f->has_shown = true;
}

static void read_trees(struct audit_follower *f);

static void on_trees(struct db_request *request, enum outcome o)
{
	struct audit_follower *f = follower_of(request);

	if (o != FINE)
		f->done(f, o);
	else if (f->is_other)
		find_fault(f, "a tree does not hang on the one before it");
	else if (f->rows == PAGE_TREES && !f->is_past)
		read_trees(f);
	else if (!f->has_shown || (int64_t)f->shown.number < f->head.number)
		find_fault(f, "a tree is missing");
	else if (!f->is_linked)
		find_fault(f, "the tree before the last one is missing");
	else
		verify_last(f);
}

static void read_trees(struct audit_follower *f)
{
	int64_t from = f->has_shown ? (int64_t)f->shown.number : (int64_t)number_wanted(f) - 1;

	f->rows = 0;
	f->page = (struct db_page){ from - 1, PAGE_TREES };
	f->request = (struct db_request){
		.statement = DB_LIST_AUDIT_TREES,
		.row = &f->page,
		.deadline_ms = clock_ms() + WITHIN_MS,
		.each = on_tree,
		.done = on_trees,
	};
	db_submit(f->services->db, &f->request);
}

void audit_follow(struct audit_follower *f, const struct db_audit_head *head)
{
	uint64_t number = (uint64_t)head->number;

	f->head = *head;
	f->fault = NULL;
	f->is_other = f->is_past = f->is_linked = f->has_taken = false;
	f->has_shown = f->is_verified;
	f->shown = f->seen;
	if (f->knows && number < f->seen.number)
		find_fault(f, "the trail has gone back");
	else if (number == 0)
		go_on_from(f);
	else if (!f->is_verified || number > f->seen.number)
		read_trees(f);
	else if (memcmp(head->chain, f->seen.chain, sizeof(head->chain)) != 0 ||
		 (uint64_t)head->to_xid != f->seen.to_xid)
		find_fault(f, "the last tree is another");
	else
		go_on_from(f);
}

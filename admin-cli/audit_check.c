#include "admin-cli/audit_check.h"

enum outcome audit_signers_add(
	struct audit_signers *s, const uint8_t id[32], struct bytes public_key)
{
	if (s->count == AUDIT_SIGNERS_MAX)
		return NO_MEMORY;
	enum outcome o = p256_public_new(public_key, &s->at[s->count].key);

	if (o != FINE)
		return o;
	memcpy(s->at[s->count++].id, id, sizeof(s->at[0].id));
	return FINE;
}

void audit_signers_free(struct audit_signers *s)
{
	for (size_t i = 0; i < s->count; i++)
		p256_public_free(s->at[i].key);
	s->count = 0;
}

static struct p256_public *find_signer(const struct audit_signers *s, const uint8_t id[32])
{
	for (size_t i = 0; i < s->count; i++)
		if (memcmp(s->at[i].id, id, sizeof(s->at[i].id)) == 0)
			return s->at[i].key;
	return NULL;
}

static void tell(struct audit_check *c, struct audit_fault fault)
{
	c->faults++;
	c->fault(c->context, &fault);
}

static void tell_of_tree(struct audit_check *c, const struct audit_tree *t, const char *what)
{
	tell(c, (struct audit_fault){
			.tree = t->number,
			.sealed_at = t->sealed_at,
			.from_xid = t->from_xid,
			.to_xid = t->to_xid,
			.what = what,
		});
}

static void tell_of_events(struct audit_check *c, const char *what)
{
	tell(c, (struct audit_fault){
			.tree = c->tree.number,
			.sealed_at = c->tree.sealed_at,
			.from_xid = c->tree.from_xid,
			.to_xid = c->tree.to_xid,
			.has_events = true,
			.first_xid = c->first_xid,
			.first_number = c->first_number,
			.last_xid = c->last_xid,
			.last_number = c->last_number,
			.expected = c->tree.count,
			.found = c->leaves.count,
			.what = what,
		});
}

static const char *fault_of_events(const struct audit_check *c)
{
	uint8_t root[MERKLE_HASH_LEN];

	if (c->leaves.count < c->tree.count)
		return "events were removed";
	if (c->leaves.count > c->tree.count)
		return "events were added";
	if (c->unreadable || merkle_stream_root(&c->leaves, root) != FINE ||
		memcmp(root, c->tree.root, sizeof(root)) != 0)
		return "an event was changed: the root does not match";
	return NULL;
}

/* The events of the last tree have all been seen. */
static void end_tree(struct audit_check *c)
{
	const char *what = c->has_tree && !c->has_base ? fault_of_events(c) : NULL;

	if (what != NULL)
		tell_of_events(c, what);
	c->leaves.count = 0;
	c->unreadable = false;
	c->first_xid = c->first_number = c->last_xid = c->last_number = 0;
}

static void check_signature(struct audit_check *c, const struct audit_tree *t)
{
	struct p256_public *signer = find_signer(c->signers, t->signer_id);

	if (signer == NULL)
		tell_of_tree(c, t, "it is signed by a key that is not one of the signers");
	else if (audit_signature_check(t, signer) != FINE)
		tell_of_tree(c, t, "its signature does not hold");
}

/* Whether it stands where the one before it says. */
static void check_place(struct audit_check *c, const struct audit_tree *t)
{
	uint64_t number = c->has_tree ? c->tree.number + 1 : 1;
	uint64_t from = c->has_tree ? c->tree.to_xid : 0;

	if (t->number != number)
		tell(c, (struct audit_fault){
				.tree = number,
				.from_xid = from,
				.to_xid = t->from_xid,
				.what = t->number == number + 1
						? "the tree is missing"
						: "this tree and others are missing",
			});
	else if (t->from_xid != from || t->to_xid <= t->from_xid)
		tell_of_tree(c, t, "its record was changed: other transactions are before it");
}

static void check_chain(struct audit_check *c, const struct audit_tree *t)
{
	static const uint8_t none[MERKLE_HASH_LEN];
	uint8_t chain[MERKLE_HASH_LEN];
	const uint8_t *before = c->has_tree ? c->tree.chain : none;

	if (audit_chain(t, before, chain) != FINE || memcmp(chain, t->chain, sizeof(chain)) != 0)
		tell_of_tree(c, t,
			"it does not hang on the tree before it: its record, or that one's, was "
			"changed");
}

static void compare_with_root(struct audit_check *c, const struct audit_tree *t)
{
	if (c->root.number == 0 || t->number != c->root.number)
		return;
	c->root_was_met = true;
	if (memcmp(t->chain, c->root.chain, sizeof(t->chain)) != 0)
		tell_of_tree(c, t, "it is not the tree that the root file names");
}

void audit_check_base(struct audit_check *c, const struct audit_tree *t)
{
	check_signature(c, t);
	compare_with_root(c, t);
	c->tree = *t;
	c->has_tree = c->has_base = true;
}

void audit_check_tree(struct audit_check *c, const struct audit_tree *t)
{
	bool follows = t->number == (c->has_tree ? c->tree.number + 1 : 1);

	end_tree(c);
	check_place(c, t);
	if (follows) /* what is missing cannot be hashed: its absence has been told */
		check_chain(c, t);
	check_signature(c, t);
	compare_with_root(c, t);
	c->trees++;
	c->tree = *t;
	c->has_tree = true;
	c->has_base = false;
}

void audit_check_event(struct audit_check *c, const struct audit_event *e)
{
	uint8_t leaf[MERKLE_HASH_LEN] = { 0 };

	c->events++;
	if (!c->has_tree || e->xid < c->tree.from_xid) { /* told with the gap it lies in */
		c->stray++;
		return;
	}
	if (c->leaves.count == 0) {
		c->first_xid = e->xid;
		c->first_number = e->number;
	}
	c->last_xid = e->xid;
	c->last_number = e->number;
	if (audit_leaf(e, leaf) != FINE)
		c->unreadable = true;
	if (merkle_stream_add(&c->leaves, leaf) != FINE)
		c->unreadable = true;
}

void audit_check_end(struct audit_check *c)
{
	end_tree(c);
	if (c->stray > 0)
		tell(c, (struct audit_fault){
				.has_events = true,
				.found = c->stray,
				.what = "events lie in no tree",
			});
	if (c->root.number == 0)
		return;
	struct p256_public *signer = find_signer(c->signers, c->root.signer_id);

	if (signer == NULL || audit_signature_check(&c->root, signer) != FINE)
		tell_of_tree(c, &c->root, "the root file's signature does not hold");
	if (!c->has_tree || c->tree.number < c->root.number)
		tell_of_tree(
			c, &c->root, "the trail ends before this tree, which the root file names");
}

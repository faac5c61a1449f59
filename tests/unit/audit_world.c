#include "tests/unit/audit_world.h"

#include <check.h>
#include <stdlib.h>

#include "crypto/kdf.h"
#include "procedures/audit_rows.h"
#include "tests/unit/fake_lanes.h"

struct audit_world audit_world;
struct audit_fault audit_world_fault;

static enum outcome find_head(struct db_request *r)
{
	struct audit_world *w = &audit_world;
	struct db_audit_head *head = r->result;

	*head = (struct db_audit_head){ .settled_xid = w->settled_xid, .begun_xid = w->begun_xid };
	if (w->tree_count > 0) {
		const struct db_audit_tree *last = &w->trees[w->tree_count - 1];

		head->number = last->number;
		head->to_xid = last->to_xid;
		memcpy(head->chain, last->chain, sizeof(head->chain));
	}
	void (*after_head)(void) = w->after_head;

	w->after_head = NULL;
	if (after_head != NULL)
		after_head();
	return FINE;
}

static bool is_after(const struct db_event *e, const struct db_unsealed_page *p)
{
	return e->xid > p->after_xid || (e->xid == p->after_xid && e->number > p->after_number);
}

static enum outcome list_unsealed(struct db_request *r)
{
	const struct db_unsealed_page *p = r->row;
	int64_t shown = 0;

	for (size_t i = 0; i < audit_world.event_count && shown < p->limit; i++) {
		const struct db_event *e = &audit_world.events[i];

		if (e->xid < p->from_xid || e->xid >= p->to_xid || !is_after(e, p))
			continue;
		r->each(r, e);
		shown++;
	}
	return FINE;
}

static void append(const struct db_audit_tree *row)
{
	struct audit_world *w = &audit_world;

	ck_assert_uint_lt(w->tree_count, AUDIT_WORLD_TREES);
	w->trees[w->tree_count] = *row;
	if (row->path.len > 0)
		memcpy(w->paths[w->tree_count], row->path.at, row->path.len);
	w->trees[w->tree_count].path.at = w->paths[w->tree_count];
	w->tree_count++;
}

static enum outcome add_tree(struct db_request *r)
{
	struct audit_world *w = &audit_world;
	const struct db_audit_tree *row = r->row;

	if (w->first != NULL)
		append(w->first);
	w->first = NULL;
	if (row->number != (w->tree_count > 0 ? w->trees[w->tree_count - 1].number : 0) + 1)
		return NO_ROW;
	append(row);
	return FINE;
}

static enum outcome list_trees(struct db_request *r)
{
	const struct db_page *p = r->row;
	int64_t shown = 0;

	for (size_t i = 0; i < audit_world.tree_count && shown < p->limit; i++)
		if (audit_world.trees[i].number > p->after) {
			r->each(r, &audit_world.trees[i]);
			shown++;
		}
	return FINE;
}

static enum outcome answer_db(void *request)
{
	struct db_request *r = request;

	audit_world.asked[r->statement]++;
	if (audit_world.fails[r->statement] != FINE)
		return audit_world.fails[r->statement];
	switch ((int)r->statement) {
	case DB_FIND_AUDIT_HEAD:
		return find_head(r);
	case DB_LIST_UNSEALED:
		return list_unsealed(r);
	case DB_ADD_AUDIT_TREE:
		return add_tree(r);
	case DB_LIST_AUDIT_TREES:
		return list_trees(r);
	default:
		return FINE;
	}
}

static enum outcome sign_leaf(const uint8_t leaf[32], uint8_t signature[P256_SIGNATURE_LEN])
{
	uint8_t message[BATCH_SIGNED_LEN], digest[32];
	struct bytes whole = BYTES(message);

	ck_assert_int_eq(batch_signed_string(leaf, 1, message), FINE);
	ck_assert_int_eq(sha256(&whole, 1, digest), FINE);
	return p256_sign(audit_world.scalar, digest, signature);
}

static enum outcome answer_key(void *request)
{
	struct key_request *r = request;
	const struct key_sign_in *in = r->in;
	struct key_signature *out = r->out;

	if (audit_world.signing_fails != FINE)
		return audit_world.signing_fails;
	ck_assert_int_eq(r->operation, KEY_SIGN);
	ck_assert_mem_eq(in->key_id, audit_world.key_id, 32);
	audit_world.signatures++;
	*out = (struct key_signature){ .tree_size = 1 };
	return sign_leaf(in->leaf, out->signature);
}

static void add_own_key(void)
{
	struct db_key_row row = { .use = KEY_USE_SIGN,
		.generation = 1,
		.label = "arpf.sign.1",
		.certificate = { (const uint8_t *)"0", 1 } };

	memcpy(row.key_id, audit_world.key_id, sizeof(row.key_id));
	audit_world.services.own_keys = own_keys_new();
	ck_assert_int_eq(own_keys_add(audit_world.services.own_keys, &row), FINE);
}

void audit_world_open(void)
{
	struct audit_world *w = &audit_world;

	*w = (struct audit_world){ 0 };
	w->events = calloc(AUDIT_WORLD_EVENTS, sizeof(*w->events));
	ck_assert_ptr_nonnull(w->events);
	w->settled_xid = 700;
	w->settings.audit_is_on = true;
	w->services.settings = &w->settings;
	ck_assert_int_eq(p256_generate(w->scalar, w->point), FINE);
	memset(w->key_id, 0x77, sizeof(w->key_id));
	add_own_key();
	w->known = (struct key_found){ .use = KEY_USE_SIGN, .generation = 1 };
	memcpy(w->known.key_id, w->key_id, sizeof(w->known.key_id));
	memcpy(w->known.public_key, w->point, sizeof(w->known.public_key));
	fake_lanes_reset();
	fake_lanes_know(&w->known, 1);
	fake_lane_answers(LANE_DB, answer_db);
	fake_lane_answers(LANE_KEY, answer_key);
}

void audit_world_close(void)
{
	own_keys_give_back(audit_world.services.own_keys);
	free(audit_world.events);
}

void audit_world_add(int64_t xid, unsigned count)
{
	struct audit_world *w = &audit_world;

	for (unsigned i = 0; i < count; i++) {
		ck_assert_uint_lt(w->event_count, AUDIT_WORLD_EVENTS);
		w->events[w->event_count++] = (struct db_event){
			.xid = xid,
			.number = (int64_t)i * 100 + AUDIT_BOUND,
			.at_ms = 1795269820000 + (int64_t)w->event_count,
			.action = AUDIT_BOUND,
			.subject = 900010000000000 + (int64_t)w->event_count,
			.actor = "loopback",
			.detail = "SE-1",
		};
	}
	if (w->settled_xid <= xid)
		w->settled_xid = xid + 1;
}

void audit_world_sign(struct audit_tree *t)
{
	uint8_t leaf[32];

	ck_assert_int_eq(audit_signed_leaf(t->chain, leaf), FINE);
	ck_assert_int_eq(sign_leaf(leaf, t->signature), FINE);
	memcpy(t->signer_id, audit_world.key_id, sizeof(t->signer_id));
	t->tree_size = 1;
}

void audit_world_verify(struct engine *engine, struct audit_verification *v)
{
	struct audit_verification_state state = { .asked = v };
	struct txn t = { .state = &state };
	enum outcome o = audit_world.verifying_fails;

	(void)engine;
	audit_world.verifications++;
	if (o == FINE)
		o = audit_verification.steps[0].run(&t);
	v->done(v, o == FINE ? state.verdict : o);
}

void audit_world_seal(int64_t to_xid)
{
	static const uint8_t none[32];
	struct audit_world *w = &audit_world;
	const struct db_audit_tree *last = w->tree_count > 0 ? &w->trees[w->tree_count - 1] : NULL;
	struct merkle_stream leaves = { 0 };
	struct audit_tree t = {
		.number = last != NULL ? (uint64_t)last->number + 1 : 1,
		.from_xid = last != NULL ? (uint64_t)last->to_xid : 0,
		.to_xid = (uint64_t)to_xid,
		.sealed_at = 1795269820,
	};
	uint8_t leaf[32];

	for (size_t i = 0; i < w->event_count; i++) {
		struct audit_event e = audit_event_from_row(&w->events[i]);

		if (e.xid < t.from_xid || e.xid >= t.to_xid)
			continue;
		ck_assert_int_eq(audit_leaf(&e, leaf), FINE);
		ck_assert_int_eq(merkle_stream_add(&leaves, leaf), FINE);
	}
	t.count = leaves.count;
	ck_assert_int_eq(merkle_stream_root(&leaves, t.root), FINE);
	ck_assert_int_eq(audit_chain(&t, last != NULL ? last->chain : none, t.chain), FINE);
	audit_world_sign(&t);
	struct db_audit_tree row = audit_tree_to_row(&t);

	append(&row);
}

static void on_fault(void *context, const struct audit_fault *fault)
{
	unsigned *faults = context;

	if ((*faults)++ == 0)
		audit_world_fault = *fault;
}

unsigned audit_world_check(const struct audit_tree *root)
{
	struct audit_world *w = &audit_world;
	struct audit_signers signers = { 0 };
	unsigned faults = 0;
	struct audit_check *c = calloc(1, sizeof(*c));
	size_t at = 0;

	audit_world_fault = (struct audit_fault){ .what = "" };
	ck_assert_int_eq(audit_signers_add(&signers, w->key_id, BYTES(w->point)), FINE);
	c->signers = &signers;
	c->fault = on_fault;
	c->context = &faults;
	if (root != NULL)
		c->root = *root;
	for (size_t i = 0; i < w->tree_count; i++) {
		struct audit_tree t;

		ck_assert_int_eq(audit_tree_from_row(&w->trees[i], &t), FINE);
		audit_check_tree(c, &t);
		for (; at < w->event_count && (uint64_t)w->events[at].xid < t.to_xid; at++) {
			struct audit_event e = audit_event_from_row(&w->events[at]);

			audit_check_event(c, &e);
		}
	}
	audit_check_end(c);
	ck_assert_uint_eq(c->faults, faults);
	audit_signers_free(&signers);
	free(c);
	return faults;
}

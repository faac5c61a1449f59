#include "procedures/audit_sealer.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_keeper.h"
#include "base/log.h"
#include "crypto/audit_root.h"
#include "procedures/audit_follower.h"
#include "procedures/audit_root_file.h"
#include "procedures/audit_rows.h"

#define WITHIN_MS 10000
#define PAGE      2048  /* events: some milliseconds of the loop */
#define TREE      65536 /* a tree of so many ends with the transaction that it is at */
#define HELD      60    /* looks; no transaction of arpfd's lasts as long */

_Static_assert(AUDIT_ROOT_TEXT_MAX <= FILE_KEEPER_MOST, "the root file is kept so");

struct audit_sealer {
	struct audit_sealer_settings given;
	struct ev_loop *loop;
	ev_timer next;
	struct file_keeper *root_file; /* NULL: none */
	struct audit_sealer_state state;
	struct audit_follower follower; /* knows the last tree there is */
	const char *fault;              /* of the trail, that was logged */
	enum outcome last;              /* failure that was logged */
	int64_t held_xid;               /* the transaction that all wait for */
	int64_t held_since_ms;

	struct db_request request;
	struct db_audit_head head;
	struct db_unsealed_page page;
	int64_t rows;

	/* the tree in the making */
	struct audit_tree tree;
	struct merkle_stream leaves;
	enum outcome hashed;
	bool is_cut; /* at its bound; more is to be sealed at once */
	struct key_request ask;
	struct key_sign_in sign;
	struct key_signature signature;
	struct db_audit_tree row;
};

static void look(struct audit_sealer *s);

static struct audit_sealer *sealer_of(struct db_request *request)
{
	return (struct audit_sealer *)(void *)((char *)request -
					       offsetof(struct audit_sealer, request));
}

static void tell(struct audit_sealer *s)
{
	s->state.tree = (int64_t)s->follower.seen.number;
	s->state.sealed_at = (int64_t)s->follower.seen.sealed_at;
	s->state.root_file_fails = s->root_file != NULL && file_keeper_fails(s->root_file);
	s->given.told(s->given.context, &s->state);
}

/* A third more or less, so that servers seldom make the same tree at once. */
static void wait_for_next(struct audit_sealer *s)
{
	uint16_t random = UINT16_MAX / 2;

	(void)!getentropy(&random, sizeof(random)); /* without it all wait for equally long */
	tell(s);
	ev_timer_set(
		&s->next, s->given.every_s * (2.0 / 3 + 2.0 / 3 * (double)random / UINT16_MAX), 0);
	ev_timer_start(s->loop, &s->next);
}

/* Until the next look; the same failure again and again is logged once. */
static void give_up(struct audit_sealer *s, const char *step, enum outcome o)
{
	if (o != s->last)
		log_warning("audit_not_sealed", "step=%s outcome=%s", step, outcome_name(o));
	s->last = o;
	wait_for_next(s);
}

static void rest(struct audit_sealer *s)
{
	s->last = FINE;
	wait_for_next(s);
}

/* What was sealed is not there any more, or what is there was not sealed: to seal on would cover that. */
static void note_fault(struct audit_sealer *s, const char *fault)
{
	if (fault != s->fault)
		log_error("audit_trail_broken", "reason=\"%s\" last_tree=%" PRIu64 " head=%" PRId64,
			fault, s->follower.seen.number, s->head.number);
	s->fault = fault;
	s->state.is_broken = true;
}

/* Until the trail is as it was. */
static void hold(struct audit_sealer *s, const char *fault)
{
	note_fault(s, fault);
	rest(s);
}

/* For good: time mends nothing here, it only hides it. */
static void stop(struct audit_sealer *s, const char *fault)
{
	note_fault(s, fault);
	tell(s);
}

static void note_whole(struct audit_sealer *s)
{
	if (s->fault != NULL)
		log_warning("audit_trail_mended", "tree=%" PRIu64, s->follower.seen.number);
	s->fault = NULL;
	s->state.is_broken = false;
}

static void ask(struct audit_sealer *s, enum db_statement statement, const void *row, void *result,
	void (*done)(struct db_request *request, enum outcome outcome))
{
	s->request = (struct db_request){
		.statement = statement,
		.row = row,
		.result = result,
		.deadline_ms = clock_ms() + WITHIN_MS,
		.done = done,
	};
	db_submit(s->given.services->db, &s->request);
}

static void keep_root(struct audit_sealer *s)
{
	char text[AUDIT_ROOT_TEXT_MAX];

	if (s->root_file != NULL)
		file_keeper_put(s->root_file, text, audit_root_write(&s->follower.seen, text));
}

/* ---- the tree in the making */

static void on_added(struct db_request *request, enum outcome o)
{
	struct audit_sealer *s = sealer_of(request);

	if (o == NO_ROW) { /* another server was first */
		rest(s);
		return;
	}
	if (o != FINE) { /* it may have been added: the next look tells */
		give_up(s, "add_tree", o);
		return;
	}
	s->follower.seen = s->tree;
	keep_root(s);
	log_debug(
		"audit_sealed", "tree=%" PRIu64 " events=%" PRIu64, s->tree.number, s->tree.count);
	if (s->is_cut)
		look(s);
	else
		rest(s);
}

static void on_signed(struct key_request *request, enum outcome o)
{
	struct audit_sealer *s =
		(struct audit_sealer *)(void *)((char *)request -
						offsetof(struct audit_sealer, ask));
	struct audit_tree *t = &s->tree;

	if (o != FINE) {
		give_up(s, "sign", o);
		return;
	}
	memcpy(t->signature, s->signature.signature, sizeof(t->signature));
	t->tree_size = s->signature.tree_size;
	t->leaf_index = s->signature.leaf_index;
	t->path_count = s->signature.path_count;
	memcpy(t->path, s->signature.path, t->path_count * MERKLE_HASH_LEN);
	s->row = audit_tree_to_row(t);
	ask(s, DB_ADD_AUDIT_TREE, &s->row, NULL, on_added);
}

static enum outcome sign(struct audit_sealer *s)
{
	const struct own_key *key = own_keys_newest(s->given.services->own_keys, KEY_USE_SIGN);
	struct audit_tree *t = &s->tree;

	if (key == NULL)
		return HSM_UNAVAILABLE;
	t->count = s->leaves.count;
	t->sealed_at = (uint64_t)clock_unix();
	memcpy(t->signer_id, key->key_id, sizeof(t->signer_id));
	memcpy(s->sign.key_id, key->key_id, sizeof(s->sign.key_id));
	enum outcome o = merkle_stream_root(&s->leaves, t->root);

	if (o == FINE)
		o = audit_chain(t, s->follower.seen.chain, t->chain);
	if (o == FINE)
		o = audit_signed_leaf(t->chain, s->sign.leaf);
	if (o != FINE)
		return o;
	s->ask = (struct key_request){
		.operation = KEY_SIGN,
		.in = &s->sign,
		.out = &s->signature,
		.deadline_ms = clock_ms() + WITHIN_MS,
		.done = on_signed,
	};
	key_submit(s->given.services->keys, &s->ask);
	return FINE;
}

static void on_event(struct db_request *request, const void *row)
{
	struct audit_sealer *s = sealer_of(request);
	const struct db_event *e = row;
	struct audit_event event = audit_event_from_row(e);
	bool is_new = e->xid > s->page.after_xid ||
		      (e->xid == s->page.after_xid && e->number > s->page.after_number);
	uint8_t leaf[MERKLE_HASH_LEN];

	s->rows++;
	if (s->is_cut || s->hashed != FINE || !is_new)
		return;
	if (s->leaves.count >= TREE && e->xid != s->page.after_xid) {
		s->is_cut = true;
		s->tree.to_xid = event.xid;
		return;
	}
	s->hashed = audit_leaf(&event, leaf);
	if (s->hashed == FINE)
		s->hashed = merkle_stream_add(&s->leaves, leaf);
	s->page.after_xid = e->xid;
	s->page.after_number = e->number;
}

static void read_events(struct audit_sealer *s);

static void on_events(struct db_request *request, enum outcome o)
{
	struct audit_sealer *s = sealer_of(request);

	o = o == FINE ? s->hashed : o;
	if (o == FINE && s->rows == PAGE && !s->is_cut) {
		read_events(s);
		return;
	}
	if (o == FINE && s->leaves.count == 0) {
		rest(s);
		return;
	}
	if (o == FINE)
		o = sign(s);
	if (o != FINE)
		give_up(s, "read_events", o);
}

static void read_events(struct audit_sealer *s)
{
	s->rows = 0;
	ask(s, DB_LIST_UNSEALED, &s->page, NULL, on_events);
	s->request.each = on_event;
}

/* Somebody who leaves a transaction open keeps all that comes after it from being sealed. */
static void watch_the_oldest(struct audit_sealer *s)
{
	int64_t xid = s->head.settled_xid < s->head.begun_xid ? s->head.settled_xid : 0;
	int64_t now = clock_ms();

	if (xid == 0 || xid != s->held_xid) {
		s->held_xid = xid;
		s->held_since_ms = now;
	}
	bool is_held = now - s->held_since_ms >= (int64_t)(HELD * 1000 * s->given.every_s);

	if (is_held && !s->state.is_held)
		log_warning("audit_held_back", "open_transaction=%" PRId64, xid);
	s->state.is_held = is_held;
}

static void begin_tree(struct audit_sealer *s)
{
	int64_t from = (int64_t)s->follower.seen.to_xid;

	if (s->head.settled_xid < from) {
		stop(s, "the database counts transactions that were sealed before");
		return;
	}
	if (s->head.settled_xid == from) {
		rest(s);
		return;
	}
	s->hashed = FINE;
	s->is_cut = false;
	s->leaves.count = 0;
	s->tree = (struct audit_tree){
		.number = s->follower.seen.number + 1,
		.from_xid = (uint64_t)from,
		.to_xid = (uint64_t)s->head.settled_xid,
	};
	s->page = (struct db_unsealed_page){
		.from_xid = from,
		.to_xid = s->head.settled_xid,
		.after_xid = from - 1,
		.after_number = INT64_MAX,
		.limit = PAGE,
	};
	read_events(s);
}

/* ---- what there is, and whether to go on from it */

static void on_followed(struct audit_follower *f, enum outcome o)
{
	struct audit_sealer *s =
		(struct audit_sealer *)(void *)((char *)f -
						offsetof(struct audit_sealer, follower));

	if (f->fault != NULL) {
		hold(s, f->fault);
	} else if (o != FINE) {
		give_up(s, "follow", o);
	} else {
		note_whole(s);
		if (f->has_taken)
			keep_root(s);
		begin_tree(s);
	}
}

static void on_head(struct db_request *request, enum outcome o)
{
	struct audit_sealer *s = sealer_of(request);

	if (o != FINE) {
		give_up(s, "look", o);
		return;
	}
	watch_the_oldest(s);
	audit_follow(&s->follower, &s->head);
}

static void look(struct audit_sealer *s)
{
	ask(s, DB_FIND_AUDIT_HEAD, NULL, &s->head, on_head);
}

static void on_next(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	look(timer->data);
}

struct audit_sealer *audit_sealer_new(
	struct ev_loop *loop, const struct audit_sealer_settings *settings)
{
	struct audit_sealer *s = calloc(1, sizeof(*s));
	enum outcome o = NO_ROW;

	if (s == NULL)
		return NULL;
	s->given = *settings;
	s->loop = loop;
	ev_timer_init(&s->next, on_next, 0, 0);
	s->next.data = s;
	if (settings->root_file[0] != '\0') {
		o = audit_root_file_read(settings->root_file, &s->follower.seen);
		s->root_file = file_keeper_new(settings->root_file);
		if (s->root_file == NULL) {
			free(s);
			return NULL;
		}
	}
	s->follower.services = settings->services;
	s->follower.verify = settings->verify;
	s->follower.done = on_followed;
	s->follower.knows = o == FINE && s->follower.seen.number != 0;
	if (o == FINE || o == NO_ROW)
		wait_for_next(s);
	else
		stop(s, "the root file cannot be read");
	return s;
}

void audit_sealer_free(struct audit_sealer *s)
{
	if (s == NULL)
		return;
	ev_timer_stop(s->loop, &s->next);
	file_keeper_free(s->root_file);
	free(s);
}

#include "server/views.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "procedures/procedure.h"

#define READ_WITHIN_MS 10000
#define PAGE_ROWS      4096 /* so many at a time, so that a long list does not hold up the loop */
#define TRY_AGAIN_S    1.0

/* What is read, one after the other; CRLs first, lest one counts as fresh whose entries have not been read. */
enum part { PART_ANCHORS, PART_CRLS, PART_REVOCATIONS, PART_KEYS, PART_IBS_IDENTITIES, PART_COUNT };

static const enum db_statement part_statements[PART_COUNT] = {
	[PART_ANCHORS] = DB_LIST_ANCHORS,
	[PART_CRLS] = DB_LIST_CRLS,
	[PART_REVOCATIONS] = DB_LIST_REVOCATIONS,
	[PART_KEYS] = DB_LIST_KEYS,
	[PART_IBS_IDENTITIES] = DB_LIST_IBS_IDENTITIES,
};

struct views {
	struct ev_loop *loop;
	struct services *services;
	void (*brought)(void *context, struct txn *t, enum outcome outcome);
	void *context;
	ev_timer again;
	struct db_request request;
	struct db_page page;
	int64_t rows; /* of the page */
	enum part part;
	bool is_reading, is_due, is_ready, has_heard, is_spoilt;
	struct trust *trust; /* being built */
	struct own_keys *own_keys;
	struct txn *served, *waiting; /* by the reading under way; by the next */
};

static void start_reading(struct views *v);

/* A key that the workers have not found yet is not given out or accepted; their news brings another reading. */
static bool workers_know(const struct views *v, const struct db_key_row *row)
{
	unsigned count;
	const struct key_found *keys = key_client_keys(v->services->keys, &count);

	for (unsigned i = 0; i < count; i++)
		if (memcmp(keys[i].key_id, row->key_id, sizeof(row->key_id)) == 0)
			return true;
	return false;
}

/* An identity's SSK is opened by the KEK that wrapped it. */
static bool workers_know_kek(const struct views *v, int32_t generation)
{
	unsigned count;
	const struct key_found *keys = key_client_keys(v->services->keys, &count);

	for (unsigned i = 0; i < count; i++)
		if (keys[i].use == KEY_USE_KEK && (int64_t)keys[i].generation == generation)
			return true;
	return false;
}

static enum outcome take_anchor(struct views *v, const struct db_anchor *a)
{
	v->page.after = a->number;
	return trust_add_anchor(v->trust, (enum trust_use)a->use, a->der);
}

static enum outcome take_crl(struct views *v, const struct db_crl *crl)
{
	v->page.after = crl->number;
	struct fresh_crl fresh = {
		.by.knows_key = true,
		.this_update = crl->this_update,
		.next_update = crl->next_update,
	};

	memcpy(fresh.by.name, crl->issuer_hash, sizeof(fresh.by.name));
	memcpy(fresh.by.key, crl->signer, sizeof(fresh.by.key));
	if (crl->scope.len == sizeof(fresh.scope))
		memcpy(fresh.scope, crl->scope.at, sizeof(fresh.scope));
	return trust_add_crl(v->trust, &fresh, crl->is_root);
}

static enum outcome take_revocation(struct views *v, const struct db_revocation *r)
{
	v->page.after = r->number;
	struct issuer_id issuer = { .knows_key = r->issuer_keys.len > 0 };
	struct bytes keys = r->issuer_keys;
	enum outcome o = FINE;

	memcpy(issuer.name, r->issuer_hash, sizeof(issuer.name));
	if (!issuer.knows_key)
		return trust_add_revocation(v->trust, &issuer, r->serial);
	if (keys.len % sizeof(issuer.key) != 0)
		return BROKEN;
	for (; o == FINE && keys.len > 0;
		keys = bytes_of(keys.at + sizeof(issuer.key), keys.len - sizeof(issuer.key))) {
		memcpy(issuer.key, keys.at, sizeof(issuer.key));
		o = trust_add_revocation(v->trust, &issuer, r->serial);
	}
	return o;
}

static enum outcome take_key(struct views *v, const struct db_key_row *key)
{
	v->page.after = key->number;
	return workers_know(v, key) ? own_keys_add(v->own_keys, key) : FINE;
}

static enum outcome take_ibs_identity(struct views *v, const struct db_ibs_identity *identity)
{
	v->page.after = identity->number;
	return workers_know_kek(v, identity->kek_generation)
		       ? own_keys_add_identity(v->own_keys, identity)
		       : FINE;
}

static enum outcome take_row(struct views *v, const void *row)
{
	switch (v->part) {
	case PART_ANCHORS:
		return take_anchor(v, row);
	case PART_CRLS:
		return take_crl(v, row);
	case PART_REVOCATIONS:
		return take_revocation(v, row);
	case PART_KEYS:
		return take_key(v, row);
	case PART_IBS_IDENTITIES:
		return take_ibs_identity(v, row);
	case PART_COUNT:
		break;
	}
	return BROKEN;
}

static void on_row(struct db_request *request, const void *row)
{
	struct views *v =
		(struct views *)(void *)((char *)request - offsetof(struct views, request));
	enum outcome o = take_row(v, row);

	v->rows++;
	if (o == FINE)
		return;
	log_error("view_row_unusable", "part=%d outcome=%s", (int)v->part, outcome_name(o));
	/* Without an anchor doors stay closed; without a revocation one would stand open. */
	v->is_spoilt = v->is_spoilt || v->part == PART_REVOCATIONS || v->part == PART_CRLS;
}

static void bring(struct views *v, struct txn **list, enum outcome o)
{
	while (*list != NULL) {
		struct txn *t = *list;

		*list = t->next;
		v->brought(v->context, t, o);
	}
}

/* The reading has ended, well or not. */
static void end_reading(struct views *v, enum outcome o)
{
	v->is_reading = false;
	if (o == FINE && v->is_spoilt)
		o = BROKEN;
	if (o == FINE) {
		trust_give_back(v->services->trust);
		own_keys_give_back(v->services->own_keys);
		v->services->trust = v->trust;
		v->services->own_keys = v->own_keys;
		v->is_ready = true;
	} else {
		log_warning("view_not_read", "outcome=%s", outcome_name(o));
		trust_give_back(v->trust);
		own_keys_give_back(v->own_keys);
		ev_timer_stop(v->loop, &v->again);
		ev_timer_set(&v->again, TRY_AGAIN_S, 0);
		ev_timer_start(v->loop, &v->again);
	}
	v->trust = NULL;
	v->own_keys = NULL;
	bring(v, &v->served, o);
	if (v->is_due)
		start_reading(v);
}

static void ask_page(struct views *v);
static void ask_part(struct views *v);

static void on_part_read(struct db_request *request, enum outcome o)
{
	struct views *v =
		(struct views *)(void *)((char *)request - offsetof(struct views, request));

	if (o == NO_ROW)
		o = FINE;
	if (o == FINE && v->rows == PAGE_ROWS) {
		ask_page(v);
	} else if (o == FINE && v->part + 1 < PART_COUNT) {
		v->part++;
		ask_part(v);
	} else {
		end_reading(v, o);
	}
}

static void ask_page(struct views *v)
{
	v->rows = 0;
	v->request = (struct db_request){
		.statement = part_statements[v->part],
		.row = &v->page,
		.deadline_ms = clock_ms() + READ_WITHIN_MS,
		.each = on_row,
		.done = on_part_read,
	};
	db_submit(v->services->db, &v->request);
}

static void ask_part(struct views *v)
{
	v->page = (struct db_page){ .after = -1, .limit = PAGE_ROWS };
	ask_page(v);
}

static void start_reading(struct views *v)
{
	if (v->is_reading) {
		v->is_due = true;
		return;
	}
	v->is_reading = true;
	v->is_due = v->is_spoilt = false;
	v->served = v->waiting;
	v->waiting = NULL;
	v->trust = trust_new();
	v->own_keys = own_keys_new();
	if (v->trust == NULL || v->own_keys == NULL) {
		end_reading(v, NO_MEMORY);
		return;
	}
	trust_set_stale_crls_open(v->trust, v->services->settings->stale_crl_is_open);
	v->part = PART_ANCHORS;
	ask_part(v);
}

static void on_notice(void *context)
{
	start_reading(context);
}

/* Keys were made or retired: the workers look at the token again, one after the other. */
static void on_keys_notice(void *context)
{
	struct views *v = context;

	if (v->has_heard) /* the first word is that the connection stands */
		key_client_refresh(v->services->keys);
	v->has_heard = true;
	start_reading(v);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	start_reading(timer->data);
}

struct views *views_new(struct ev_loop *loop, struct services *services,
	void (*brought)(void *context, struct txn *t, enum outcome outcome), void *context)
{
	struct views *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->loop = loop;
	v->services = services;
	v->brought = brought;
	v->context = context;
	ev_timer_init(&v->again, on_again, 0, 0);
	v->again.data = v;
	if (db_listen(services->db, "arpf_trust", on_notice, v) != FINE ||
		db_listen(services->db, "arpf_keys", on_keys_notice, v) != FINE) {
		free(v);
		return NULL;
	}
	key_client_on_keys(services->keys, on_notice, v);
	start_reading(v);
	return v;
}

void views_free(struct views *v)
{
	if (v == NULL)
		return;
	ev_timer_stop(v->loop, &v->again);
	trust_give_back(v->trust);
	own_keys_give_back(v->own_keys);
	trust_give_back(v->services->trust);
	own_keys_give_back(v->services->own_keys);
	v->services->trust = NULL;
	v->services->own_keys = NULL;
	free(v);
}

void views_refresh(struct views *v, struct txn *t)
{
	t->next = v->waiting;
	v->waiting = t;
	start_reading(v);
}

bool views_are_ready(const struct views *v)
{
	return v->is_ready;
}

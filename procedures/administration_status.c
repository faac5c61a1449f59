#include "base/clock.h"
#include "pki/certificate.h"
#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/batch_signature.h"
#include "procedures/body.h"

/* A status that comes late is worth little: what the database does not say soon is left out. */
#define PATIENCE_MS 2000
#define POOLS_SHOWN 100

static bool database_is_ready(const struct txn *t);
static enum outcome ask_database(struct txn *t);
static enum outcome take_database(struct txn *t, enum outcome brought);
static enum outcome ask_pools(struct txn *t);
static enum outcome take_pools(struct txn *t, enum outcome brought);
static enum outcome answer_status(struct txn *t);

struct status {
	struct db_page page;
	bool database_answered;
	struct db_status database;
	unsigned pools;
	int64_t last_pool, size, fresh, leased, used, quarantined;
};

const struct procedure admin_status = {
	.name = "admin-status",
	.state_size = sizeof(struct status),
	.steps = {
		{ "ask_database", LANE_DB, ask_database, take_database, database_is_ready },
		{ "ask_pools", LANE_DB, ask_pools, take_pools, database_is_ready },
		{ "answer_status", LANE_REPLY, answer_status },
	},
};

static bool database_is_ready(const struct txn *t)
{
	return db_is_ready(t->services->db);
}

static void be_impatient(struct txn *t)
{
	int64_t soon = clock_ms() + PATIENCE_MS;

	if (t->ask.db.deadline_ms > soon)
		t->ask.db.deadline_ms = soon;
}

static enum outcome ask_database(struct txn *t)
{
	struct status *s = t->state;

	s->page = (struct db_page){ .after = -1, .limit = POOLS_SHOWN };
	s->last_pool = -1;
	enum outcome o = txn_ask_db(t, DB_STATUS, &s->page, &s->database);
	be_impatient(t);
	return o;
}

static enum outcome take_database(struct txn *t, enum outcome brought)
{
	struct status *s = t->state;

	s->database_answered = brought == FINE;
	return FINE;
}

static void on_pool(struct db_request *request, const void *row)
{
	struct status *s = txn_of_db_request(request)->state;
	const struct db_pool *pool = row;

	if (pool->first <= s->last_pool)
		return;
	s->last_pool = pool->first;
	s->pools++;
	s->size += pool->last - pool->first + 1;
	s->fresh += pool->last - pool->next + 1;
	s->leased += pool->leased;
	s->used += pool->used;
	s->quarantined += pool->quarantined;
}

static enum outcome ask_pools(struct txn *t)
{
	struct status *s = t->state;
	enum outcome o = txn_ask_db(t, DB_LIST_POOLS, &s->page, NULL);

	t->ask.db.each = on_pool;
	be_impatient(t);
	return o;
}

static enum outcome take_pools(struct txn *t, enum outcome brought)
{
	struct status *s = t->state;

	s->database_answered = s->database_answered && brought == FINE;
	return FINE;
}

static void write_records(struct json_out *o, const struct status *s)
{
	json_key(o, "records");
	json_open(o, '{');
	json_member_number(o, "schemaVersion", s->database.schema_version);
	json_member_number(o, "outboxWaiting", s->database.outbox_waiting);
	json_key(o, "time");
	json_time(o, s->database.server_time);
	json_close(o, '}');
}

static void write_pools(struct json_out *o, const struct status *s)
{
	json_key(o, "imsiPools");
	json_open(o, '{');
	json_member_number(o, "count", s->pools);
	json_member_number(o, "size", s->size);
	json_member_number(o, "fresh", s->fresh);
	json_member_number(o, "leased", s->leased);
	json_member_number(o, "used", s->used);
	json_member_number(o, "quarantined", s->quarantined);
	json_close(o, '}');
}

static void write_signing_key(struct json_out *o, const struct own_key *key)
{
	struct certificate c;

	if (key == NULL)
		return;
	json_member_hex(o, "signerId", BYTES(key->signer_id));
	if (certificate_read(key->certificate, &c) != FINE)
		return;
	json_key(o, "notAfter");
	json_time(o, c.not_after);
}

/* Where none is in use the last one is shown, so that it is seen when it ended. */
static void write_identity(struct json_out *o, const struct own_keys *keys)
{
	const struct own_identity *identity = own_keys_identity(keys, clock_unix());

	if (identity == NULL)
		identity = own_keys_last_identity(keys);
	if (identity == NULL)
		return;
	json_key(o, "signerId");
	json_text_of(o, bytes_of(identity->ibs.id, identity->ibs.id_len));
	json_key(o, "notAfter");
	json_time(o, identity->not_after);
}

static void write_ibs(struct json_out *o, const struct txn *t)
{
	bool is_eccsi = t->services->settings->ibs_is_eccsi;

	json_key(o, "ibs");
	json_open(o, '{');
	json_member_text(o, "suite", is_eccsi ? BATCH_SUITE_ECCSI : BATCH_SUITE_ECDSA);
	if (is_eccsi)
		write_identity(o, t->own_keys);
	else
		write_signing_key(o, own_keys_newest(t->own_keys, KEY_USE_SIGN));
	json_close(o, '}');
}

static enum outcome answer_status(struct txn *t)
{
	const struct status *s = t->state;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	t->services->describe(t->services, &o);
	write_ibs(&o, t);
	if (s->database_answered) {
		write_records(&o, s);
		write_pools(&o, s);
	}
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}

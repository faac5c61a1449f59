#include "db/connection.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/migrate.h"

#define LATE_MS  1000
#define REST_MS  50
#define ROW_MOST 1024u

_Static_assert(sizeof(struct db_outbox_row) <= ROW_MOST, "the largest row of a list");

/*
 * Plans are made once for all parameters, and may be made while tables are still empty, when
 * reading a whole table looks cheap. A bitmap of rows is read in the order of their places, which
 * change: two batches would lock the rows they have in common in different orders.
 */
static const char greeting[] =
	"SELECT (SELECT max(version) FROM schema_version)::int4,"
	" set_config('plan_cache_mode', 'force_generic_plan', false),"
	" set_config('enable_seqscan', 'off', false),"
	" set_config('enable_bitmapscan', 'off', false), set_config('jit', 'off', false),"
	/* What its requests have long been refused for must not commit later. */
	" set_config('statement_timeout', '15s', false)";

enum fate {
	FATE_AGAIN,      /* a later try may do it */
	FATE_ELSEWHERE,  /* … on another connection */
	FATE_EACH_ALONE, /* one of the batch is at fault, and not yet known */
	FATE_CONFLICT,
	FATE_BROKEN,
};

struct sqlstate_row {
	const char *begins;
	enum fate fate;
};

/* Appendix A of PostgreSQL's manual. What is not here is the row's own fault. */
static const struct sqlstate_row sqlstates[] = {
	{ "23505", FATE_CONFLICT },  /* unique_violation */
	{ "23P01", FATE_CONFLICT },  /* exclusion_violation */
	{ "40", FATE_AGAIN },        /* serialization_failure, deadlock_detected */
	{ "53", FATE_AGAIN },        /* disk_full, out_of_memory */
	{ "55P03", FATE_AGAIN },     /* lock_not_available */
	{ "58", FATE_AGAIN },        /* io_error */
	{ "57014", FATE_AGAIN },     /* query_canceled */
	{ "57", FATE_ELSEWHERE },    /* admin_shutdown, crash_shutdown, cannot_connect_now */
	{ "08", FATE_ELSEWHERE },    /* connection_failure */
	{ "25006", FATE_ELSEWHERE }, /* read_only_sql_transaction: a standby */
	{ "26000", FATE_ELSEWHERE }, /* what was prepared is gone */
	{ "0A000", FATE_ELSEWHERE }, /* a plan outlived by its table */
};

static void drop_result(struct connection *c)
{
	PQclear(c->result);
	c->result = NULL;
}

static void on_down(struct db_link *l)
{
	struct connection *c = (struct connection *)(void *)l;
	struct db_request *batch = c->batch;

	c->is_ready = false;
	c->batch = NULL;
	drop_result(c);
	lane_put_back(c->db, batch);
}

static void on_up(struct db_link *l)
{
	struct connection *c = (struct connection *)(void *)l;
	Oid types[COLUMNS_MAX];

	c->fault[0] = '\0';
	bool sent = PQenterPipelineMode(l->pg) == 1 &&
		    PQsendQueryParams(l->pg, greeting, 0, NULL, NULL, NULL, NULL, 1) == 1;
	for (unsigned i = 0; sent && i < DB_STATEMENT_COUNT; i++) {
		const struct statement *s = statement_of((enum db_statement)i);
		int count = parameter_types(s, types);

		sent = PQsendPrepare(l->pg, s->name, s->sql, count, types) == 1;
	}
	if (sent && PQpipelineSync(l->pg) == 1)
		link_flush(l);
	else
		link_break(l, PQerrorMessage(l->pg));
}

static void look_at_version(struct connection *c, const PGresult *result)
{
	uint32_t version;
	struct bytes value = bytes_of(PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0));

	/* A newer schema is left to the statements: where all can be prepared it serves. */
	if (!bytes_take_u32(&value, &version) || (int)version < db_schema_version())
		snprintf(c->fault, sizeof(c->fault),
			"the database's schema is older than version %d", db_schema_version());
}

static void take_greeting(struct connection *c, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_TUPLES_OK && PQntuples(result) == 1)
		look_at_version(c, result);
	else if (status != PGRES_COMMAND_OK && c->fault[0] == '\0')
		snprintf(c->fault, sizeof(c->fault), "%s", PQresultErrorMessage(result));
	PQclear(result);
}

static void become_ready(struct connection *c)
{
	if (c->fault[0] != '\0') {
		link_break(&c->link, c->fault);
		return;
	}
	c->is_ready = true;
	link_settle(&c->link);
	log_info("database_connected", "connection=%s", c->name);
}

static enum outcome read_result(
	const struct statement *s, struct db_request *r, const PGresult *result, int row)
{
	if (r->result == NULL || row_read(result, row, s, r->result))
		return FINE;
	log_error("database_row_unreadable", "statement=%s", s->name);
	return BROKEN;
}

static void end_keyed(struct connection *c, const struct statement *s, struct db_request *batch,
	unsigned count, const PGresult *result)
{
	struct db_request *requests[BATCH_MAX];
	enum outcome outcomes[BATCH_MAX];

	for (unsigned i = 0; i < count; i++) {
		requests[i] = batch;
		outcomes[i] = NO_ROW;
		batch = batch->next;
	}
	for (int row = 0; row < PQntuples(result); row++) {
		int64_t n = row_ordinal(result, row);

		if (n >= 1 && n <= count)
			outcomes[n - 1] = read_result(s, requests[n - 1], result, row);
	}
	for (unsigned i = 0; i < count; i++)
		lane_end(c->db, requests[i], outcomes[i]);
}

static enum outcome show_each(
	const struct statement *s, struct db_request *r, const PGresult *result)
{
	alignas(max_align_t) uint8_t row[ROW_MOST];

	for (int i = 0; r->each != NULL && i < PQntuples(result); i++) {
		memset(row, 0, sizeof(row));
		if (!row_read(result, i, s, row)) {
			log_error("database_row_unreadable", "statement=%s", s->name);
			return BROKEN;
		}
		r->each(r, row);
	}
	return FINE;
}

static void end_fine(struct connection *c, const struct statement *s, struct db_request *batch,
	unsigned count, const PGresult *result)
{
	switch (s->kind) {
	case MANY_KEYED:
		end_keyed(c, s, batch, count, result);
		return;
	case MANY_PLAIN:
		while (batch != NULL) {
			struct db_request *next = batch->next;

			lane_end(c->db, batch, FINE);
			batch = next;
		}
		return;
	case ONE:
		lane_end(c->db, batch,
			PQntuples(result) > 0 ? read_result(s, batch, result, 0) : NO_ROW);
		return;
	case LIST:
		lane_end(c->db, batch, show_each(s, batch, result));
		return;
	}
}

static enum fate find_fate(const char *sqlstate)
{
	for (size_t i = 0; i < sizeof(sqlstates) / sizeof(sqlstates[0]); i++)
		if (strncmp(sqlstate, sqlstates[i].begins, strlen(sqlstates[i].begins)) == 0)
			return sqlstates[i].fate;
	return FATE_BROKEN;
}

static void log_failure(
	const struct statement *s, unsigned count, const char *sqlstate, const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	char word[200];

	log_warning("database_statement_failed", "statement=%s rows=%u sqlstate=%s message=%s",
		s->name, count, sqlstate,
		log_value(message != NULL ? message : "", word, sizeof(word)));
}

static void end_failed(struct connection *c, const struct statement *s, struct db_request *batch,
	unsigned count, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	enum fate fate = sqlstate != NULL ? find_fate(sqlstate) : FATE_ELSEWHERE;

	log_failure(s, count, sqlstate != NULL ? sqlstate : "none", result);
	if ((fate == FATE_CONFLICT || fate == FATE_BROKEN) && statement_takes_many(s) &&
		!batch->alone)
		fate = FATE_EACH_ALONE;
	switch (fate) {
	case FATE_AGAIN:
		c->rest_until_ms = clock_ms() + REST_MS;
		lane_put_back(c->db, batch);
		return;
	case FATE_ELSEWHERE:
		lane_put_back(c->db, batch);
		link_break(&c->link, PQresultErrorMessage(result));
		return;
	case FATE_EACH_ALONE:
		for (struct db_request *r = batch; r != NULL; r = r->next)
			r->alone = true;
		lane_put_back(c->db, batch);
		return;
	case FATE_CONFLICT:
		lane_end(c->db, batch, CONFLICT);
		return;
	case FATE_BROKEN:
		lane_end(c->db, batch, BROKEN);
		return;
	}
}

/* The commit is confirmed, or there was nothing to commit. */
static void end_batch(struct connection *c)
{
	struct db_request *batch = c->batch;
	unsigned count = c->count;
	PGresult *result = c->result;
	const struct statement *s = statement_of(batch->statement);
	ExecStatusType status = PQresultStatus(result);

	c->batch = NULL;
	c->result = NULL;
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		end_fine(c, s, batch, count, result);
	else
		end_failed(c, s, batch, count, result);
	PQclear(result);
}

/* A failure of the commit comes after the statement's own success, and counts. */
static void keep_result(struct connection *c, PGresult *result)
{
	if (c->result != NULL && PQresultStatus(result) != PGRES_FATAL_ERROR) {
		PQclear(result);
		return;
	}
	drop_result(c);
	c->result = result;
}

static void take_result(struct connection *c, PGresult *result)
{
	bool is_end = PQresultStatus(result) == PGRES_PIPELINE_SYNC;

	if (is_end)
		PQclear(result);
	if (!c->is_ready && is_end)
		become_ready(c);
	else if (!c->is_ready)
		take_greeting(c, result);
	else if (is_end && c->batch != NULL)
		end_batch(c);
	else if (!is_end)
		keep_result(c, result);
}

static void on_input(struct db_link *l)
{
	struct connection *c = (struct connection *)(void *)l;
	int nothings = 0;

	/* Each statement's results end with a NULL; two of them end what has come. */
	while (nothings < 2 && l->pg != NULL && PQisBusy(l->pg) == 0) {
		PGresult *result = PQgetResult(l->pg);

		if (result == NULL) {
			nothings++;
			continue;
		}
		nothings = 0;
		if (PQstatus(l->pg) == CONNECTION_BAD) {
			PQclear(result);
			link_break(l, PQerrorMessage(l->pg));
			break;
		}
		take_result(c, result);
	}
	db_pump(c->db);
}

void connection_start(struct connection *c, struct db *db, struct ev_loop *loop,
	const char *conninfo, unsigned number)
{
	c->db = db;
	snprintf(c->name, sizeof(c->name), "%u", number);
	c->link = (struct db_link){
		.loop = loop,
		.conninfo = conninfo,
		.name = c->name,
		.on_up = on_up,
		.on_input = on_input,
		.on_down = on_down,
	};
	link_start(&c->link);
}

void connection_stop(struct connection *c)
{
	link_stop(&c->link);
	on_down(&c->link);
	parameters_clear(&c->parameters);
}

bool connection_is_idle(const struct connection *c, int64_t now_ms)
{
	return c->is_ready && c->batch == NULL && c->rest_until_ms <= now_ms;
}

void connection_send(struct connection *c, struct db_request *first, unsigned count)
{
	const struct statement *s = statement_of(first->statement);
	struct parameters *p = &c->parameters;

	c->batch = first;
	c->count = count;
	c->give_up_ms = 0;
	for (struct db_request *r = first; r != NULL; r = r->next) {
		r->sent = true;
		r->until_ms = r->deadline_ms;
		if (c->give_up_ms < r->until_ms + LATE_MS)
			c->give_up_ms = r->until_ms + LATE_MS;
	}
	/* What there is no memory for may be sent in a while. */
	if (!parameters_write(p, s, first, count)) {
		c->batch = NULL;
		c->rest_until_ms = clock_ms() + REST_MS;
		lane_put_back(c->db, first);
		return;
	}
	if (PQsendQueryPrepared(
		    c->link.pg, s->name, p->count, p->values, p->lengths, p->formats, 1) == 1 &&
		PQpipelineSync(c->link.pg) == 1)
		link_flush(&c->link);
	else
		link_break(&c->link, PQerrorMessage(c->link.pg));
}

void connection_check(struct connection *c, int64_t now_ms)
{
	if (c->batch != NULL && now_ms > c->give_up_ms)
		link_break(&c->link, "the server does not answer");
}

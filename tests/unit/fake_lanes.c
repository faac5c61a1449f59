#include "tests/unit/fake_lanes.h"

#include <stdlib.h>

#include "procedures/outbox.h"
#include "server/engine.h"
#include "server/views.h"

#define MOST_WAITING 64u

/* One waiting request: what ends it, and of which lane it is. */
struct waiting {
	enum lane lane;
	union {
		struct key_request *key;
		struct db_request *db;
		struct imsi_request *imsi;
		struct http_request *http;
		struct txn *views;
	} request;
};

static struct {
	enum outcome brings[LANE_COUNT];
	enum outcome (*answers[LANE_COUNT])(void *request);
	bool holds[LANE_COUNT];
	struct waiting waiting[MOST_WAITING];
	unsigned count;
	const struct key_found *keys;
	unsigned key_count;
	int imsis_out;
} lanes;

void fake_lane_brings(enum lane lane, enum outcome outcome)
{
	lanes.brings[lane] = outcome;
}

void fake_lane_answers(enum lane lane, enum outcome (*answer)(void *request))
{
	lanes.answers[lane] = answer;
}

void fake_lane_holds(enum lane lane, bool holds)
{
	lanes.holds[lane] = holds;
}

void fake_lanes_know(const struct key_found *keys, unsigned count)
{
	lanes.keys = keys;
	lanes.key_count = count;
}

void fake_lanes_reset(void)
{
	memset(&lanes, 0, sizeof(lanes));
}

unsigned fake_lanes_held(void)
{
	return lanes.count;
}

int fake_imsis_out(void)
{
	return lanes.imsis_out;
}

static void end(struct waiting *w)
{
	enum outcome o = lanes.answers[w->lane] != NULL ? lanes.answers[w->lane](w->request.key)
							: lanes.brings[w->lane];

	switch (w->lane) {
	case LANE_KEY:
		w->request.key->done(w->request.key, o);
		break;
	case LANE_DB:
		w->request.db->done(w->request.db, o);
		break;
	case LANE_IMSI:
		lanes.imsis_out += o == FINE ? 1 : 0;
		w->request.imsi->done(w->request.imsi, o);
		break;
	case LANE_FETCH:
		w->request.http->done(w->request.http, o);
		break;
	case LANE_VIEWS:
		engine_brought(w->request.views->services->engine, w->request.views, o);
		break;
	case LANE_LOOP:
	case LANE_CPU:
	case LANE_ITEMS:
	case LANE_REPLY:
	case LANE_COUNT:
		abort();
	}
}

static void wait_in(enum lane lane, void *request)
{
	if (lanes.count == MOST_WAITING)
		abort();
	lanes.waiting[lanes.count++] = (struct waiting){ .lane = lane, .request.key = request };
}

static void pump(bool also_held)
{
	struct waiting ready[MOST_WAITING];
	unsigned ready_count = 0, kept = 0;

	for (unsigned i = 0; i < lanes.count; i++) {
		struct waiting w = lanes.waiting[i];

		if (lanes.holds[w.lane] && !also_held)
			lanes.waiting[kept++] = w;
		else
			ready[ready_count++] = w;
	}
	lanes.count = kept;
	for (unsigned i = 0; i < ready_count; i++)
		end(&ready[i]);
}

void fake_lanes_let_go(void)
{
	pump(true);
}

/* The lanes' own functions. */

void key_submit(struct key_client *c, struct key_request *request)
{
	(void)c;
	wait_in(LANE_KEY, request);
}

void key_pump(struct key_client *c)
{
	(void)c;
	pump(false);
}

const struct key_found *key_client_keys(const struct key_client *c, unsigned *count)
{
	(void)c;
	*count = lanes.key_count;
	return lanes.keys;
}

void db_submit(struct db *db, struct db_request *request)
{
	(void)db;
	wait_in(LANE_DB, request);
}

void db_pump(struct db *db)
{
	(void)db;
}

bool db_is_ready(const struct db *db)
{
	(void)db;
	return true;
}

bool imsi_take(struct imsi_leases *l, struct imsi_request *request)
{
	(void)l;
	wait_in(LANE_IMSI, request);
	return false;
}

void imsi_give_back(struct imsi_leases *l, uint64_t imsi)
{
	(void)l;
	(void)imsi;
	lanes.imsis_out--;
}

void imsi_was_taken(struct imsi_leases *l, uint64_t imsi)
{
	imsi_give_back(l, imsi);
}

unsigned http_client_guarded(const struct http_client *c)
{
	(void)c;
	return 0;
}

void http_send(struct http_client *c, struct http_request *request)
{
	(void)c;
	wait_in(LANE_FETCH, request);
}

void http_request_clear(struct http_request *request)
{
	(void)request;
}

void outbox_kick(struct outbox *o)
{
	(void)o;
}

void views_refresh(struct views *v, struct txn *t)
{
	(void)v;
	wait_in(LANE_VIEWS, t);
}

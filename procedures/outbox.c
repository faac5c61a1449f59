#include "procedures/outbox.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define LOOK_EVERY_S   1.0
#define CLAIM_S        10
#define MOST_AT_ONCE   64u
#define WITHIN_MS      5000 /* less than the claim */
#define LONGEST_WAIT_S 60
#define SELF           "server" /* in the audit trail */

enum delivery_state { DELIVERY_FREE, DELIVERY_SENDING, DELIVERY_NOTING };

struct delivery {
	struct outbox *outbox;
	enum delivery_state state;
	struct db_outbox_row row;
	struct http_request request;
	struct db_request note;
	struct db_outbox_key taken;
	struct db_outbox_retry_in retry;
	char url[DB_URI_MAX + 64];
	char body[256];
};

struct outbox {
	struct ev_loop *loop;
	struct services *services;
	ev_timer look;
	struct db_request request;
	struct db_outbox_claim claim;
	bool is_reading, is_due;
	unsigned under_way;
	struct delivery deliveries[MOST_AT_ONCE];
};

static void start_reading(struct outbox *o);

static void on_noted(struct db_request *request, enum outcome outcome)
{
	struct delivery *d =
		(struct delivery *)(void *)((char *)request - offsetof(struct delivery, note));
	struct outbox *o = d->outbox;

	if (outcome != FINE && outcome != NO_ROW)
		log_warning("outbox_note_failed", "dimsi=%015" PRId64 " outcome=%s", d->row.dimsi,
			outcome_name(outcome)); /* the claim runs out and it is delivered again */
	d->state = DELIVERY_FREE;
	if (--o->under_way == 0 && o->is_due)
		start_reading(o);
}

static void note(struct delivery *d, enum db_statement statement, const void *row)
{
	d->state = DELIVERY_NOTING;
	d->note = (struct db_request){ .statement = statement,
		.row = row,
		.actor = d->outbox->services->settings->audit_is_on ? SELF : NULL,
		.deadline_ms = clock_ms() + WITHIN_MS,
		.done = on_noted };
	db_submit(d->outbox->services->db, &d->note);
}

static void on_delivered(struct http_request *request, enum outcome outcome)
{
	struct delivery *d =
		(struct delivery *)(void *)((char *)request - offsetof(struct delivery, request));
	bool was_taken = outcome == FINE && request->status == 204;

	if (was_taken) {
		d->taken = (struct db_outbox_key){ d->row.dimsi, d->row.number };
		http_request_clear(request);
		note(d, DB_OUTBOX_TAKEN, &d->taken);
		return;
	}
	int64_t wait_s = d->row.tries < 6 ? INT64_C(1) << d->row.tries : LONGEST_WAIT_S;

	log_warning("d_ausf_did_not_take",
		"dimsi=%015" PRId64 " outcome=%s status=%d tries=%d wait_s=%" PRId64, d->row.dimsi,
		outcome_name(outcome), outcome == FINE ? request->status : 0, d->row.tries + 1,
		wait_s);
	http_request_clear(request);
	d->retry = (struct db_outbox_retry_in){ d->row.dimsi, d->row.number, wait_s };
	note(d, DB_OUTBOX_RETRY, &d->retry);
}

static void deliver(struct delivery *d)
{
	bool is_put = d->row.kind == OUTBOX_PUT_PAIR;
	char rand[33], autn[33];

	hex_write(BYTES(d->row.output_1), rand);
	hex_write(BYTES(d->row.output_2), autn);
	size_t uri_len = strnlen(d->row.uri, sizeof(d->row.uri) - 1);

	memcpy(d->url, d->row.uri, uri_len);
	snprintf(d->url + uri_len, sizeof(d->url) - uri_len, "/ndausf-auth/v1/%015" PRId64,
		d->row.dimsi);
	snprintf(d->body, sizeof(d->body),
		"{\"supi\":\"imsi-%015" PRId64 "\",\"rand\":\"%s\",\"autn\":\"%s\"}", d->row.imsi,
		rand, autn);
	d->state = DELIVERY_SENDING;
	d->request = (struct http_request){
		.method = is_put ? "PUT" : "DELETE",
		.url = d->url,
		.content_type = is_put ? "application/json" : NULL,
		.body = is_put ? bytes_of_text(d->body) : (struct bytes){ 0 },
		.deadline_ms = clock_ms() + WITHIN_MS,
		.most = 16384,
		.done = on_delivered,
	};
	http_send(d->outbox->services->peers, &d->request);
}

static void on_row(struct db_request *request, const void *row)
{
	struct outbox *o =
		(struct outbox *)(void *)((char *)request - offsetof(struct outbox, request));

	for (unsigned i = 0; i < MOST_AT_ONCE; i++) {
		struct delivery *d = &o->deliveries[i];

		if (d->state != DELIVERY_FREE)
			continue;
		d->outbox = o;
		d->row = *(const struct db_outbox_row *)row;
		o->under_way++;
		deliver(d);
		return;
	}
}

static void on_read(struct db_request *request, enum outcome outcome)
{
	struct outbox *o =
		(struct outbox *)(void *)((char *)request - offsetof(struct outbox, request));

	o->is_reading = false;
	if (outcome != FINE && outcome != NO_ROW)
		log_warning("outbox_not_read", "outcome=%s", outcome_name(outcome));
	o->is_due = o->is_due || o->under_way == MOST_AT_ONCE;
}

/* One reading at a time, and none while its deliveries are under way. */
static void start_reading(struct outbox *o)
{
	if (o->is_reading || o->under_way > 0) {
		o->is_due = true;
		return;
	}
	o->is_reading = true;
	o->is_due = false;
	o->claim = (struct db_outbox_claim){ .limit = MOST_AT_ONCE, .claim_s = CLAIM_S };
	o->request = (struct db_request){ .statement = DB_LIST_OUTBOX,
		.row = &o->claim,
		.deadline_ms = clock_ms() + WITHIN_MS,
		.each = on_row,
		.done = on_read };
	db_submit(o->services->db, &o->request);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	start_reading(timer->data);
}

struct outbox *outbox_new(struct ev_loop *loop, struct services *services)
{
	struct outbox *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->loop = loop;
	o->services = services;
	ev_timer_init(&o->look, on_look, LOOK_EVERY_S, LOOK_EVERY_S);
	o->look.data = o;
	ev_timer_start(loop, &o->look);
	return o;
}

void outbox_free(struct outbox *o)
{
	if (o == NULL)
		return;
	ev_timer_stop(o->loop, &o->look);
	free(o);
}

void outbox_kick(struct outbox *o)
{
	start_reading(o);
}

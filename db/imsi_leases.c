#include "db/imsi_leases.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "db/imsi_lease_jobs.h"

#define TICK_S 0.1

static bool take_number(struct imsi_leases *l, uint64_t *imsi)
{
	int64_t number;

	if (!stock_take(&l->stock, clock_ms(), &number))
		return false;
	*imsi = (uint64_t)number;
	return true;
}

static void end_first_waiting(struct imsi_leases *l, enum outcome outcome)
{
	struct imsi_request *r = l->waiting;

	l->waiting = r->next;
	if (l->waiting == NULL)
		l->waiting_last = &l->waiting;
	r->next = NULL;
	r->done(r, outcome);
}

void imsi_leases_refuse(struct imsi_leases *l, uint64_t before, enum outcome outcome)
{
	while (l->waiting != NULL && l->waiting->number < before)
		end_first_waiting(l, outcome);
}

void imsi_leases_serve(struct imsi_leases *l)
{
	while (l->waiting != NULL && take_number(l, &l->waiting->imsi))
		end_first_waiting(l, FINE);
}

static void end_late(struct imsi_leases *l, int64_t now)
{
	struct imsi_request **at = &l->waiting, *late = NULL;

	l->waiting_last = &l->waiting;
	while (*at != NULL) {
		struct imsi_request *r = *at;

		if (r->deadline_ms <= now) {
			*at = r->next;
			r->next = late;
			late = r;
		} else {
			at = &r->next;
			l->waiting_last = at;
		}
	}
	while (late != NULL) {
		struct imsi_request *r = late;

		late = r->next;
		r->next = NULL;
		r->done(r, DATABASE_UNAVAILABLE);
	}
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct imsi_leases *l = timer->data;
	int64_t now = clock_ms();

	(void)loop;
	(void)events;
	end_late(l, now);
	stock_drop_rested(&l->stock, now, now - SPENT_MS);
	imsi_leases_serve(l);
	imsi_jobs_go_on(l);
}

static void on_soon(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct imsi_leases *l = timer->data;

	(void)loop;
	(void)events;
	imsi_jobs_go_on(l);
}

struct imsi_leases *imsi_leases_new(
	struct ev_loop *loop, struct db *db, struct plmn plmn, uint32_t block, uint32_t lease_s)
{
	struct imsi_leases *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	if (getrandom(l->owner, sizeof(l->owner), 0) != (ssize_t)sizeof(l->owner)) {
		free(l);
		return NULL;
	}
	l->loop = loop;
	l->db = db;
	l->plmn = plmn;
	l->block = block;
	l->lease_s = lease_s;
	l->waiting_last = &l->waiting;
	l->empty_at_ms = -IMSI_LOOK_AGAIN_MS;
	l->renew_at_ms = clock_ms() + (int64_t)lease_s * 1000 / 3;
	ev_timer_init(&l->tick, on_tick, 0, TICK_S);
	ev_timer_init(&l->soon, on_soon, 0, 0);
	l->tick.data = l;
	l->soon.data = l;
	ev_timer_start(loop, &l->tick);
	return l;
}

void imsi_leases_free(struct imsi_leases *l)
{
	if (l == NULL)
		return;
	ev_timer_stop(l->loop, &l->tick);
	ev_timer_stop(l->loop, &l->soon);
	end_late(l, INT64_MAX);
	l->is_gone = true;
	if (l->under_way == 0)
		imsi_leases_destroy(l);
}

static void look_soon(struct imsi_leases *l)
{
	if (ev_is_active(&l->soon))
		return;
	ev_timer_set(&l->soon, 0, 0);
	ev_timer_start(l->loop, &l->soon);
}

bool imsi_take(struct imsi_leases *l, struct imsi_request *request)
{
	bool taken = l->waiting == NULL && take_number(l, &request->imsi);

	if (!taken) {
		request->next = NULL;
		request->number = l->asked++;
		*l->waiting_last = request;
		l->waiting_last = &request->next;
	}
	if (!taken || l->stock.left < l->block / 2)
		look_soon(l);
	return taken;
}

void imsi_was_taken(struct imsi_leases *l, uint64_t imsi)
{
	if (stock_doubt(&l->stock, (int64_t)imsi))
		look_soon(l);
}

void imsi_give_back(struct imsi_leases *l, uint64_t imsi)
{
	stock_give_back(&l->stock, (int64_t)imsi);
}

void imsi_leases_give_back(struct imsi_leases *l, void (*done)(void *context), void *context)
{
	l->given_back = done;
	l->context = context;
	l->pause_until_ms = 0;
	imsi_jobs_go_on(l);
}

uint64_t imsi_leases_left(const struct imsi_leases *l)
{
	return l->stock.left;
}

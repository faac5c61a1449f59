#include "loadtest/drive.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/secret.h"

#define PAUSE_S 0.1 /* before a request is repeated */

struct drive {
	const struct drive_settings *settings;
	struct drive_result *result;
	struct ev_loop *loop;
	struct flight *flights, *free;
	unsigned in_flight;
	uint64_t next;  /* item */
	uint64_t turns; /* requests sent first */
	int64_t started_us, end_us;
	struct ev_timer due;
	struct ev_signal interrupt, terminate;
};

static int64_t cpu_us(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) != 0)
		return 0;
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

static void send_now(struct flight *f)
{
	const struct drive_settings *s = f->drive->settings;

	f->request.deadline_ms = clock_ms() + s->timeout_ms;
	server_send(s->server, &f->request);
}

static void end_flight(struct flight *f, int64_t took_us)
{
	struct drive *d = f->drive;

	histogram_add(&d->result->latency, took_us);
	d->result->items += f->count;
	d->in_flight--;
	f->next = d->free;
	d->free = f;
}

static void begin_step(struct flight *f)
{
	const struct drive_settings *s = f->drive->settings;

	f->step_us = clock_us();
	f->give_up_ms = clock_ms() + s->repeat_ms;
	if (s->write(s->context, f))
		send_now(f);
	else
		end_flight(f, f->step_us - f->due_us);
}

static void send_first(struct drive *d, int64_t due_us)
{
	const struct drive_settings *s = d->settings;
	struct flight *f = d->free;
	uint64_t left = s->items - d->next;

	d->free = f->next;
	d->in_flight++;
	d->turns++;
	f->first = d->next;
	f->count = left < s->batch ? (size_t)left : s->batch;
	d->next += f->count;
	f->due_us = due_us;
	f->step = 0;
	if (s->state_size > 0)
		memset(f->state, 0, s->state_size);
	begin_step(f);
}

static bool is_through(const struct drive *d, int64_t now_us)
{
	return d->result->interrupted || d->next >= d->settings->items ||
	       (d->end_us > 0 && now_us >= d->end_us);
}

/* When the next request is due in the open loop. */
static int64_t next_due_us(const struct drive *d)
{
	double requests = (double)d->settings->rate / (double)d->settings->batch;

	return d->started_us + (int64_t)((double)d->turns * 1e6 / requests);
}

static void pump(struct drive *d)
{
	int64_t now_us = clock_us();
	int64_t due_us = now_us;

	while (!is_through(d, now_us) && d->free != NULL) {
		if (d->settings->rate > 0)
			due_us = next_due_us(d);
		if (due_us > now_us)
			break;
		send_first(d, due_us);
	}
	ev_timer_stop(d->loop, &d->due);
	if (is_through(d, now_us)) {
		if (d->in_flight == 0)
			ev_break(d->loop, EVBREAK_ALL);
	} else if (due_us > now_us) {
		ev_now_update(d->loop);
		ev_timer_set(&d->due, (double)(due_us - now_us) / 1e6, 0.);
		ev_timer_start(d->loop, &d->due);
	}
}

static void on_due(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	pump(w->data);
}

static void on_again(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	send_now(w->data);
}

static void on_answer(struct http_request *request, enum outcome outcome)
{
	struct flight *f = (struct flight *)(void *)request;
	struct drive *d = f->drive;
	const struct drive_settings *s = d->settings;
	bool last = s->repeat_ms == 0 || d->result->interrupted || clock_ms() >= f->give_up_ms;
	int64_t now_us = clock_us();
	enum flight_verdict verdict = s->judge(s->context, f, outcome, last);

	if (verdict == FLIGHT_AGAIN && !last) {
		d->result->repeated++;
		ev_timer_set(&f->again, PAUSE_S, 0.);
		ev_timer_start(d->loop, &f->again);
		return;
	}
	d->result->requests++;
	histogram_add(&d->result->steps[f->step], now_us - f->step_us);
	if (verdict == FLIGHT_GOES_ON) {
		f->step++;
		assert(f->step < DRIVE_STEPS_MOST);
		begin_step(f);
	} else {
		end_flight(f, now_us - f->due_us);
	}
	pump(d);
}

static void on_signal(struct ev_loop *loop, struct ev_signal *w, int events)
{
	struct drive *d = w->data;

	(void)loop;
	(void)events;
	d->result->interrupted = true;
	pump(d);
}

static bool make_flights(struct drive *d)
{
	const struct drive_settings *s = d->settings;

	d->flights = calloc(s->concurrency, sizeof(*d->flights));
	if (d->flights == NULL)
		return false;
	for (unsigned i = 0; i < s->concurrency; i++) {
		struct flight *f = &d->flights[i];

		f->body = malloc(s->body_size);
		f->state = calloc(1, s->state_size + 1);
		if (f->body == NULL || f->state == NULL)
			return false;
		f->drive = d;
		f->request.done = on_answer;
		f->request.most = 16u << 20;
		ev_init(&f->again, on_again);
		f->again.data = f;
		f->next = d->free;
		d->free = f;
	}
	return true;
}

static void free_flights(struct drive *d)
{
	for (unsigned i = 0; d->flights != NULL && i < d->settings->concurrency; i++) {
		http_request_clear(&d->flights[i].request);
		free(d->flights[i].body);
		if (d->flights[i].state != NULL)
			wipe(d->flights[i].state, d->settings->state_size);
		free(d->flights[i].state);
	}
	free(d->flights);
}

static void watch_signal(struct drive *d, struct ev_signal *w, int number)
{
	ev_signal_init(w, on_signal, number);
	w->data = d;
	ev_signal_start(d->loop, w);
	ev_unref(d->loop);
}

static void unwatch_signal(struct drive *d, struct ev_signal *w)
{
	ev_ref(d->loop);
	ev_signal_stop(d->loop, w);
}

enum outcome drive_run(const struct drive_settings *settings, struct drive_result *result)
{
	struct drive d = { .settings = settings, .result = result, .loop = settings->server->loop };

	*result = (struct drive_result){ 0 };
	if (!make_flights(&d)) {
		free_flights(&d);
		return BROKEN;
	}
	int64_t cpu_before_us = cpu_us();

	ev_init(&d.due, on_due);
	d.due.data = &d;
	watch_signal(&d, &d.interrupt, SIGINT);
	watch_signal(&d, &d.terminate, SIGTERM);
	d.started_us = clock_us();
	d.end_us = settings->duration_ms > 0 ? d.started_us + settings->duration_ms * 1000 : 0;
	pump(&d);
	if (d.in_flight > 0 || ev_is_active(&d.due))
		ev_run(d.loop, 0);
	result->wall_us = clock_us() - d.started_us;
	result->cpu_us = cpu_us() - cpu_before_us;
	unwatch_signal(&d, &d.interrupt);
	unwatch_signal(&d, &d.terminate);
	free_flights(&d);
	return FINE;
}

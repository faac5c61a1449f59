#include "procedures/job_worker.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "procedures/credential_life.h"
#include "procedures/outbox.h"

#define WITHIN_MS 10000
/* A page's statement takes some tenths of a second at most: others have connections of their own. */
#define PAGE_MOST  1000
#define REKEY_MOST 128
#define SELF       "server" /* in the audit trail */

struct key_item {
	struct key_request request;
	struct key_make_subscriber_in in;
	struct sealed_key sealed;
	struct job_worker *worker;
	int64_t place;
};

struct job_worker {
	struct ev_loop *loop;
	struct services *services;
	double every_s;
	ev_timer next;
	struct db_request request;
	struct db_next_job_in next_job;
	struct db_job job;
	struct db_work_in work;
	struct db_worked worked;
	/* re-keying: the keys of a page are made between its two statements */
	bool has_page;
	struct db_rekey_page_in page;
	unsigned key_count, keys_left;
	enum outcome keys_outcome;
	struct key_item keys[REKEY_MOST];
	uint8_t items[REKEY_MOST * (DB_JOB_ITEM_LEN + DB_SEALED_MAX)];
};

static void look_for_work(struct job_worker *w);

static struct job_worker *worker_of(struct db_request *request)
{
	return (struct job_worker *)(void *)((char *)request -
					     offsetof(struct job_worker, request));
}

static void wait_for_work(struct job_worker *w)
{
	ev_timer_set(&w->next, w->every_s, 0);
	ev_timer_start(w->loop, &w->next);
}

static void ask(struct job_worker *w, enum db_statement statement, const void *row, void *result,
	void (*done)(struct db_request *request, enum outcome outcome))
{
	w->request = (struct db_request){
		.statement = statement,
		.row = row,
		.result = result,
		.deadline_ms = clock_ms() + WITHIN_MS,
		.actor = w->services->settings->audit_is_on ? SELF : NULL,
		.done = done,
	};
	db_submit(w->services->db, &w->request);
}

static const char *operation_name(const struct job_worker *w)
{
	return credential_operation_name((enum credential_operation)w->job.operation);
}

/* Whoever has the job now, this page was not ours to do; what failed is tried again in a while. */
static void on_worked(struct db_request *request, enum outcome outcome)
{
	struct job_worker *w = worker_of(request);
	const struct settings *s = w->services->settings;

	if (outcome != FINE && outcome != NO_ROW)
		log_warning("job_not_worked", "number=%" PRId64 " operation=%s outcome=%s",
			w->job.number, operation_name(w), outcome_name(outcome));
	if (outcome != FINE) {
		wait_for_work(w);
		return;
	}
	if (w->worked.done > 0 && s->d_ausf_uri[0] != '\0')
		outbox_kick(w->services->outbox);
	if (w->worked.is_over)
		log_info("job_done",
			"number=%" PRId64 " operation=%s done=%" PRId64 " refused=%" PRId64,
			w->job.number, operation_name(w), w->job.done + w->worked.done,
			w->job.refused + w->worked.refused);
	look_for_work(w);
}

static void do_page(struct job_worker *w)
{
	const struct settings *s = w->services->settings;
	enum credential_operation operation = (enum credential_operation)w->job.operation;

	w->work.from_mask = credential_from_mask(operation);
	w->work.to = (int32_t)credential_to(operation);
	w->work.is_final = credential_is_final(operation);
	w->work.quarantine_until = clock_unix() + s->quarantine_s;
	w->work.limit = PAGE_MOST;
	w->work.d_ausf_uri = (struct db_text){ s->d_ausf_uri, strlen(s->d_ausf_uri) };
	ask(w, DB_WORK_JOB, &w->work, &w->worked, on_worked);
}

/* All keys are as long as one another: one length serves the page. */
static enum outcome pack_keys(struct job_worker *w)
{
	struct buffer b = buffer_over(w->items, sizeof(w->items));
	uint16_t len = w->key_count > 0 ? w->keys[0].sealed.len : 0;

	for (unsigned i = 0; i < w->key_count; i++) {
		const struct key_item *k = &w->keys[i];

		if (k->sealed.len != len || len == 0 || len > DB_SEALED_MAX)
			return BROKEN;
		buffer_put_u64(&b, (uint64_t)k->place);
		buffer_put_u64(&b, k->in.imsi);
		buffer_put(&b, k->sealed.at, len);
	}
	w->page.sealed_len = len;
	w->page.items = buffer_bytes(&b);
	return b.full ? BROKEN : FINE;
}

static void store_page(struct job_worker *w)
{
	enum outcome o = w->keys_outcome == FINE ? pack_keys(w) : w->keys_outcome;

	if (o != FINE) {
		log_warning("job_keys_not_made", "number=%" PRId64 " outcome=%s", w->job.number,
			outcome_name(o));
		wait_for_work(w);
		return;
	}
	memcpy(w->page.job, w->job.id, sizeof(w->page.job));
	w->page.from_mask = credential_from_mask(OPERATION_REKEY);
	w->page.lifetime_s = w->services->settings->profile_lifetime_s;
	ask(w, DB_REKEY_PAGE, &w->page, &w->worked, on_worked);
}

static void on_key_made(struct key_request *request, enum outcome outcome)
{
	struct key_item *k =
		(struct key_item *)(void *)((char *)request - offsetof(struct key_item, request));
	struct job_worker *w = k->worker;

	if (outcome != FINE)
		w->keys_outcome = outcome;
	if (--w->keys_left == 0)
		store_page(w);
}

static void make_keys(struct job_worker *w)
{
	int64_t deadline_ms = clock_ms() + WITHIN_MS;

	w->keys_outcome = FINE;
	w->keys_left = w->key_count;
	for (unsigned i = 0; i < w->key_count; i++) {
		struct key_item *k = &w->keys[i];

		k->request = (struct key_request){
			.operation = KEY_MAKE_SUBSCRIBER,
			.in = &k->in,
			.out = &k->sealed,
			.deadline_ms = deadline_ms,
			.done = on_key_made,
		};
		key_submit(w->services->keys, &k->request);
	}
}

static void on_page_item(struct db_request *request, const void *row)
{
	struct job_worker *w = worker_of(request);
	const struct db_rekey_item *item = row;

	w->has_page = true;
	w->page.cursor = item->cursor;
	w->page.next_cursor = item->next_cursor;
	w->page.is_last = item->is_last;
	if (item->imsi < 0 || w->key_count == REKEY_MOST)
		return;
	w->keys[w->key_count++] = (struct key_item){
		.in = { .imsi = (uint64_t)item->imsi }, .worker = w, .place = item->place
	};
}

static void on_page(struct db_request *request, enum outcome outcome)
{
	struct job_worker *w = worker_of(request);

	if (outcome != FINE || !w->has_page) {
		wait_for_work(w);
		return;
	}
	if (w->key_count > 0) {
		make_keys(w);
		return;
	}
	w->keys_outcome = FINE;
	store_page(w);
}

static void list_page(struct job_worker *w)
{
	w->has_page = false;
	w->key_count = 0;
	w->work.limit = REKEY_MOST;
	ask(w, DB_LIST_JOB_WORK, &w->work, NULL, on_page);
	w->request.each = on_page_item;
}

static void on_job(struct db_request *request, enum outcome outcome)
{
	struct job_worker *w = worker_of(request);

	if (outcome != FINE && outcome != NO_ROW)
		log_warning("jobs_not_looked_for", "outcome=%s", outcome_name(outcome));
	if (outcome != FINE) {
		wait_for_work(w);
		return;
	}
	memcpy(w->work.job, w->job.id, sizeof(w->work.job));
	if (w->job.operation == OPERATION_REKEY)
		list_page(w);
	else if (w->job.operation >= 0 && w->job.operation < OPERATION_COUNT)
		do_page(w);
	else /* a newer server's */
		wait_for_work(w);
}

static void look_for_work(struct job_worker *w)
{
	w->next_job.rekeying = OPERATION_REKEY;
	ask(w, DB_NEXT_JOB, &w->next_job, &w->job, on_job);
}

static void on_next(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	look_for_work(timer->data);
}

struct job_worker *job_worker_new(struct ev_loop *loop, struct services *services, double every_s)
{
	struct job_worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->loop = loop;
	w->services = services;
	w->every_s = every_s;
	ev_timer_init(&w->next, on_next, 0, 0);
	w->next.data = w;
	wait_for_work(w);
	return w;
}

void job_worker_free(struct job_worker *w)
{
	if (w == NULL)
		return;
	ev_timer_stop(w->loop, &w->next);
	free(w);
}

#include "db/imsi_lease_jobs.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define ASK_WITHIN_MS  5000
#define AFTER_FAULT_MS 500
/* For those who wait. */
#define ASK_EMPTY_MS 100

static void on_answer(struct db_request *request, enum outcome outcome);
static void on_lease(struct db_request *request, const void *row);
static void on_used(struct db_request *request, const void *row);
static void on_renewed(struct db_request *request, const void *row);

static struct imsi_leases *of_request(struct db_request *request)
{
	return (struct imsi_leases *)(void *)((char *)request -
					      offsetof(struct imsi_leases, request));
}

static void start_job(struct imsi_leases *l, enum job job)
{
	l->job = job;
	l->failed = false;
	l->came = false;
	l->asked_at_ms = clock_ms();
}

static void ask(struct imsi_leases *l, enum db_statement statement,
	void (*each)(struct db_request *request, const void *row))
{
	l->under_way++;
	l->request = (struct db_request){
		.statement = statement,
		.row = &l->row,
		.deadline_ms = l->asked_at_ms + ASK_WITHIN_MS,
		.done = on_answer,
		.each = each,
	};
	db_submit(l->db, &l->request);
}

static void ask_renewal(struct imsi_leases *l)
{
	start_job(l, JOB_RENEW);
	stock_unmark(&l->stock);
	l->row.owner = (struct db_owner){ BYTES(l->owner), l->lease_s };
	ask(l, DB_RENEW_LEASES, on_renewed);
}

static void ask_used(struct imsi_leases *l)
{
	start_job(l, JOB_LIST_USED);
	l->stock.adopted->used.count = 0;
	l->row.range = (struct db_range){ l->stock.adopted->first, l->stock.adopted->last };
	ask(l, DB_LIST_USED, on_used);
}

static void ask_lease(struct imsi_leases *l)
{
	start_job(l, JOB_LEASE);
	if (!l->asked_twice)
		l->asked_before = l->asked;
	l->row.lease = (struct db_lease_in){
		.owner = BYTES(l->owner),
		.size = l->block,
		.lease_s = l->lease_s,
		.plmn = (int32_t)l->plmn.number,
		.plmn_digits = l->plmn.digits,
	};
	ask(l, DB_LEASE_BLOCK, on_lease);
}

static void on_end(struct db_request *request, enum outcome outcome);

static bool is_to_end(const struct imsi_block *b, int64_t spent_ms)
{
	return !b->is_rested && b->spent_since_ms <= spent_ms;
}

static bool has_to_end(const struct imsi_leases *l, int64_t spent_ms)
{
	for (const struct imsi_block *b = l->stock.spent; b != NULL; b = b->after)
		if (is_to_end(b, spent_ms))
			return true;
	return false;
}

static void ask_end(struct imsi_leases *l, int64_t spent_ms)
{
	start_job(l, JOB_END);
	for (struct imsi_block *b = l->stock.spent; b != NULL; b = b->after) {
		if (!is_to_end(b, spent_ms))
			continue;
		l->under_way++;
		b->leases = l;
		b->is_ending = true;
		b->key = (struct db_lease_key){ BYTES(l->owner), b->first };
		b->end = (struct db_request){
			.statement = DB_END_LEASE,
			.row = &b->key,
			.deadline_ms = l->asked_at_ms + ASK_WITHIN_MS,
			.done = on_end,
		};
		db_submit(l->db, &b->end);
	}
}

static void ask_give_back(struct imsi_leases *l)
{
	start_job(l, JOB_GIVE_BACK);
	l->row.owner = (struct db_owner){ BYTES(l->owner), l->lease_s };
	ask(l, DB_GIVE_BACK_LEASES, NULL);
}

static bool wants_lease(const struct imsi_leases *l, int64_t now)
{
	if (l->waiting != NULL || l->asked_twice)
		return now - l->empty_at_ms >= ASK_EMPTY_MS;
	return l->stock.left < l->block / 2 && now - l->empty_at_ms >= IMSI_LOOK_AGAIN_MS;
}

void imsi_jobs_go_on(struct imsi_leases *l)
{
	int64_t now = clock_ms();
	bool is_leaving = l->given_back != NULL;
	int64_t spent_ms = is_leaving ? now : now - SPENT_MS;

	if (l->job != JOB_NONE || l->pause_until_ms > now)
		return;
	if (!is_leaving && (l->renew_at_ms <= now || stock_has_unsafe(&l->stock, now)))
		ask_renewal(l);
	else if (!is_leaving && l->stock.adopted != NULL)
		ask_used(l);
	else if (!is_leaving && wants_lease(l, now))
		ask_lease(l);
	else if (has_to_end(l, spent_ms))
		ask_end(l, spent_ms);
	else if (is_leaving)
		ask_give_back(l);
}

/* ---- what is answered */

/* Where there is no memory for a block the next renewal shows its lease again. */
static void add_block(struct imsi_leases *l, struct imsi_block **list, int64_t first, int64_t last)
{
	struct imsi_block *b = block_new(first, last);

	if (b == NULL)
		return;
	b->safe_until_ms = l->asked_at_ms + (int64_t)l->lease_s * 1000 * 2 / 3;
	b->was_renewed = true;
	stock_add(&l->stock, list, b);
}

/* Where there is no memory the claim ends by itself. */
static void add_rested(struct imsi_leases *l, int64_t imsi)
{
	if (l->rested == NULL)
		l->rested = block_new_rested();
	if (l->rested == NULL || !block_add_rested(l->rested, imsi))
		log_error("imsi_not_claimed", "reason=memory");
}

static void on_lease(struct db_request *request, const void *row)
{
	struct imsi_leases *l = of_request(request);
	const struct db_lease *lease = row;

	l->came = true;
	if (lease->is_rested) {
		add_rested(l, lease->first);
		return;
	}
	log_info("imsis_leased", "first=%015" PRId64 " last=%015" PRId64 " adopted=%d",
		lease->first, lease->last, lease->is_adopted);
	add_block(l, lease->is_adopted ? &l->stock.adopted : &l->stock.open, lease->first,
		lease->last);
}

static void on_used(struct db_request *request, const void *row)
{
	struct imsi_leases *l = of_request(request);
	const struct db_imsi *used = row;

	l->failed |= !block_add_used(l->stock.adopted, used->imsi);
}

static void on_renewed(struct db_request *request, const void *row)
{
	struct imsi_leases *l = of_request(request);
	const struct db_lease *lease = row;
	struct imsi_block *b = stock_find(&l->stock, lease->first);

	/* Of a lease whose answer was lost. */
	if (b == NULL) {
		add_block(l, &l->stock.adopted, lease->first, lease->last);
		return;
	}
	b->was_renewed = true;
	b->safe_until_ms = l->asked_at_ms + (int64_t)l->lease_s * 1000 * 2 / 3;
}

static void finish_renewal(struct imsi_leases *l)
{
	stock_drop_unmarked(&l->stock);
	l->renew_at_ms = l->asked_at_ms + (int64_t)l->lease_s * 1000 / 3;
}

static void finish_rested(struct imsi_leases *l)
{
	struct imsi_block *b = l->rested;

	l->rested = NULL;
	if (b == NULL)
		return;
	b->safe_until_ms = l->asked_at_ms + DB_REST_CLAIM_S * 1000 * 2 / 3;
	stock_add(&l->stock, &l->stock.open, b);
}

/*
 * A pool's last block may have gone while we waited for it, and another pool may have some: asked
 * twice.
 */
static void finish_lease(struct imsi_leases *l)
{
	finish_rested(l);
	if (l->came || !l->asked_twice) {
		l->asked_twice = !l->came;
		return;
	}
	l->asked_twice = false;
	l->empty_at_ms = clock_ms();
	if (l->stock.left == 0 && l->stock.adopted == NULL)
		imsi_leases_refuse(l, l->asked_before, IMSI_POOL_EXHAUSTED);
}

static void finish_give_back(struct imsi_leases *l)
{
	void (*given_back)(void *context) = l->given_back;

	l->given_back = NULL;
	/* What was given back is not to be leased again. */
	l->pause_until_ms = INT64_MAX;
	given_back(l->context);
}

static void finish_job(struct imsi_leases *l)
{
	enum job job = l->job;

	l->job = JOB_NONE;
	if (l->failed)
		l->pause_until_ms = clock_ms() + AFTER_FAULT_MS;
	if (job == JOB_GIVE_BACK) {
		finish_give_back(l);
		return;
	}
	if (job == JOB_RENEW && !l->failed)
		finish_renewal(l);
	else if (job == JOB_LIST_USED && !l->failed)
		stock_open_adopted(&l->stock);
	else if (job == JOB_LEASE && !l->failed)
		finish_lease(l);
	imsi_leases_serve(l);
	imsi_jobs_go_on(l);
}

void imsi_leases_destroy(struct imsi_leases *l)
{
	stock_clear(&l->stock);
	block_free(l->rested);
	free(l);
}

static void take_answer(struct imsi_leases *l, enum outcome outcome)
{
	l->under_way--;
	l->failed |= outcome != FINE;
	if (l->under_way > 0)
		return;
	if (l->is_gone)
		imsi_leases_destroy(l);
	else
		finish_job(l);
}

static void on_answer(struct db_request *request, enum outcome outcome)
{
	take_answer(of_request(request), outcome);
}

static void on_end(struct db_request *request, enum outcome outcome)
{
	struct imsi_block *b =
		(struct imsi_block *)(void *)((char *)request - offsetof(struct imsi_block, end));
	struct imsi_leases *l = b->leases;

	b->is_ending = false;
	if (outcome == FINE)
		stock_drop_spent(&l->stock, b);
	take_answer(l, outcome);
}

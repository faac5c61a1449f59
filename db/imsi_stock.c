#include "db/imsi_stock.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

static bool append(struct imsi_list *l, int64_t imsi)
{
	if (l->count == l->cap) {
		size_t cap = l->cap > 0 ? l->cap * 2 : 16;
		int64_t *more = realloc(l->at, cap * sizeof(*more));

		if (more == NULL)
			return false;
		l->at = more;
		l->cap = cap;
	}
	l->at[l->count++] = imsi;
	return true;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

struct imsi_block *block_new(int64_t first, int64_t last)
{
	struct imsi_block *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->first = first;
	b->next = first;
	b->last = last;
	return b;
}

struct imsi_block *block_new_rested(void)
{
	struct imsi_block *b = block_new(0, -1);

	if (b != NULL)
		b->is_rested = true;
	return b;
}

void block_free(struct imsi_block *b)
{
	if (b == NULL)
		return;
	free(b->used.at);
	free(b->spare.at);
	free(b);
}

static bool is_used(const struct imsi_block *b, int64_t imsi)
{
	return b->used.count > 0 &&
	       bsearch(&imsi, b->used.at, b->used.count, sizeof(imsi), compare) != NULL;
}

static bool is_of_block(const struct imsi_block *b, int64_t imsi)
{
	return b->is_rested ? is_used(b, imsi) : imsi >= b->first && imsi <= b->last;
}

bool block_add_used(struct imsi_block *b, int64_t imsi)
{
	return !is_of_block(b, imsi) || append(&b->used, imsi);
}

bool block_add_rested(struct imsi_block *b, int64_t imsi)
{
	return append(&b->used, imsi) && append(&b->spare, imsi);
}

static uint64_t block_left(const struct imsi_block *b)
{
	uint64_t used = b->is_rested ? 0 : b->used.count - b->used_at;

	return (uint64_t)(b->last + 1 - b->next) - used + b->spare.count;
}

static bool block_take(struct imsi_block *b, int64_t *imsi)
{
	if (b->spare.count > 0) {
		*imsi = b->spare.at[--b->spare.count];
		return true;
	}
	while (b->used_at < b->used.count && b->used.at[b->used_at] == b->next) {
		b->used_at++;
		b->next++;
	}
	if (b->next > b->last)
		return false;
	*imsi = b->next++;
	return true;
}

static struct imsi_block *take_out(struct imsi_block **at)
{
	struct imsi_block *b = *at;

	*at = b->after;
	b->after = NULL;
	return b;
}

static void put_last(struct imsi_block **list, struct imsi_block *b)
{
	while (*list != NULL)
		list = &(*list)->after;
	b->after = NULL;
	*list = b;
}

static struct imsi_block **find(struct imsi_block **list, int64_t imsi)
{
	while (*list != NULL && !is_of_block(*list, imsi))
		list = &(*list)->after;
	return list;
}

static void count_left(struct imsi_stock *s)
{
	s->left = 0;
	for (const struct imsi_block *b = s->open; b != NULL; b = b->after)
		s->left += block_left(b);
}

void stock_add(struct imsi_stock *s, struct imsi_block **list, struct imsi_block *b)
{
	put_last(list, b);
	count_left(s);
}

/* What was given out of it before is behind us, and what came back may be used by now. */
static void block_settle(struct imsi_block *b)
{
	size_t kept = 0;

	for (b->used_at = 0; b->used_at < b->used.count && b->used.at[b->used_at] < b->next;)
		b->used_at++;
	for (size_t i = 0; i < b->spare.count; i++)
		if (!is_used(b, b->spare.at[i]))
			b->spare.at[kept++] = b->spare.at[i];
	b->spare.count = kept;
}

void stock_open_adopted(struct imsi_stock *s)
{
	block_settle(s->adopted);
	stock_add(s, &s->open, take_out(&s->adopted));
}

bool stock_doubt(struct imsi_stock *s, int64_t imsi)
{
	struct imsi_block **at = find(&s->open, imsi);

	if (*at == NULL || (*at)->is_rested)
		return false;
	log_warning("imsis_in_doubt", "first=%015" PRId64 " last=%015" PRId64, (*at)->first,
		(*at)->last);
	stock_add(s, &s->adopted, take_out(at));
	return true;
}

struct imsi_block *stock_find(struct imsi_stock *s, int64_t imsi)
{
	struct imsi_block *b = *find(&s->open, imsi);

	if (b == NULL)
		b = *find(&s->spent, imsi);
	if (b == NULL)
		b = *find(&s->adopted, imsi);
	return b;
}

bool stock_take(struct imsi_stock *s, int64_t now_ms, int64_t *imsi)
{
	struct imsi_block **at = &s->open;

	while (*at != NULL) {
		if ((*at)->safe_until_ms <= now_ms) {
			at = &(*at)->after;
			continue;
		}
		bool found = block_take(*at, imsi);

		if (block_left(*at) == 0) {
			(*at)->spent_since_ms = now_ms;
			put_last(&s->spent, take_out(at));
		}
		if (!found)
			continue;
		s->left--;
		return true;
	}
	return false;
}

void stock_give_back(struct imsi_stock *s, int64_t imsi)
{
	struct imsi_block **at = find(&s->open, imsi);

	if (*at == NULL) {
		at = find(&s->adopted, imsi);
		/* Of a block in doubt a number comes back that we had of it, and no other. */
		if (*at != NULL && imsi >= (*at)->next)
			return;
	}
	if (*at == NULL) {
		at = find(&s->spent, imsi);
		if (*at == NULL || (*at)->is_ending)
			return;
		put_last(&s->open, take_out(at));
		at = find(&s->open, imsi);
	}
	if (!append(&(*at)->spare, imsi))
		log_error("imsi_not_given_back", "reason=memory");
	count_left(s);
}

bool stock_has_unsafe(const struct imsi_stock *s, int64_t now_ms)
{
	for (const struct imsi_block *b = s->open; b != NULL; b = b->after)
		if (b->safe_until_ms <= now_ms && !b->is_rested)
			return true;
	return false;
}

void stock_unmark(struct imsi_stock *s)
{
	struct imsi_block *lists[] = { s->open, s->adopted, s->spent };

	for (size_t i = 0; i < 3; i++)
		for (struct imsi_block *b = lists[i]; b != NULL; b = b->after)
			b->was_renewed = b->is_rested;
}

void stock_drop_unmarked(struct imsi_stock *s)
{
	struct imsi_block **lists[] = { &s->open, &s->adopted, &s->spent };

	for (size_t i = 0; i < 3; i++) {
		struct imsi_block **at = lists[i];

		while (*at != NULL) {
			if ((*at)->was_renewed) {
				at = &(*at)->after;
				continue;
			}
			log_warning("imsi_lease_lost", "first=%015" PRId64 " last=%015" PRId64,
				(*at)->first, (*at)->last);
			block_free(take_out(at));
		}
	}
	count_left(s);
}

static void drop_rested(struct imsi_block **at, int64_t now_ms, int64_t spent_ms)
{
	while (*at != NULL) {
		const struct imsi_block *b = *at;

		if (b->is_rested && (b->safe_until_ms <= now_ms ||
					    (b->spare.count == 0 && b->spent_since_ms <= spent_ms)))
			block_free(take_out(at));
		else
			at = &(*at)->after;
	}
}

void stock_drop_rested(struct imsi_stock *s, int64_t now_ms, int64_t spent_ms)
{
	drop_rested(&s->open, now_ms, spent_ms);
	drop_rested(&s->spent, now_ms, spent_ms);
	count_left(s);
}

void stock_drop_spent(struct imsi_stock *s, struct imsi_block *b)
{
	struct imsi_block **at = &s->spent;

	while (*at != NULL && *at != b)
		at = &(*at)->after;
	if (*at != NULL)
		block_free(take_out(at));
}

void stock_clear(struct imsi_stock *s)
{
	struct imsi_block **lists[] = { &s->open, &s->adopted, &s->spent };

	for (size_t i = 0; i < 3; i++)
		while (*lists[i] != NULL)
			block_free(take_out(lists[i]));
	s->left = 0;
}

#include "procedures/administration_list.h"

#include <stddef.h>

#include "procedures/body.h"

#define PAGE_ROWS      100
#define PAGE_ROWS_MOST 1000

static const char no_number[] = "This is not a whole number, or outside its range.";

static bool read_after(const char *text, void *int64)
{
	if (strcmp(text, "-1") == 0) {
		*(int64_t *)int64 = -1;
		return true;
	}
	return filter_read_number(text, INT64_MAX, int64);
}

static bool read_limit(const char *text, void *int64)
{
	return filter_read_number(text, PAGE_ROWS_MOST, int64) && *(int64_t *)int64 > 0;
}

static const struct filter page_filters[] = {
	{ "after", read_after, offsetof(struct list, page.after), no_number },
	{ "limit", read_limit, offsetof(struct list, page.limit), no_number },
	{},
};
static const struct filter *const limit_alone = page_filters + 1;
static const struct filter no_filters[] = { {} };

static enum outcome read_query(
	struct txn *t, const struct filter *of_page, const struct filter *filters, void *to)
{
	struct list *list = t->state;
	struct filter_table tables[] = { { .rows = filters, .to = to },
		{ .rows = of_page, .to = list } };

	list->page = (struct db_page){ .after = -1, .limit = PAGE_ROWS };
	enum outcome o = filters_read(t, tables, sizeof(tables) / sizeof(tables[0]));

	list->page.limit++;
	list->is_filtered = tables[0].given > 0;
	return o;
}

enum outcome list_read_page(struct txn *t)
{
	return read_query(t, page_filters, no_filters, NULL);
}

enum outcome list_read_filters(struct txn *t, const struct filter *filters, void *to)
{
	return read_query(t, page_filters, filters, to);
}

enum outcome list_read_other_filters(struct txn *t, const struct filter *filters, void *to)
{
	return read_query(t, limit_alone, filters, to);
}

enum outcome list_ask(struct txn *t, enum db_statement statement,
	void (*each)(struct db_request *request, const void *row))
{
	return list_ask_row(t, statement, &((struct list *)t->state)->page, each);
}

enum outcome list_ask_row(struct txn *t, enum db_statement statement, const void *row,
	void (*each)(struct db_request *request, const void *row))
{
	struct list *list = t->state;

	list->last = list->page.after;
	list->out = json_start(t->arena);
	json_open(&list->out, '{');
	json_key(&list->out, "items");
	json_open(&list->out, '[');
	enum outcome o = txn_ask_db(t, statement, row, NULL);
	t->ask.db.each = each;
	return o;
}

struct txn *txn_of_db_request(struct db_request *request)
{
	return (struct txn *)(void *)((char *)request - offsetof(struct txn, ask.db));
}

struct json_out *list_open_row(struct db_request *request, int64_t key)
{
	struct list *list = txn_of_db_request(request)->state;

	/* A statement that is asked again after a broken connection shows its rows again. */
	if (key <= list->last)
		return NULL;
	if (list->rows == list->page.limit - 1) {
		list->more = true;
		return NULL;
	}
	list->rows++;
	list->last = key;
	json_open(&list->out, '{');
	return &list->out;
}

void list_looked(struct db_request *request, int64_t upto)
{
	struct list *list = txn_of_db_request(request)->state;

	if (list->more || upto <= list->page.after)
		return;
	list->more = true;
	list->last = upto;
}

enum outcome list_answer(struct txn *t)
{
	struct list *list = t->state;

	json_close(&list->out, ']');
	json_key(&list->out, "next");
	if (list->more)
		json_number(&list->out, list->last);
	else
		json_raw(&list->out, "null", 4);
	json_close(&list->out, '}');
	return answer_json(t, 200, &list->out);
}

enum outcome read_views_anew(struct txn *t)
{
	(void)t;
	return FINE;
}

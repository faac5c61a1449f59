#include "procedures/administration_list.h"

#include <stddef.h>

#include "procedures/body.h"

#define PAGE_ROWS      100
#define PAGE_ROWS_MOST 1000

enum outcome list_read_limit(struct txn *t)
{
	struct list *list = t->state;
	enum outcome o = query_number(t, "limit", 1, PAGE_ROWS_MOST, PAGE_ROWS, &list->page.limit);

	list->page.limit++;
	return o;
}

enum outcome list_read_page(struct txn *t)
{
	struct list *list = t->state;
	enum outcome o = list_read_limit(t);

	return o == FINE ? query_number(t, "after", -1, INT64_MAX, -1, &list->page.after) : o;
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

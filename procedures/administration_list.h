/*
 * One page of a list: {"items": […], "next": …}. The query's `limit` and `after` choose the rows;
 * `next` is the `after` of the next page, or null where this is the last. A procedure that lists has a
 * struct list at the front of its state.
 */
#ifndef PROCEDURES_ADMINISTRATION_LIST_H
#define PROCEDURES_ADMINISTRATION_LIST_H

#include "procedures/procedure.h"

struct list {
	struct db_page page; /* as asked of the database: one row more than the page shows */
	int64_t rows, last;  /* written so far, and the key of the last */
	bool more;
	struct json_out out;
};

/* For CPU: reads the query; the second `limit` alone, where `after` is no number. */
enum outcome list_read_page(struct txn *t);
enum outcome list_read_limit(struct txn *t);
/* For run of a DB step. */
enum outcome list_ask(struct txn *t, enum db_statement statement,
	void (*each)(struct db_request *request, const void *row));
/* The same for a statement that is asked otherwise: row, whose limit is that of list->page. */
enum outcome list_ask_row(struct txn *t, enum db_statement statement, const void *row,
	void (*each)(struct db_request *request, const void *row));
/*
 * For `each`: where the row of this key is to be written, its object opened; NULL where it is not on this
 * page. Keys come in ascending order.
 */
struct json_out *list_open_row(struct db_request *request, int64_t key);
/* For REPLY. */
enum outcome list_answer(struct txn *t);

/* The transaction whose `ask` this is. */
struct txn *txn_of_db_request(struct db_request *request);
/* For VIEWS: the lane does it all. */
enum outcome read_views_anew(struct txn *t);

#endif

/*
 * One page of a list: {"items": […], "next": …}. The query's `limit` and `after` choose the rows, and filters
 * which of them are shown; `next` is the `after` of the next page, or null where this is the last. A procedure that
 * lists has a struct list at the front of its state.
 *
 * A page costs about a page: where few rows of a long table fit a filter, its statement looks at so many of them
 * (LOOKED_AT of db/sql.h) and says how far it came, and the page ends there.
 */
#ifndef PROCEDURES_ADMINISTRATION_LIST_H
#define PROCEDURES_ADMINISTRATION_LIST_H

#include "procedures/filter.h"

struct list {
	struct db_page page; /* as asked of the database: one row more than the page shows */
	int64_t rows, last;  /* written so far, and the key of the last */
	bool more, is_filtered;
	struct json_out out;
};

/*
 * For CPU: reads the query; the second also these filters into `to`, and the third where the page's key is no number
 * and one of them. INVALID_PARAMETER for whatever else there is.
 */
enum outcome list_read_page(struct txn *t);
enum outcome list_read_filters(struct txn *t, const struct filter *filters, void *to);
enum outcome list_read_other_filters(struct txn *t, const struct filter *filters, void *to);
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
/* For `each`, after all rows: the statement has looked up to this key, and there may be more. */
void list_looked(struct db_request *request, int64_t upto);
/* For REPLY. */
enum outcome list_answer(struct txn *t);

/* The transaction whose `ask` this is. */
struct txn *txn_of_db_request(struct db_request *request);
/* For VIEWS: the lane does it all. */
enum outcome read_views_anew(struct txn *t);

#endif

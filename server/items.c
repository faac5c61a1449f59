#include "server/items.h"

#include "base/clock.h"

/* Items end before their batch, so that it can still say what became of each: this part of its time earlier. */
#define ITEM_HEAD_START 8
#define ITEM_MEMORY     (64u * 1024u)

static void on_item_ended(struct txn *item)
{
	struct txn *parent = item->parent;

	if (--parent->items_left == 0)
		engine_brought(item->owner, parent, FINE);
}

/* Makes the transactions of a batch request; none is begun where not all can be made. */
static enum outcome make_items(struct engine *e, struct txn *t)
{
	if (engine_is_full(e, t->item_count))
		return txn_refuse(t, OVERLOADED, "Too many transactions are under way.");
	t->items = arena_alloc(t->arena, t->item_count * sizeof(struct txn *));
	if (t->items == NULL)
		return NO_MEMORY;
	int64_t head_start_ms = (t->deadline_ms - clock_ms()) / ITEM_HEAD_START;

	for (size_t i = 0; i < t->item_count; i++) {
		struct txn *item = engine_new_txn(e, t->item_procedure, ITEM_MEMORY);

		if (item == NULL) {
			t->item_count = i;
			return NO_MEMORY;
		}
		item->parent = t;
		item->request_id = t->request_id;
		item->actor = t->actor;
		item->deadline_ms = t->deadline_ms - head_start_ms;
		item->ended = on_item_ended;
		item->owner = e;
		t->items[i] = item;
	}
	return FINE;
}

enum outcome items_begin(struct engine *e, struct txn *t, const struct step *step)
{
	enum outcome o = make_items(e, t);

	if (o == FINE)
		o = step->run(t);
	t->items_left = t->item_count;
	for (size_t i = 0; o == FINE && i < t->item_count; i++)
		engine_begin(e, t->items[i]);
	return o;
}

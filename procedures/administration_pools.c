#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/body.h"

#define DIGITS_MAX 15

static enum outcome read_pools_page(struct txn *t);
static enum outcome list_pools(struct txn *t);
static enum outcome read_pool(struct txn *t);
static enum outcome store_pool(struct txn *t);
static enum outcome look_whether_new(struct txn *t, enum outcome brought);
static bool was_refused(const struct txn *t);
static enum outcome look_for_same_pool(struct txn *t);
static enum outcome look_whether_repeated(struct txn *t, enum outcome brought);
static enum outcome answer_pool(struct txn *t);

struct pool {
	struct db_pool_in row;
	struct plmn plmn;
	bool is_new, is_there;
	struct db_page page;
};

struct pool_list {
	struct list list; /* at the front */
	struct db_pool_page page;
};

const struct procedure admin_list_imsi_pools = {
	.name = "admin-list-imsi-pools",
	.state_size = sizeof(struct pool_list),
	.steps = {
		{ "read_pools_page", LANE_CPU, read_pools_page },
		{ "list_pools", LANE_DB, list_pools },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

const struct procedure admin_add_imsi_pool = {
	.name = "admin-add-imsi-pool",
	.state_size = sizeof(struct pool),
	.steps = {
		{ "read_pool", LANE_CPU, read_pool },
		{ "store_pool", LANE_DB, store_pool, look_whether_new },
		{ "look_for_same_pool", LANE_DB, look_for_same_pool, look_whether_repeated,
			was_refused },
		{ "answer_pool", LANE_REPLY, answer_pool },
	},
};

static void write_range(struct json_out *o, struct plmn plmn, int64_t first, int64_t last)
{
	char text[IMSI_DIGITS + 1];
	char digits[8];

	/* The PLMN's digits are the first of any of its IMSIs. */
	imsi_write((uint64_t)first, text);
	memcpy(digits, text, plmn.digits);
	digits[plmn.digits] = '\0';
	json_member_text(o, "plmn", digits);
	json_member_text(o, "firstMsin", text + plmn.digits);
	imsi_write((uint64_t)last, text);
	json_member_text(o, "lastMsin", text + plmn.digits);
	json_member_number(o, "size", last - first + 1);
}

/* Of these very digits: 00101 has other pools than 001010. */
static bool take_plmn(const char *text, void *page)
{
	struct db_pool_page *p = page;
	struct plmn plmn;

	if (!plmn_read(text, strlen(text), &plmn))
		return false;
	p->plmn = (int32_t)plmn.number;
	p->plmn_digits = plmn.digits;
	return true;
}

static const struct filter pool_filters[] = {
	{ "plmn", take_plmn, 0, filter_no_plmn },
	{},
};

static enum outcome read_pools_page(struct txn *t)
{
	struct pool_list *l = t->state;

	l->page.plmn = -1;
	enum outcome o = list_read_filters(t, pool_filters, &l->page);

	l->page.after = l->list.page.after;
	l->page.limit = l->list.page.limit;
	return o;
}

static void on_pool(struct db_request *request, const void *row)
{
	const struct db_pool *pool = row;
	struct json_out *o = list_open_row(request, pool->first);

	if (o == NULL)
		return;
	struct plmn plmn = { (uint32_t)pool->plmn, pool->plmn_digits == 6 ? 6 : 5 };
	write_range(o, plmn, pool->first, pool->last);
	json_member_number(o, "fresh", pool->last - pool->next + 1);
	json_member_number(o, "leased", pool->leased);
	json_member_number(o, "used", pool->used);
	json_member_number(o, "quarantined", pool->quarantined);
	json_close(o, '}');
}

static enum outcome list_pools(struct txn *t)
{
	return list_ask_row(t, DB_SEARCH_POOLS, &((struct pool_list *)t->state)->page, on_pool);
}

static enum outcome read_plmn(struct txn *t, struct plmn *plmn)
{
	const struct settings *settings = t->services->settings;
	const char *text;
	enum outcome o = body_text(t, t->json, "plmn", DIGITS_MAX, &text);

	if (o != FINE)
		return o;
	if (!plmn_read(text, strlen(text), plmn))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "plmn", filter_no_plmn);
	for (unsigned i = 0; i < settings->discovery_count; i++)
		if (settings->discovery[i].number == plmn->number &&
			settings->discovery[i].digits == plmn->digits)
			return txn_refuse_parameter(t, INVALID_PARAMETER, "plmn",
				"This is a discovery PLMN: it has dIMSIs, no IMSIs.");
	return FINE;
}

static enum outcome read_msin(struct txn *t, const char *name, struct plmn plmn, int64_t *imsi)
{
	const char *text;
	uint64_t msin = 0, whole;
	enum outcome o = body_text(t, t->json, name, DIGITS_MAX, &text);

	if (o != FINE)
		return o;
	if (text[strspn(text, "0123456789")] != '\0')
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, name, "An MSIN has decimal digits only.");
	for (const char *at = text; *at != '\0'; at++)
		msin = msin * 10 + (uint64_t)(*at - '0');
	if (!plmn_make_imsi(plmn, msin, &whole))
		return txn_refuse_parameter(t, INVALID_PARAMETER, name,
			"This MSIN is too long: with its PLMN an IMSI has 15 digits.");
	*imsi = (int64_t)whole;
	return FINE;
}

static enum outcome read_pool(struct txn *t)
{
	struct pool *p = t->state;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = read_plmn(t, &p->plmn);
	if (o == FINE)
		o = read_msin(t, "firstMsin", p->plmn, &p->row.first);
	if (o == FINE)
		o = read_msin(t, "lastMsin", p->plmn, &p->row.last);
	if (o != FINE)
		return o;
	if (p->row.last < p->row.first)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "lastMsin", "This is before firstMsin.");
	p->row.plmn = (int32_t)p->plmn.number;
	p->row.plmn_digits = p->plmn.digits;
	return FINE;
}

static enum outcome store_pool(struct txn *t)
{
	struct pool *p = t->state;

	return txn_ask_db(t, DB_ADD_POOL, &p->row, NULL);
}

static enum outcome look_whether_new(struct txn *t, enum outcome brought)
{
	struct pool *p = t->state;

	p->is_new = brought == FINE;
	return brought == NO_ROW || brought == CONFLICT ? FINE : brought;
}

static bool was_refused(const struct txn *t)
{
	const struct pool *p = t->state;

	return !p->is_new;
}

static void on_clashing_pool(struct db_request *request, const void *row)
{
	struct pool *p = txn_of_db_request(request)->state;
	const struct db_pool *pool = row;

	if (pool->first == p->row.first && pool->last == p->row.last && pool->plmn == p->row.plmn &&
		pool->plmn_digits == p->row.plmn_digits)
		p->is_there = true;
}

/* Repeating a request is no error; a range that overlaps another is. */
static enum outcome look_for_same_pool(struct txn *t)
{
	struct pool *p = t->state;

	p->page = (struct db_page){ .after = p->row.first - 1, .limit = 1 };
	enum outcome o = txn_ask_db(t, DB_LIST_POOLS, &p->page, NULL);
	t->ask.db.each = on_clashing_pool;
	return o;
}

static enum outcome look_whether_repeated(struct txn *t, enum outcome brought)
{
	const struct pool *p = t->state;

	if (brought != FINE || p->is_there)
		return brought;
	return txn_refuse(t, CONFLICT, "This range overlaps a pool that is there.");
}

static enum outcome answer_pool(struct txn *t)
{
	const struct pool *p = t->state;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	write_range(&o, p->plmn, p->row.first, p->row.last);
	json_close(&o, '}');
	return answer_json(t, p->is_new ? 201 : 200, &o);
}

/*
 * The IMSIs a reactor has leased: blocks, and single numbers that have rested. What is still to be
 * given out, until when that is safe, and where a number that comes back belongs. Knows no
 * database. Inside db/ only.
 */
#ifndef DB_IMSI_STOCK_H
#define DB_IMSI_STOCK_H

#include "db/db.h"

struct imsi_leases;

struct imsi_list {
	int64_t *at;
	size_t count, cap;
};

struct imsi_block {
	struct imsi_block *after;
	int64_t first, last;
	int64_t next;           /* from here on none has been given out */
	struct imsi_list used;  /* ascending: what others have used, as far as that is known */
	size_t used_at;         /* those before lie behind `next` */
	struct imsi_list spare; /* to be given out before the others */
	/*
	 * Rested numbers: `used` lists them, `spare` those still here, and there is no lease to
	 * renew or end.
	 */
	bool is_rested;
	int64_t safe_until_ms; /* some time after this it may be somebody else's */
	int64_t spent_since_ms;
	bool was_renewed, is_ending;
	/* to end its lease */
	struct imsi_leases *leases;
	struct db_request end;
	struct db_lease_key key;
};

struct imsi_stock {
	struct imsi_block *open;    /* given out from the first that is safe */
	struct imsi_block *adopted; /* not (or not any more) known what of them is used */
	struct imsi_block *spent;   /* given out whole; kept for numbers that come back */
	uint64_t left;              /* in open blocks */
};

/* NULL: no memory. */
struct imsi_block *block_new(int64_t first, int64_t last);
struct imsi_block *block_new_rested(void);
void block_free(struct imsi_block *b);
/* Numbers come in ascending order. false: no memory. */
bool block_add_used(struct imsi_block *b, int64_t imsi);
bool block_add_rested(struct imsi_block *b, int64_t imsi);

/* The block is the stock's from here on. */
void stock_add(struct imsi_stock *s, struct imsi_block **list, struct imsi_block *b);
/* The first adopted block, what is used of it being known now, is open. */
void stock_open_adopted(struct imsi_stock *s);
/*
 * A number was somebody else's: the open block it is of counts as adopted, until it is known anew
 * what of it is used. False: there is none. Rested numbers are not of a block.
 */
bool stock_doubt(struct imsi_stock *s, int64_t imsi);
/* The block that has this number, in any of the lists; NULL where none has. */
struct imsi_block *stock_find(struct imsi_stock *s, int64_t imsi);
bool stock_take(struct imsi_stock *s, int64_t now_ms, int64_t *imsi);
/* A number that belongs to no block is dropped: its new owner finds it unused. */
void stock_give_back(struct imsi_stock *s, int64_t imsi);
bool stock_has_unsafe(const struct imsi_stock *s, int64_t now_ms);
/* Before a renewal, and after: blocks not marked as renewed are somebody else's now. */
void stock_unmark(struct imsi_stock *s);
void stock_drop_unmarked(struct imsi_stock *s);
/* Rested numbers whose time is over, or that have been spent since before `spent_ms`. */
void stock_drop_rested(struct imsi_stock *s, int64_t now_ms, int64_t spent_ms);
void stock_drop_spent(struct imsi_stock *s, struct imsi_block *b);
void stock_clear(struct imsi_stock *s);

#endif

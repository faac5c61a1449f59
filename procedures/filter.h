/*
 * The query of a list, read by a table: a row is a parameter, how its value is read, and where that goes. What no
 * row names, what is there twice and what cannot be read is refused (INVALID_PARAMETER): a filter that is
 * misspelt would let everything pass. For CPU steps.
 */
#ifndef PROCEDURES_FILTER_H
#define PROCEDURES_FILTER_H

#include <stddef.h>

#include "procedures/procedure.h"

struct filter {
	const char *name;                         /* NULL ends a table */
	bool (*read)(const char *text, void *to); /* the text lives as long as the transaction */
	size_t at;                                /* of `to`, in what the table fills in */
	const char *reason;                       /* what is said of a value that is none */
};

struct filter_table {
	const struct filter *rows;
	void *to;       /* filled in before with what counts where a parameter is not given */
	unsigned given; /* on output: how many were */
};

/* What the first of the tables does not name may be in the next. */
enum outcome filters_read(struct txn *t, struct filter_table *tables, size_t count);

#define FILTER_TIME_MOST INT64_C(253402300799) /* the year 9999 ends */

/* Readers; what `to` points at behind each. */
bool filter_imsi(const char *text, void *int64);       /* 15 digits, with or without "imsi-" */
bool filter_subscriber(const char *text, void *int64); /* the same but 0, which is nobody's */
bool filter_time(const char *text, void *int64);  /* RFC 3339 in UTC, or unix seconds; from 1 on */
bool filter_since(const char *text, void *int64); /* the same from 0 on, which is no condition */
bool filter_plmn(const char *text, void *range);  /* struct db_range: its IMSIs */
bool filter_text(const char *text, void *words);  /* struct db_text: UTF-8, 1 to 128 bytes */
bool filter_hash(const char *text, void *digits); /* struct db_text: 64 hexadecimal digits */
bool filter_credential_kind(const char *text, void *int32);
bool filter_credential_state(const char *text, void *int32);

/* A name of an enumeration, for readers of such; `last` is its last value. */
bool filter_find_name(
	const char *text, const char *(*name_of)(int32_t value), int32_t last, int32_t *out);
/* Digits and nothing else, up to `most`. */
bool filter_read_number(const char *text, int64_t most, int64_t *out);

extern const char filter_no_imsi[], filter_no_time[], filter_no_plmn[], filter_no_text[],
	filter_no_hash[], filter_no_kind[], filter_no_state[];

#endif

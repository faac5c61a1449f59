/*
 * A file of subscribers, line by line, in constant memory: the lines as they are cut off what has
 * been read so far, and what a line says. The header is "supi,k,opc" or "supi,k,op"; K and OPc are
 * hex; lines end with LF or CR LF, the last one as it likes.
 *
 * What is read holds keys: the memory is the caller's and secret; a line is wiped when the next one
 * is asked for. One thread.
 */
#ifndef ADMIN_CLI_CSV_H
#define ADMIN_CLI_CSV_H

#include "base/imsi.h"
#include "hsm/messages.h"

#define CSV_LINE_MAX 512 /* without its end */

struct csv_reader {
	uint8_t *at; /* room of more than CSV_LINE_MAX + 2 bytes */
	size_t cap;
	size_t shown, from, to; /* the last line, what is still to be cut, the end of it */
	int64_t line;           /* the number of the last line; the first is 1 */
	int64_t offset;         /* in the file, of at[from] */
	bool is_too_long;       /* the line that is being read; its beginning is gone */
	bool is_over;           /* nothing will come any more */
};

enum csv_step { CSV_LINE, CSV_MORE, CSV_END };

struct csv_line {
	int64_t number, end;  /* end: the offset behind it */
	struct bytes content; /* without its end; valid until the next call; empty where too long */
	bool is_too_long;
};

/* CSV_MORE: csv_room(), read, csv_fill(), and once more. */
enum csv_step csv_next(struct csv_reader *r, struct csv_line *line);
/* Where the next bytes go; the line that was shown before is no longer there. */
size_t csv_room(struct csv_reader *r, uint8_t **at);
/* So many have come; 0: the file is at its end. */
void csv_fill(struct csv_reader *r, size_t len);

/* What the columns hold. */
struct csv_form {
	bool is_op;                /* OP in place of OPc: the header says */
	bool is_wrapped;           /* K is wrapped (RFC 3394) under a transport key */
	const char *transport_key; /* its label; NULL: none */
	struct plmn home;          /* the only PLMN there may be */
};

/* Sets is_op; false: no header. */
bool csv_read_header(struct bytes line, struct csv_form *form);
/*
 * Fills *subscriber, which the caller wipes also where this fails. NULL: done; otherwise what is wrong, in
 * words that quote nothing.
 */
const char *csv_read_subscriber(struct bytes line, const struct csv_form *form, uint64_t *imsi,
	struct key_seal_subscriber_in *subscriber);
/* Its parts, for `subscriber add`; NULL: done. */
const char *csv_read_k(
	struct bytes hex, bool is_wrapped, struct key_seal_subscriber_in *subscriber);
const char *csv_read_supi(struct bytes text, struct plmn home, uint64_t *imsi);
const char *csv_read_opc(struct bytes hex, struct key_seal_subscriber_in *subscriber);

#endif

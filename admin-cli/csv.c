#include "admin-cli/csv.h"

#include <stdio.h>

#include "base/secret.h"

#define WRAPPING 8u /* RFC 3394 adds so many bytes */

static void wipe_shown(struct csv_reader *r)
{
	wipe(r->at + r->shown, r->from - r->shown);
	r->shown = r->from;
}

/* The next `len` bytes are a line's content, and `end` of them and behind them its end. */
static void cut(struct csv_reader *r, size_t len, size_t end, struct csv_line *line)
{
	bool has_cr = len > 0 && r->at[r->from + len - 1] == '\r';

	if (has_cr)
		len--;
	line->is_too_long = r->is_too_long || len > CSV_LINE_MAX;
	line->content = line->is_too_long ? bytes_of(NULL, 0) : bytes_of(r->at + r->from, len);
	r->from += len + has_cr + end;
	r->offset += (int64_t)(len + has_cr + end);
	r->is_too_long = false;
	line->number = ++r->line;
	line->end = r->offset;
}

enum csv_step csv_next(struct csv_reader *r, struct csv_line *line)
{
	wipe_shown(r);
	size_t left = r->to - r->from;
	const uint8_t *end = left > 0 ? memchr(r->at + r->from, '\n', left) : NULL;

	if (end != NULL) {
		cut(r, (size_t)(end - (r->at + r->from)), 1, line);
		return CSV_LINE;
	}
	if (r->is_over && (left > 0 || r->is_too_long)) {
		cut(r, left, 0, line);
		return CSV_LINE;
	}
	if (left > CSV_LINE_MAX + 1) { /* one more may be the CR */
		r->is_too_long = true;
		r->from = r->to;
		r->offset += (int64_t)left;
		wipe_shown(r);
	}
	return r->is_over ? CSV_END : CSV_MORE;
}

size_t csv_room(struct csv_reader *r, uint8_t **at)
{
	size_t left = r->to - r->from;

	wipe_shown(r);
	if (r->from > 0) {
		memmove(r->at, r->at + r->from, left);
		wipe(r->at + left, r->to - left);
	}
	r->shown = r->from = 0;
	r->to = left;
	*at = r->at + left;
	return r->cap - left;
}

void csv_fill(struct csv_reader *r, size_t len)
{
	r->to += len;
	r->is_over = len == 0;
}

bool csv_read_header(struct bytes line, struct csv_form *form)
{
	form->is_op = bytes_equal(line, bytes_of_text("supi,k,op"));
	return form->is_op || bytes_equal(line, bytes_of_text("supi,k,opc"));
}

const char *csv_read_supi(struct bytes text, struct plmn home, uint64_t *imsi)
{
	if (!imsi_read_supi((const char *)text.at, text.len, imsi))
		return "the SUPI is not imsi- and 15 digits";
	return plmn_has_imsi(home, *imsi) ? NULL : "the IMSI is not of the home PLMN";
}

const char *csv_read_k(struct bytes hex, bool is_wrapped, struct key_seal_subscriber_in *subscriber)
{
	size_t more = is_wrapped ? WRAPPING : 0, len = hex.len / 2 - more;

	if (hex.len != 2 * (16 + more) && hex.len != 2 * (32 + more))
		return is_wrapped ? "K, being wrapped, has not 48 or 80 hex digits"
				  : "K has not 32 or 64 hex digits";
	subscriber->k_len = (uint8_t)len;
	subscriber->is_wrapped = is_wrapped;
	return hex_read((const char *)hex.at, hex.len, subscriber->k, len + more)
		       ? NULL
		       : "K is not hexadecimal";
}

const char *csv_read_opc(struct bytes hex, struct key_seal_subscriber_in *subscriber)
{
	const char *what =
		subscriber->is_op ? "OP has not 32 hex digits" : "OPc has not 32 hex digits";

	return hex_read((const char *)hex.at, hex.len, subscriber->opc, sizeof(subscriber->opc))
		       ? NULL
		       : what;
}

/* What stands before the next comma, or before the end. */
static struct bytes take_field(struct bytes *line)
{
	const uint8_t *comma = line->len > 0 ? memchr(line->at, ',', line->len) : NULL;
	struct bytes field = *line;

	if (comma != NULL)
		field.len = (size_t)(comma - line->at);
	size_t taken = field.len + (comma != NULL);

	*line = bytes_of(line->at + taken, line->len - taken);
	return field;
}

static unsigned count_fields(struct bytes line)
{
	unsigned count = 1;

	for (size_t i = 0; i < line.len; i++)
		count += line.at[i] == ',';
	return count;
}

const char *csv_read_subscriber(struct bytes line, const struct csv_form *form, uint64_t *imsi,
	struct key_seal_subscriber_in *subscriber)
{
	*subscriber = (struct key_seal_subscriber_in){ .is_op = form->is_op };
	if (count_fields(line) != 3)
		return "there are not three fields";
	struct bytes supi = take_field(&line), k = take_field(&line);
	const char *wrong = csv_read_supi(supi, form->home, imsi);

	if (wrong == NULL)
		wrong = csv_read_k(k, form->is_wrapped, subscriber);
	if (wrong == NULL)
		wrong = csv_read_opc(line, subscriber);
	if (wrong == NULL && form->transport_key != NULL)
		snprintf(subscriber->transport_key, sizeof(subscriber->transport_key), "%s",
			form->transport_key);
	return wrong;
}

#include "procedures/plain_json.h"

#define MOST_DEPTH  8u
#define MOST_DIGITS 18u /* of a number that an int64_t holds */

struct reader {
	const uint8_t *at, *end;
	json_t *root;
	json_t *open[MOST_DEPTH]; /* the innermost last; the root has a reference to them all */
	unsigned depth;
	struct bytes name; /* of the member that comes next, in an object */
};

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end &&
		(*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
		r->at++;
}

/* With what blanks stand before it. */
static bool take(struct reader *r, uint8_t wanted)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != wanted)
		return false;
	r->at++;
	return true;
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* The highest bit of each byte that is 0, and of no byte below the first such. */
static uint64_t zeros_in(uint64_t word)
{
	return (word - EACH_BYTE(1)) & ~word;
}

/* Whether all eight stand for themselves in a text: neither a control, a quote, a backslash nor beyond ASCII. */
static bool are_plain(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	uint64_t others = word | (word - EACH_BYTE(0x20)) | zeros_in(word ^ EACH_BYTE('"')) |
			  zeros_in(word ^ EACH_BYTE('\\'));

	return (others & EACH_BYTE(0x80)) == 0;
}

static bool take_text(struct reader *r, struct bytes *text)
{
	if (!take(r, '"'))
		return false;
	const uint8_t *at = r->at;

	while (r->end - at >= 8 && are_plain(at))
		at += 8;
	while (at < r->end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
		at++;
	if (at == r->end || *at != '"')
		return false;
	*text = bytes_of(r->at, (size_t)(at - r->at));
	r->at = at + 1;
	return true;
}

static json_t *read_text(struct reader *r)
{
	struct bytes text;

	return take_text(r, &text) ? json_stringn_nocheck((const char *)text.at, text.len) : NULL;
}

/* What follows must be no part of it, or it would be another number. */
static json_t *read_number(struct reader *r)
{
	bool is_negative = take(r, '-');
	const uint8_t *first = r->at;
	json_int_t number = 0;

	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
		if (r->at - first == MOST_DIGITS)
			return NULL;
		number = 10 * number + (*r->at - '0');
	}
	bool starts_well = r->at > first && (*first != '0' || r->at - first == 1);
	bool goes_on = r->at < r->end && (*r->at == '.' || (*r->at | 0x20) == 'e');

	return starts_well && !goes_on ? json_integer(is_negative ? -number : number) : NULL;
}

static json_t *read_word(struct reader *r, const char *word, json_t *value)
{
	size_t len = strlen(word);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return NULL;
	r->at += len;
	return value;
}

/* A container only begins. */
static json_t *begin_value(struct reader *r)
{
	skip_blanks(r);
	switch (r->at < r->end ? *r->at : 0) {
	case '"':
		return read_text(r);
	case '{':
		r->at++;
		return json_object();
	case '[':
		r->at++;
		return json_array();
	case 't':
		return read_word(r, "true", json_true());
	case 'f':
		return read_word(r, "false", json_false());
	case 'n':
		return read_word(r, "null", json_null());
	default:
		return read_number(r);
	}
}

/* Its own reference goes to what it is put into. */
static bool put(struct reader *r, json_t *value)
{
	json_t *in = r->depth > 0 ? r->open[r->depth - 1] : NULL;

	if (in == NULL) {
		r->root = value;
		return value != NULL && (json_is_object(value) || json_is_array(value));
	}
	if (json_is_array(in))
		return json_array_append_new(in, value) == 0;
	return json_object_setn_new_nocheck(in, (const char *)r->name.at, r->name.len, value) == 0;
}

/* Of a member that is there already the library says where it stands. */
static bool take_name(struct reader *r)
{
	json_t *in = r->depth > 0 ? r->open[r->depth - 1] : NULL;

	return !json_is_object(in) ||
	       (take_text(r, &r->name) && take(r, ':') &&
		       json_object_getn(in, (const char *)r->name.at, r->name.len) == NULL);
}

static uint8_t bracket_of(const json_t *container)
{
	return json_is_object(container) ? '}' : ']';
}

/* With all that it begins with: of [[1, the 1. */
static bool take_value(struct reader *r)
{
	for (;;) {
		json_t *value = take_name(r) ? begin_value(r) : NULL;

		if (!put(r, value))
			return false;
		if ((!json_is_object(value) && !json_is_array(value)) || take(r, bracket_of(value)))
			return true;
		if (r->depth == MOST_DEPTH)
			return false;
		r->open[r->depth++] = value;
	}
}

static bool take_all(struct reader *r)
{
	do {
		if (!take_value(r))
			return false;
		while (r->depth > 0 && take(r, bracket_of(r->open[r->depth - 1])))
			r->depth--;
	} while (r->depth > 0 && take(r, ','));
	skip_blanks(r);
	return r->depth == 0 && r->at == r->end;
}

json_t *plain_json_read(struct bytes text)
{
	struct reader r = { .at = text.at, .end = text.at + text.len };

	if (take_all(&r))
		return r.root;
	json_decref(r.root);
	return NULL;
}

#include "loadtest/json_scan.h"

#define BASE64_MAX 512u

static void skip(struct bytes *in, size_t len)
{
	in->at += len;
	in->len -= len;
}

static void skip_blanks(struct bytes *in)
{
	while (in->len > 0 &&
		(in->at[0] == ' ' || in->at[0] == '\t' || in->at[0] == '\n' || in->at[0] == '\r'))
		skip(in, 1);
}

static bool take_byte(struct bytes *in, uint8_t byte)
{
	skip_blanks(in);
	if (in->len == 0 || in->at[0] != byte)
		return false;
	skip(in, 1);
	return true;
}

/* in begins with a quote: the length of the string with both quotes, 0 where it does not end. */
static size_t string_length(struct bytes in)
{
	const uint8_t *at = in.at + 1, *end = in.at + in.len;

	while (at < end) {
		const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
		const uint8_t *escape =
			quote != NULL ? memchr(at, '\\', (size_t)(quote - at)) : NULL;

		if (quote == NULL)
			return 0;
		if (escape == NULL)
			return (size_t)(quote - in.at) + 1;
		at = escape + 2;
	}
	return 0;
}

/* The length of an object or array with everything inside. */
static size_t nest_length(struct bytes in)
{
	size_t depth = 0;

	for (size_t i = 0; i < in.len; i++) {
		size_t string;

		switch (in.at[i]) {
		case '"':
			string = string_length(bytes_of(in.at + i, in.len - i));
			if (string == 0)
				return 0;
			i += string - 1;
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (--depth == 0)
				return i + 1;
			break;
		default:
			break;
		}
	}
	return 0;
}

/* A number or a literal ends where something begins that can be in neither. */
static size_t word_length(struct bytes in)
{
	size_t i = 0;

	while (i < in.len && ((in.at[i] >= '0' && in.at[i] <= '9') || (in.at[i] | 32) == 'e' ||
				     (in.at[i] >= 'a' && in.at[i] <= 'z') || in.at[i] == '-' ||
				     in.at[i] == '+' || in.at[i] == '.'))
		i++;
	return i;
}

static bool take_value(struct bytes *in, struct bytes *value)
{
	skip_blanks(in);
	if (in->len == 0)
		return false;
	size_t len = in->at[0] == '"'                       ? string_length(*in)
		     : in->at[0] == '{' || in->at[0] == '[' ? nest_length(*in)
							    : word_length(*in);

	*value = bytes_of(in->at, len);
	skip(in, len);
	return len > 0;
}

static bool start(struct bytes in, uint8_t open, uint8_t close, struct json_scan *s)
{
	*s = (struct json_scan){ .rest = in, .close = close, .first = true };
	return take_byte(&s->rest, open);
}

bool json_scan_object(struct bytes in, struct json_scan *s)
{
	return start(in, '{', '}', s);
}

bool json_scan_array(struct bytes in, struct json_scan *s)
{
	return start(in, '[', ']', s);
}

static bool take_member(struct json_scan *s, struct json_member *m)
{
	struct bytes key;

	m->key = bytes_of(NULL, 0);
	if (!s->first && !take_byte(&s->rest, ','))
		return false;
	s->first = false;
	if (s->close == '}' && (!take_value(&s->rest, &key) || !json_scan_text(key, &m->key) ||
				       !take_byte(&s->rest, ':')))
		return false;
	return take_value(&s->rest, &m->value);
}

bool json_scan_member(struct json_scan *s, struct json_member *m)
{
	if (s->ended || s->broken)
		return false;
	if (take_byte(&s->rest, s->close)) {
		s->ended = true;
		return false;
	}
	s->broken = !take_member(s, m);
	return !s->broken;
}

bool json_is(const struct json_member *m, const char *key)
{
	return bytes_equal(m->key, bytes_of_text(key));
}

bool json_scan_text(struct bytes value, struct bytes *text)
{
	if (value.len < 2 || value.at[0] != '"' || memchr(value.at, '\\', value.len) != NULL)
		return false;
	*text = bytes_of(value.at + 1, value.len - 2);
	return true;
}

bool json_scan_number(struct bytes value, uint64_t *number)
{
	*number = 0;
	if (value.len == 0 || value.len > 19)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
		*number = *number * 10 + (value.at[i] - '0');
	}
	return true;
}

bool json_scan_base64(struct bytes value, uint8_t *out, size_t len)
{
	uint8_t room[BASE64_MAX / 4 * 3];
	struct bytes text;
	size_t read;

	if (!json_scan_text(value, &text) || text.len != BASE64_LEN(len) || text.len > BASE64_MAX ||
		!base64_read((const char *)text.at, text.len, room, &read) || read != len)
		return false;
	memcpy(out, room, len);
	return true;
}

bool json_scan_hex(struct bytes value, uint8_t *out, size_t len)
{
	struct bytes text;

	return json_scan_text(value, &text) && hex_read((const char *)text.at, text.len, out, len);
}

bool json_scan_base64_any(struct bytes value, uint8_t *out, size_t cap, size_t *len)
{
	struct bytes text;

	return json_scan_text(value, &text) && text.len / 4 * 3 <= cap &&
	       base64_read((const char *)text.at, text.len, out, len);
}

bool json_scan_copy(struct bytes value, char *out, size_t size)
{
	struct bytes text;

	if (!json_scan_text(value, &text) || text.len == 0 || text.len >= size ||
		memchr(text.at, '\0', text.len) != NULL)
		return false;
	memcpy(out, text.at, text.len);
	out[text.len] = '\0';
	return true;
}

enum outcome json_scan_cause(struct bytes value)
{
	char cause[48];

	return json_scan_copy(value, cause, sizeof(cause)) ? outcome_from_cause(cause) : BROKEN;
}

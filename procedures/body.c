#include "procedures/body.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/eid.h"
#include "base/secret.h"
#include "procedures/plain_json.h"

#define FEW_VALUES    2048u
#define BYTES_A_VALUE 24u

/*
 * A parsed value takes some eighty bytes however short it is written: more of them than any honest body of its
 * length has are refused before they are parsed.
 */
static bool has_too_many_values(struct bytes body)
{
	size_t most = FEW_VALUES + body.len / BYTES_A_VALUE, count = 0;

	if (body.len <= most)
		return false;
	for (size_t i = 0; i < body.len; i++)
		count += body.at[i] == ',' || body.at[i] == '[' || body.at[i] == '{';
	return count > most;
}

static json_t *read_json(struct bytes body, json_error_t *error)
{
	json_t *root = plain_json_read(body);

	return root != NULL
		       ? root
		       : json_loadb((const char *)body.at, body.len, JSON_REJECT_DUPLICATES, error);
}

static void free_wiped(void *at)
{
	if (at != NULL)
		wipe(at, malloc_usable_size(at));
	free(at);
}

void body_start(void)
{
	json_set_alloc_funcs(malloc, free_wiped);
}

enum outcome body_read(struct txn *t)
{
	if (t->json != NULL)
		return json_is_object(t->json)
			       ? FINE
			       : txn_refuse(t, MALFORMED_REQUEST, "The item is not a JSON object.");
	if (has_too_many_values(t->body))
		return txn_refuse(t, MALFORMED_REQUEST, "The body has too many values.");
	json_error_t error;
	json_t *root = read_json(t->body, &error);

	if (root ==
		NULL) /* the library quotes the body, which is not for the log where it holds a key */
		return txn_refuse(t, MALFORMED_REQUEST,
			arena_printf(t->arena, "The body is not JSON: %.100s (byte %d).",
				t->procedure->is_confidential ? "its syntax" : error.text,
				error.position));
	if (!arena_on_free(t->arena, (void (*)(void *))json_decref, root)) {
		json_decref(root);
		return NO_MEMORY;
	}
	if (!json_is_object(root))
		return txn_refuse(t, MALFORMED_REQUEST, "The body is not a JSON object.");
	t->json = root;
	return FINE;
}

/* name may be a path, for the answer: its last part is the member's name. */
static enum outcome find_member(
	struct txn *t, const json_t *in, const char *name, const json_t **out)
{
	const char *dot = strrchr(name, '.');

	*out = json_object_get(in, dot != NULL ? dot + 1 : name);
	if (*out == NULL || json_is_null(*out))
		return txn_refuse_parameter(t, MISSING_PARAMETER, name, "This member is missing.");
	return FINE;
}

bool body_has(const json_t *in, const char *name)
{
	const json_t *member = json_object_get(in, name);

	return member != NULL && !json_is_null(member);
}

static const char not_a_string[] = "This is not a string.";

static enum outcome find_of_type(struct txn *t, const json_t *in, const char *name, json_type type,
	const char *otherwise, const json_t **out)
{
	enum outcome o = find_member(t, in, name, out);

	if (o == FINE && json_typeof(*out) != type)
		o = txn_refuse_parameter(t, INVALID_PARAMETER, name, otherwise);
	return o;
}

enum outcome body_object(struct txn *t, const json_t *in, const char *name, const json_t **out)
{
	return find_of_type(t, in, name, JSON_OBJECT, "This is not an object.", out);
}

enum outcome body_array(struct txn *t, const json_t *in, const char *name, const json_t **out)
{
	return find_of_type(t, in, name, JSON_ARRAY, "This is not an array.", out);
}

enum outcome body_text(
	struct txn *t, const json_t *in, const char *name, size_t most, const char **out)
{
	const json_t *member;
	enum outcome o = find_of_type(t, in, name, JSON_STRING, not_a_string, &member);

	if (o != FINE)
		return o;
	if (json_string_length(member) == 0 || json_string_length(member) > most)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, name, "This is empty or too long.");
	*out = json_string_value(member);
	return FINE;
}

/* member: a text; name is for the answer. */
static enum outcome read_base64(struct txn *t, const json_t *member, const char *name, size_t least,
	size_t most, struct bytes *out)
{
	size_t text_len = json_string_length(member);

	if (text_len > BASE64_LEN(most))
		return txn_refuse_parameter(t, INVALID_PARAMETER, name, "This is too long.");
	uint8_t *at = arena_alloc(t->arena, text_len / 4 * 3 + 1);
	size_t len;

	if (at == NULL)
		return NO_MEMORY;
	if (!base64_read(json_string_value(member), text_len, at, &len))
		return txn_refuse_parameter(t, INVALID_PARAMETER, name,
			"This is not base64 with padding (RFC 4648 section 4).");
	if (len < least || len > most)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, name, "This has the wrong number of bytes.");
	*out = bytes_of(at, len);
	return FINE;
}

enum outcome body_bytes(struct txn *t, const json_t *in, const char *name, size_t least,
	size_t most, struct bytes *out)
{
	const json_t *member;
	enum outcome o = find_of_type(t, in, name, JSON_STRING, not_a_string, &member);

	return o == FINE ? read_base64(t, member, name, least, most, out) : o;
}

enum outcome body_bytes_list(
	struct txn *t, const json_t *in, const char *name, struct body_list *list)
{
	const json_t *member;
	enum outcome o = body_array(t, in, name, &member);

	if (o != FINE)
		return o;
	if (json_array_size(member) < list->least_count ||
		json_array_size(member) > list->most_count)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, name, "This has the wrong number of elements.");
	for (list->count = 0; list->count < json_array_size(member); list->count++) {
		const json_t *one = json_array_get(member, list->count);

		if (!json_is_string(one))
			return txn_refuse_parameter(t, INVALID_PARAMETER, name, not_a_string);
		o = read_base64(t, one, name, 1, list->most, &list->at[list->count]);
		if (o != FINE)
			return o;
	}
	return FINE;
}

enum outcome body_hex(struct txn *t, const json_t *in, const char *name, uint8_t *out, size_t len)
{
	const json_t *member;
	enum outcome o = find_member(t, in, name, &member);

	if (o != FINE)
		return o;
	if (!json_is_string(member) ||
		!hex_read(json_string_value(member), json_string_length(member), out, len))
		return txn_refuse_parameter(t, INVALID_PARAMETER, name,
			"This is not hexadecimal, or has the wrong number of digits.");
	return FINE;
}

enum outcome body_eid(struct txn *t, const json_t *in, const char **out)
{
	enum outcome o = body_text(t, in, "eid", EID_LEN, out);

	t->about = o == FINE ? *out : NULL;
	if (o == FINE && !eid_is_valid(bytes_of_text(*out)))
		o = txn_refuse_parameter(t, INVALID_PARAMETER, "eid",
			"An EID has 32 decimal digits, of which the last two check the rest.");
	return o;
}

enum outcome body_number(struct txn *t, const json_t *in, const char *name, int64_t least,
	int64_t most, int64_t *out)
{
	const json_t *member;
	enum outcome o = find_member(t, in, name, &member);

	if (o != FINE)
		return o;
	*out = json_is_integer(member) ? json_integer_value(member) : 0;
	if (!json_is_integer(member) || *out < least || *out > most)
		return txn_refuse_parameter(t, INVALID_PARAMETER, name,
			"This is not a whole number, or outside its range.");
	return FINE;
}

enum outcome path_dimsi(struct txn *t, unsigned parameter, int64_t *dimsi)
{
	const char *text = t->parameters[parameter];
	uint64_t imsi;

	if (!imsi_read(text, strlen(text), &imsi) && !imsi_read_supi(text, strlen(text), &imsi))
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "dimsi", "A dIMSI has 15 decimal digits.");
	*dimsi = (int64_t)imsi;
	return FINE;
}

enum outcome path_hex(struct txn *t, unsigned parameter, const char *name, uint8_t *out, size_t len)
{
	const char *text = t->parameters[parameter];

	return hex_read(text, strlen(text), out, len)
		       ? FINE
		       : txn_refuse_parameter(t, INVALID_PARAMETER, name,
				 "This is not hexadecimal, or has the wrong number of digits.");
}

enum outcome answer_json(struct txn *t, int status, struct json_out *o)
{
	t->answer.body = json_end(o, &t->answer.len);
	if (t->answer.body == NULL)
		return NO_MEMORY;
	t->answer.status = status;
	return FINE;
}

#include "crypto/cbor.h"

#include <cbor.h>

#define MAJOR_TAG 6

static void set(void *context, enum cbor_kind kind, uint64_t number)
{
	struct cbor_head *head = context;

	head->kind = kind;
	head->number = number;
}

static void on_uint8(void *context, uint8_t v)
{
	set(context, CBOR_UNSIGNED, v);
}

static void on_uint16(void *context, uint16_t v)
{
	set(context, CBOR_UNSIGNED, v);
}

static void on_uint32(void *context, uint32_t v)
{
	set(context, CBOR_UNSIGNED, v);
}

static void on_uint64(void *context, uint64_t v)
{
	set(context, CBOR_UNSIGNED, v);
}

static void on_negint8(void *context, uint8_t v)
{
	set(context, CBOR_NEGATIVE, v);
}

static void on_negint16(void *context, uint16_t v)
{
	set(context, CBOR_NEGATIVE, v);
}

static void on_negint32(void *context, uint32_t v)
{
	set(context, CBOR_NEGATIVE, v);
}

static void on_negint64(void *context, uint64_t v)
{
	set(context, CBOR_NEGATIVE, v);
}

static void on_bytes(void *context, cbor_data at, size_t len)
{
	set(context, CBOR_BYTES, len);
	((struct cbor_head *)context)->string = bytes_of(at, len);
}

static void on_text(void *context, cbor_data at, size_t len)
{
	set(context, CBOR_TEXT, len);
	((struct cbor_head *)context)->string = bytes_of(at, len);
}

static void on_array(void *context, size_t items)
{
	set(context, CBOR_ARRAY, items);
}

static void on_map(void *context, size_t pairs)
{
	set(context, CBOR_MAP, pairs);
}

static void on_float(void *context, float v)
{
	(void)v;
	set(context, CBOR_OTHER, 0);
}

static void on_double(void *context, double v)
{
	(void)v;
	set(context, CBOR_OTHER, 0);
}

static void on_boolean(void *context, bool v)
{
	(void)v;
	set(context, CBOR_OTHER, 0);
}

static void on_simple(void *context)
{
	set(context, CBOR_OTHER, 0);
}

static void on_refused(void *context)
{
	set(context, CBOR_REFUSED, 0);
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string = on_bytes,
	.byte_string_start = on_refused,
	.string = on_text,
	.string_start = on_refused,
	.array_start = on_array,
	.indef_array_start = on_refused,
	.map_start = on_map,
	.indef_map_start = on_refused,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_simple,
	.null = on_simple,
	.boolean = on_boolean,
	.indef_break = on_refused,
};

static bool take(struct bytes *in, struct cbor_head *head)
{
	struct cbor_decoder_result r = cbor_stream_decode(in->at, in->len, &callbacks, head);
	struct bytes taken;

	return r.status == CBOR_DECODER_FINISHED && head->kind != CBOR_REFUSED &&
	       bytes_take(in, r.read, &taken);
}

/*
 * libcbor 0.8 knows but a few of the tags that are written in one byte, and not COSE_Sign1's 18. A
 * tag is written as an unsigned number is, save for the major type (RFC 8949 section 3.1), so it is
 * read as one.
 */
static bool take_tag(struct bytes *in, struct cbor_head *head)
{
	uint8_t at[9];
	size_t len = in->len < sizeof(at) ? in->len : sizeof(at);
	struct bytes number = bytes_of(at, len);
	struct bytes taken;

	memcpy(at, in->at, len);
	at[0] &= 0x1f;
	if (!take(&number, head) || !bytes_take(in, len - number.len, &taken))
		return false;
	head->kind = CBOR_TAG;
	return true;
}

bool cbor_take(struct bytes *in, struct cbor_head *head)
{
	*head = (struct cbor_head){ .kind = CBOR_REFUSED };
	if (in->len == 0)
		return false;
	return in->at[0] >> 5 == MAJOR_TAG ? take_tag(in, head) : take(in, head);
}

bool cbor_take_kind(struct bytes *in, enum cbor_kind kind, struct cbor_head *head)
{
	return cbor_take(in, head) && head->kind == kind;
}

/*
 * Counts items instead of nesting. Each needs a byte, which bounds the count by the input's length.
 */
bool cbor_skip_pairs(struct bytes *in, uint64_t pairs)
{
	struct cbor_head head;

	if (pairs > in->len / 2)
		return false;
	for (uint64_t left = 2 * pairs; left > 0; left--) {
		if (!cbor_take(in, &head))
			return false;
		uint64_t more = head.kind == CBOR_ARRAY || head.kind == CBOR_MAP ? head.number
				: head.kind == CBOR_TAG                          ? 1
										 : 0;

		if (more > in->len || left > in->len + 1)
			return false;
		left += head.kind == CBOR_MAP ? 2 * more : more;
	}
	return true;
}

typedef size_t encoder(uint64_t v, unsigned char *at, size_t size);

static void put_head(struct buffer *out, encoder *encode, uint64_t v)
{
	unsigned char at[9];

	buffer_put(out, at, encode(v, at, sizeof(at)));
}

void cbor_put_unsigned(struct buffer *out, uint64_t v)
{
	put_head(out, cbor_encode_uint, v);
}

void cbor_put_negative(struct buffer *out, uint64_t minus_one_minus_v)
{
	put_head(out, cbor_encode_negint, minus_one_minus_v);
}

void cbor_put_array(struct buffer *out, size_t items)
{
	put_head(out, cbor_encode_array_start, items);
}

void cbor_put_map(struct buffer *out, size_t pairs)
{
	put_head(out, cbor_encode_map_start, pairs);
}

void cbor_put_tag(struct buffer *out, uint64_t tag)
{
	put_head(out, cbor_encode_tag, tag);
}

void cbor_put_bytes_head(struct buffer *out, size_t len)
{
	put_head(out, cbor_encode_bytestring_start, len);
}

void cbor_put_bytes(struct buffer *out, struct bytes content)
{
	cbor_put_bytes_head(out, content.len);
	buffer_put(out, content.at, content.len);
}

void cbor_put_text(struct buffer *out, const char *text)
{
	put_head(out, cbor_encode_string_start, strlen(text));
	buffer_put(out, text, strlen(text));
}

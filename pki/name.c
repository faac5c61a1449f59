#include "pki/certificate_parts.h"
#include "pki/der.h"

/* AttributeTypeAndValue, RFC 5280 section 4.1.2.4. */
struct attribute {
	struct bytes type;
	struct bytes text;
};

/* The length of the UTF-8 sequence at the front (RFC 3629); 0 where it is none. */
static size_t utf8_length(struct bytes in)
{
	uint8_t first = in.at[0];
	size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (len == 1)
		return 1;
	if (first < 0xc2 || first > 0xf4 || in.len < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((in.at[i] & 0xc0) != 0x80)
			return 0;
	/* too long an encoding, a surrogate, beyond U+10FFFF */
	bool wrong = (first == 0xe0 && in.at[1] < 0xa0) || (first == 0xed && in.at[1] > 0x9f) ||
		     (first == 0xf0 && in.at[1] < 0x90) || (first == 0xf4 && in.at[1] > 0x8f);
	return wrong ? 0 : len;
}

/* What ends up in JSON and in lists: well-formed, without control characters. */
static bool is_plain_text(struct bytes text, bool ascii_only)
{
	while (text.len > 0) {
		size_t len = utf8_length(text);
		bool control = text.at[0] < 0x20 || text.at[0] == 0x7f ||
			       (len == 2 && text.at[0] == 0xc2 && text.at[1] < 0xa0);

		if (len == 0 || control || (len > 1 && ascii_only))
			return false;
		text = bytes_of(text.at + len, text.len - len);
	}
	return true;
}

static bool take_attribute(struct bytes *in, struct attribute *out)
{
	struct bytes pair;
	uint8_t tag;

	if (!der_take(in, DER_SEQUENCE, &pair) || !der_take_oid(&pair, &out->type) ||
		!der_take_any(&pair, &tag, &out->text) || pair.len != 0)
		return false;
	switch (tag) {
	case DER_UTF8_STRING:
		return is_plain_text(out->text, false);
	case DER_PRINTABLE_STRING:
	case DER_NUMERIC_STRING:
	case DER_IA5_STRING:
		return is_plain_text(out->text, true);
	default:
		return false;
	}
}

bool name_take(struct bytes *in, struct bytes *whole)
{
	struct bytes sets, set;
	struct attribute attribute;

	if (!der_take_whole(in, DER_SEQUENCE, whole, &sets))
		return false;
	while (sets.len > 0) {
		if (!der_take(&sets, DER_SET, &set) || set.len == 0)
			return false;
		while (set.len > 0)
			if (!take_attribute(&set, &attribute))
				return false;
	}
	return true;
}

/* 2.5.4.x: the attributes of X.520 that somebody asks for. */
static struct bytes *attribute_place(struct bytes type, struct certificate *c)
{
	if (type.len != 3 || type.at[0] != 0x55 || type.at[1] != 0x04)
		return NULL;
	switch (type.at[2]) {
	case 5:
		return &c->serial_number;
	case 10:
		return &c->organization;
	case 11:
		return &c->organizational_unit;
	default:
		return NULL;
	}
}

bool name_read_subject(struct bytes whole, struct certificate *c)
{
	struct bytes sets, set;
	struct attribute attribute;

	if (!der_take(&whole, DER_SEQUENCE, &sets))
		return false;
	while (sets.len > 0 && der_take(&sets, DER_SET, &set)) {
		while (set.len > 0 && take_attribute(&set, &attribute)) {
			struct bytes *place = attribute_place(attribute.type, c);

			if (place == NULL)
				continue;
			if (place->at == NULL)
				*place = attribute.text;
			else if (place == &c->serial_number)
				return false; /* one identity, not a choice of two */
		}
	}
	return true;
}

bool name_read_permitted(
	struct bytes whole, struct bytes *organization, struct bytes *serial_number)
{
	struct bytes sets, set;
	struct attribute attribute;
	struct certificate places = {};

	if (!der_take(&whole, DER_SEQUENCE, &sets))
		return false;
	while (sets.len > 0 && der_take(&sets, DER_SET, &set)) {
		while (set.len > 0 && take_attribute(&set, &attribute)) {
			struct bytes *place = attribute_place(attribute.type, &places);

			if ((place != &places.organization && place != &places.serial_number) ||
				place->at != NULL || attribute.text.len == 0)
				return false;
			*place = attribute.text;
		}
	}
	*organization = places.organization;
	*serial_number = places.serial_number;
	return true;
}

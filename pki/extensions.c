#include "pki/certificate_parts.h"
#include "pki/der.h"
#include "pki/name_constraints.h"

/* Far more than the profile has; bounds the search for one that comes twice. */
#define EXTENSIONS_MAX 32

/* BasicConstraints, RFC 5280 section 4.2.1.9: a path length is given by CAs only. */
static bool read_basic_constraints(struct bytes in, struct certificate *c)
{
	struct bytes content, length;

	if (!der_take(&in, DER_SEQUENCE, &content) || in.len != 0 ||
		!der_take_flag(&content, &c->is_ca))
		return false;
	c->has_basic_constraints = true;
	if (content.len == 0)
		return true;
	if (!c->is_ca || !der_take_integer(&content, &length) || content.len != 0)
		return false;
	if (length.len != 1 || length.at[0] > 0x7f)
		return false;
	c->path_length = length.at[0];
	return true;
}

/*
 * KeyUsage, section 4.2.1.3: at most the nine bits that have names. Zero bits at the end, which DER
 * leaves out of a list of named bits, are let through: they change nothing.
 */
static bool read_key_usage(struct bytes in, struct certificate *c)
{
	struct bytes content;

	if (!der_take(&in, DER_BIT_STRING, &content) || in.len != 0)
		return false;
	if (content.len < 2 || content.len > 3 || content.at[0] > 7)
		return false;
	uint8_t last = content.at[content.len - 1];
	if ((last & ((1u << content.at[0]) - 1)) != 0)
		return false;
	for (unsigned bit = 0; bit < 8 * (content.len - 1); bit++)
		if ((content.at[1 + bit / 8] & (0x80u >> bit % 8)) != 0)
			c->key_usage |= (uint16_t)(1u << bit);
	c->has_key_usage = true;
	return c->key_usage < 1u << 9;
}

/* ExtKeyUsage, section 4.2.1.12: read for its form; no use here asks for a purpose. */
static bool read_extended_key_usage(struct bytes in, struct certificate *)
{
	struct bytes purposes, purpose;

	if (!der_take(&in, DER_SEQUENCE, &purposes) || in.len != 0 || purposes.len == 0)
		return false;
	while (purposes.len > 0)
		if (!der_take_oid(&purposes, &purpose))
			return false;
	return true;
}

static bool read_subject_key_id(struct bytes in, struct certificate *c)
{
	return der_take(&in, DER_OCTET_STRING, &c->subject_key_id) && in.len == 0;
}

/*
 * AuthorityKeyIdentifier, section 4.2.1.1: [0] the key, [1] and [2] the issuer's issuer and serial.
 */
static bool read_authority_key_id(struct bytes in, struct certificate *c)
{
	struct bytes content, skipped;

	if (!der_take(&in, DER_SEQUENCE, &content) || in.len != 0)
		return false;
	if (der_next_is(content, DER_CONTEXT | 0) &&
		!der_take(&content, DER_CONTEXT | 0, &c->authority_key_id))
		return false;
	if (content.len == 0)
		return true;
	return der_take(&content, DER_CONTEXT_CONSTRUCTED | 1, &skipped) &&
	       der_take(&content, DER_CONTEXT | 2, &skipped) && content.len == 0;
}

/* CertificatePolicies, section 4.2.1.4: only the chains of eUICCs look into them. */
static bool read_policies(struct bytes in, struct certificate *c)
{
	return der_take(&in, DER_SEQUENCE, &c->policies) && in.len == 0;
}

/*
 * Extensions that are let through as they are: alternative names and addresses decide nothing here.
 */
static bool read_any_sequence(struct bytes in, struct certificate *)
{
	struct bytes content;

	return der_take(&in, DER_SEQUENCE, &content) && in.len == 0;
}

struct extension_kind {
	struct bytes id;
	bool (*read)(struct bytes value, struct certificate *c);
};

/* id-ce is 2.5.29 */
#define ID_CE(n)                                      \
	{                                             \
		(const uint8_t[]){ 0x55, 0x1d, n }, 3 \
	}

static const struct extension_kind kinds[] = {
	{ ID_CE(14), read_subject_key_id },
	{ ID_CE(15), read_key_usage },
	{ ID_CE(19), read_basic_constraints },
	{ ID_CE(35), read_authority_key_id },
	{ ID_CE(37), read_extended_key_usage },
	{ ID_CE(17), read_any_sequence }, /* subjectAltName */
	{ ID_CE(31), read_any_sequence }, /* cRLDistributionPoints */
	{ ID_CE(30), name_constraints_read },
	{ ID_CE(32), read_policies },
	/* authorityInfoAccess, 1.3.6.1.5.5.7.1.1 */
	{ { (const uint8_t[]){ 0x2b, 6, 1, 5, 5, 7, 1, 1 }, 8 }, read_any_sequence },
	/* permittedEins of SGP.22 version 3, 2.23.146.1.2.2.0 */
	{ { (const uint8_t[]){ 0x67, 0x81, 0x12, 1, 2, 2, 0 }, 7 }, permitted_eins_read },
};

static const struct extension_kind *find_kind(struct bytes id)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (bytes_equal(kinds[i].id, id))
			return &kinds[i];
	return NULL;
}

static bool take_extension(struct bytes *in, struct bytes *id, struct certificate *c)
{
	struct bytes extension, value;
	bool critical;

	if (!der_take(in, DER_SEQUENCE, &extension) || !der_take_oid(&extension, id) ||
		!der_take_flag(&extension, &critical) ||
		!der_take(&extension, DER_OCTET_STRING, &value) || extension.len != 0)
		return false;
	const struct extension_kind *kind = find_kind(*id);
	/* RFC 5280 section 4.2: a critical extension that is not recognised refuses the whole. */
	return kind != NULL ? kind->read(value, c) : !critical;
}

bool extensions_read(struct bytes extensions, struct certificate *c)
{
	struct bytes seen[EXTENSIONS_MAX];
	size_t count = 0;

	if (extensions.len == 0)
		return false;
	while (extensions.len > 0) {
		if (count == EXTENSIONS_MAX || !take_extension(&extensions, &seen[count], c))
			return false;
		for (size_t i = 0; i < count; i++)
			if (bytes_equal(seen[i], seen[count]))
				return false;
		count++;
	}
	return true;
}

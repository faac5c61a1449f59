#include "pki/name_constraints.h"

#include "pki/certificate_parts.h"
#include "pki/der.h"

#define DIRECTORY_NAME (DER_CONTEXT_CONSTRUCTED | 4) /* of GeneralName, explicit */

/* GeneralSubtree, RFC 5280 section 4.2.1.10; minimum and maximum have no other than their default. */
bool permitted_name_take(struct bytes *in, struct permitted_name *out)
{
	struct bytes subtree, base, name;

	*out = (struct permitted_name){};
	return der_take(in, DER_SEQUENCE, &subtree) && der_take(&subtree, DIRECTORY_NAME, &base) &&
	       subtree.len == 0 && name_take(&base, &name) && base.len == 0 &&
	       name_read_permitted(name, &out->organization, &out->serial_number) &&
	       out->organization.len + out->serial_number.len > 0;
}

bool name_constraints_read(struct bytes value, struct certificate *c)
{
	struct bytes constraints, subtrees;
	struct permitted_name name;

	if (!der_take(&value, DER_SEQUENCE, &constraints) || value.len != 0 ||
		!der_take(&constraints, DER_CONTEXT_CONSTRUCTED | 0, &subtrees) ||
		constraints.len != 0 || subtrees.len == 0)
		return false;
	c->has_name_constraints = true;
	c->permitted_names = subtrees;
	while (subtrees.len > 0)
		if (!permitted_name_take(&subtrees, &name))
			return false;
	return true;
}

static bool take_ein(struct bytes *in, struct bytes *ein)
{
	if (!der_take(in, DER_PRINTABLE_STRING, ein) || ein->len == 0)
		return false;
	for (size_t i = 0; i < ein->len; i++)
		if (ein->at[i] < '0' || ein->at[i] > '9')
			return false;
	return true;
}

bool permitted_eins_read(struct bytes value, struct certificate *c)
{
	struct bytes eins, ein;

	if (!der_take(&value, DER_SEQUENCE, &eins) || value.len != 0 || eins.len == 0)
		return false;
	c->has_name_constraints = true;
	c->permitted_eins = eins;
	while (eins.len > 0)
		if (!take_ein(&eins, &ein))
			return false;
	return true;
}

static bool begins_with(struct bytes text, struct bytes front)
{
	return text.len >= front.len && bytes_equal(bytes_of(text.at, front.len), front);
}

static bool has_permitted_name(
	struct bytes subtrees, struct bytes organization, struct bytes serial_number)
{
	struct permitted_name name;

	while (subtrees.len > 0 && permitted_name_take(&subtrees, &name))
		if ((name.organization.len == 0 || bytes_equal(name.organization, organization)) &&
			begins_with(serial_number, name.serial_number))
			return true;
	return false;
}

static bool has_permitted_ein(struct bytes eins, struct bytes serial_number)
{
	struct bytes ein;

	while (eins.len > 0 && take_ein(&eins, &ein))
		if (begins_with(serial_number, ein))
			return true;
	return false;
}

bool certificate_permits(
	const struct certificate *c, struct bytes organization, struct bytes serial_number)
{
	return (c->permitted_names.len == 0 ||
		       has_permitted_name(c->permitted_names, organization, serial_number)) &&
	       (c->permitted_eins.len == 0 || has_permitted_ein(c->permitted_eins, serial_number));
}
